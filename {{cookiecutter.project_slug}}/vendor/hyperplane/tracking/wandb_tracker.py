"""What Weights & Biases shows of a run beside its metrics."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .base import Tracker
from .wandb_run import finish_wandb


class WandbTracker(Tracker):
    """A run of W&B; `inner` is Lightning's WandbLogger."""

    def show(self, figures: Mapping[str, Path]) -> None:
        import wandb

        self.attempt(
            lambda: self.experiment.log({f"figures/{name}": wandb.Image(str(path)) for name, path in figures.items()})
        )

    def note(self, summary: Mapping[str, Any]) -> None:
        """Put the outcome into the summary of the W&B run: final metrics, where the checkpoints are."""
        outcome = {key: value for key, value in summary.items() if key not in ("metrics", "checkpoint", "overrides")}
        outcome["checkpoint"] = {
            kind: str((self.folder / path).absolute())
            for kind, path in (summary.get("checkpoint") or {}).items()
            if path
        }
        self.attempt(lambda: self.experiment.summary.update({**outcome, **summary.get("metrics", {})}))

    def keep(self, checkpoint: Path, metrics: Mapping[str, float]) -> None:
        """Keep a checkpoint as an artifact of the type model.

        It is not copied: offline, `wandb sync` uploads it from the run folder.
        """
        import wandb

        def log() -> None:
            artifact = wandb.Artifact(f"model-{self.experiment.id}", type="model", metadata=dict(metrics))
            artifact.add_file(str(checkpoint.absolute()), skip_cache=True, policy="immutable")
            self.experiment.log_artifact(artifact, aliases=[checkpoint.stem])

        self.attempt(log)

    def close(self, status: str) -> None:
        """End the W&B run; one that is not completed is marked as failed."""
        super().close(status)
        self.attempt(lambda: finish_wandb(self.experiment, int(status != "completed"), self.folder), closing=True)
        if self.failed:
            import wandb

            with suppress(Exception):  # its process may be gone; without this it would complain when Python ends
                wandb.teardown()
