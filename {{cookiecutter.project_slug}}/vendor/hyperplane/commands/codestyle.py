"""`codestyle`: does the project keep to the code style of its stage? `codestyle promote`: one stage up."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ..codestyle.checks import run_table
from ..codestyle.codebase import Codebase
from ..codestyle.promotion import next_stage, promoted, stricter
from ..codestyle.show import as_json, as_markdown, details, print_table, progress
from ..codestyle.table import MUST, PAGES, STAGES, TOPICS
from ..errors import UserError
from ..reporting.asking import Parser
from ..whole_file import write_whole

EXAMPLES = f"""\
examples:
  codestyle                               the whole table at the project's stage
  codestyle --stage product               at another stage
  codestyle --topic pathlib --topic git   some topics
  codestyle --markdown >> "$GITHUB_STEP_SUMMARY"
  codestyle promote                       raise the stage, or show what must change first

🥇 is required: if it is not met, the exit status is 1. 💡 is recommended: if it is not met, it is shown. 🐌 would
slow you down at this stage, and is not checked. The stage is a line in pyproject.toml. The command checks your
files: src/, tests/ and the files beside them, never vendor/. {PAGES}/
explains each topic.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 1 where a must is not met, 2 for a mistake of the user."""
    try:
        options = parse(arguments)
        code = Codebase(options.project)
        return promote(code, options.dry_run) if options.action == "promote" else check(code, options)
    except UserError as error:
        sys.stderr.write(f"codestyle: {error}\n")
        return 2


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [topic.name for topic in TOPICS]
    parser = Parser(
        prog="codestyle", description="Check the code style that the project's stage requires.", epilog=EXAMPLES
    )
    parser.add_argument("action", nargs="?", choices=["promote"], help="raise the project by one stage")
    parser.add_argument(
        "--stage", choices=STAGES, metavar="STAGE", help="check against this stage (default: the one in pyproject.toml)"
    )
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        choices=names,
        metavar="NAME",
        help="only this topic; may be given several times",
    )
    parser.add_argument("--project", type=Path, default=Path(), metavar="FOLDER", help="the project (default: here)")
    parser.add_argument("--dry-run", action="store_true", help="with promote: show the changes without making them")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    options = parser.parse_args(arguments)
    promoting = options.action == "promote"
    if promoting and (options.stage or options.topic or options.json or options.markdown):
        raise UserError(
            "promote raises the project by one stage and checks all topics: the only option it takes is --dry-run"
        )
    if options.dry_run and not promoting:
        raise UserError("--dry-run goes with promote: codestyle promote --dry-run")
    return options


def check(code: Codebase, options: argparse.Namespace) -> int:
    """Show the table; returns 1 where a must is not met."""
    stage = options.stage or code.stage
    with progress() as tell:
        rows = run_table(code, stage, options.topic, tell=tell)
    if options.json or options.markdown:
        sys.stdout.write((as_json if options.json else as_markdown)(stage, rows) + "\n")
    else:
        print_table(stage, rows, options.topic)
    return 1 if any(row.fails for row in rows) else 0


def promote(code: Codebase, dry_run: bool) -> int:
    """Raise the stage if all that the next one demands is met; otherwise say what is not, and change nothing."""
    stage = next_stage(code.stage)
    new = promoted(code.text, stage)
    with progress() as tell:
        missing = [row for row in run_table(code, stage, levels=MUST, tell=tell) if row.fails]
    if missing:
        sys.stdout.write(f"Before the stage can be {stage}, this must change:\n")
        for row in missing:
            sys.stdout.writelines(f"{text}\n" for text in details(stage, row))
        sys.stdout.write("Nothing was changed.\n")
        return 1
    if dry_run:
        before, after = code.text.splitlines(), new.splitlines()
        sys.stdout.write(
            "\n".join(difflib.unified_diff(before, after, "pyproject.toml", "pyproject.toml", lineterm=""))
        )
        sys.stdout.write("\nNothing was changed: this was a dry run.\n")
        return 0
    write(code.root / "pyproject.toml", new)
    record_answer(code.root / ".cruft.json", stage)
    sys.stdout.write(f"The stage is {stage} now. From here on:\n")
    for sentence in stricter(stage):
        sys.stdout.write(f"  {sentence}\n")
    return 0


def record_answer(path: Path, stage: str) -> None:
    """Write the stage into the answers that `cruft update` makes the project of; there may be none."""
    if path.is_file():
        text = path.read_bytes().decode()
        write(path, re.sub(r'("stage": *)"[^"]*"', rf'\1"{stage}"', text, count=1))


def write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
