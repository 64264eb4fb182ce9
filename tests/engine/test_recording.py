"""Steps that are the same operations are repeated without their Python; others are computed by it."""

from itertools import count

import pytest
import torch
from hyperplane.stacking.recording import MOST, Repeated, State

NUMBERS = count(1)
CONSTANT = torch.ones(3)
with torch.inference_mode():
    INFERRED = torch.ones(3)


def sums(weights, x):
    return weights * x.sum() + CONSTANT


def many(weights, x):
    for _ in range(MOST):
        x = x + weights
    return x


# What steps compute, and how many of six they compute in Python; of the others only the operations are called.
STEPS = {
    "the same operations": (sums, 3),
    "random numbers": (lambda weights, x: torch.rand(3) * x, 3),
    "a part of a result": (lambda weights, x: (weights * x).max(0, keepdim=True)[0].expand(3), 3),
    "a view that is changed": (lambda weights, x: weights.view(3).add_(x) * 1, 3),
    "what counts in Python": (lambda weights, x: x * next(NUMBERS), 6),
    "a tensor that counts in Python": (lambda weights, x: x * torch.tensor(float(next(NUMBERS))), 6),
    "what looks at a value": (lambda weights, x: x * float(weights[0]), 6),
    "a constant that it changes": (lambda weights, x: CONSTANT.add_(1) * x, 6),
    "as many as a value says": (lambda weights, x: x * len(x.long().bincount()), 6),
    "a constant that may change unseen": (lambda weights, x: x * INFERRED, 6),
    "too many operations": (many, 6),
}


@pytest.mark.parametrize("name", STEPS)
def test_only_steps_that_are_the_same_operations_are_repeated(name):
    function, by_python = STEPS[name]
    repeated, calls, found = Repeated(), [], []
    weights, CONSTANT[:] = torch.arange(3.0), 1
    others, same = weights.clone(), CONSTANT.clone()
    for step in range(6):
        x = torch.full((3,), float(step))

        def compute(x=x):
            calls.append(1)
            return [], [function(weights, x)]

        torch.manual_seed(step)
        found += repeated(compute, [weights, x], anew=step in (0, 4))[1]
    assert len(calls) == by_python
    if by_python == 3:
        for step in range(6):
            torch.manual_seed(step)
            assert torch.equal(found[step], function(others, torch.full((3,), float(step))))
        assert torch.equal(weights, others) and torch.equal(CONSTANT, same)


def test_a_step_that_computes_something_else_by_now_is_repeated_no_more():
    repeated, factor, x, found = Repeated(), [1.0], torch.ones(3), []
    for step in range(8):
        factor[0] = 1.0 if step < 5 else 2.0
        found += repeated(lambda: ([], [factor[0] * x]), [x], anew=step in (0, 3, 6))[1]
    assert [one[0].item() for one in found] == [1, 1, 1, 1, 1, 1, 2, 2]  # the sixth is within a window


def test_what_a_step_changes_in_place_is_compared_as_well():
    repeated, rate, mean = Repeated(), [0.5], torch.zeros(3)

    def compute():
        before = mean.clone()
        mean.lerp_(torch.ones(3), rate[0])
        return [], [before]

    expected = torch.zeros(3)
    for step in range(9):
        rate[0] = 0.5 if step < 3 else 0.25
        expected.lerp_(torch.ones(3), rate[0])
        repeated(compute, [mean], anew=step % 3 == 0)
        assert torch.equal(mean, expected)


def test_numbers_without_a_type_get_that_of_the_training():
    repeated, x, found = Repeated(), torch.arange(3), []

    def compute():
        torch.set_default_dtype(torch.float64)
        try:
            return [], [1 / (x + 3), torch.ones(2)]
        finally:
            torch.set_default_dtype(torch.float32)

    for _ in range(4):
        found.append(repeated(compute, [x], anew=False)[1])
    assert repeated.state is State.REPEATED and torch.get_default_dtype() == torch.float32
    assert [tensor.dtype for tensor in found[3]] == [torch.float64] * 2 and torch.equal(found[3][0], found[0][0])


def test_a_view_of_a_tensor_as_it_lies_is_no_operation():
    repeated, given = Repeated(), [torch.zeros(2, 3)]

    def compute():
        given[0].detach().view(2, 3).add_(1)  # changes what is given
        return [], [given[0].view(3, 2).view(3, -1).detach() * 2, given[0].detach()]

    found = [repeated(compute, given, anew=False)[1] for _ in range(4)]
    assert repeated.state is State.REPEATED
    listed = [str(node.target) for node in repeated.known.listed.graph.nodes if node.op == "call_function"]
    assert listed == ["aten.add_.Tensor", "aten.view.default", "aten.mul.Tensor"]
    assert [doubled.tolist() for doubled, _ in found] == [[[2.0 * number] * 2] * 3 for number in (1, 2, 3, 4)]
    assert found[-1][1].tolist() == given[0].tolist() == [[4.0] * 3] * 2
