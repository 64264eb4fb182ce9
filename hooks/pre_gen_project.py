"""Refuse answers that cannot become a working project, with one sentence for each."""

import json
import keyword
import re
import sys
import unicodedata

# tojson escapes quotes and control characters, so no answer can break out of this literal.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

FREE_TEXT = {
    "project_name": "project name",
    "description": "description",
    "author_name": "author",
    "author_email": "e-mail address",
}
# These characters end a string or start an escape in TOML, YAML, Python, Markdown or Jinja.
BREAKING = ('"', "\\", "`", "{" + "{", "}" + "}", "{" + "%", "%" + "}", "{" + "#", "#" + "}")
# Marks that reorder the text around them, so that what is read is not what is stored.
REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# Control characters, lone surrogates, line and paragraph separators.
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
LONGEST_TEXT, LONGEST_SLUG, LONGEST_PACKAGE = 200, 80, 40

WINDOWS_DEVICES = {"con", "prn", "aux", "nul"}
WINDOWS_DEVICES |= {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
# A package of one of these names would hide what the project, its tests or its folders rely on.
TAKEN = """
    PIL absl aiohttp antlr4 attr click cloudpickle configs cookiecutter cruft data docs docker env
    fsspec git hatchling hydra hydra_plugins jinja2 joblib jupyter lightning lightning_utilities
    loguru matplotlib mlflow mnist1d models mypy narwhals networkx notebooks numpy omegaconf optuna
    packaging pandas pip pluggy pre_commit protobuf psutil pydantic pydantic_core pytest
    pytest_cov pytorch_lightning ray references requests rich ruff runs scipy setuptools six
    sklearn slugify src submitit sympy tensorboard test tests threadpoolctl torch torchaudio
    torchmetrics torchvision tqdm triton typing_extensions urllib3 uv venv wandb wheel yaml
"""


def text_problem(label: str, text: str) -> str | None:
    """Return why a free text would break a file that it is written into, or None."""
    for mark in BREAKING:
        if mark in text:
            return f"The {label} must not contain {mark}, which would break files it is written to."
    for character in text:
        if unicodedata.category(character) in UNPRINTABLE or character in REORDERING:
            return f"The {label} must not contain the invisible character U+{ord(character):04X}."
    if not text.strip():
        return f"The {label} must not be empty."
    if len(text) > LONGEST_TEXT:
        return f"The {label} must have at most {LONGEST_TEXT} characters; it has {len(text)}."
    return None


def slug_problem(slug: str) -> str | None:
    """Return why a slug is no portable folder and distribution name, or None."""
    if len(slug) > LONGEST_SLUG:
        return f"The project slug must have at most {LONGEST_SLUG} characters; it has {len(slug)}."
    if ".." in slug or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", slug):
        return (
            f"The project slug {slug!r} must be one folder name: letters A-Z, digits, "
            "single dots, dashes and underscores, with a letter or digit at both ends."
        )
    if slug.lower().partition(".")[0] in WINDOWS_DEVICES:
        return f"The project slug {slug!r} is reserved by Windows; choose for example {slug}-project."
    return None


def package_problem(name: str) -> str | None:
    """Return why a name cannot be the project's import package, or None."""
    if len(name) > LONGEST_PACKAGE:
        return f"The package name must have at most {LONGEST_PACKAGE} characters; it has {len(name)}."
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return (
            f"The package name {name!r} must be a Python name in lower case: "
            "letters a-z, digits and underscores, with a letter first."
        )
    if keyword.iskeyword(name):
        reason = "is a keyword of Python"
    elif name in sys.stdlib_module_names:
        reason = "would hide the module of Python's standard library"
    elif name in TAKEN.split():
        reason = "would hide a package or folder that the project uses"
    elif name in WINDOWS_DEVICES:
        reason = "is reserved by Windows"
    else:
        return None
    return f"The package name {name!r} {reason}; choose another, for example {name}_project."


def problems() -> list[str]:
    """Return one sentence for every answer that has to be refused."""
    found = [text_problem(label, ANSWERS[key]) for key, label in FREE_TEXT.items()]
    email = ANSWERS["author_email"]
    if found[-1] is None and not re.fullmatch(
        r"[A-Za-z0-9!#$%&*+/=?^_{|}~'.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", email
    ):
        found.append(f"The e-mail address {email!r} must look like name@example.com.")
    # The slug as it was answered: cookiecutter.json swaps an unsafe one for a harmless folder name
    # before the folder is made, because cookiecutter would leave the parents of a/b behind.
    # The package name follows from the slug, so a bad slug is reported alone.
    found.append(slug_problem(ANSWERS["__asked_slug"]) or package_problem(ANSWERS["package_name"]))
    return [problem for problem in found if problem]


if __name__ == "__main__":
    refusals = problems()
    for refusal in refusals:
        sys.stderr.write(refusal + "\n")
    sys.exit(1 if refusals else 0)
