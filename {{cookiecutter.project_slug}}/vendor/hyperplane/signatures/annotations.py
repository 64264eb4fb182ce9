"""What types the annotations in a source allow, without running it.

Known are plain types, those of `typing`, `collections.abc` and pydantic, and the project's `setting_types.py`; also
names of the project that stand for one of them, `Size = PositiveInt | None`. A type that is not known here (Tensor,
nn.Module, a class of one's own, what a library calls its types) accepts any value.
"""

import ast
import collections.abc
import functools
import operator
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import annotated_types
import pydantic

from .. import setting_types
from ..project import is_own
from .source import Module, definition, full_name

UNKNOWN: Any = object()  # what a type that is not known is evaluated to

PLAIN: dict[str, Any] = {
    kind.__name__: kind for kind in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
} | {"object": Any}
# Classes of the standard library whose values a YAML file writes as one of the plain types.
STANDARD: dict[str, Any] = {"typing.Any": Any, "pathlib.Path": str, "os.PathLike": str}
LISTS = ("Sequence", "MutableSequence", "Iterable", "Collection", "Container", "Iterator", "Reversible", "List")
SECTIONS = ("Mapping", "MutableMapping", "Dict")
for home in ("typing", "collections.abc"):
    STANDARD |= {f"{home}.{name}": collections.abc.Sequence for name in LISTS}
    STANDARD |= {f"{home}.{name}": dict for name in SECTIONS}
STANDARD |= {"typing.Tuple": tuple, "typing.Set": set, "typing.FrozenSet": frozenset}
OF_PYDANTIC = {
    f"{sign}{kind}" for sign in ("Positive", "NonNegative", "Negative", "NonPositive") for kind in ("Int", "Float")
} | {"FiniteFloat", "StrictBool", "StrictInt", "StrictFloat", "StrictStr"}
# Nothing that a YAML file writes is one of these; it can only be built, from a section with a `_target_` of its own.
BUILT = ("torch.Tensor", "torch.nn.Module", "datetime.timedelta")
# What may stand in an Annotated beside the type, and be called with literals.
LIMITS = {"ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern"}  # of pydantic's Field
OF_ANNOTATED_TYPES = {"Ge", "Gt", "Le", "Lt", "Interval", "MultipleOf", "MinLen", "MaxLen", "Len"}


def allowed(annotation: ast.expr, module: Module, narrow: Any = None) -> Any:
    """Return the type that an annotation in a file means.

    `narrow`, a type with a range such as PositiveFloat, takes the place of the plain one within it: of `float` in
    `float | Tensor`.

    Returns:
        A type for pydantic; UNKNOWN if any value may be meant.
    """
    narrower = {} if narrow is None else {plain(narrow): narrow}
    try:
        return Reader(module, narrower).type_of(annotation)
    except (TypeError, ValueError, SyntaxError, RecursionError):  # such as Optional[int, str]
        return UNKNOWN


def plain(kind: Any) -> Any:
    """Return the plain type behind one with a range; that of the words of a Literal is str."""
    if typing.get_origin(kind) is Annotated:
        return plain(typing.get_args(kind)[0])
    return str if typing.get_origin(kind) is Literal else kind


