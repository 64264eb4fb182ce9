"""What pydantic says against settings, in sentences: the key, its value, what is allowed, the nearest valid name."""

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ..component_settings import OFFERED, Component
from ..errors import as_typed, in_words, nearest, similar


def problems_of(
    error: ValidationError, settings: type[BaseModel], values: Any, prefix: tuple[str, ...] = ()
) -> list[str]:
    """Return a sentence for each wrong key: the key, its value, what is allowed, the nearest valid name."""
    unknown: list[str] = []
    known_in: dict[str, str] = {}  # said once for each section
    wrong: dict[str, list[str]] = {}
    for problem in error.errors():
        path, owner, value = locate(problem["loc"], settings, values)
        key = ".".join([*prefix, *map(str, path)])
        message = in_words(problem["msg"])
        if problem["type"] == "missing":
            key = ".".join([*prefix, *map(str, problem["loc"])])
            offers = ", ".join(sorted(OFFERED - {"params"}))
            unknown.append(
                f"{key} has no value, and no default: give one with +{key}=..., or in its file. "
                f"Handed over by name are: {offers}"
            )
        elif problem["type"] == "extra_forbidden":
            known = names_of(owner)
            unknown.append(f"{key}={as_typed(value)} is not a setting. {similar(key, known)}".rstrip())
            section = key.rpartition(".")[0]
            built = f" ({values['_target_']})" if issubclass(owner, Component) else ""
            has = f"{section}{built} has" if section else "the settings are"
            known_in[section] = f"{has}: {', '.join(known) or 'none'}"
        elif not path or isinstance(value, dict):  # a rule between several settings
            unknown.append(f"{key}: {message}" if key else message)
        else:
            allowed = re.findall("'([^']*)'", problem.get("ctx", {}).get("expected", ""))
            hint = nearest(str(value), allowed)
            if problem["type"] == "string_type" and not isinstance(value, list):  # a number, true or null
                hint = f"One that is spelled so stands in quotes within those of the shell: \"'{as_typed(value)}'\""
            wrong.setdefault(f"{key}={as_typed(value)}", []).append(". ".join(filter(None, [message, hint])))
    return [*unknown, *known_in.values()] + [
        f"{what} is not allowed: {', or '.join(why)}" for what, why in wrong.items()
    ]


def names_of(section: type[BaseModel]) -> list[str]:
    """Return the names of the settings of a section."""
    if issubclass(section, Component):
        return section.names()
    return [field.alias or name for name, field in section.model_fields.items()]


def locate(location: tuple[Any, ...], settings: type[BaseModel], values: Any) -> tuple[list[Any], type[BaseModel], Any]:
    """Follow pydantic's location into the values, as far as it names keys (a union adds the names of its types).

    Returns:
        The path, the settings class that owns its last key, and the value there.
    """
    path: list[Any] = []
    for part in location:
        if (isinstance(values, dict) and part in values) or (isinstance(values, list) and part in range(len(values))):
            field = settings.model_fields.get(str(path[-1])) if path else None
            kinds = (field.annotation, *get_args(field.annotation)) if field is not None else ()  # or a list of those
            settings = next((kind for kind in kinds if is_section(kind)), settings)
            path.append(part)
            values = values[part]
    return path, settings, values


def is_section(kind: Any) -> bool:
    """Say whether a type is that of a section, which has settings of its own."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)
