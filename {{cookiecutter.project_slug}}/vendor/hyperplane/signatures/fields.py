"""What the parameter of a signature says of a setting: its type, its rules, and whether its default is written down."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from ..project import is_own
from ..setting_types import Relation
from .annotations import allowed, anything
from .classes import literal
from .parameters import Parameter
from .torch_optim import OF_TORCH, Ranges

COMPUTED = object()  # a default that the source does not state as a literal
RANGES = get_type_hints(Ranges, include_extras=True)


def kind_of(name: str, parameter: Parameter) -> Any:
    """Return the type that a setting is checked by."""
    if parameter.annotation is None:
        return Any
    narrow = RANGES.get(name) if parameter.module.name.startswith(OF_TORCH) else None
    return anything(allowed(parameter.annotation, parameter.module, narrow))


def is_unsaid(parameter: Parameter) -> bool:
    """Say whether a default is not the project's own, or has to be computed."""
    return parameter.default is not None and not (
        is_own(parameter.module.name) and literal(parameter.default, COMPUTED) is not COMPUTED
    )


def rules_of(name: str, kind: Any, parameters: Mapping[str, Parameter]) -> list[tuple[str, Relation]]:
    """Return the rules that stand beside the type of a setting, as far as there are the settings that they name."""
    beside = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return [(name, rule) for rule in beside if isinstance(rule, Relation) and {*rule.others} <= parameters.keys()]
