"""schema: tell an editor what may stand in the files under configs/, so that it completes and checks them.

make schema                     writes references/schema/<group>.json; run it after a change of the settings

Each file names its schema in a comment, as the YAML language server reads it: VS Code (extension YAML), Neovim, Emacs.
`check-jsonschema --schemafile references/schema/model.json <file>` does the same in a terminal. Imports no torch.
"""

import ast
import inspect
import io
import json
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pydantic import BaseModel

from .components import ALLOWED_LIBRARIES, ALLOWED_MODULES, Component
from .configs import COMPONENTS, CONFIGS
from .settings import Hardware, Settings, Tracking, search
from .sweeps.clusters import ray, slurm

Schema = dict[str, Any]

FOLDER = Path("references/schema")
WIDTH = 120  # of a line
STANDARD = "https://json-schema.org/draft/2020-12/schema"
# Where the targets of a group lie.
PLACES = {
    "model": ("models.",),
    "data": ("data.",),
    "optimizer": ("optimizers.", "torch.optim."),
    "scheduler": ("schedulers.",),
    "loss": ("losses.",),
}
SAMPLERS = (search.TPE, search.GP, search.NSGAII, search.Random, search.Grid)
PRUNERS = (search.Median, search.SuccessiveHalving, search.Hyperband, search.Unpruned)

# What Hydra puts a value in place of: it may stand wherever a value may.
PLACEHOLDER = {"type": "string", "pattern": r"^\?\?\?$|\$\{.+\}"}
DEFAULTS = {"type": "array", "description": "Files that this one builds on, as Hydra lists them"}
TARGET = {
    "description": "Class or function that is built, by its full name",
    "type": ["string", "null"],
    "pattern": rf"^(\w+\.({'|'.join(ALLOWED_MODULES)})|{'|'.join(map(re.escape, ALLOWED_LIBRARIES))})\.",
}


def schemas() -> dict[str, Schema]:
    """Return the schema of each kind of file, by its name."""
    found = {group: component(group) for group in COMPONENTS}
    found |= {"hardware": section(Hardware), "tracking": tracker(), "train": whole()}
    found |= {"sampler": named(SAMPLERS), "pruner": named(PRUNERS), "sweeper": sweeper(), "launcher": launcher()}
    return {name: {"$schema": STANDARD, "title": name} | schema for name, schema in found.items()}


def whole() -> Schema:
    """Return the schema of a whole configuration, train.yaml or an experiment: all of it may come from other files."""
    found = section(Settings)
    for name, field in Settings.model_fields.items():
        if name in (*COMPONENTS, "hardware", "tracking"):
            found["properties"][name] = {"$ref": f"{name}.json"}
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found["properties"][name] = section(field.annotation)
    found["properties"]["hydra"] = {"type": "object", "description": "Hydra's own settings: folders, sweeps, logging"}
    return found | {"required": []}


def component(group: str) -> Schema:
    """Return the schema of a section that is built: `_target_` says which settings it has."""
    known = {name: kind for name, kind in Component.known.items() if name.startswith(PLACES[group])}
    found = chosen_by("_target_", TARGET, {rf"(^|\.){re.escape(name)}$": kind for name, kind in known.items()})
    for path in sorted((CONFIGS / group).glob("*.yaml")):  # settings of what has no class: any value
        values: Any = OmegaConf.to_container(OmegaConf.load(path))
        if isinstance(values, dict):
            found["else"]["properties"] |= {name: {} for name in values if name not in found["else"]["properties"]}
    return found


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
    return chosen_by(
        "name", {"description": "Which one", "enum": list(names)}, {f"^{key}$": names[key] for key in names}
    )


def sweeper() -> Schema:
    """Return the schema of hydra/sweeper/optuna.yaml."""
    found = section(search.Search)
    found["properties"] |= {name: {"$ref": f"{name}.json"} for name in ("sampler", "pruner")}
    found["properties"] |= {name: {} for name in ("_target_", "_recursive_", "params", "trial")}
    return found


def launcher() -> Schema:
    """Return the schema of the files of hydra/launcher; those of Hydra itself may hold anything."""
    kinds = {rf"^hydra_plugins\.{kind.__module__.rpartition('.')[2]}_": kind for kind in (ray.Options, slurm.Options)}
    return chosen_by("_target_", {"description": "Plugin of Hydra", "type": "string"}, kinds) | {"else": {}}


def chosen_by(key: str, allowed: Schema, kinds: Mapping[str, type[BaseModel]]) -> Schema:
    """Return the schema of a section where `key`, by the pattern it matches, says which class the settings are of.

    Without `key`, which then comes from another file, they may be those of any class.
    """
    sections = {pattern: section(kind) for pattern, kind in kinds.items()}
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
    del merged[key]
    return {
        "type": ["object", "null"],
        "properties": {key: allowed},
        "if": {"required": [key]},
        "then": {"allOf": branches},
        "else": {"properties": merged, "additionalProperties": False},
    }


def section(settings: type[BaseModel]) -> Schema:
    """Return the schema of a section that holds the settings of a class, and no others."""
    described = settings.model_json_schema()
    meaning = meanings(settings)
    properties: Schema = {"defaults": DEFAULTS}
    for name, allowed in described["properties"].items():
        default = {"default": allowed["default"]} if "default" in allowed else {}
        rule = {key: value for key, value in allowed.items() if key not in ("title", "default", "description")}
        options = rule.get("anyOf", [rule])
        properties[name] = {"description": meaning.get(name, ""), **default, "anyOf": [*options, PLACEHOLDER]}
    return {
        "description": inspect.cleandoc(settings.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": described.get("required", []),
        "additionalProperties": False,
    }


def meanings(settings: type[BaseModel]) -> dict[str, str]:
    """Return the comment beside or above each setting, also of those that are inherited."""
    found: dict[str, str] = {}
    for kind in reversed(settings.__mro__):
        if issubclass(kind, BaseModel) and kind.__module__.startswith(f"{__package__}."):
            found |= comments(textwrap.dedent(inspect.getsource(kind)))
    return found


def comments(source: str) -> dict[str, str]:
    """Return the comment beside or above each annotated name in the source of a class."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    remarks = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
    (kind,) = ast.parse(source).body
    found: dict[str, str] = {}
    for line in ast.walk(kind):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            first = line.lineno
            while first - 1 in remarks and not remarks[first - 1].line[: remarks[first - 1].start[1]].strip():
                first -= 1
            texts = [remarks[at].string for at in range(first, (line.end_lineno or first) + 1) if at in remarks]
            if texts:
                found[line.target.id] = " ".join(text.lstrip("# ") for text in texts).replace("None", "null")
    return found


def text(schema: Any, indent: int = 0) -> str:
    """Return a schema as JSON, with as much in a line as goes into it."""
    line = json.dumps(schema, ensure_ascii=False)
    if len(line) + indent < WIDTH or not isinstance(schema, dict | list):
        return line
    entries = schema.items() if isinstance(schema, dict) else ((None, entry) for entry in schema)
    texts = [("" if key is None else f"{json.dumps(key)}: ") + text(entry, indent + 1) for key, entry in entries]
    space = "\n" + " " * indent
    start, end = "{}" if isinstance(schema, dict) else "[]"
    return f"{start}{space} " + f",{space} ".join(texts) + f"{space}{end}"


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        path = FOLDER / f"{name}.json"
        path.write_text(text(schema) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
