"""Abstract classes: several classes with the same public methods, and no ABC or Protocol that says so."""

import ast
from itertools import combinations
from pathlib import PurePosixPath
from typing import NamedTuple

from .answers import Answer, Finding
from .project import Project

# What torch asks of a network; a method that two share beyond these is an interface of ours.
BY_TORCH = {
    "extra_repr",
    "forward",
    "get_extra_state",
    "load_state_dict",
    "reset_parameters",
    "set_extra_state",
    "state_dict",
}
PLAIN_BASES = {"object", "Module"}  # promise nothing about methods of ours


class Implementation(NamedTuple):
    """A class: where it is, what it inherits from, and its own public methods."""

    path: str
    line: int
    name: str
    bases: frozenset[str]
    methods: frozenset[str]
    abstract: bool


def check_interfaces(project: Project, stage: str) -> Answer:
    """Find classes of one folder with two or more public methods in common and no base that names them."""
    classes = [
        described(source.path, node)
        for source in project.sources
        for node in source.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    interfaces = [known.methods for known in classes if known.abstract]
    ours = {known.name: known for known in classes}
    # A method that an ancestor of ours has is in that ancestor's interface.
    classes = [known._replace(methods=known.methods - inherited(known, ours)) for known in classes]
    findings = []
    told: set[str] = set()
    for first, second in combinations(classes, 2):
        shared = first.methods & second.methods
        if first.abstract or second.abstract or second.name in told or not same_folder(first, second):
            continue
        # What a base of a library asks of its children is not known here: it may be the interface.
        bases = (first.bases | second.bases) - PLAIN_BASES
        if len(shared) >= 2 and bases <= ours.keys() and not any(shared <= methods for methods in interfaces):
            told.add(second.name)
            message = (
                f"{second.name} and {first.name} ({first.path}:{first.line}) both have {', '.join(sorted(shared))}: "
                "name this interface in a Protocol or an ABC"
            )
            findings.append(Finding(second.path, second.line, message))
    return Answer("classes of a folder with the same public methods, 2 or more", findings)


def described(path: str, node: ast.ClassDef) -> Implementation:
    bases = frozenset(ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases)
    functions = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
    methods = frozenset(item.name for item in functions if not item.name.startswith("_")) - BY_TORCH
    abstract = bool(bases & {"ABC", "Protocol"}) or any("ABCMeta" in ast.unparse(word.value) for word in node.keywords)
    return Implementation(path, node.lineno, node.name, bases, methods, abstract)


def inherited(known: Implementation, ours: dict[str, Implementation]) -> frozenset[str]:
    """Return the public methods of all ancestors that are in this project."""
    methods: frozenset[str] = frozenset()
    waiting, seen = list(known.bases), {known.name}
    while waiting:
        name = waiting.pop()
        if name in ours and name not in seen:
            seen.add(name)
            methods |= ours[name].methods
            waiting += ours[name].bases
    return methods


def same_folder(first: Implementation, second: Implementation) -> bool:
    return PurePosixPath(first.path).parent == PurePosixPath(second.path).parent
