"""Components: what a config names with `_target_`, and is built from it. Nothing here imports torch.

A component may hold others: any of its settings that has a `_target_` of its own is built first. What the run has to
offer (the `spec` of the data, the `seed`, ...) is handed over by name, and only where the signature asks for it, so
that a class of torch, Lightning or torchmetrics works as its library wrote it.
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from .component_settings import Component as Component
from .component_settings import described
from .errors import UserError, nearest
from .project import current
from .signatures.source import Module, definition, missing_from


def settings_class(target: str, group: str = "") -> type[Component]:
    """Return the class of the settings that `target` takes.

    The `group` of configurations that it is chosen in is empty where it is a part of another component.

    Raises:
        UserError: `target` lies where no configuration may look, only leads there, or is missing.
    """
    require_allowed(target)
    found = definition(target)
    is_function = found is not None and isinstance(found.node, ast.FunctionDef)
    if found is not None and not (is_allowed(found.module.name) and (not is_function or is_of_project(found.module))):
        what = "a function of" if is_function else "it stands in"
        raise UserError(
            f"_target_={target} is not allowed: {what} {found.module.name}. It must be a class, or a function of "
            "this project"
        )
    if (module := missing_from(target)) is not None:
        near = nearest(target.rpartition(".")[2], module.names).replace("mean ", f"mean {module.name}.")
        raise UserError(f"_target_={target} does not exist. {near}".rstrip())
    return described(target, group)


def require_allowed(target: str) -> None:
    """Refuse a `_target_` that lies neither in the project or the engine nor in an allowed library."""
    if not is_allowed(target):
        project = current()
        raise UserError(
            f"_target_={target} is not allowed: it may name something in {', '.join(project.targets)}. "
            f"Another library: name it in `libraries`, in {project.package}/__init__.py"
        )


def is_of_project(module: Module) -> bool:
    """Say whether a module is the project's own."""
    return f"{module.name}.".startswith(f"{current().package}.")


def is_allowed(name: str) -> bool:
    """Say whether the full name of a class, a function or a module lies where a `_target_` may look."""
    return f"{name}.".startswith(tuple(f"{place}." for place in current().targets))


def factory(component: Component) -> Any:
    """Import what `component` names.

    Raises:
        UserError: it does not exist, or is something else than a class or function that is defined where a `_target_`
            may look: a module can name anything that it imports, such as `os.system`.
    """
    require_allowed(component.import_path)
    module, _, name = component.import_path.rpartition(".")
    try:
        made = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"_target_={component.import_path} cannot be imported: {error}") from None
    home = getattr(made, "__module__", None) or ""
    is_own_function = inspect.isfunction(made) and home.startswith(f"{current().package}.")
    if not is_allowed(home) or not (inspect.isclass(made) or is_own_function):
        raise UserError(
            f"_target_={component.import_path} is not allowed: it must be a class, or a function of this project, not "
            f"{made!r:.80}"
        )
    return made


class Later(NamedTuple):
    """An offer that is made only if somebody asks for it."""

    make: Callable[[], Any]


def build(component: Component, **offers: Any) -> Any:
    """Call what `component` names with its own settings, and with those of `offers` that its signature names.

    Components within it are built first, with the same offers.

    Raises:
        UserError: it does not exist, or its signature does not take these arguments.
    """
    made = factory(component)
    arguments = {name: with_parts_built(value, offers) for name, value in component.arguments().items()}
    known = component.about.parameters  # without what a class hands on to its base by name
    asked = asked_for(made) & known.keys() if known else asked_for(made)
    for name in offers.keys() & asked - arguments.keys():
        offer = offers[name]
        arguments[name] = offer.make() if isinstance(offer, Later) else offer
    signature = signature_of(made)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UserError(f"{component.import_path}: {error}. It takes {signature}") from None
    return made(**arguments)


def with_parts_built(value: Any, offers: Mapping[str, Any]) -> Any:
    """Return the value of a setting, with every section in it that has a `_target_` built."""
    if isinstance(value, dict):
        if "_target_" in value:
            return build(settings_class(value["_target_"]).model_validate(value), **offers)
        return {key: with_parts_built(item, offers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(with_parts_built(item, offers) for item in value)
    return value


signature_of = cache(inspect.signature)  # a tenth of a millisecond, for each of ten parts of a job


@cache
def asked_for(made: Any) -> frozenset[str]:
    """Return the names of the arguments that a class or a function can be called with.

    `**options` stand for what the next class takes, to which they are handed on.
    """
    names: set[str] = set()
    for kind in inspect.getmro(made) if inspect.isclass(made) else (made,):
        if inspect.isclass(kind) and "__init__" not in vars(kind):
            continue
        parameters = inspect.signature(kind.__init__ if inspect.isclass(kind) else kind).parameters.values()
        names |= {one.name for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
        if not any(one.kind == one.VAR_KEYWORD for one in parameters):
            break
    return frozenset(names - {"self"})
