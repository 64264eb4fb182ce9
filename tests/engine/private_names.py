"""Finds what the engine uses of libraries without a promise: private names, and attributes that it replaces."""

import ast
from collections.abc import Iterator
from pathlib import Path

# Documented, though they begin with an underscore.
PROMISED = {"_asdict", "_fields", "_replace", "_exit", "_target_"}
# Documented as what programs may replace.
REPLACEABLE = {"warnings.formatwarning", "logging.raiseExceptions", "os.environ", "sys.stdout"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def found_in(folder: Path) -> set[tuple[str, str]]:
    """Return the names that the modules below a folder use, each with the path of the module."""
    modules = {path.relative_to(folder).as_posix(): ast.parse(path.read_text("utf-8")) for path in folder.rglob("*.py")}
    own = {name for tree in modules.values() for name in defined(tree)}
    return {(name, path) for path, tree in modules.items() for name in used(tree) if name not in own | PROMISED}


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield the private names of a module itself. Of a class that inherits, those methods that it calls are its own."""
    called = {node.attr for node in ast.walk(tree) if is_of_self(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield from (part.attr for part in ast.walk(node) if is_of_self(part) and isinstance(part.ctx, ast.Store))
        for part in node.body if isinstance(node, ast.Module | ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef | ast.ClassDef):
                if part.name in called or not getattr(node, "bases", []):
                    yield part.name
            elif isinstance(part, ast.Assign | ast.AnnAssign):
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def is_of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def used(tree: ast.Module) -> Iterator[str]:
    """Yield private names of other modules, inherited ones that are defined anew, and attributes that are replaced."""
    libraries: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            libraries |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            yield from (alias.name for alias in node.names if any(map(is_private, alias.name.split("."))))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            libraries |= {alias.asname or alias.name for alias in node.names}
            if any(map(is_private, str(node.module).split("."))):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield from (alias.name for alias in node.names if is_private(alias.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.bases:
            yield from (part.name for part in node.body if isinstance(part, ast.FunctionDef) and is_private(part.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg and is_private(node.arg):
            yield node.arg
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = ast.unparse(node)
            if name.partition(".")[0] in libraries and name not in REPLACEABLE and not is_private(node.attr):
                yield name
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.modules.setdefault":
            yield "sys.modules"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and is_private(name.value):
                yield name.value
