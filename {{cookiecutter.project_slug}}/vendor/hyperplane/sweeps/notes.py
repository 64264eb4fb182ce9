"""What Hydra notes of a job in its folder: `.hydra/config.yaml`, `hydra.yaml`, `overrides.yaml`.

OmegaConf writes YAML with a dumper in Python, which takes as long as two epochs of a small model.
"""

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import OmegaConfDumper


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # in C, where libyaml is there
    """Writes texts that would be read as numbers in quotes, as OmegaConf does."""


Dumper.add_representer(str, OmegaConfDumper.str_representer)


def write_notes(config: DictConfig, folder: Path) -> None:
    """Write into the folder of a job what it was started with; `config` holds Hydra's own part too."""
    own: Any = OmegaConf.to_container(config, enum_to_str=True)
    hydra = own.pop("hydra")
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in {"config": own, "hydra": {"hydra": hydra}, "overrides": hydra["overrides"]["task"]}.items():
        text = yaml.dump(part, Dumper=Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