@dataclass(frozen=True)
class Reader:
    """Evaluates the annotations of one file."""

    module: Module
    narrower: Mapping[Any, Any]  # what takes the place of a plain type

    def type_of(self, node: ast.expr) -> Any:
        """Return the type that an expression means, or UNKNOWN."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):  # an annotation in quotes
                return self.type_of(ast.parse(node.value, mode="eval").body)
            return None if node.value is None else UNKNOWN
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self.union([node.left, node.right])
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return self.generic(full_name(node, self.module), parts)
        if isinstance(node, ast.Name) and node.id not in self.module.names and node.id in PLAIN:
            return self.narrower.get(PLAIN[node.id], PLAIN[node.id])
        return self.named(full_name(node, self.module))

    def named(self, name: str) -> Any:
        """Return the type of a full name, or UNKNOWN."""
        home, _, short = name.rpartition(".")
        if name in STANDARD:
            return STANDARD[name]
        if home in ("pydantic", "pydantic.types") and short in OF_PYDANTIC:
            return getattr(pydantic, short)
        if home == setting_types.__name__ and short in setting_types.__all__:
            return getattr(setting_types, short)
        found = definition(name) if is_own(name) else None
        value = getattr(found.node, "value", None) if found is not None else None
        if found is None or not isinstance(value, ast.expr):
            return UNKNOWN
        return Reader(found.module, self.narrower).type_of(value)

    def generic(self, origin: str, parts: list[ast.expr]) -> Any:
        """Return the type of `origin[parts]`, or UNKNOWN."""
        short = origin.removeprefix("typing.").removeprefix("typing_extensions.")
        if short == "Literal":
            return Literal[tuple(ast.literal_eval(part) for part in parts)]
        if short == "Annotated":
            return self.annotated(parts[0], parts[1:])
        if short in ("Optional", "Union"):
            return self.union([*parts, *([ast.Constant(None)] if short == "Optional" else [])])
        if short in ("Final", "ClassVar", "Required", "NotRequired"):
            return self.type_of(parts[0])
        kind = STANDARD.get(origin, PLAIN.get(origin.removeprefix(f"{self.module.name}."), UNKNOWN))
        if kind is UNKNOWN or kind in (Any, str):
            return kind
        items = [
            ... if isinstance(part, ast.Constant) and part.value is ... else anything(self.type_of(part))
            for part in parts
        ]
        # Of anything, pydantic would take a text for a sequence.
        is_vague = kind is collections.abc.Sequence and items == [Any]
        return list[Any] if is_vague else kind[tuple(items)]

    def union(self, nodes: list[ast.expr]) -> Any:
        """Return the type that allows what one of several allows, or UNKNOWN if one of them may allow anything."""
        rest = [node for node in nodes if full_name(node, self.module) not in BUILT]
        kinds = [self.type_of(node) for node in rest]
        if UNKNOWN in kinds or Any in kinds or kinds in ([], [None]):
            return UNKNOWN
        joined = functools.reduce(operator.or_, kinds)
        return joined if len(rest) == len(nodes) else Annotated[joined, pydantic.WrapValidator(unless_built)]

    def annotated(self, node: ast.expr, rules: list[ast.expr]) -> Any:
        """Return a type with those rules that are known."""
        kind = self.type_of(node)
        found = [rule for rule in map(self.rule, rules) if rule is not None]
        return UNKNOWN if kind is UNKNOWN else Annotated[(kind, *found)] if found else kind

    def rule(self, node: ast.expr) -> Any:
        """Return what stands beside a type: a limit, or a rule of the project; None if it is not known."""
        called = node.func if isinstance(node, ast.Call) else node
        home, _, short = full_name(called, self.module).rpartition(".")
        if home == setting_types.__name__ and short in setting_types.__all__:
            made = getattr(setting_types, short)
            limits = None
        elif home == "annotated_types" and short in OF_ANNOTATED_TYPES:
            made, limits = getattr(annotated_types, short), None
        elif home in ("pydantic", "pydantic.fields") and short == "Field":
            made, limits = pydantic.Field, LIMITS
        else:
            return None
        if not isinstance(node, ast.Call):
            return made
        given = {word.arg: word.value for word in node.keywords if word.arg and (limits is None or word.arg in limits)}
        return made(
            *map(ast.literal_eval, node.args), **{name: ast.literal_eval(value) for name, value in given.items()}
        )


def anything(kind: Any) -> Any:
    return Any if kind is UNKNOWN else kind


def unless_built(value: Any, check: Any) -> Any:
    """Return a value that is built of a `_target_` as it is; check any other."""
    return value if isinstance(value, dict) and "_target_" in value else check(value)
