"""What tasks on the fast path share: a step is forward, loss, and nothing else.

Dimensions: B batch, K outputs.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from ..components import build
from ..data.batches import evaluation_batch
from ..data.datamodule import EVALUATION_BATCH
from ..data.spec import DataSpec
from ..metrics import DEFAULTS, named, snake_case
from ..mistakes import UserMistake
from ..running.collectives import in_shares
from .epoch_metrics import EpochMetrics, View, collection, identity

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from polars import DataFrame

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
Batch = Any  # a tuple of inputs, and the targets last; or what a subclass's `step` takes


class Task(LightningModule):
    """Joins network, loss, optimizer, scheduler and metrics.

    A subclass for another loss overrides `step`; one for other predictions `to_predictions`. Whoever needs more
    (several optimizers, manual optimization, metrics by `self.log`) writes a plain LightningModule: a task as well.

    Args:
        network: maps standardised inputs (B, *input_shape) to outputs (B, K). If it has `solve(inputs, targets)` it is
            not trained in steps: `solve` is called once, with all training samples. If it has `penalty()`, what that
            returns () is added to the loss.
        loss: maps outputs and targets to the mean loss (); with `spec.has_weights` also weights (B,).
        spec: the data that the network was built for.
        scaling: the standardisation of the data.
        optimizer: called with parameters, or groups of them, returns an optimizer.
        scheduler: called with the optimizer, returns a schedule as Lightning configures one; None keeps the rate
            constant.
        metrics: names from `metrics.METRICS`, or metrics of torchmetrics; None: those that are usual for the task.
    """

    kind: ClassVar[str] = ""  # of task, as `metrics.METRICS` calls it: which metrics have names
    # Metrics that are no class and whose direction has to be known: {"elbo": True}
    higher_is_better: ClassVar[dict[str, bool]] = {}

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        spec: DataSpec,
        scaling: nn.Module,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[[Optimizer], dict[str, Any]] | None = None,
        metrics: Sequence[Any] | None = None,
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.loss = loss
        self.spec = spec
        self.scaling: Any = scaling
        self.is_solved = hasattr(network, "solve")
        self.is_trained = False  # the run goes on after its training
        self.has_penalty = hasattr(network, "penalty")
        self.has_weights = spec.has_weights
        self.counted_batch = -1  # the last training batch whose loss is in the metrics
        self.automatic_optimization = not self.is_solved
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.metrics = metrics if metrics is not None else DEFAULTS.get(self.kind, ())
        steps = not self.is_solved  # only a training in steps can diverge
        self.train_metrics = EpochMetrics("train", self.views(self.make_metrics()), must_be_finite=steps)
        # One for each loader of the stage; most have one.
        self.val_metrics = [self.evaluation_metrics("val")]
        self.test_metrics = [self.evaluation_metrics("test")]

    def make_metrics(self) -> dict[str, Metric]:
        """Return the metrics of one stage by their names."""
        found: dict[str, Metric] = {}
        for metric in self.metrics:
            if isinstance(metric, str):
                component = named(metric, self.kind, self.spec.output_size)
                size = self.spec.output_size
                found[metric] = build(component, spec=self.spec, num_classes=size, num_labels=size)
                continue
            name = snake_case(type(metric).__name__)
            if name in found:
                raise UserMistake(
                    f"task.metrics holds two metrics that go by the name {name}. Give one another name: a class of "
                    "your own that extends it, in metrics/"
                )
            found[name] = metric.clone()
        return found

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Return metrics by what they take of outputs and targets; here all take them as they are."""
        return [View(collection(metrics), identity)] if metrics else []

    def evaluation_metrics(self, stage: str) -> EpochMetrics:
        """Return new metrics of a stage that evaluates."""
        finite = stage.startswith("val") and not self.is_solved
        return EpochMetrics(stage, self.views(self.make_metrics()), must_be_finite=finite)

    @property
    def metric_names(self) -> list[str]:
        """The metrics of every stage."""
        return ["loss", *self.train_metrics.all_metrics()]

    @property
    def directions(self) -> dict[str, bool]:
        """Whether higher is better, of each metric that says so."""
        stated = {name: metric.higher_is_better for name, metric in self.train_metrics.all_metrics().items()}
        return {name: bool(higher) for name, higher in stated.items() if higher is not None} | self.higher_is_better

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return what outputs (B, K) say, in the units of the data: probabilities, values or quantiles."""
        return outputs

    @property
    def prediction_names(self) -> list[str]:
        """The names of the columns of predictions."""
        return [f"output{i + 1}" for i in range(self.spec.output_size)]

    def as_table(self, predictions: NDArray[Any]) -> "DataFrame":
        """Return predictions (samples, K) under the names of their columns.

        Raises:
            UserMistake: they are of another shape.
        """
        import polars

        if predictions.ndim != 2:
            raise UserMistake(
                f"{type(self).__name__} predicts {predictions.shape[1:]} for each sample, which is no row of a table: "
                "give it a method as_table(predictions)"
            )

        return polars.DataFrame(predictions, schema=self.prediction_names)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs (B, *input_shape), in the units of the data, to predictions."""
        return self.to_predictions(self.network(self.scaling(*inputs)))

    def on_fit_start(self) -> None:
        """Solve a network that is not trained in steps."""
        if self.is_solved and not self.is_trained:
            self.network.solve(*self.trainer.datamodule.training_samples())  # type: ignore[attr-defined]

    def step(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean loss () of a batch, its outputs, and its targets: what metrics are computed of.

        Override it for another loss, or for batches of another form, such as dictionaries. The fast path stays.
        """
        if self.has_weights:
            *inputs, targets, weights = batch
            outputs = in_shares(self.network, inputs)
            return self.loss(outputs, targets, weights), outputs, targets
        *inputs, targets = batch
        outputs = in_shares(self.network, inputs)
        return self.loss(outputs, targets), outputs, targets

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch. The hot path: nothing here waits for the device or calls `self.log`."""
        loss, outputs, targets = self.step(batch)
        if self.has_penalty:
            loss = loss + self.network.penalty()
        if batch_idx != self.counted_batch:  # L-BFGS evaluates a batch again and again; as elsewhere, the first counts
            self.counted_batch = batch_idx
            self.train_metrics.add(loss, outputs, targets, batch[-1] if self.has_weights else None)
        return loss

    def evaluation_step(self, batch: Batch, metrics: EpochMetrics) -> tuple[Tensor, Tensor]:
        """Add one batch to `metrics` and return its outputs and targets."""
        loss, outputs, targets = self.step(batch)
        metrics.add(loss, outputs, targets, batch[-1] if self.has_weights else None)
        return outputs, targets

    def on_validation_start(self) -> None:
        """Keep the metrics of several loaders apart."""
        self.one_for_each_loader(self.val_metrics, "val", len(self.trainer.num_val_batches))

    def on_test_start(self) -> None:
        """Keep the metrics of several loaders apart."""
        self.one_for_each_loader(self.test_metrics, "test", len(self.trainer.num_test_batches))

    def one_for_each_loader(self, metrics: list[EpochMetrics], stage: str, loaders: int) -> None:
        """Make metrics for each loader of a stage, where there are several."""
        if len(metrics) != max(loaders, 1):
            metrics[:] = [self.evaluation_metrics(stage) for _ in range(loaders)]
        for one in metrics:
            one.to(self.device)

    def on_validation_epoch_start(self) -> None:
        """Look at the losses of the steps before: validation would only tell that something went wrong.

        Raises:
            Diverged: one is not finite.
        """
        self.train_metrics.check()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add one validation batch to the metrics."""
        self.evaluation_step(batch, self.val_metrics[dataloader_idx])

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add one test batch to the metrics."""
        self.evaluation_step(batch, self.test_metrics[dataloader_idx])

    def log_epoch(self, metrics: dict[str, Tensor], steps_ago: int = 0) -> None:
        """Hand the metrics of an epoch to callbacks and loggers.

        `self.log_dict` does the same, but prepares for averages over steps, at the cost of two steps of a small model.

        Args:
            metrics: computed, by name.
            steps_ago: Lightning counts the last step before it ends an epoch of training, not before it validates.
        """
        if self.trainer.sanity_checking:
            return
        connector = self.trainer._logger_connector
        connector._callback_metrics.update(metrics)
        step = self.trainer.fit_loop.epoch_loop._batches_that_stepped - steps_ago
        connector.log_metrics({"epoch": torch.tensor(self.current_epoch), **metrics}, step)

    def on_train_epoch_end(self) -> None:
        """Log the metrics of the epoch, taken while the weights changed."""
        self.counted_batch = -1
        self.log_epoch(self.train_metrics.compute(), steps_ago=1)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the validation samples.

        Raises:
            Diverged: their loss is not finite.
        """
        self.log_epoch(of_all_loaders(self.val_metrics))

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test samples."""
        self.log_epoch(of_all_loaders(self.test_metrics))

    def save_state(self) -> dict[str, Any]:
        """Return what the training epoch has come to so far, for a run that goes on."""
        return {"train_metrics": self.train_metrics.save_state(), "counted_batch": self.counted_batch}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on with the epoch that `state` is of."""
        self.train_metrics.load_state(state["train_metrics"], self.device)
        self.counted_batch = state["counted_batch"]

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the schedule if there is one."""
        if self.is_solved:
            return None
        optimizer = self.optimizer(self.parameters())
        if self.trainer.gradient_clip_val:
            # A fused optimizer would undo the scaling of 16-mixed within its step, after the gradients are clipped.
            optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer)}

    def require_one_input(self) -> None:
        """Look whether the network maps single inputs: rows of a table, and what a program is traced with.

        Raises:
            UserMistake: it takes several, such as the features and the edges of a graph.
        """
        parameters = inspect.signature(self.network.forward).parameters.values()
        needed = [one.name for one in parameters if one.default is one.empty and one.kind not in MANY]
        if len(needed) > 1 and type(self).forward is Task.forward:
            raise UserMistake(
                f"{type(self.network).__name__} takes {', '.join(needed)}, and here is one input for each sample. "
                f"{type(self).__name__} needs a forward(self, inputs) that returns predictions (B, K) for these alone"
            )

    @torch.no_grad()
    def predict_array(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return predictions for inputs (samples, *input_shape), both in the units of the data."""
        self.eval()
        return torch.cat([self(batch) for batch in self.batches(inputs)]).cpu().numpy()

    def batches(self, inputs: NDArray[Any]) -> tuple[Tensor, ...]:
        """Return inputs (samples, *input_shape) in batches that fit into memory, on the device of the task."""
        size = evaluation_batch(EVALUATION_BATCH, inputs[:1].nbytes * max(1, self.spec.output_size))
        return torch.from_numpy(inputs).to(self.device).split(size)

    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return the figures that this task adds, by name; called after the test."""
        return {}


def of_all_loaders(metrics: list[EpochMetrics]) -> dict[str, Tensor]:
    """Return the metrics of a stage; those of several loaders are told apart as Lightning does it."""
    if len(metrics) == 1:
        return metrics[0].compute()
    return {
        f"{name}/dataloader_idx_{number}": value
        for number, one in enumerate(metrics)
        for name, value in one.compute().items()
    }
