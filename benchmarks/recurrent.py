"""What a training step of the GRU costs: one network, and members of a stack, over the textbook loop with nn.GRU.

    python benchmarks/recurrent.py --only gru-32

The bidirectional GRU of MNIST-1D: 40 steps, 1 channel, 6 hidden units, batches of 100, Adam, one thread. A step is
forward, backward and Adam, and nothing else; what surrounds it in a run is in the row step-gru of `step_cost.py`. Each
member of a stack has weights and a batch of its own; its cost is the stack's, divided by the members.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from baked import layers
from measuring import Effort, Figures, Measurement, Row, main, ratios

TEXTBOOK = "textbook loop with nn.GRU"
GOALS = {0: 0.7, 1: 1.0, 4: 0.4, 16: 0.3, 32: 0.3}  # by members; 0: one network without a stack
ROWS = {
    members: Row(
        f"gru-{members or 'alone'}",
        f"A step of the GRU, {members} members at once, each" if members else "A step of the GRU, forward to Adam",
        goal,
        "x",
        TEXTBOOK,
        None,
    )
    for members, goal in GOALS.items()
}
STEPS = (32, 8)  # of a network between two looks at the clock: full and quick


def network() -> Any:
    """Return the GRU of the textbook loop."""
    from contenders import RNN

    return RNN()


def batch() -> tuple[Any, Any]:
    """Return inputs and targets of the shape of MNIST-1D."""
    import torch

    return torch.randn(100, 40), torch.randint(10, (100,))


def textbook(scans: bool) -> Callable[[], None]:
    """Return a step of the loop that a tutorial shows, with torch's own layers or those of the engine."""
    import torch
    from hyperplane.recurrent import use_scans
    from torch.nn.functional import cross_entropy

    one = network()
    if scans:
        use_scans(one)
    optimizer = torch.optim.Adam(one.parameters(), fused=scans)  # a project's default is fused
    inputs, targets = batch()

    def step() -> None:
        loss = cross_entropy(one(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def stacked(members: int) -> Callable[[], None]:
    """Return a step of a stack."""
    import torch
    from hyperplane.recurrent import use_scans
    from hyperplane.stacking.optimizers import stack_optimizers
    from torch.func import functional_call, vmap
    from torch.nn.functional import cross_entropy

    networks = [network() for _ in range(members)]
    use_scans(networks[0])
    own = [dict(one.named_parameters()) for one in networks]
    parameters = {name: torch.stack([one[name].detach() for one in own]).requires_grad_() for name in own[0]}
    optimizers = [torch.optim.Adam(one.parameters(), fused=True) for one in networks]
    optimizer = stack_optimizers(optimizers, own, {name: tensor.detach() for name, tensor in parameters.items()})
    inputs, targets = (torch.stack(tensors) for tensors in zip(*(batch() for _ in networks), strict=True))

    def loss(parameters: dict[str, Any], inputs: Any, targets: Any) -> Any:
        return cross_entropy(functional_call(networks[0], parameters, (inputs,)), targets)

    def step() -> None:
        total = vmap(loss)(parameters, inputs, targets).sum()
        gradients = torch.autograd.grad(total, list(parameters.values()))
        optimizer.step(dict(zip(parameters, gradients, strict=True)))

    return step


def timed(step: Callable[[], None], steps: int) -> tuple[float, float]:
    """Return the microseconds of a step, by the clock and by the processor's."""
    start, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e6, (time.process_time() - processor) / steps * 1e6


def measure(members: int, project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the microseconds of a step of one member, and of the textbook loop."""
    sys.path[:0] = layers(project)
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ours, theirs = stacked(members) if members else textbook(scans=True), textbook(scans=False)
    count = STEPS[effort.quick]
    few = max(2, count // (members or 1))
    timed(ours, 2), timed(theirs, 2)
    rounds = [(timed(ours, few), timed(theirs, count)) for _ in range(effort.of(full=11, quick=3))]
    torch.set_num_threads(threads)
    del sys.path[: len(layers(project))]
    ours_us, ours_processor, theirs_us, theirs_processor = (
        [one[who][clock] / (1 if who else max(1, members)) for one in rounds] for who in (0, 1) for clock in (0, 1)
    )
    more = {"times, by the processor's clock": ratios(ours_processor, theirs_processor)}
    return {ROWS[members].name: Figures(ours_us, theirs_us, "µs", more=more)}


MEASUREMENTS = [Measurement((row,), partial(measure, members)) for members, row in ROWS.items()]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
