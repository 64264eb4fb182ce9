"""Finds where a class or a function is written, by its full name, and reads it without running anything.

Of a package only the place is asked for. From there on the name is followed by files, and by the import statements in
them: `torch.optim.Adam` leads through `torch/optim/__init__.py` to `torch/optim/adam.py`.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# What a module's own name stands for: a statement of its file, or the full name that it is imported by.
Binding = ast.stmt | str


@dataclass(frozen=True, eq=False)
class Module:
    """A file of Python."""

    name: str  # full name, such as torch.optim
    folders: tuple[Path, ...]  # where its submodules lie; empty if it is no package
    text: str  # the source
    names: dict[str, Binding]  # what each name stands for that the file binds outside of classes and functions
    stars: tuple[str, ...]  # the modules whose names are all imported


@dataclass(frozen=True, eq=False)
class Definition:
    """A statement that binds a name, and the file that it stands in."""

    module: Module
    node: ast.stmt


def definition(target: str) -> Definition | None:
    """Return where the class, the function or the constant of a full name is written; None if that cannot be said."""
    parts = target.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    return followed(tuple(parts), frozenset())


@cache
def followed(parts: tuple[str, ...], seen: frozenset[tuple[str, ...]]) -> Definition | None:
    """Return the definition of a full name; `seen` holds the names that led to it, so that no circle is endless."""
    if parts in seen:
        return None
    for length in range(len(parts) - 1, 0, -1):
        module = load(parts[:length])
        if module is None:
            continue
        name, *rest = parts[length:]
        bound = module.names.get(name)
        if isinstance(bound, str):
            return followed((*bound.split("."), *rest), seen | {parts})
        if bound is not None:
            return final(Definition(module, bound), seen | {parts}) if not rest else None
        stars = [star for path in module.stars if load(star := tuple(path.split("."))) is not None]
        found = (followed((*star, name, *rest), seen | {parts}) for star in stars)
        return next((one for one in found if one is not None), None)
    return None


def missing_from(target: str) -> Module | None:
    """Return the module that a name surely is missing from; None if it is there, or if that cannot be said."""
    *above, name = target.split(".")
    module = load(tuple(above)) if above and definition(target) is None else None
    if module is None or name in module.names or load((*above, name)) is not None:
        return None
    is_computed = module.stars or any(word in module.text for word in ("__getattr__", "globals(", "setattr("))
    return None if is_computed else module


def final(found: Definition, seen: frozenset[tuple[str, ...]]) -> Definition:
    """Follow `Name = Other` to what the other name stands for, if that is written somewhere."""
    value = found.node.value if isinstance(found.node, ast.Assign) else None
    other = full_name(value, found.module) if isinstance(value, ast.Name | ast.Attribute) else ""
    return followed(tuple(other.split(".")), seen) or found if other else found


@cache
def load(parts: tuple[str, ...]) -> Module | None:
    """Return the module of a full name; None if there is no such file, or one that is not Python."""
    *above, name = parts
    if not above:
        try:
            spec = find_spec(name)
        except (ImportError, ValueError):  # such as __main__
            return None
        if spec is None or not (spec.origin or "").endswith(".py"):
            return None
        return parsed(parts, Path(str(spec.origin)), tuple(map(Path, spec.submodule_search_locations or ())))
    for folder in folders_of(above):
        if (path := folder / name / "__init__.py").is_file():
            return parsed(parts, path, (path.parent,))
        if (path := folder / f"{name}.py").is_file():
            return parsed(parts, path, ())
    return None


def folders_of(parts: Sequence[str]) -> tuple[Path, ...]:
    """Return where the submodules of a package lie; its own file is not read."""
    *above, name = parts
    if above:
        return tuple(path for folder in folders_of(above) if (path := folder / name).is_dir())
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return ()
    return tuple(map(Path, (spec and spec.submodule_search_locations) or ()))


def parsed(parts: tuple[str, ...], path: Path, folders: tuple[Path, ...]) -> Module | None:
    """Read a file."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):  # whoever imports it will hear of it
        return None
    name = ".".join(parts)
    package = parts if folders else parts[:-1]
    names: dict[str, Binding] = {}
    stars: list[str] = []
    for statement, is_certain in statements(tree.body):
        for bound, what in bindings(statement, package):
            if bound == "*":
                stars.append(str(what))
            elif (is_certain or bound not in names) and what != f"{name}.{bound}":  # a submodule of its own is a file
                names[bound] = what
    return Module(name, folders, text, names, tuple(stars))


def statements(body: list[ast.stmt], is_certain: bool = True) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements outside of classes and functions, and whether each is run in any case."""
    for statement in body:
        yield statement, is_certain
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from statements(statement.body, False)
            for handler in getattr(statement, "handlers", ()):
                yield from statements(handler.body, False)
            for block in ("orelse", "finalbody"):
                yield from statements(getattr(statement, block, []), False)


def bindings(statement: ast.stmt, package: tuple[str, ...] = ()) -> Iterator[tuple[str, Binding]]:
    """Yield the names that a statement of a file in `package` binds, and what each stands for."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        yield statement.name, statement
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            first = alias.name.partition(".")[0]
            yield alias.asname or first, alias.name if alias.asname else first
    elif isinstance(statement, ast.ImportFrom):
        above = package[: len(package) - statement.level + 1] if statement.level else ()
        source = ".".join([*above, *([statement.module] if statement.module else [])])
        for alias in statement.names:
            yield alias.asname or alias.name, source if alias.name == "*" else f"{source}.{alias.name}"
    elif not isinstance(statement, ast.Delete):  # name = ..., name: type = ..., type name = ...
        targets = getattr(statement, "targets", [getattr(statement, "target", None), getattr(statement, "name", None)])
        yield from ((target.id, statement) for target in targets if isinstance(target, ast.Name))


def full_name(node: ast.expr, module: Module) -> str:
    """Return the full name that `a`, `a.b` or `a.b[c]` stands for in a file; empty if it is none."""
    if isinstance(node, ast.Subscript):
        return full_name(node.value, module)
    if isinstance(node, ast.Attribute):
        holder = full_name(node.value, module)
        return holder and f"{holder}.{node.attr}"
    if isinstance(node, ast.Name):
        bound = module.names.get(node.id)
        return bound if isinstance(bound, str) else f"{module.name}.{node.id}"
    return ""
