"""The table: which habit helps at which stage, and which rules of ruff see it. All else reads it from here."""

from typing import NamedTuple

STAGES = ("concept", "proof-of-concept", "product", "deployment")
MUST, GOOD, SLOWS = "🥇", "💡", "🐌"  # a must; probably a good idea; would slow you down
PAGES = "vendor/hyperplane/codestyle/pages"
COVERAGE = 80  # percent of the lines under src/ that tests must run at the last stage


class Topic(NamedTuple):
    """One row of the table."""

    name: str  # on the command line, and of its page
    title: str
    levels: str  # one sign for each stage
    rules: tuple[str, ...] = ()  # families of ruff that belong to this topic alone

    def level(self, stage: str) -> str:
        return self.levels[STAGES.index(stage)]

    @property
    def page(self) -> str:
        """Where it is explained, seen from the project's folder."""
        return f"{PAGES}/{self.name}.md"


TOPICS = (
    Topic("pathlib", "prefer pathlib.Path over os.path", "💡🥇🥇🥇", ("PTH",)),
    Topic("loguru", "prefer loguru over print", "💡🥇🥇🥇", ("T20", "LOG")),
    Topic("pydantic", "pydantic for all settings", "💡🥇🥇🥇"),
    Topic("pyproject", "pyproject.toml for dependencies", "💡🥇🥇🥇"),
    Topic("cookiecutter", "use cookiecutters", "💡🥇🥇🥇"),
    Topic("git", "git", "💡🥇🥇🥇"),
    Topic("linting", "formatters and linting", "💡🥇🥇🥇"),
    Topic("type_hints", "type hints", "🐌💡🥇🥇", ("ANN",)),
    Topic("makefiles", "Makefiles", "🐌💡🥇🥇"),
    Topic("encapsulation", "encapsulation", "🐌💡🥇🥇", ("SLF",)),
    Topic("open_closed", "open-closed principle", "🐌💡🥇🥇"),
    Topic("single_responsibility", "single responsibility", "🐌💡🥇🥇", ("C90", "PLR09")),
    Topic("abstract_classes", "abstract classes (ABC, Protocol)", "🐌🐌💡🥇"),
    Topic("tests", "tests (pytest)", "🐌🐌💡🥇"),
)

# What each stage adds to ruff's `select` in pyproject.toml: linting, and the families of topics that become a must.
ADDED_RULES = {
    "concept": ("E", "F", "I", "B", "UP"),
    "proof-of-concept": ("SIM", "RUF", "PTH", "T20", "LOG"),
    "product": ("ANN", "SLF", "C90", "PLR09"),
    "deployment": ("S",),
}

# What else a stage makes stricter, printed by `codestyle promote`. The Makefile reads the stage and does as said here.
STRICTER = {
    "concept": (),
    "proof-of-concept": ("make lint and pre-commit also run mypy.", "make check, and so CI, also runs the tests."),
    "product": (
        "ruff asks for the types of every function.",
        "make test also measures coverage.",
        "make check, and so CI, also runs codestyle.",
    ),
    "deployment": (f"make test fails where tests run less than {COVERAGE} % of the lines under src/.",),
}


def rules_at(stage: str) -> list[str]:
    """Return the families of ruff that are on at a stage."""
    reached = STAGES[: STAGES.index(stage) + 1]
    return [rule for earlier in reached for rule in ADDED_RULES[earlier]]
