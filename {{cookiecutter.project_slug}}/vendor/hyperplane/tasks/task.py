"""What tasks on the fast path share: a step is forward, loss, and nothing else.

Dimensions: B batch, K outputs.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from ..data.batches import evaluation_batch, values_of_tokens
from ..data.datamodule import EVALUATION_BATCH
from ..data.lazy_polars import pl
from ..data.spec import DataSpec, GraphSpec, TextSpec
from ..errors import UserError
from ..processes.collectives import shard_batch
from ..processes.signals import at_once
from .epoch_metrics import EpochMetrics
from .measuring import Measuring

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
HALF = (torch.float16, torch.bfloat16)
Batch = Any  # a tuple of inputs, and the targets last; or what a subclass's `step` takes


class Task(Measuring):
    """Joins network, loss, optimizer, scheduler and metrics.

    A subclass for another loss overrides `step`; one for other predictions `to_predictions`. Whoever needs more
    (several optimizers, manual optimization, metrics by `self.log`) writes a plain LightningModule: a task as well.

    Args:
        network: maps standardised inputs (B, *input_shape) to outputs (B, K). If it has `solve(inputs, targets)` it is
            not trained in steps: `solve` is called once, with all training samples. If it has `penalty()`, what that
            returns () is added to the loss, unless it has `has_penalty = False`.
        loss: maps outputs and targets to the mean loss (); with `spec.has_weights` also weights (B,). Where samples
            count differently in that mean, `sample_weights(targets, weights or None)` returns how much (B,).
        spec: the data that the network was built for.
        scaling: the standardisation of the data.
        optimizer: called with parameters, or groups of them, returns an optimizer.
        scheduler: called with the optimizer, returns a schedule as Lightning configures one; None keeps the rate
            constant.
        metrics: names from `metrics.METRICS`, or metrics of torchmetrics; None: those that are usual for the task.

    Raises:
        UserError: the data are for another kind of task.
    """

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
        if self.kind and spec.task and spec.task != self.kind:
            raise UserError(
                f"task={type(self).__name__} is for {self.kind}, but these data are for {spec.task}. task=auto chooses "
                "what fits; a task for any data extends hyperplane.Task itself"
            )
        is_solved = hasattr(network, "solve")
        # A step of one's own may mean another loss.
        sample_weights = getattr(loss, "sample_weights", None) if type(self).step is Task.step else None
        super().__init__(spec, metrics, not is_solved, sample_weights)
        self.network: Any = network
        self.loss = loss
        self.scaling: Any = scaling
        self.is_solved = is_solved
        self.is_trained = False  # the run goes on after its training
        self.has_penalty = getattr(network, "has_penalty", hasattr(network, "penalty"))
        self.has_weights = spec.has_weights
        self.predicts_nodes = isinstance(spec, GraphSpec)
        self.automatic_optimization = not self.is_solved
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.widens = False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert the task. What a network of 16 bits returns has 32: a loss of three digits says little."""
        super()._apply(fn, recurse)
        if not self.widens and any(one.dtype in HALF for one in (*self.network.parameters(), *self.network.buffers())):
            self.widens = True
            self.network.register_forward_hook(in_32_bits)
        if self.widens:
            self.loss.float()  # the weights of its classes
        return self

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return what outputs (B, K) say, in the units of the data: probabilities, values or quantiles."""
        return outputs

    @property
    def prediction_names(self) -> list[str]:
        """The names of the classes, labels or targets, where the data have some."""
        names = self.spec.class_names or self.spec.target_names
        return list(names) or [f"output{i + 1}" for i in range(self.spec.output_size)]

    def as_table(self, predictions: NDArray[Any]) -> "pl.DataFrame":
        """Return predictions (samples, K) under the names of their columns.

        Raises:
            UserError: they are of another shape.
        """
        if predictions.ndim != 2:
            raise UserError(
                f"{type(self).__name__} predicts {predictions.shape[1:]} for each sample, which is no row of a table: "
                "give it a method as_table(predictions)"
            )

        return pl.DataFrame(predictions, schema=self.prediction_names)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs (B, *input_shape), in the units of the data, to predictions."""
        return self.to_predictions(self.network(*self.prepared(*inputs)))

    def prepared(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what the network takes of inputs in the units of the data."""
        scaled = self.scaling(*inputs)
        if isinstance(self.spec, TextSpec):
            return self.spec.with_mask(scaled)
        return scaled if isinstance(scaled, tuple) else (scaled,)

    def solve_at_once(self) -> None:
        """Solve a network that is not trained in steps; called when the training starts."""
        if self.is_solved and not self.is_trained:
            with at_once():
                self.network.solve(*self.trainer.datamodule.training_samples())  # type: ignore[attr-defined]

    def step(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean loss () of a batch, its outputs, and its targets: what metrics are computed of.

        Override it for another loss, or for batches of another form, such as dictionaries. The fast path stays.

        Raises:
            UserError: the batch is a dictionary.
        """
        if isinstance(batch, dict):
            raise UserError(
                f"Batches are dictionaries with {', '.join(map(str, batch))} here, and {type(self).__name__} takes "
                "tuples (inputs, targets). Let the data set return those, or take dictionaries apart in the step of a "
                "task of your own: vendor/hyperplane/pages/adding.md, Any other data"
            )
        if self.has_weights:
            *inputs, targets, weights = batch
            outputs = shard_batch(self.network, inputs)
            return self.loss(outputs, targets, weights), outputs, targets
        *inputs, targets = batch
        if self.predicts_nodes:
            *inputs, nodes = inputs
        try:
            outputs = shard_batch(self.network, inputs)
            if self.predicts_nodes:  # those of a part, of all that are computed
                outputs = outputs[nodes]
            return self.loss(outputs, targets), outputs, targets
        except (TypeError, RuntimeError, IndexError) as error:
            if len(inputs) != 1 and not self.spec.has_mask:  # data of one's own
                error.add_note(
                    f"Of the {len(inputs) + 1} items of a batch, the last is the target, and the others are what "
                    f"{type(self.network).__name__} takes: batches of another form need a task of your own, see "
                    "vendor/hyperplane/pages/adding.md, Any other data"
                )
            raise

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch. The hot path: nothing here waits for the device or calls `self.log`."""
        loss, outputs, targets = self.step(batch)
        if self.has_penalty:
            loss = loss + self.network.penalty()
        self.train_metrics.add(loss, outputs, targets, batch[-1] if self.has_weights else None, batch_idx)
        return loss

    def evaluation_step(self, batch: Batch, metrics: EpochMetrics) -> tuple[Tensor, Tensor]:
        """Add one batch to `metrics` and return its outputs and targets."""
        loss, outputs, targets = self.step(batch)
        metrics.add(loss, outputs, targets, batch[-1] if self.has_weights else None)
        return outputs, targets

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.evaluation_step(batch, self.val_metrics[dataloader_idx])

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.add_naive(batch, *self.evaluation_step(batch, self.test_metrics[dataloader_idx]))

    def add_naive(self, batch: Batch, outputs: Tensor, targets: Tensor) -> None:
        """Add a test batch to the metrics of the naive model; a step of one's own may mean other outputs."""
        if self.naive is not None and type(self).step is Task.step:
            self.naive.add(self.loss, outputs, targets, batch[-1] if self.has_weights else None)

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
        """Refuse a network of several inputs, such as features and edges: here is one for each sample."""
        parameters = inspect.signature(self.network.forward).parameters.values()
        needed = [one.name for one in parameters if one.default is one.empty and one.kind not in MANY]
        if len(needed) > 1 and type(self).forward is Task.forward:
            raise UserError(
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
        values = inputs[:1].nbytes * max(1, self.spec.output_size) + 4 * values_of_tokens(self.spec)
        # The nodes of a graph belong together.
        size = len(inputs) if isinstance(self.spec, GraphSpec) else evaluation_batch(EVALUATION_BATCH, values)
        tensor = torch.from_numpy(inputs)
        return (tensor.float() if self.device.type == "mps" else tensor).to(self.device).split(size)

    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return the figures that this task adds, by name; called after the test."""
        return {}


def in_32_bits(network: nn.Module, inputs: Any, outputs: Any) -> Any:
    """Return the outputs of a network of 16 bits in 32; a forward hook."""
    return outputs.float() if isinstance(outputs, Tensor) and outputs.dtype in HALF else outputs
