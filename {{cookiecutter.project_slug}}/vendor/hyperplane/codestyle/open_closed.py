"""Open-closed: a chain of branches over the names of models or data sets, which every new one has to be added to."""

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from .codebase import Codebase, last_name, word
from .results import Finding, Result

BRANCHES = 3  # from so many on, a config group or a dictionary is shorter
CHOSEN = re.compile(
    r"(model|net|network|arch|architecture|backbone|data|dataset|data_set|optimizer|optim|opt|scheduler|loss|criterion"
    r"|activation|task)(_?(name|type|kind|fn|func|function))?$",
    re.IGNORECASE,
)


class Branch(NamedTuple):
    """One branch: what it compares, with which words, and what it does then."""

    line: int
    subject: str  # empty where no word is compared
    words: list[str]
    body: list[ast.stmt]

    @property
    def builds(self) -> bool:
        """Whether it ends in `return Class(…)` or `x = Class(…)`."""
        made = self.body[-1].value if isinstance(self.body[-1], ast.Return | ast.Assign) else None
        return isinstance(made, ast.Call) and last_name(made.func)[:1].isupper()


def check_branches(code: Codebase, stage: str) -> Result:
    """Find chains of if, and match statements, that choose a component by its name."""
    groups = {path.stem for path in (code.root / "src").rglob("configs/*/*.yaml")}
    findings = []
    for source in code.sources:
        for chain in chains(source.tree):
            subject, names = chain[0].subject, [word for branch in chain for word in branch.words]
            chooses = CHOSEN.search(subject.rpartition(".")[2]) or len(groups & set(names)) >= BRANCHES
            if chooses or all(branch.builds for branch in chain):
                shown = f"{', '.join(names[:4])}{', …' if len(names) > 4 else ''}"
                message = f"{len(chain)} branches over {subject} ({shown}): a config group or a dictionary would do"
                findings.append(Finding(source.path, chain[0].line, message))
    return Result(f"if or match, {BRANCHES} branches or more, over names of components", findings)


def chains(tree: ast.Module) -> Iterator[list[Branch]]:
    """Yield branches over the same words: a match, if/elif, or one if after the other."""
    for node in ast.walk(tree):
        found = [of_match(node)] if isinstance(node, ast.Match) else []
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            is_elif = isinstance(node, ast.If) and name == "orelse" and is_only_if(node.orelse)  # seen from its if
            if isinstance(statements, list) and not is_elif:
                branches = [branch for statement in statements for branch in of_if(statement)]
                found += [list(group) for _, group in groupby(branches, key=lambda branch: branch.subject)]
        yield from (chain for chain in found if len(chain) >= BRANCHES and chain[0].subject)


def is_only_if(statements: list[ast.stmt]) -> bool:
    return len(statements) == 1 and isinstance(statements[0], ast.If)


def of_if(statement: ast.stmt) -> Iterator[Branch]:
    """Yield the branches of an if and its elifs; of any other statement one that compares nothing."""
    if not isinstance(statement, ast.If):
        yield Branch(statement.lineno, "", [], [statement])
        return
    subject, words = comparison(statement.test)
    yield Branch(statement.lineno, subject, words, statement.body)
    if is_only_if(statement.orelse):
        yield from of_if(statement.orelse[0])


def of_match(node: ast.Match) -> list[Branch]:
    """Return the branches of a match that compare words."""
    subject = subject_of(node.subject)
    branches = []
    for case in node.cases:
        words = [text for part in ast.walk(case.pattern) if isinstance(part, ast.Constant) and (text := word(part))]
        branches += [Branch(node.lineno, subject, words, case.body)] if words else []
    return branches


def comparison(test: ast.expr) -> tuple[str, list[str]]:
    """Return x and its words for x == "a", "a" == x, x in ("a", "b"), "a" in x, x.startswith("a"); else nothing."""
    if (
        isinstance(test, ast.Call)
        and test.args
        and isinstance(test.func, ast.Attribute)
        and test.func.attr == "startswith"
    ):
        left, right = test.func.value, test.args[0]
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.In):
        left, right = test.left, test.comparators[0]
    else:
        return "", []
    if word(left):
        left, right = right, left
    choices = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
    words = [word(choice) for choice in choices]
    return (subject_of(left), words) if words and all(words) else ("", [])


def subject_of(node: ast.expr) -> str:
    """Name what is compared: `config["model"]`, `config.get("model")`, `model.lower()` and `args.model` are a model."""
    if isinstance(node, ast.Subscript) and word(node.slice):
        return f"{ast.unparse(node.value)}.{word(node.slice)}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "get" and node.args and word(node.args[0]):
            return f"{ast.unparse(node.func.value)}.{word(node.args[0])}"
        return subject_of(node.func.value)
    return ast.unparse(node)
