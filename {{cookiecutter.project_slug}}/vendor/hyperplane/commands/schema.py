"""schema: write JSON schemas of the files under configs/, so that editors complete and check them.

make schema                     write references/schema/<group>.json, as make setup and make lint do; git ignores them

Each file names its schema in a comment, as the YAML language server reads it: VS Code (extension YAML), Neovim, Emacs.
`check-jsonschema --schemafile references/schema/model.json <file>` does the same in a terminal. Imports no torch.
"""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pydantic import BaseModel

from ..component_settings import described
from ..configs import COLLECTIONS, COMPONENTS, files
from ..project import ENGINE, ENGINE_MODULES, LIBRARIES, MODULES, current, is_own
from ..settings import Hardware, Settings, Tracking, search
from ..signatures.parameters import meanings
from ..signatures.source import definition
from ..signatures.torch_optim import OF_TORCH, Ranges
from ..sweeps.clusters import ray, slurm

Schema = dict[str, Any]

FOLDER = Path("references/schema")
STANDARD = "https://json-schema.org/draft/2020-12/schema"
SAMPLERS = (search.TPE, search.GP, search.NSGAII, search.Random, search.Grid)
PRUNERS = (search.Median, search.SuccessiveHalving, search.Hyperband, search.Unpruned)

# What Hydra puts a value in place of: it may stand wherever a value may.
PLACEHOLDER = {"type": "string", "pattern": r"^\?\?\?$|\$\{.+\}"}
DEFAULTS = {"type": "array", "description": "Files that this one builds on, as Hydra lists them"}
TARGET = {
    "description": "Class or function that is built, by its full name",
    "type": ["string", "null"],
    # The project's package may have any name, and name further libraries.
    "pattern": rf"^(\w+\.({'|'.join(MODULES)})|{ENGINE}\.({'|'.join(ENGINE_MODULES)})|"
    rf"{'|'.join(map(re.escape, LIBRARIES))})\.",
}


def schemas() -> dict[str, Schema]:
    """Return the schema of each kind of file, by its name."""
    found = {group: component(group) for group in COMPONENTS} | {group: collection(group) for group in COLLECTIONS}
    found |= {"hardware": section(Hardware), "tracking": tracker(), "train": whole()}
    found |= {"sampler": named(SAMPLERS), "pruner": named(PRUNERS), "sweeper": sweeper(), "launcher": launcher()}
    return {name: {"$schema": STANDARD, "title": name} | schema for name, schema in found.items()}


def whole() -> Schema:
    """Return the schema of a whole configuration, train.yaml or an experiment: all of it may come from other files."""
    found = section(Settings)
    for name, field in Settings.model_fields.items():
        if name in (*COMPONENTS, *COLLECTIONS, "hardware", "tracking"):
            found["properties"][name] = {"$ref": f"{name}.json"}
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found["properties"][name] = section(field.annotation)
    found["properties"]["hydra"] = {"type": "object", "description": "Hydra's own settings: folders, sweeps, logging"}
    return found | {"required": []}


def component(group: str) -> Schema:
    """Return the schema of a section that is built: `_target_` says which settings it has.

    Known are the arguments of what the files of the group name, if it is of the project or of torch.optim. Other
    classes may have any; where `_target_` comes from another file, those that the files of the group give them.
    """
    stated = [values for path in files(group) for values in built_in(path)]
    targets = dict.fromkeys(values["_target_"] for values in stated)
    known = [target for target in targets if is_own(target) or target.startswith(OF_TORCH)]
    found = chosen_by("_target_", TARGET, {pattern(target): arguments(target, group) for target in known})
    of_others: Schema = {name: {} for values in stated for name in values if name not in found["else"]["properties"]}
    found["else"]["properties"] |= {name: any_value for name, any_value in of_others.items() if name != "_target_"}
    return found


def built_in(path: Path) -> list[dict[str, Any]]:
    """Return the sections of a file that are built: the whole of it, or those of a collection."""
    values: Any = OmegaConf.to_container(OmegaConf.load(path))
    sections = [values, *values.values()] if isinstance(values, dict) else []
    return [one for one in sections if isinstance(one, dict) and one.get("_target_")]


def collection(group: str) -> Schema:
    """Return the schema of a section of components, each under a name of its own."""
    return {"type": "object", "properties": {"defaults": DEFAULTS}, "additionalProperties": component(group)}


def pattern(target: str) -> str:
    """Return what matches a full name; of the project's, whatever the package is called."""
    own = target.removeprefix(f"{current().package}.")
    package = "" if own == target else r"\w+\."
    return f"^{package}{re.escape(own)}$"


