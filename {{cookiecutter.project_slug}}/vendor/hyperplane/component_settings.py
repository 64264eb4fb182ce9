"""The settings of a component are the arguments of what its `_target_` names: read from the signature, not repeated.

Nothing here imports torch, or what is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import GenericAlias
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from .project import current
from .setting_types import Relation
from .signatures.capabilities import states
from .signatures.classes import literal
from .signatures.fields import is_unsaid, kind_of, rules_of
from .signatures.parameters import Parameter, signature

# Arguments that the run hands over where a signature asks for them, so that no configuration has to: see `build`.
OFFERED = frozenset(
    {"spec", "seed", "network", "loss", "scaling", "optimizer", "scheduler"}
    | {"params", "total_steps", "num_classes", "num_labels"}
)
OFFERED_TO_LOGGERS = frozenset({"save_dir", "name", "version"})


class Strict(BaseModel):
    """Settings that refuse unknown keys and never change."""

    # Built when first used
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


@dataclass(frozen=True)
class About:
    """What is known of the settings of a component beside their types."""

    parameters: dict[str, Parameter] = field(default_factory=dict)  # as they are written in the signature
    offered: frozenset[str] = frozenset()  # those that the run hands over, unless they are given
    # Left out where settings are written down, unless they were given: their default is a library's, or computed
    unsaid: frozenset[str] = frozenset()
    rules: tuple[tuple[str, Relation], ...] = ()  # between settings, each with the one that it belongs to


class Component(Strict):
    """Settings of something that is built: `_target_` names it, the others are arguments, but for those reserved.

    `described` makes a class of this for each target. Where a signature cannot be read, or takes any argument, so do
    the settings; what was given is compared with it when the component is built.
    """

    import_path: str = Field(alias="_target_")

    about: ClassVar[About] = About()
    group: ClassVar[str] = ""  # of configurations; see `described`
    not_arguments: ClassVar[tuple[str, ...]] = ()  # names of the reserved settings

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the settings to another process, which makes the class anew: it stands in no module."""
        values = self.model_dump(by_alias=True, exclude_unset=True)
        return restored, (current().package, self.import_path, self.group, values)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that the component is called with."""
        return self.model_dump(by_alias=True, exclude={"import_path", *self.not_arguments})

    @property
    def reserved(self) -> dict[str, Any]:
        """The settings that are no arguments: they say what the run does with the component."""
        return self.model_dump(by_alias=True, include={*self.not_arguments})

    def states(self, capability: str) -> bool:
        """Say whether the component's class states a capability, see `signatures/capabilities.py`."""
        return states(self.import_path, capability)

    def asks_for(self, offer: str) -> bool:
        """Say whether the run has to hand over an argument: the signature takes it, and no setting gives it."""
        return offer in self.about.offered and offer not in self.model_fields_set

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the settings, without those that the run usually gives."""
        return [name for name in cls.about.parameters if name not in cls.about.offered] + list(cls.not_arguments)

    @model_validator(mode="after")
    def settings_go_together(self) -> Self:
        """Refuse settings that contradict each other."""
        if self.about.rules:
            values = {name: getattr(self, safe(name)) for name in self.about.parameters}
            problems = [why for name, rule in self.about.rules if (why := rule.problem(name, values))]
            if problems:
                raise ValueError("; ".join(problems))
        return self

    @model_serializer(mode="wrap")
    def without_unsaid(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what was not given and has no default of the project's own."""
        left_out = {name for name in self.about.unsaid if safe(name) not in self.model_fields_set}
        left_out |= {safe(name) for name in left_out}
        return {name: value for name, value in write(self).items() if name not in left_out}


class ParameterGroup(Strict):
    """Settings of an optimizer for some of the parameters; any of its arguments, none of which must be given."""

    match: Annotated[str, Field(min_length=1)]  # which ones: a part of the network, or a pattern such as body.*.bias

    @model_serializer(mode="wrap")
    def without_unsaid(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what was not given."""
        fields = type(self).model_fields
        given = {key for name in self.model_fields_set for key in (name, fields[name].alias)}
        return {name: value for name, value in write(self).items() if name in given}


class Optimizer(Component):
    """Settings of an optimizer."""

    groups: tuple[ParameterGroup, ...] = ()  # parts of the network with settings of their own

    not_arguments = ("groups",)


class Schedule(Component):
    """Settings of a learning rate schedule."""

    # How often it moves; None: after each step if it is told how many there are, else after each epoch
    interval: Literal["step", "epoch"] | None = None
    monitor: Annotated[str, Field(pattern=r"^(train|val)[/_][\w/.-]+$")] | None = None  # None: checkpoint.monitor
    frequency: PositiveInt = 1  # steps or epochs from one move to the next

    not_arguments = ("interval", "monitor", "frequency")


KINDS: dict[str, type[Component]] = {"optimizer": Optimizer, "scheduler": Schedule}


@cache
def described(target: str, group: str = "") -> type[Component]:
    """Return the class of the settings that `target` takes in a group of configurations."""
    base, name = KINDS.get(group, Component), target.rpartition(".")[2]
    read = signature(target)
    if read is None:
        kind = create_model(name, __base__=base, __cls_kwargs__={"extra": "allow"})
        kind.group = group
        return kind
    offered = OFFERED | (OFFERED_TO_LOGGERS if group == "tracking" else set())
    offered |= {"mode"} if states(target, "watches_metric") else set()
    parameters = {name: parameter for name, parameter in read.parameters.items() if name not in base.not_arguments}
    kinds = {name: Any if name in offered else kind_of(name, parameter) for name, parameter in parameters.items()}
    fields = {safe(name): field_of(name, kinds[name], parameters[name], name in offered) for name in parameters}
    if base is Optimizer:
        own = {name: kind for name, kind in kinds.items() if name not in offered}
        fields["groups"] = (GenericAlias(tuple, (parameter_group(own), ...)), ())
    kind = create_model(name, __base__=base, __cls_kwargs__={"extra": "allow"} if read.is_open else {}, **fields)
    kind.group = group
    kind.about = About(
        parameters,
        offered & parameters.keys(),
        frozenset(name for name, parameter in parameters.items() if name in offered or is_unsaid(parameter)),
        tuple(pair for name, one in kinds.items() for pair in rules_of(name, one, parameters)),
    )
    return kind


def field_of(name: str, kind: Any, parameter: Parameter, is_offered: bool) -> Any:
    """Return a setting as pydantic takes it: its type, and its default."""
    required = None if is_offered else ...
    default: Any = required if parameter.default is None else literal(parameter.default)
    return kind if default is not None else kind | None, Field(default, alias=name)


def restored(package: str, target: str, group: str, values: dict[str, Any]) -> Component:
    """Return the settings that another process of the project has sent."""
    import_module(package)  # says which project it is
    return described(target, group).model_validate(values)


def parameter_group(kinds: Mapping[str, Any]) -> type[ParameterGroup]:
    """Return the class of the settings of an optimizer's groups: any of its own, none of which must be given."""
    fields: dict[str, Any] = {
        safe(name): (kind, Field(None, alias=name)) for name, kind in kinds.items() if name != "match"
    }
    return create_model("ParameterGroup", __base__=ParameterGroup, **fields)


def safe(name: str) -> str:
    """Return the name of the field for a setting: pydantic's own names, and private ones, cannot be fields."""
    return f"{name.lstrip('_')}_" if name.startswith("_") or hasattr(Component, name) else name
