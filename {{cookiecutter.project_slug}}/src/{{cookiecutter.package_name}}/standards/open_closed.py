"""Open-closed: a chain of branches over the names of models or data sets, which every new one has to be added to."""

import ast
import re
from collections.abc import Iterator

from .answers import Answer, Finding
from .project import Project

BRANCHES = 3  # from so many on, a config group or a dictionary is shorter
CHOSEN = re.compile(
    r"(model|net|network|arch|architecture|backbone|data|dataset|data_set|optimizer|optim|scheduler|loss|activation|task)"
    r"(_?(name|type|kind))?$",
    re.IGNORECASE,
)


def check_branches(project: Project, stage: str) -> Answer:
    """Find chains of if/elif, and match statements, that choose a component by its name."""
    groups = {path.stem for path in project.source_folder.rglob("configs/*/*.yaml")}
    findings = [
        Finding(
            source.path,
            line,
            f"{len(names)} branches over {subject} ({', '.join(names[:4])}{', …' if len(names) > 4 else ''}): "
            "a file each in a config group would do",
        )
        for source in project.sources
        for line, subject, names in [*if_chains(source.tree), *match_statements(source.tree)]
        if len(names) >= BRANCHES
        and (CHOSEN.search(subject.rpartition(".")[2]) or len(groups & set(names)) >= BRANCHES)
    ]
    return Answer(f"if/elif or match, {BRANCHES} branches or more, over names of components", findings)


def if_chains(tree: ast.Module) -> Iterator[tuple[int, str, list[str]]]:
    """Yield where each chain of if/elif starts, what it compares, and with which words."""
    continued: set[ast.If] = set()  # an elif is an if within the chain before
    for node in ast.walk(tree):
        if not isinstance(node, ast.If) or node in continued:
            continue
        subjects: list[str] = []
        names: list[str] = []
        branch: ast.If | None = node
        while branch is not None:
            subject, words = comparison(branch.test)
            subjects.append(subject)
            names += words
            following = branch.orelse[0] if len(branch.orelse) == 1 else None
            branch = following if isinstance(following, ast.If) else None
            if branch is not None:
                continued.add(branch)
        if len(set(subjects)) == 1 and subjects[0] and len(subjects) >= BRANCHES:
            yield node.lineno, subjects[0], names


def comparison(test: ast.expr) -> tuple[str, list[str]]:
    """Return x and the words of `x == "a"` or `x in ("a", "b")`; an empty string for any other test."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.In):
        return "", []
    compared = test.comparators[0]
    choices = compared.elts if isinstance(compared, ast.Tuple | ast.List | ast.Set) else [compared]
    words = [word.value for word in choices if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    return (subject_of(test.left), words) if words and len(words) == len(choices) else ("", [])


def subject_of(node: ast.expr) -> str:
    """Name what is compared: `config["model"]`, `model.lower()` and `args.model` are all about the model."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return f"{ast.unparse(node.value)}.{node.slice.value!s}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return subject_of(node.func.value)
    return ast.unparse(node)


def match_statements(tree: ast.Module) -> Iterator[tuple[int, str, list[str]]]:
    """Yield where each match over words starts, what it compares, and with which words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Match):
            values = [
                value.value
                for case in node.cases
                for value in ast.walk(case.pattern)
                if isinstance(value, ast.Constant) and isinstance(value.value, str)
            ]
            yield node.lineno, subject_of(node.subject), values
