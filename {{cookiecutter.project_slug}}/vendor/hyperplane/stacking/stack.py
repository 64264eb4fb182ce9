"""The stack: the step of one network, computed for all members at once.

    θ = (θ₁, ..., θ_M)                              parameters of all members, each stacked to (M, *shape)
    L(θ) = Σₘ ℓ(θₘ; xₘ, yₘ)                         each member has a batch of its own
    ∂L/∂θₘ = ∂ℓ(θₘ; xₘ, yₘ)/∂θₘ                     no loss knows the parameters of another member

So one backward pass gives every member the gradient that it has alone. The network is that of the first member;
`torch.func.vmap` makes of each of its operations one over all members, such as a batched product of M products of
matrices. Sources: Wang et al. 2021, "HFTA", https://arxiv.org/abs/2102.02344; Farias et al. 2022, "ParallelMLPs",
https://arxiv.org/abs/2206.08369.

Dimensions: M members, S steps, B batch.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import itemgetter
from typing import Any

import torch
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from torch import Tensor

from .batching import Level, map_tensors, shapes, tensors_in
from .clipping import clip_norm, clip_value
from .compiling import Compiler
from .epoch_end import EpochEnd
from .folding import Folded
from .generators import Generators
from .member import Window, share
from .numbers import Numbers
from .optimizers import MemberwiseOptimizer, bind, stack_optimizers
from .progress import without_trainer
from .recording import FEWEST, Repeated, Results
from .swapping import Swapped
from .weights import Weights

Context = Callable[[], AbstractContextManager[None]]


class HalfStep(Exception):
    """The optimizer failed in the middle of a step: the weights are between two steps."""


class StepChanged(Exception):
    """A step is not what it was when the kind of its members was found; no weight has moved yet."""


class Stack:
    """Members in lock-step, with their parameters stacked; made anew when one of them joins or leaves.

    Args:
        loops: of the members, over the batches of an epoch.
        is_random: whether a step of the network draws random numbers, as dropout does.
        folds: whether it may have operations that `folding.py` has a rule for.
        unused: names of parameters that the loss does not depend on, which no optimizer moves.
        differing: numbers of which each member may have its own; None: any.
    """

    def __init__(
        self, loops: Sequence[Any], is_random: bool = False, folds: bool = True, unused: Sequence[str] = (),
        differing: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        self.loops = list(loops)
        self.is_random = is_random
        trainers = [loop.trainer for loop in loops]
        tasks = [trainer.lightning_module for trainer in trainers]
        self.task = tasks[0]
        self.context = context_of(trainers[0])
        self.weights = Weights(tasks, unused)
        self.tensors, self.trained = self.weights.stacked, self.weights.trained
        self.asked = [*self.trained, *unused]  # for gradients
        self.swapped = Swapped(self.task, list(self.tensors))
        self.numbers = Numbers(tasks)
        self.differing = self.numbers.names if differing is None else differing
        self.clips = trainers[0].gradient_clip_val, trainers[0].gradient_clip_algorithm
        self.members: Any = [{name: own[name] for name in self.trained} for own in self.weights.own]
        self.stacked = {name: self.tensors[name] for name in self.trained}
        optimizers = [trainer.optimizers[0] for trainer in trainers]
        self.level = Level(len(tasks))
        self.epoch_end = EpochEnd(self)
        compiles, rounded = loops[0].compiles is not None, rounded_to(trainers[0])
        # Steps, by the shapes of their batches.
        self.repeated: dict[str, Repeated] = defaultdict(lambda: Repeated(Compiler(rounded) if compiles else None))
        self.folded = Folded(self.level)
        self.folds = folds  # which costs each operation a little
        seeds = [getattr(trainer.datamodule, "seed", 0) for trainer in trainers]
        self.seed = zlib.crc32(repr(seeds).encode())  # of what is drawn in a step
        # Last, as it takes the state of the members' optimizers: nothing after it can fail.
        self.optimizer = stack_optimizers(optimizers, self.members, self.stacked)
        self.weights.unbind()
        self.hooks = [
            optimizer.register_state_dict_pre_hook(lambda _, i=i: self.optimizer.write(i))
            for i, optimizer in enumerate(optimizers)
        ]
        for name in self.asked:
            self.tensors[name].requires_grad_()

    def losses(self, batch: Any, penalises: bool = True) -> tuple[Tensor, Tensor, Tensor]:
        """Return the losses (M,) of a step, and what metrics are computed of: outputs and targets (M, B, ...).

        Args:
            batch: each tensor (M, B, ...).
            penalises: a penalty that networks have is part of their losses, as it is in training.

        Raises:
            LooksAtProgress: the step reads the trainer: an epoch or a step that only the first member may be at.
        """
        level = self.level
        with self.in_place_of_one(self.folds):
            loss, outputs, targets = self.task.step(map_tensors(level.of_one, batch))
            if self.task.has_penalty and penalises:
                loss = loss + self.task.network.penalty()
            return level.of_all(loss), level.of_all(outputs), level.of_all(targets)

    @contextmanager
    def in_place_of_one(self, folds: bool) -> Iterator[None]:
        """Let the first member's task compute inside with the tensors and numbers of all, as if they were its own."""
        one = self.level.of_one
        folding = self.folded if folds else nullcontext()
        with self.context(), folding, without_trainer(self.task), self.level.entered():
            tensors, numbers = map(one, self.tensors.values()), map(one, self.numbers.values)
            with self.swapped.to(list(tensors)), self.numbers.swapped_to(list(numbers)):
                yield

    def gradients(self, losses: Tensor) -> dict[str, Tensor]:
        """Return the gradients of each member's loss by its own parameters (M, *shape), clipped if it is asked for."""
        found = torch.autograd.grad(losses.sum(), [self.tensors[name] for name in self.asked], allow_unused=True)
        known = {
            name: gradient.contiguous()  # fused kernels of optimizers go through memory as it lies
            for name, gradient in zip(self.asked, found, strict=True)
            if gradient is not None
        }
        limit, algorithm = self.clips
        if not limit:
            return known
        return clip_value(known, limit) if algorithm == "value" else clip_norm(known, limit)

    def step(self, batch: Any, anew: bool, repeated: Repeated | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Return losses, outputs and targets of a step, and the gradients.

        Args:
            batch: each tensor (M, B, ...).
            anew: it is computed by Python, as the first of a window, which is compared with what is known of its kind.
            repeated: steps before it, whose operations may compute it; None: Python does.
        """

        def compute() -> Results:
            losses, outputs, targets = self.losses(batch)
            gradients = self.gradients(losses)
            return [*gradients], [losses.detach(), outputs.detach(), targets, *gradients.values()]

        if repeated is not None:
            names, found = repeated(compute, [*self.tensors.values(), *tensors_in(batch)], anew)
        else:
            names, found = compute()
        return found[:3], dict(zip(names, found[3:], strict=True))

    def train(self, windows: Sequence[Window], steps: int, is_over: Any = lambda: False) -> None:
        """Take steps with the next batches of every member.

        Args:
            windows: of the members, in their order.
            steps: how many, at most as many as each has left.
            is_over: says before each step whether to stop at once.

        Raises:
            HalfStep: the optimizer failed, and no member can go on from the weights that it has.
            StepChanged: the step has to be compared anew, as a number that it branches on has changed.
        """
        if not set(self.numbers.names) <= set(self.differing):
            raise StepChanged("numbers differ that were the same")
        moving = [window for window in windows if window.loop.schedules]
        batches = map_tensors(
            lambda *tensors: torch.stack(
                [tensor[w.done : w.done + steps] for tensor, w in zip(tensors, windows, strict=True)], dim=1
            ),
            *(window.batches for window in windows),
        )
        results: list[tuple[Tensor, Tensor, Tensor]] = []
        repeated = self.repeated[shapes(map_tensors(itemgetter(0), batches))] if steps >= FEWEST else None
        self.take()
        before = None if self.is_random else Generators(self.task.device)
        try:
            for i in range(steps):
                if is_over():
                    break
                if self.is_random:
                    torch.manual_seed((self.seed + windows[0].place) % 2**63)
                batch = map_tensors(itemgetter(i), batches)
                (losses, outputs, targets), gradients = self.step(batch, anew=not results, repeated=repeated)
                if not results:
                    self.check(gradients, before)
                try:
                    self.optimizer.step(gradients)
                except Exception as error:
                    raise HalfStep(f"the optimizer failed within a step ({type(error).__name__}: {error})") from error
                results.append((losses, outputs, targets))
                for window in windows:
                    window.done += 1
                for window in moving:
                    window.loop.schedules.move(window.loop.batch_progress.current.ready + window.done)
        finally:
            self.weights.give() if results else self.weights.unbind()
            joined = share(results, windows) if results else None
        if joined is not None:
            self.epoch_end.measure(windows, *joined)

    def check(self, gradients: dict[str, Tensor], before: Generators | None) -> None:
        """Compare a step with what is known of its kind: it may branch on real numbers, which callbacks set anew.

        Args:
            gradients: of the step.
            before: the generators as they were before it; None: it may draw.

        Raises:
            StepChanged: it uses other parameters, or draws random numbers.
        """
        if [*gradients] != self.trained:
            raise StepChanged("it uses other parameters than before")
        if before is not None and before.have_moved():
            before.put_back()
            raise StepChanged("it draws random numbers now")

    def is_current(self) -> bool:
        """Say whether the members still have the tensors and numbers that were stacked."""
        return self.weights.are_same() and self.numbers.are_same()

    def take(self) -> None:
        """Take the weights from the members, and states of optimizers: a callback may have changed them."""
        self.optimizer.take()
        self.weights.take()
        if isinstance(self.optimizer, MemberwiseOptimizer):
            bind(self.members, self.stacked)

    def release(self) -> None:
        """Let each member go on by itself: its optimizer has its state again."""
        for i, hook in enumerate(self.hooks):
            hook.remove()
            self.optimizer.write(i)
        self.epoch_end.forget()


def context_of(trainer: Any, is_exact: bool = False) -> Context:
    """Return what makes the context of a forward pass in the precision of a training.

    Args:
        trainer: of the training.
        is_exact: without rounding to bfloat16, after which equal steps differ by a hundredth.
    """
    precision = trainer.precision_plugin
    is_plain = type(precision) is Precision or (is_exact and rounded_to(trainer) is not None)
    return nullcontext if is_plain else precision.forward_context


def rounded_to(trainer: Any) -> torch.dtype | None:
    """Return what the operations of a training are rounded to, if that is less than what its weights are."""
    return torch.bfloat16 if isinstance(trainer.precision_plugin, MixedPrecision) else None
