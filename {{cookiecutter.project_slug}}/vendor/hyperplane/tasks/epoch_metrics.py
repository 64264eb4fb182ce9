"""Metrics over one epoch, without a cost in every step."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from ..errors import UserError

# An update of a metric costs as much as a small model's step, so it is made once for many batches.
BATCHES_AT_ONCE = 64
BYTES_AT_ONCE = 32 * 2**20  # of outputs that wait, at most: those of dense prediction are large

Measured = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
# What a loss divides by: takes targets and the weights of samples, if there are any; returns each sample's part (B,)
SampleWeights = Callable[[Tensor, Tensor | None], Tensor]


class Diverged(ArithmeticError):
    """A loss that is not a finite number. `ago` counts the batches since then, that batch included."""

    def __init__(self, name: str, value: float, ago: int = 1, before: Tensor | None = None) -> None:
        self.ago = ago
        finite = "" if before is None else f"; the last finite one was {float(before):.4g}"
        super().__init__(f"{name} became {value}{finite}")


def identity(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return outputs, targets


class View(NamedTuple):
    """Metrics that take the same thing, and what makes it of outputs and targets."""

    metrics: MetricCollection
    measured: Measured = identity


class Waiting(NamedTuple):
    """A batch whose metrics are not updated yet."""

    loss: Tensor  # mean ()
    outputs: Tensor
    targets: Tensor
    weights: Tensor | None  # of the samples (B,)


class WaitingBatches(list[Waiting]):
    """The batches that wait, and what changes with each: a module would take a microsecond to set an attribute."""

    bytes = 0  # of their outputs
    last = -1  # the number of the last batch that was added
    # Of the batches that no longer wait; torchmetrics' mean takes as long as a step.
    loss_sum: Tensor | float = 0.0
    weight: Tensor | float = 0.0  # of all samples
    last_finite: Tensor | None = None  # the loss of the last one
    # Of a whole epoch: its metrics, and its batches as `add_many` takes them, which nobody has asked for yet.
    known: tuple[dict[str, Tensor], tuple[Any, ...]] | None = None


class EpochMetrics(nn.Module):
    """The mean loss and other metrics over an epoch of one stage.

    If it `must_be_finite`, a loss that is not stops the run. Without `sample_weights` of the loss each sample counts as
    much as any other, or as its weight (B,) says.
    """

    def __init__(
        self,
        stage: str,
        views: Sequence[View],
        must_be_finite: bool = False,
        sample_weights: SampleWeights | None = None,
    ) -> None:
        super().__init__()
        self.stage = stage
        self.views = nn.ModuleList(view.metrics for view in views)
        self.measured = [view.measured for view in views]
        self.must_be_finite = must_be_finite
        self.sample_weights = sample_weights
        self.place: torch.device | None = None  # where the metrics are, once they were moved there
        self.waiting = WaitingBatches()
        for metric in self.all_metrics().values():
            metric.sync_on_compute = metric._to_sync = False  # every rank has all outputs, see collectives.py

    @property
    def collections(self) -> list[MetricCollection]:
        """The metrics of each view."""
        return list(self.views)  # type: ignore[arg-type]

    def add(
        self, loss: Tensor, outputs: Tensor, targets: Tensor, weights: Tensor | None = None, number: int = -1
    ) -> None:
        """Take in one batch: its mean loss (), its outputs and its targets. Nothing is computed or synchronised yet.

        `number` is that of the batch in its epoch, counted from 0. L-BFGS evaluates a batch again and again; as
        elsewhere, only the first time counts.
        """
        if number >= 0 and number == self.waiting.last:
            return
        outputs = outputs.detach()
        self.waiting.append(Waiting(loss.detach(), outputs, targets, weights))
        self.waiting.bytes += outputs.nbytes
        self.waiting.last = number
        if len(self.waiting) == BATCHES_AT_ONCE or self.waiting.bytes > BYTES_AT_ONCE:
            self.update()

    def add_many(
        self, losses: Tensor, outputs: Tensor, targets: Tensor, weights: Tensor | None = None, first: int = 0
    ) -> None:
        """Take in S batches of one size at once, with what `add` takes of each stacked: (S,), (S, B, ...), (S, B).

        Many of them need not wait for others, nor be joined. `first` is the number of the first one in its epoch.

        Raises:
            Diverged: one of the losses is not finite.
        """
        number = len(losses)
        if self.waiting or number < BATCHES_AT_ONCE // 4 or min(outputs.ndim, targets.ndim) < 2:
            each = zip(losses, outputs, targets, [None] * number if weights is None else weights, strict=True)
            for place, batch in enumerate(each):
                self.add(*batch, number=first + place)
            return
        self.check_losses(losses)
        self.take_many(losses, outputs, targets, weights)
        self.waiting.last = first + number - 1

    def take_many(self, losses: Tensor, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Add S batches of one size, with what `add_many` takes."""
        number, samples = len(losses), targets.flatten(0, 1)
        counts = targets.new_full((number,), targets.shape[1], dtype=torch.int64)  # labels may be true or false
        if self.sample_weights is not None:
            each_weight = self.sample_weights(samples, None if weights is None else weights.flatten())
            counts = each_weight.unflatten(0, (number, -1)).sum(1)
        elif weights is not None:
            counts = weights.sum(1)
        self.take(losses, counts, [(outputs.flatten(0, 1), samples)])

    def add_known(self, values: dict[str, Tensor], *batches: Any) -> None:
        """Take in all batches of an epoch, of which `compute` shall return these values: a stack has computed them.

        The batches, as `add_many` takes them, are added as others are if more of the epoch is asked for.
        """
        self.waiting.known = values, batches
        self.waiting.last_finite = batches[0][-1]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added in this epoch."""
        return not self.waiting and self.waiting.known is None and isinstance(self.waiting.weight, float)

    def update(self) -> None:
        """Bring the metrics up to date with the batches that wait."""
        if self.waiting.known is not None:
            (_, batches), self.waiting.known = self.waiting.known, None
            self.add_many(*batches)
        if not self.waiting:
            return
        losses, outputs, targets, weights = zip(*self.waiting, strict=True)
        stacked = torch.stack(losses)
        self.check_losses(stacked)
        shape = outputs[0].shape[1:]
        are_alike = all(output.shape[1:] == shape for output in outputs)  # and not texts of any length
        joined = [(torch.cat(outputs), torch.cat(targets))] if are_alike else zip(outputs, targets, strict=True)
        self.take(stacked, self.batch_weights(targets, weights), joined)
        self.waiting.clear()
        self.waiting.bytes = 0

    def take(self, losses: Tensor, counts: Tensor, samples: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Add batches: their losses, how much each counts (batches,), and outputs and targets of their samples."""
        self.waiting.last_finite = losses[-1]
        losses = losses.to(torch.promote_types(losses.dtype, torch.float32))  # a sum in bfloat16 soon stands still
        counts = counts.to(losses)
        self.waiting.loss_sum = self.waiting.loss_sum + (losses * counts).sum()
        self.waiting.weight = self.waiting.weight + counts.sum()
        for out, target in samples if self.measured else ():
            for metrics, measured in zip(self.collections, self.measured, strict=True):
                taken = measured(out, target)
                if len(taken[-1]):  # a view may leave samples out, such as those without a class
                    try:
                        metrics.update(*taken)
                    except Exception as error:
                        shapes = " and targets ".join(str(tuple(one.shape)) for one in taken)
                        error.add_note(f"Of task.metrics: {', '.join(map(str, metrics))} took outputs {shapes}")
                        raise

    def batch_weights(self, targets: Sequence[Tensor], weights: Sequence[Any]) -> Tensor:
        """Return how much each batch counts (batches,): the mean over the epoch is that of one batch of everything."""
        sizes = [one.shape[0] for one in targets]
        has_weights = weights[0] is not None
        if self.sample_weights is None:
            return torch.stack([one.sum() for one in weights]) if has_weights else torch.tensor(sizes)
        if any(one.shape[1:] != targets[0].shape[1:] for one in targets):
            each = [self.sample_weights(*one) for one in zip(targets, weights, strict=True)]
        else:
            all_weights = torch.cat(list(weights)) if has_weights else None
            each = list(self.sample_weights(torch.cat(list(targets)), all_weights).split(sizes))
        return torch.stack([one.sum() for one in each])

    def check(self) -> None:
        """Look at the losses of the batches that wait.

        Raises:
            Diverged: one of them is not finite.
        """
        if self.must_be_finite and self.waiting:
            self.check_losses(torch.stack([batch.loss for batch in self.waiting]))

    def check_losses(self, losses: Tensor) -> None:
        """Look at losses (batches,) that come after all others."""
        if self.must_be_finite and not losses.isfinite().all():
            first = next(number for number, loss in enumerate(losses) if not loss.isfinite())
            before = losses[first - 1] if first else self.waiting.last_finite
            raise Diverged(f"{self.stage}/loss", float(losses[first]), len(losses) - first, before)

    def compute(self) -> dict[str, Tensor]:
        """Return `<stage>/<metric>` for the epoch, and start the next one.

        Raises:
            UserError: a metric is no single number.
        """
        if self.waiting.known is not None and not self.waiting:
            (values, _), self.waiting.known = self.waiting.known, None
            return values
        self.update()
        values = {"loss": torch.as_tensor(self.waiting.loss_sum) / self.waiting.weight}
        for metrics in self.collections:
            values |= metrics.compute()
        self.reset()
        return {f"{self.stage}/{name}": number(name, value) for name, value in values.items()}

    def reset(self) -> None:
        for metrics in self.collections:
            metrics.reset()
        self.waiting.loss_sum, self.waiting.weight = 0.0, 0.0
        self.waiting.last = -1

    def save_state(self) -> dict[str, Any]:
        """Return all that an epoch has come to so far, as tensors and plain values."""
        if self.waiting.known is not None:
            self.update()
        return {
            "waiting": [tuple(map(apart, batch)) for batch in self.waiting],
            "last": self.waiting.last,
            "last_finite": apart(self.waiting.last_finite),
            "loss": (self.waiting.loss_sum, self.waiting.weight),
            "metrics": states_of(self.all_metrics()),
        }

    def load_state(self, state: dict[str, Any], device: torch.device) -> None:
        self.waiting = WaitingBatches(
            Waiting(*(part.to(device) if isinstance(part, Tensor) else part for part in batch))
            for batch in state["waiting"]
        )
        self.waiting.bytes = sum(batch.outputs.nbytes for batch in self.waiting)
        self.waiting.last = state["last"]
        self.waiting.last_finite = state["last_finite"]
        self.waiting.loss_sum, self.waiting.weight = state["loss"]
        load_states(self.all_metrics(), state["metrics"], device)

    def all_metrics(self) -> dict[str, Metric]:
        found: dict[str, Metric] = {}
        for metrics in self.collections:
            found |= dict(metrics.items(keep_base=True, copy_state=False))
        return found


