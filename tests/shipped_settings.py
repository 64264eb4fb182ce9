"""What a project must not be held to, and its template is: run in a project, it prints what is wrong with its settings.

    python shipped_settings.py my_research

Every setting of a class of the project or the engine stands in its file under configs/, says what it allows and means,
and is read from the source as Python evaluates it; and each class has a file that states its defaults.
"""

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args, get_type_hints

import yaml

import_module(sys.argv[1])  # the project that the engine serves


def part(name: str) -> Any:
    """Return a module of the engine."""
    return import_module(f"hyperplane.{name}")


def problems() -> Iterator[str]:
    """Yield what is wrong."""
    described = part("component_settings").described
    files = [
        (path, values)
        for group in (*part("configs").COMPONENTS, *part("configs").COLLECTIONS)
        for path in part("configs").files(group)
        for values in sections(yaml.safe_load(path.read_text(encoding="utf-8")))
        if part("project").is_own(values["_target_"])
    ]
    yield from [f"{path}: {name} is missing" for path, values in files for name in missing(path, values, described)]
    for target, group in sorted({(values["_target_"], path.parent.name) for path, values in files}):
        kind = described(target, group)
        stated = [values for _, values in files if values["_target_"] == target]
        for what in [*undescribed(kind), *misread(kind, target), *undefaulted(kind, stated)]:
            yield f"{target}: {what}"


def sections(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is built of the content of a file: the whole, or its sections."""
    own = {key: value for key, value in values.items() if key != "defaults"}  # files that it builds on
    return [own] if "_target_" in own else list(own.values())


def missing(path: Any, values: dict[str, Any], described: Any) -> set[str]:
    """Return the settings that a file does not state."""
    kind = described(values["_target_"], path.parent.name)
    return {*kind.names()} - {*kind.not_arguments} - values.keys()


def undescribed(kind: Any) -> Iterator[str]:
    """Yield the settings that say nothing."""
    for name, parameter in kind.about.parameters.items():
        if name not in kind.about.offered and not (parameter.meaning and parameter.annotation):
            yield f"{name} has no type, or no comment that says what it means"


def misread(kind: Any, target: str) -> Iterator[str]:
    """Yield the settings whose type is another one for Python, and rules that name no settings."""
    module, _, attribute = target.rpartition(".")
    made = getattr(import_module(module), attribute)
    evaluated: dict[str, Any] = {}
    for one in reversed(inspect.getmro(made)) if inspect.isclass(made) else [made]:
        function = vars(one).get("__init__") if inspect.isclass(one) else one
        if inspect.isfunction(function) and part("project").is_own(function.__module__):
            evaluated |= get_type_hints(function, include_extras=True)
    kind_of = part("signatures.fields").kind_of
    for name in kind.about.parameters.keys() - kind.about.offered:
        read = kind_of(name, kind.about.parameters[name])
        if repr(read) != repr(evaluated[name]):
            yield f"{name} is read as {read}, and is {evaluated[name]}"
    relation = part("setting_types").Relation
    rules = sum(isinstance(rule, relation) for one in evaluated.values() for rule in get_args(one)[1:])
    if len(kind.about.rules) != rules:
        yield f"{rules} rules are written, and {len(kind.about.rules)} hold"


def undefaulted(kind: Any, files: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the class itself, if no file states its defaults; where some settings have none, files choose."""
    fields = {name: kind.model_fields[name] for name in kind.names() if name in kind.model_fields}
    defaults = {name: field.default for name, field in fields.items() if not field.is_required()}
    made = [kind.model_validate({key: key if value == "???" else value for key, value in one.items()}) for one in files]
    may_choose = len(defaults) < len(fields) and len(files) > 1
    if not may_choose and not any(defaults == {name: getattr(one, name) for name in defaults} for one in made):
        yield f"no file states its defaults: {defaults}"


found = list(problems())
sys.stdout.write("\n".join(found))
sys.exit(bool(found))
