"""The end of an epoch, for all members at once: the metrics of its steps, and the validation that follows.

Each is a few dozen small operations, as a step is, which members would call one after the other. Where all of them have
trained for a whole epoch, and are validated with one batch each, the stack computes them as it computes a step:

    outputs (M, N, K), targets (M, N)  ->  each metric (M,)         the metrics of the first member, under `vmap`
    validation batches (M, N, ...)     ->  losses, outputs, metrics

and a member finds the values when it gets there. Its callbacks, loggers and checkpoints do what they always do.
The first time a stack tries it, each member computes its metrics by itself as well. If they differ, or if a metric does
what `vmap` does not know (it sorts, or looks at values), members go on by themselves.

Dimensions: M members, S steps, B batch, N samples.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from loguru import logger
from torch import Tensor

from ..loop.lean_validation import set_modes, start_evaluating, to_device
from ..tasks.epoch_metrics import BYTES_AT_ONCE, EpochMetrics
from .attributes import ChangesAttributes, as_they_were
from .batching import is_close, map_tensors
from .generators import DrawsForAll, Generators
from .member import Validated, Window

if TYPE_CHECKING:
    from .stack import Stack

Values = list[dict[str, Tensor] | None]  # metrics of each member; None: it computes them by itself
STEPS = 16  # at most so many training batches of samples are validated at once, see `needed` in memory.py


class EpochEnd:
    """Computes what members need at the ends of their epochs.

    Args:
        stack: of these members.
    """

    def __init__(self, stack: "Stack") -> None:
        self.stack = stack
        self.agrees: dict[str, bool] = {}  # by stage: whether all members at once find what each finds by itself
        self.batch: list[Tensor] = []  # of the last validation, stacked
        self.sources: list[Tensor] = []  # that it was made of: while they are kept, no other has their memory
        self.versions: list[tuple[int, int]] = []

    @torch.no_grad()
    def measure(self, windows: Sequence[Window], losses: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Put what was found into the windows of members that have trained for an epoch.

        Args:
            windows: of the members.
            losses: of their steps (M, S).
            outputs: of their networks (M, S, B, ...).
            targets: as many as there are samples (M, S, B, ...).
        """
        if not all(window.is_epoch and not window.left and len(window.results) == 1 for window in windows):
            return
        tasks = self.tasks
        weights = torch.stack([window.batches[-1] for window in windows]) if tasks[0].has_weights else None
        found = self.values("train", [task.train_metrics for task in tasks], losses, outputs, targets, weights)
        for window, values in zip(windows, found, strict=True):
            window.metrics = values
        batches = [window.validation_batch for window in windows]
        if self.agrees.get("val", True) and not any(batch is None for batch in batches):
            try:
                self.validate(windows, batches)  # type: ignore[arg-type]
            except Exception as error:  # whatever an operation says that vmap does not know
                self.refuse("val", error)

    @property
    def tasks(self) -> list[Any]:
        """The tasks of the members."""
        return [loop.trainer.lightning_module for loop in self.stack.loops]

    def values(
        self,
        stage: str,
        metrics: Sequence[EpochMetrics],
        losses: Tensor,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None,
    ) -> Values:
        """Return the metrics of each member, where its losses are finite, and nothing of it was measured before."""
        nothing: Values = [None] * len(metrics)
        are_finite = losses.isfinite().all(1).tolist()
        if not self.agrees.get(stage, all(are_finite)) or outputs.nbytes > BYTES_AT_ONCE:
            return nothing
        if not all(one.is_empty for one in metrics):
            return nothing
        given = losses, outputs, targets, *([] if weights is None else [weights])
        try:
            own = [] if stage in self.agrees else [by_itself(*one) for one in zip(metrics, *given, strict=True)]
            held = held_by(metrics[0])
            found = self.together(metrics[0], *given)
            if held_by(metrics[0]) != held:
                raise ChangesAttributes("a metric keeps tensors that are no states of it")
            rows = [dict(zip(found, row, strict=True)) for row in zip(*map(torch.unbind, found.values()), strict=True)]
            if own:
                self.agrees[stage] = all(map(are_close, own, rows))
        except Exception as error:  # as above
            self.refuse(stage, error)
        if not self.agrees[stage]:
            return nothing
        return [row if is_finite else None for row, is_finite in zip(rows, are_finite, strict=True)]

    def refuse(self, stage: str, error: Exception) -> None:
        """Let members compute what belongs to a stage by themselves."""
        logger.opt(exception=error).debug("The {} metrics of members are computed one after the other.", stage)
        self.agrees[stage] = False

    def together(
        self, metrics: EpochMetrics, losses: Tensor, outputs: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the metrics of all members (M,), computed by those of the first as if they were of one."""
        level, waiting = self.stack.level, metrics.waiting
        given = [losses, outputs, targets, *([] if weights is None else [weights])]
        folded = self.stack.folded
        with self.stack.in_place_of_one(folds=True):
            folded.measures, before = True, waiting.last_finite
            try:
                for metric in metrics.all_metrics().values():
                    for name, state in metric.metric_state.items():
                        if isinstance(state, Tensor):
                            setattr(metric, name, level.of_one(state.expand(level.size, *state.shape).clone()))
                metrics.take_many(*map(level.of_one, given))
                return {name: level.of_all(value) for name, value in metrics.compute().items()}
            finally:
                metrics.reset()
                folded.measures, waiting.last_finite = False, before

    def validate(self, windows: Sequence[Window], batches: Sequence[list[Tensor]]) -> None:
        """Validate all members with one batch each."""
        samples = len(batches[0][0])
        if samples > STEPS * windows[0].results[0][2].shape[1] or not self.stack_batches(batches):
            return
        tasks = self.tasks
        own = [] if "val" in self.agrees else self.each_by_itself(batches)
        modes = start_evaluating(tasks[0])
        try:
            # One step (S = 1) of all samples.
            before = versions_of(self.batch)
            losses, outputs, targets = (one.unsqueeze(1) for one in self.stack.losses(self.batch, penalises=False))
            if versions_of(self.batch) != before:
                self.forget()
                raise ChangesAttributes("it changes the samples of a validation")
            for i, (loss, output) in enumerate(own):
                if not (is_close(loss, losses[i, 0]) and is_close(output, outputs[i, 0])):
                    self.agrees["val"] = False
            weights = self.batch[-1].unsqueeze(1) if tasks[0].has_weights else None
            found = self.values("val", [t.val_metrics[0] for t in tasks], losses, outputs, targets, weights)
        finally:
            set_modes(modes)
        then = [tensor.clone() for tensor in self.stack.tensors.values()]
        for i, (window, values) in enumerate(zip(windows, found, strict=True)):
            if values is not None:
                given = losses[i], outputs[i], targets[i], None if weights is None else weights[i]
                now = list(self.stack.weights.own[i].values())
                window.validated = Validated(values, given, now, [tensor[i] for tensor in then])

    def each_by_itself(self, batches: Sequence[list[Tensor]]) -> list[tuple[Tensor, Tensor]]:
        """Return the loss and the outputs of each member on its batch, computed by itself.

        Raises:
            ChangesAttributes or DrawsForAll: an evaluation does what all members cannot do at once.
        """
        before, found = Generators(self.batch[0].device), []
        with as_they_were(self.tasks[:1]) as attributes:
            for task, batch in zip(self.tasks, batches, strict=True):
                modes = start_evaluating(task)
                with self.stack.context():
                    loss, outputs, _ = task.step(to_device(map_tensors(torch.clone, batch), task.device))
                set_modes(modes)
                found.append((loss, outputs))
            attributes.check()
        if before.have_moved():
            before.put_back()
            raise DrawsForAll("its evaluation draws random numbers")
        return found

    def stack_batches(self, batches: Sequence[list[Tensor]]) -> bool:
        """Stack the batches of all members, unless they are those of the last time; say whether they can be."""
        tensors = [tensor for batch in batches for tensor in batch]
        versions = versions_of(tensors)
        if self.versions != versions:
            self.forget()
            if len({tuple((t.shape, t.dtype) for t in batch) for batch in batches}) > 1:
                return False
            if sum(tensor.nbytes for tensor in tensors) > BYTES_AT_ONCE:
                return False
            stacked = [torch.stack(parts) for parts in zip(*batches, strict=True)]
            self.sources, self.versions, self.batch = tensors, versions, to_device(stacked, self.tasks[0].device)
        return True

    def forget(self) -> None:
        """Give back the samples of the last validation."""
        self.sources, self.versions, self.batch = [], [], []


def versions_of(tensors: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Return what of tensors is another if one of them was changed in place, or has another memory."""
    return [(tensor._version, tensor.data_ptr()) for tensor in tensors]


def by_itself(metrics: EpochMetrics, *batches: Any) -> dict[str, Tensor]:
    """Return the metrics of a member, which it computes itself."""
    metrics.add_many(*batches)
    return metrics.compute()


def held_by(metrics: EpochMetrics) -> list[int]:
    """Return which tensors metrics hold that are no states: nobody would put them back."""
    held = [(vars(metric).items(), metric.metric_state) for metric in metrics.all_metrics().values()]
    return [
        id(value) for items, states in held for key, value in items if isinstance(value, Tensor) and key not in states
    ]


def are_close(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Say whether metrics agree to half of their digits."""
    return one.keys() == other.keys() and all(is_close(one[name], other[name]) for name in one)