def number(name: str, value: Any) -> Tensor:
    """Return what a metric has come to as a tensor.

    Raises:
        UserError: it is several numbers, such as a matrix or a curve.
    """
    if isinstance(value, Tensor) and value.numel() == 1:
        return value
    if isinstance(value, int | float):
        return torch.tensor(float(value))
    raise UserError(
        f"task.metrics: {name} is several numbers. Choose an average=, wrap it in torchmetrics.wrappers."
        "ClasswiseWrapper, or draw it: figures(data) in a task of your own"
    )


def apart(value: Any) -> Any:
    """Return a tensor without what it is a part of, such as the outputs of a stack: a file would hold that too."""
    is_part = isinstance(value, Tensor) and value.untyped_storage().nbytes() > value.nbytes
    return value.clone() if is_part else value


def collection(metrics: dict[str, Metric], compute_groups: bool = True) -> MetricCollection:
    """Return metrics that take the same thing as one; a single metric shares no state with others."""
    is_grouped = compute_groups and len(metrics) > 1
    return MetricCollection(cast(dict[str, Metric | MetricCollection], metrics), compute_groups=is_grouped)


def states_of(metrics: dict[str, Metric]) -> dict[str, Any]:
    """Return what metrics have come to, as tensors and plain values."""
    return {name: (metric._update_count, metric.metric_state) for name, metric in metrics.items()}


def load_states(metrics: dict[str, Metric], states: dict[str, Any], device: torch.device) -> None:
    """Let metrics go on from what `states_of` returned."""
    for name, metric in metrics.items():
        if name not in states:
            continue
        metric._update_count, values = states[name]
        metric._computed = None
        for key, value in values.items():  # cloned, as metrics that share their state are saved as one
            copied = [item.to(device, copy=True) for item in value] if isinstance(value, list) else None
            setattr(metric, key, value.to(device, copy=True) if copied is None else copied)
