"""What a class or a function is called with, read from its source: names, annotations, defaults and meanings.

A class that has no `__init__` is called as its base is. One that hands its **options on, as in

    def __init__(self, *, noise: NonNegativeFloat = 0.2, **options: Any) -> None:
        super().__init__(**options)

takes what its base takes as well, but for what it hands on by name.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from .classes import lineage
from .source import Definition, Module, bindings, definition, full_name


@dataclass(frozen=True, eq=False)
class Parameter:
    """One that can be given by its name."""

    annotation: ast.expr | None  # its type, as it is written
    default: ast.expr | None  # as it is written
    module: Module
    lines: tuple[int, int] | None  # the first and the last; None if it shares them, so that no comment is its own
    base: "Parameter | None" = None  # of the same name in a base class

    @property
    def meaning(self) -> str:
        """The comment beside or above it, or that of the base class."""
        own = remark(self.module.text, *self.lines) if self.lines else ""
        return own or (self.base.meaning if self.base else "")


@dataclass
class Signature:
    """Parameters by their names; `is_open` if it takes others as well, or may."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    is_open: bool = False


def signature(target: str) -> Signature | None:
    """Return the signature of the class or function of a full name; None if it is not written in Python."""
    found = definition(target)
    if found is None or not isinstance(found.node, ast.ClassDef | ast.FunctionDef):
        return None
    read = Signature()
    if isinstance(found.node, ast.FunctionDef):
        read.parameters = dict(parameters(found.node, found.module))
        read.is_open = found.node.args.kwarg is not None
    else:
        read_class(found, read)
    return read


def read_class(found: Definition, read: Signature) -> None:
    """Add the parameters of a class, and of those bases that its own are handed on to."""
    given: set[str] = set()  # what is handed on by name is decided
    positions = 0  # how many arguments are handed on without a name
    unread = False  # whether a base is written elsewhere than in Python
    for kind in lineage(found):
        assert isinstance(kind.node, ast.ClassDef)
        constructor = method(kind.node, "__init__") or method(kind.node, "__new__")
        if constructor is not None:
            own = list(parameters(constructor, kind.module))[1 + positions :]
            for name, parameter in own:
                add(read, name, parameter, is_decided=name in given)
            if constructor.args.kwarg is None:
                return
            call = handed_on(constructor)
            if call is None:
                read.is_open = True
                return
            given |= {word.arg for word in call.keywords if word.arg}
            positions = sum(not isinstance(argument, ast.Starred) for argument in call.args)
        elif kind.node.decorator_list:  # such as a dataclass
            read.is_open = True
            return
        bases = [full_name(base, kind.module) for base in kind.node.bases]
        unread = unread or any(definition(base) is None for base in bases if not base.endswith(".object"))
    read.is_open = unread


def add(read: Signature, name: str, parameter: Parameter, *, is_decided: bool) -> None:
    """Add a parameter of a class, or of a base that its own are handed on to."""
    if name in read.parameters:
        known = read.parameters[name]
        read.parameters[name] = replace(known, base=replace(known.base, base=parameter) if known.base else parameter)
    elif not is_decided:
        read.parameters[name] = parameter


def method(kind: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    """Return the last definition of a method in a class itself: those before may be overloads."""
    found = [statement for statement in kind.body if isinstance(statement, ast.FunctionDef) and statement.name == name]
    return found[-1] if found else None


def handed_on(constructor: ast.FunctionDef) -> ast.Call | None:
    """Return the call of the base's constructor that takes the **options of this one."""
    options = constructor.args.kwarg
    for call in ast.walk(constructor):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == constructor.name:
            for word in call.keywords:
                if word.arg is None and isinstance(word.value, ast.Name) and options and word.value.id == options.arg:
                    return call
    return None


def parameters(function: ast.FunctionDef, module: Module) -> Iterator[tuple[str, Parameter]]:
    """Yield the parameters of a function that can be given by name, in order, and self."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    lines = [argument.lineno for argument, _ in pairs]
    for argument, default in pairs:
        if argument not in arguments.posonlyargs:
            last = (default or argument).end_lineno or argument.lineno
            is_alone = lines.count(argument.lineno) == 1
            place = (argument.lineno, last) if is_alone else None
            yield argument.arg, Parameter(argument.annotation, default, module, place)


def remark(text: str, first: int, last: int) -> str:
    """Return the comment beside the lines from `first` to `last` of a source, or above them."""
    found = remarks(text)
    while first - 1 in found and found[first - 1][1]:
        first -= 1
    words = " ".join(found[line][0] for line in range(first, last + 1) if line in found)
    return words.replace("None", "null")


@cache
def remarks(text: str) -> dict[int, tuple[str, bool]]:
    """Return the comment in each line of a source that has one, and whether nothing else is in the line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: (token.string.lstrip("# "), not token.line[: token.start[1]].strip())
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def meanings(kind: Definition) -> dict[str, str]:
    """Return the comment beside or above each annotated name of a class, its own ones."""
    assert isinstance(kind.node, ast.ClassDef)
    return {
        name: remark(kind.module.text, statement.lineno, statement.end_lineno or statement.lineno)
        for statement in kind.node.body
        if isinstance(statement, ast.AnnAssign)
        for name, _ in bindings(statement)
    }
