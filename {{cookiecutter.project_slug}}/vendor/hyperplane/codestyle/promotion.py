"""One stage up: a few words of pyproject.toml change, and nothing else in it. The Makefile and CI read the stage."""

import re
import tomllib

from ..errors import UserError
from .table import ADDED_RULES, STAGES, STRICTER


def next_stage(stage: str) -> str:
    """Return the stage after this one; raises UserError at the last."""
    if stage == STAGES[-1]:
        raise UserError(f"this project is at {stage}, the last stage: there is nothing to promote to")
    return STAGES[STAGES.index(stage) + 1]


def promoted(text: str, stage: str) -> str:
    """Return the text of a pyproject.toml as the stage `stage` has it: comments and all other values stay.

    Raises:
        UserError: the text is written in a way that a few replacements cannot change.
    """
    wanted = tomllib.loads(text)
    wanted["tool"]["hyperplane"]["stage"] = stage
    new = replaced(text, "tool.hyperplane", r"""^(stage[ \t]*=[ \t]*)(?:"[^"\r\n]*"|'[^'\r\n]*')""", rf'\1"{stage}"')
    newline = r"\r\n" if "\r\n" in text else r"\n"
    lint = wanted["tool"].setdefault("ruff", {}).setdefault("lint", {})
    for reached in STAGES[: STAGES.index(stage) + 1]:
        chosen = [*lint.get("select", ()), *lint.get("extend-select", ())]
        missing = [rule for rule in ADDED_RULES[reached] if not is_covered(rule, chosen)]
        if missing:
            lint["select"] = [*missing, *lint.get("select", ())]
            words = ", ".join(f'"{rule}"' for rule in missing)
            added = rf"\g<0>{newline}  # From the stage {reached} on.{newline}  {words},"
            new = replaced(new, "tool.ruff.lint", r"^select[ \t]*=[ \t]*\[", added)
    if parsed(new) != wanted:
        raise UserError(
            "pyproject.toml is written in a way that this command cannot edit safely, and was left as it is. Write "
            f'stage = "{stage}" into [tool.hyperplane], and {", ".join(ADDED_RULES[stage])} into the list select of '
            "[tool.ruff.lint]."
        )
    return new


def is_covered(rule: str, chosen: list[str]) -> bool:
    return any(have == "ALL" or rule.startswith(have) for have in chosen)


def replaced(text: str, table: str, pattern: str, new: str) -> str:
    """Return the text with the first match replaced that lies within a table."""
    header = re.compile(rf"^\[{re.escape(table)}\]", re.MULTILINE).search(text)
    if header is None:
        return text
    following = re.compile(r"^\[", re.MULTILINE).search(text, header.end())
    end = following.start() if following else len(text)
    return text[: header.end()] + re.sub(pattern, new, text[header.end() : end], count=1, flags=re.M) + text[end:]


def parsed(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def stricter(stage: str) -> list[str]:
    """Say what a stage made stricter."""
    return [f"ruff checks {', '.join(ADDED_RULES[stage])} too, in make lint and before each commit.", *STRICTER[stage]]
