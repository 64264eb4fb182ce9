"""Which check belongs to which topic, and the whole table for a project at a stage."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from .answers import Answer, Line
from .files import check_dependencies, check_git, check_makefile, check_template
from .interfaces import check_interfaces
from .open_closed import check_branches
from .project import Project
from .settings_classes import check_settings
from .table import SLOWS, TOPICS
from .test_results import check_tests
from .tools import check_linting, check_privacy, check_rules, check_types

Check = Callable[[Project, str], Answer]

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
    """Return the check of a topic; where there is none of our own, its rules of ruff say all."""
    return OWN_CHECKS.get(name, partial(check_rules, name=name))


def answer_of(project: Project, stage: str, name: str) -> Answer:
    """Check one topic, but for the lines that say that they are allowed."""
    answer = check_of(name)(project, stage)
    findings = [found for found in answer.findings if not project.allows(found.path, found.line, name)]
    return replace(answer, findings=findings)


def run_table(
    project: Project,
    stage: str,
    names: Iterable[str] = (),
    levels: str = "",
    tell: Callable[[str], None] = lambda title: None,
) -> list[Line]:
    """Check each topic that helps at a stage; `names` and `levels`, where given, choose among them.

    `tell` is called with the title of each topic before it is checked.
    """
    wanted = set(names)
    lines = []
    for topic in TOPICS:
        level = topic.level(stage)
        if level != SLOWS and (not wanted or topic.name in wanted) and (not levels or level in levels):
            tell(topic.title)
            lines.append(Line(topic, level, answer_of(project, stage, topic.name)))
    return lines
