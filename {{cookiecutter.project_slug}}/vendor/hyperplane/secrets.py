"""Keys and tokens: read from `.env` into the environment, and masked in whatever a run writes down."""

import os
import re
from functools import cache
from pathlib import Path

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|_PAT$|_AUTH$|_DSN$", re.IGNORECASE)  # in a variable's name
SHORTEST = 8  # characters; something shorter would mask ordinary words


def read_env(path: Path = Path(".env")) -> None:
    """Put the lines NAME=value of a file into the environment; what is set there already stays. No file is fine."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        return
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and re.fullmatch(r"[A-Za-z_]\w*", name.strip()):
            os.environ.setdefault(name.strip(), value.strip().strip("'\""))


@cache
def is_secret(name: str) -> bool:
    """Say whether an environment variable of this name holds something that is not to be written down."""
    return bool(SECRET.search(name))


def secrets() -> dict[str, str]:
    """Return the values of this process's secret variables, by their names."""
    named = {name: os.environ[name] for name in os.environ if is_secret(name)}  # a value takes longer than a name
    return {name: value for name, value in named.items() if len(value) >= SHORTEST}


def mask(text: str, hidden: dict[str, str] | None = None) -> str:
    """Return `text` with the value of each secret variable replaced by its name; `hidden` are `secrets()` if known."""
    for name, value in (secrets() if hidden is None else hidden).items():
        text = text.replace(value, f"<{name}>")
    return text