def arguments(target: str, group: str) -> Schema:
    """Return the schema of a section whose settings are the arguments of `target`."""
    kind = described(target, group)
    found = section(kind)
    of_torch = definition(f"{Ranges.__module__}.{Ranges.__name__}")
    known = meanings(of_torch) if of_torch is not None else {}
    for name, parameter in kind.about.parameters.items():
        if name in kind.about.offered:
            del found["properties"][name]
        else:
            other = known.get(name) if target.startswith(OF_TORCH) else None
            elsewhere = f"See {target.removeprefix(f'{current().package}.')}"
            found["properties"][name]["description"] = parameter.meaning or other or elsewhere
    found["required"] = [name for name in found["required"] if name in found["properties"]]
    written = definition(target)
    if written is not None and isinstance(written.node, ast.ClassDef | ast.FunctionDef):
        found["description"] = (ast.get_docstring(written.node) or "").partition("\n\n")[0]
    return found | {"additionalProperties": kind.model_config["extra"] == "allow"}


def tracker() -> Schema:
    """Return the schema of the section tracking: a `kind` and its settings, or a Lightning logger and its arguments."""
    return {
        "type": "object",
        "properties": {"_target_": TARGET},
        "if": {"required": ["_target_"]},
        "then": {},
        "else": section(Tracking),
    }


def named(kinds: Iterable[type[BaseModel]]) -> Schema:
    """Return the schema of a section whose `name` says which settings it has."""
    names = {kind.model_json_schema()["properties"]["name"]["const"]: kind for kind in kinds}
    sections = {f"^{key}$": section(kind) for key, kind in names.items()}
    return chosen_by("name", {"description": "Which one", "enum": list(names)}, sections)


def sweeper() -> Schema:
    """Return the schema of hydra/sweeper/optuna.yaml."""
    found = section(search.Search)
    found["properties"] |= {name: {"$ref": f"{name}.json"} for name in ("sampler", "pruner")}
    found["properties"] |= {name: {} for name in ("_target_", "_recursive_", "params")}
    return found


def launcher() -> Schema:
    """Return the schema of the files of hydra/launcher; those of Hydra itself may hold anything."""
    kinds = {kind.__module__.rpartition(".")[2]: section(kind) for kind in (ray.Options, slurm.Options)}
    sections = {rf"^hydra_plugins\.{name}_": one for name, one in kinds.items()}
    return chosen_by("_target_", {"description": "Plugin of Hydra", "type": "string"}, sections) | {"else": {}}


def chosen_by(key: str, allowed: Schema, sections: Mapping[str, Schema]) -> Schema:
    """Return the schema of a section where `key`, by the pattern that it matches, says which settings there are.

    Without `key`, which then comes from another file, they may be those of any section.
    """
    branches = []
    merged: dict[str, Schema] = {}
    for pattern, one in sections.items():
        one["properties"][key] = {}  # checked already
        matches = {"properties": {key: {"type": "string", "pattern": pattern}}}
        branches.append({"if": matches, "then": one})
        for name, setting in one["properties"].items():
            options = merged.get(name, {}).get("anyOf", [])
            new = [option for option in setting.get("anyOf", []) if option not in options]
            merged[name] = {"description": setting.get("description", "")} | (
                {"anyOf": [*options, *new]} if new or options else {}
            )
    merged.pop(key, None)
    return {
        "type": ["object", "null"],
        "properties": {key: allowed},
        "if": {"required": [key]},
        "then": {"allOf": branches} if branches else {},
        "else": {"properties": merged, "additionalProperties": False},
    }


def section(settings: type[BaseModel]) -> Schema:
    """Return the schema of a section that holds the settings of a class, and no others."""
    described = settings.model_json_schema()
    meaning: dict[str, str] = {}
    for kind in reversed(settings.__mro__):
        found = definition(f"{kind.__module__}.{kind.__name__}") if is_own(kind.__module__) else None
        meaning |= meanings(found) if found is not None else {}
    properties: Schema = {"defaults": DEFAULTS}
    for name, allowed in described["properties"].items():
        default = {"default": allowed["default"]} if "default" in allowed else {}
        rule = {key: value for key, value in allowed.items() if key not in ("title", "default", "description")}
        options = [inlined(option, described.get("$defs", {})) for option in rule.get("anyOf", [rule])]
        properties[name] = {"description": meaning.get(name, ""), **default, "anyOf": [*options, PLACEHOLDER]}
    return {
        "description": inspect.cleandoc(settings.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": described.get("required", []),
        "additionalProperties": False,
    }


def inlined(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    """Return a schema with what it refers to in its place, by what must be given alone."""
    if isinstance(schema, list):
        return [inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"type": "object", "required": definitions[schema["$ref"].rpartition("/")[2]].get("required", [])}
    return {key: inlined(value, definitions) for key, value in schema.items()}


def main() -> None:
    """Write the files."""
    if {"--help", "-h"} & set(sys.argv):
        sys.stdout.write(f"{str(__doc__).strip()}\n")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = schemas()
    for name, schema in written.items():
        text = json.dumps(schema, ensure_ascii=False, indent=1)
        FOLDER.joinpath(f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    sys.stdout.write(f"Wrote {len(written)} files for editors into {FOLDER}/.\n")
