"""Abstract classes: several classes with the same public methods, and no ABC or Protocol that says so."""

import ast
import re
from collections.abc import Iterable
from itertools import combinations
from pathlib import PurePosixPath
from typing import NamedTuple

from .codebase import Codebase
from .results import Finding, Result

# Bases whose methods are known here: what two of their children share beyond these is an interface of ours.
KNOWN_BASES = {"Module", "Dataset", "IterableDataset", "LightningModule", "LightningDataModule"}
BY_TORCH = re.compile(r"forward|extra_repr|reset_parameters|(load_)?state_dict|[gs]et_extra_state")
BY_LIGHTNING = re.compile(
    r"(on|configure)_.+|.+_(step|dataloader)|setup|teardown|prepare_data|transfer_batch_to_device"
)
SHARED = 2  # from so many methods on


class Implementation(NamedTuple):
    """A class: where it is, what it inherits from, and its own public methods."""

    path: str
    line: int
    name: str
    bases: frozenset[str]
    methods: frozenset[str]
    unfinished: frozenset[str]  # methods that only raise NotImplementedError
    abstract: bool


def check_interfaces(code: Codebase, stage: str) -> Result:
    """Find classes of a folder that share methods which no base names, and abstract classes that do not say so."""
    classes = [
        described(source.path, node)
        for source in code.sources
        for node in source.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    findings = [
        Finding(
            known.path,
            known.line,
            f"{known.name}.{min(known.unfinished)} only raises NotImplementedError: "
            "with ABC and @abstractmethod, a class that lacks it cannot be made",
        )
        for known in classes
        if known.unfinished and not known.abstract and known.bases <= KNOWN_BASES
    ]
    return Result(f"classes of a folder with the same public methods, {SHARED} or more", findings + alike(classes))


def alike(classes: list[Implementation]) -> list[Finding]:
    """Return each class that shares methods with one before, where no base, ABC or Protocol names them."""
    interfaces = [known.methods for known in classes if known.abstract]
    ours = {known.name: known for known in classes}
    # A method that an ancestor of ours has is in that ancestor's interface.
    classes = [known._replace(methods=own_methods(known, ours)) for known in classes if not known.abstract]
    findings: dict[str, Finding] = {}
    for first, second in combinations(classes, 2):
        shared = first.methods & second.methods
        # What another library's base asks of its children is not known here: it may be the interface.
        bases = (first.bases | second.bases) - KNOWN_BASES
        if len(shared) < SHARED or not bases <= ours.keys() or not same_folder(first, second):
            continue
        if not any(shared <= methods for methods in interfaces):
            message = (
                f"{second.name} and {first.name} ({first.path}:{first.line}) both have {', '.join(sorted(shared))}: "
                "name this interface in a Protocol or an ABC"
            )
            findings.setdefault(second.name, Finding(second.path, second.line, message))
    return list(findings.values())


def described(path: str, node: ast.ClassDef) -> Implementation:
    bases = frozenset(ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases) - {"object"}
    functions = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
    abstract = bool(bases & {"ABC", "Protocol"}) or any("ABCMeta" in ast.unparse(word.value) for word in node.keywords)
    unfinished = [item for item in functions if is_unfinished(item)]
    return Implementation(path, node.lineno, node.name, bases, public(functions), public(unfinished), abstract)


def is_unfinished(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether all that a method does, after its docstring, is to raise NotImplementedError."""
    last = function.body[-1]
    return len(function.body) <= 2 and isinstance(last, ast.Raise) and "NotImplementedError" in ast.unparse(last)


def public(functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef]) -> frozenset[str]:
    return frozenset(item.name for item in functions if not item.name.startswith("_"))


def own_methods(known: Implementation, ours: dict[str, Implementation]) -> frozenset[str]:
    """Return the public methods that neither a library nor an ancestor in this project names."""
    methods = {name for name in known.methods if not BY_TORCH.fullmatch(name)}
    if known.bases & KNOWN_BASES:
        methods = {name for name in methods if not BY_LIGHTNING.fullmatch(name)}
    waiting, seen = list(known.bases), {known.name}
    while waiting:
        name = waiting.pop()
        if name in ours and name not in seen:
            seen.add(name)
            methods -= ours[name].methods
            waiting += ours[name].bases
    return frozenset(methods)


def same_folder(first: Implementation, second: Implementation) -> bool:
    return PurePosixPath(first.path).parent == PurePosixPath(second.path).parent
