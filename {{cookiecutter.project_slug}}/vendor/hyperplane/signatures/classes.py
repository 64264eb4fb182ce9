"""What the source of a class says of it and of those that it inherits from."""

import ast
from collections.abc import Iterator
from itertools import islice
from typing import Any

from .source import Definition, bindings, definition, full_name


def lineage(found: Definition) -> Iterator[Definition]:
    """Yield a class and the classes that it inherits from, as far as they are written in Python."""
    waiting, seen = [found], set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one.node, ast.ClassDef) or one.node in seen:
            continue
        seen.add(one.node)
        yield one
        bases = (definition(full_name(base, one.module)) for base in one.node.bases)
        waiting[:0] = [base for base in bases if base is not None]


def inherits(target: str, base: str) -> bool:
    """Say whether a class is another one, or inherits from it, as far as that is written in Python."""
    found, other = definition(target), definition(base)
    return found is not None and other is not None and any(one.node is other.node for one in lineage(found))


def class_attribute(target: str, name: str, default: Any = None, inherited: bool = True) -> Any:
    """Return the value of a class's attribute, where it is written as a literal.

    `default` is returned where no class says it, or where it is computed. If `inherited`, the classes that it inherits
    from are asked, too.
    """
    found = definition(target)
    for kind in islice(lineage(found), None if inherited else 1) if found is not None else ():
        if (statement := attribute(kind, name)) is not None:
            return literal(getattr(statement, "value", None), default)
    return default


def attribute(kind: Definition, name: str) -> ast.stmt | None:
    """Return the statement that gives an attribute of a class its value, in the class itself."""
    assert isinstance(kind.node, ast.ClassDef)
    for statement in reversed(kind.node.body):
        is_type_only = isinstance(statement, ast.AnnAssign) and statement.value is None
        if name in dict(bindings(statement)) and not is_type_only:
            return statement
    return None


def literal(node: ast.expr | None, default: Any = None) -> Any:
    """Return the value of an expression, or `default` if it would have to be computed."""
    try:
        return default if node is None else ast.literal_eval(node)
    except (ValueError, TypeError):
        return default
