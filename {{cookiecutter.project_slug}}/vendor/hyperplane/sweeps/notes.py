"""What Hydra notes of a job in its folder: `.hydra/config.yaml`, `hydra.yaml`, `overrides.yaml`.

OmegaConf writes YAML with a dumper in Python, which takes as long as two epochs of a small model.
"""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from yaml import SafeDumper, ScalarNode, dump

try:
    from yaml import CSafeDumper as Fast
except ImportError:  # without libyaml
    Fast = SafeDumper

TRUTH = {"y", "yes", "n", "no", "true", "false", "on", "off"}  # as YAML 1.1 has it


class Dumper(Fast):
    """Writes texts that would be read as numbers or truth in quotes, as OmegaConf does."""


def represent(dumper: Dumper, text: str) -> ScalarNode:
    """Write a text."""
    style = "'" if text.lower() in TRUTH or is_number(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def is_number(text: str) -> bool:
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


Dumper.add_representer(str, represent)


def write_notes(config: DictConfig, folder: Path) -> None:
    """Write into the folder of a job what it was started with; `config` holds Hydra's own part too."""
    own: Any = OmegaConf.to_container(config, enum_to_str=True)
    hydra = own.pop("hydra")
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in {"config": own, "hydra": {"hydra": hydra}, "overrides": hydra["overrides"]["task"]}.items():
        text = dump(part, Dumper=Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
