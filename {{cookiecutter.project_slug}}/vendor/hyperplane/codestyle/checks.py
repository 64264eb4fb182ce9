"""Which check belongs to which topic, and the whole table for a project at a stage."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from .codebase import Codebase
from .coverage import check_tests
from .files import check_dependencies, check_git, check_makefile, check_template
from .interfaces import check_interfaces
from .open_closed import check_branches
from .results import Result, Row
from .settings_classes import check_settings
from .table import SLOWS, TOPICS
from .tools import check_linting, check_privacy, check_rules, check_types

Check = Callable[[Codebase, str], Result]

OWN_CHECKS: dict[str, Check] = {
    "pydantic": check_settings,
    "pyproject": check_dependencies,
    "cookiecutter": check_template,
    "git": check_git,
    "linting": check_linting,
    "type_hints": check_types,
    "makefiles": check_makefile,
    "encapsulation": check_privacy,
    "open_closed": check_branches,
    "abstract_classes": check_interfaces,
    "tests": check_tests,
}


def check_of(name: str) -> Check:
    """Return the check of a topic; one without a check of our own is left to its rules of ruff."""
    return OWN_CHECKS.get(name, partial(check_rules, name=name))


def check_topic(code: Codebase, stage: str, name: str) -> Result:
    """Check one topic: whatever is found in the engine, or on a line that is allowed, is left out."""
    result = check_of(name)(code, stage)
    findings = [
        found
        for found in result.findings
        if not found.path.startswith("vendor/") and not code.allows(found.path, found.line, name)
    ]
    return replace(result, findings=findings)


def run_table(
    code: Codebase,
    stage: str,
    names: Iterable[str] = (),
    levels: str = "",
    tell: Callable[[str], None] = lambda title: None,
) -> list[Row]:
    """Check each topic that helps at a stage; `names` and `levels`, where given, choose among them.

    `tell` is called with the title of each topic before it is checked.
    """
    wanted = set(names)
    rows = []
    for topic in TOPICS:
        level = topic.level(stage)
        if level != SLOWS and (not wanted or topic.name in wanted) and (not levels or level in levels):
            tell(topic.title)
            rows.append(Row(topic, level, check_topic(code, stage, topic.name)))
    return rows
