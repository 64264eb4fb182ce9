"""What Hydra notes of a job in its folder: `.hydra/config.yaml`, `hydra.yaml`, `overrides.yaml`.

OmegaConf writes YAML with a dumper in Python, which takes as long as two epochs of a small model.
"""

from enum import Enum
from pathlib import Path
from typing import Any

from yaml import SafeDumper, ScalarNode, dump

try:
    from yaml import CSafeDumper as Fast
except ImportError:  # without libyaml
    Fast = SafeDumper

MOST = 256  # sections whose texts are kept
TRUTH = {"y", "yes", "n", "no", "true", "false", "on", "off"}  # as YAML 1.1 has it


class Dumper(Fast):
    """Writes texts that would be read as numbers or truth in quotes, as OmegaConf does."""


def represent(dumper: Dumper, text: str) -> ScalarNode:
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
Dumper.add_multi_representer(Enum, lambda dumper, member: represent(dumper, member.name))

_texts: dict[str, str] = {}  # of sections that were written before, by what they hold


def write_notes(values: dict[str, Any], folder: Path) -> None:
    """Write into the folder of a job what it was started with: plain values, with Hydra's own part."""
    own = {key: value for key, value in values.items() if key != "hydra"}
    hydra = values["hydra"]
    texts = {
        "config": "".join(text({key: value}) for key, value in own.items()),
        "hydra": "hydra:\n" + "".join(text({"hydra": {key: value}}).partition("\n")[2] for key, value in hydra.items()),
        "overrides": text(hydra["overrides"]["task"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in texts.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")


def text(part: Any) -> str:
    """Return a part as YAML: most sections of a job are those of the job before."""
    held = repr(part)
    if held not in _texts:
        if len(_texts) > MOST:
            _texts.clear()
        _texts[held] = dump(part, Dumper=Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
    return _texts[held]
