"""What a task measures: the metrics of each stage, which are logged at the end of its epochs."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torchmetrics import Metric

from ..components import build
from ..data.spec import DataSpec
from ..errors import UserError
from ..metrics import DEFAULTS, named, snake_case
from ..metrics.metric_names import naive_name
from .epoch_metrics import EpochMetrics, SampleWeights, View, collection, identity
from .naive import NaivePredictor


class Measuring(LightningModule):
    """A module whose steps add to `train_metrics`, `val_metrics` and `test_metrics`.

    Args:
        spec: of the data.
        metrics: names from `metrics.METRICS`, or metrics of torchmetrics; None: those that are usual for the task.
        can_diverge: a loss that is not finite ends the training.
        sample_weights: of the loss, see `EpochMetrics`.
    """

    kind: ClassVar[str] = ""  # of task, as `metrics.METRICS` calls it: which metrics have names
    # Metrics that are no class and whose direction has to be known: {"elbo": True}
    higher_is_better: ClassVar[dict[str, bool]] = {}

    metrics_by_name: ClassVar[bool] = True  # see signatures/capabilities.py

    only_evaluated: tuple[str, ...] = ()  # metrics of validation and test alone

    def __init__(
        self,
        spec: DataSpec,
        metrics: Sequence[Any] | None,
        can_diverge: bool,
        sample_weights: SampleWeights | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.metrics = metrics if metrics is not None else DEFAULTS.get(self.kind, ())
        self.can_diverge = can_diverge
        self.sample_weights = sample_weights
        self.train_metrics = EpochMetrics("train", self.views(self.quick_metrics()), can_diverge, sample_weights)
        # One for each loader of the stage; most have one.
        self.val_metrics = [self.evaluation_metrics("val")]
        self.test_metrics = [self.evaluation_metrics("test")]
        self.naive: NaivePredictor | None = None  # beside the network in a test, if the data say what it predicts

    def naive_output(self) -> Tensor | None:
        """Return what a model gives out (K,) that knows only the training targets; None where nothing says so."""
        return None

    def quick_metrics(self) -> dict[str, Metric]:
        """Return the metrics of training: not those that would sort all samples of each epoch."""
        return {name: metric for name, metric in self.make_metrics().items() if name not in self.only_evaluated}

    def make_metrics(self) -> dict[str, Metric]:
        """Return the metrics of one stage by their names.

        Raises:
            UserError: two go by the same name.
        """
        found: dict[str, Metric] = {}
        for metric in self.metrics:
            if isinstance(metric, str):
                component = named(metric, self.kind, self.spec.output_size)
                size = self.spec.output_size
                found[metric] = build(component, spec=self.spec, num_classes=size, num_labels=size)
                continue
            name = snake_case(type(metric).__name__)
            if name in found:
                raise UserError(
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
        finite = stage == "val" and self.can_diverge
        return EpochMetrics(stage, self.views(self.make_metrics()), finite, self.sample_weights)

    def log(self, name: str, *arguments: Any, **options: Any) -> None:
        """Log as any LightningModule does, from the hooks where Lightning hears it.

        Raises:
            UserError: on the fast path, which calls `step` without them.
        """
        if self._current_fx_name is None and not self.trainer.barebones:
            raise UserError(
                f"self.log({name!r}) has no effect in `step`, which the fast path calls without Lightning's hooks. "
                "Override training_step, validation_step or test_step to log there, or make it a metric"
            )
        super().log(name, *arguments, **options)

    @property
    def metric_names(self) -> list[str]:
        return ["loss", *self.val_metrics[0].all_metrics(), *self.higher_is_better]

    @property
    def directions(self) -> dict[str, bool]:
        """Whether higher is better, of each metric that says so."""
        stated = {name: metric.higher_is_better for name, metric in self.val_metrics[0].all_metrics().items()}
        known = {name: bool(higher) for name, higher in stated.items() if higher is not None} | self.higher_is_better
        return known | {naive_name(name): higher for name, higher in ({"loss": False} | known).items()}

    def on_validation_start(self) -> None:
        """Keep the metrics of several loaders apart."""
        self.one_for_each_loader(self.val_metrics, "val", len(self.trainer.num_val_batches))

    def on_test_start(self) -> None:
        self.one_for_each_loader(self.test_metrics, "test", len(self.trainer.num_test_batches))
        output = self.naive_output() if len(self.test_metrics) == 1 else None
        self.naive = None
        if output is not None:
            self.naive = NaivePredictor(output.to(self.device), self.evaluation_metrics("test").to(self.device))
        self.start_counting()

    def start_counting(self) -> None:
        """Start what a subclass counts in its test; called also where `on_test_start` is another's without super()."""

    def one_for_each_loader(self, metrics: list[EpochMetrics], stage: str, loaders: int) -> None:
        """Make metrics for each loader of a stage, where there are several."""
        if len(metrics) != max(loaders, 1):
            metrics[:] = [self.evaluation_metrics(stage) for _ in range(loaders)]
        for one in metrics:
            if one.place != self.device:  # moving them takes as long as a step
                one.place = self.device
                one.to(self.device)

    def on_validation_epoch_start(self) -> None:
        """Look at the losses of the steps before: validation would only tell that something went wrong."""
        self.train_metrics.check()

    def log_epoch(self, metrics: dict[str, Tensor], steps_ago: int = 0) -> None:
        """Hand the metrics of an epoch to callbacks and loggers.

        `self.log_dict` does the same, but prepares for averages over steps, at the cost of two steps of a small model.

        Lightning counts the last step before it ends an epoch of training, not before it validates: that is one of
        `steps_ago`.
        """
        if self.trainer.sanity_checking:
            return
        connector = self.trainer._logger_connector
        connector._callback_metrics.update(metrics)
        step = self.trainer.fit_loop.epoch_loop._batches_that_stepped - steps_ago
        connector.log_metrics({"epoch": torch.tensor(self.current_epoch), **metrics}, step)

    # A run calls these before the hooks of its callbacks, see `TaskHooks`: then there is nothing left to log.
    def on_train_epoch_end(self) -> None:
        """Log the metrics of the epoch, taken while the weights changed."""
        if not self.train_metrics.is_empty:
            self.log_epoch(self.train_metrics.compute(), steps_ago=1)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the validation samples."""
        if not all(metrics.is_empty for metrics in self.val_metrics):
            self.log_epoch(of_all_loaders(self.val_metrics))

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test samples, and those that a naive model has on them."""
        if not all(metrics.is_empty for metrics in self.test_metrics):
            measured = of_all_loaders(self.test_metrics)
            self.log_epoch(measured | self.floors(measured))

    def floors(self, measured: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what stands beside the metrics `measured` in the test that ends: `test/naive_<metric>`, and others."""
        return self.naive.compute() if self.naive is not None else {}

    def save_epoch(self) -> dict[str, Any]:
        """Return what the training epoch has come to so far, for a run that goes on."""
        return {"train_metrics": self.train_metrics.save_state()}

    def load_epoch(self, state: dict[str, Any]) -> None:
        self.train_metrics.load_state(state["train_metrics"], self.device)


def of_all_loaders(metrics: list[EpochMetrics]) -> dict[str, Tensor]:
    """Return the metrics of a stage; those of several loaders are told apart as Lightning does it."""
    if len(metrics) == 1:
        return metrics[0].compute()
    return {
        f"{name}/dataloader_idx_{number}": value
        for number, one in enumerate(metrics)
        for name, value in one.compute().items()
    }
