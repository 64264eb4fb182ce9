"""The configuration of a run on the terminal."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import OmegaConf
from rich.console import Console
from rich.syntax import Syntax


class ShowConfiguration(Callback):
    """Prints the whole configuration of a run on the terminal before the training starts."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        path = Path(trainer.default_root_dir) / ".hydra" / "config.yaml"
        if trainer.is_global_zero and path.exists():
            text = OmegaConf.to_yaml(OmegaConf.load(path))
            Console(stderr=True).print(Syntax(text, "yaml", background_color="default"))
