"""Operations of all members in another form than vmap's: the same values and gradients."""

import pytest
import torch
from hyperplane.stacking.batching import Level
from hyperplane.stacking.folding import Folded
from torch.nn import functional

MEMBERS = 3


def randn(*shape):
    return torch.randn(MEMBERS, *shape, dtype=torch.float64, requires_grad=True)


def classes(*shape):
    targets = torch.randint(4, (MEMBERS, *shape))
    targets[0, 0] = -100  # is left out
    return targets


OPERATIONS = {
    "linear": (functional.linear, (5, 4), (3, 4), (3,)),
    "linear of texts": (functional.linear, (5, 2, 4), (3, 4), (3,)),
    "linear of many outputs": (functional.linear, (5, 4), (20, 4), (20,)),
    "linear of a vector": (functional.linear, (4,), (3, 4), (3,)),
    "convolution": (lambda x, w, b: functional.conv1d(x, w, b, 2, 1), (5, 4, 9), (3, 4, 3), (3,)),
    "convolution that leaves a rest": (lambda x, w, b: functional.conv1d(x, w, b, (3,)), (5, 4, 9), (3, 4, 2), (3,)),
    "cross entropy": (lambda o: functional.cross_entropy(o[0], o[1]), (5, 4)),
    "smoothed": (lambda o: functional.cross_entropy(o[0], o[1], label_smoothing=0.1), (5, 4)),
    "of many classes": (lambda o: functional.cross_entropy(o[0], o[1]), (5, 20)),
    "of shares": (lambda o, shares: functional.cross_entropy(o, shares.softmax(1)), (5, 4), (5, 4)),
    "attention": (functional.scaled_dot_product_attention, (5, 2, 6, 4), (5, 2, 7, 4), (5, 2, 7, 4)),
    "attention among more tokens": (functional.scaled_dot_product_attention, *[(5, 17, 4)] * 3),
    "of places": (lambda o: functional.cross_entropy(o[0], o[1]), (5, 4, 2)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_values_and_gradients_are_those_of_each_member_by_itself(name):
    torch.manual_seed(0)
    function, *shapes = OPERATIONS[name]
    tensors = [randn(*shape) for shape in shapes]
    targets = classes(shapes[0][0], *shapes[0][2:]) if len(shapes) == 1 else None
    level = Level(MEMBERS)
    folded = Folded(level)

    def one(*parts):
        return function(*parts) if targets is None else function(parts)

    given = [*tensors, *([] if targets is None else [targets])]
    with level.entered(), folded:
        found = level.of_all(one(*map(level.of_one, given)))
    assert folded.was_asked
    alone = torch.stack([one(*parts) for parts in zip(*given, strict=True)])
    torch.testing.assert_close(found, alone)
    weights = torch.randn_like(alone)
    ours, theirs = (torch.autograd.grad((z * weights).sum(), tensors) for z in (found, alone))
    torch.testing.assert_close(ours, theirs)
    assert found.isfinite().all()


@pytest.mark.parametrize(("channels", "stride", "is_ours"), [(16, 2, False), (25, 2, True), (25, 1, False)])
def test_a_convolution_takes_the_form_that_is_faster_for_its_shape(channels, stride, is_ours):
    x, w, b = randn(5, channels, 9), randn(32, channels, 3), randn(32)
    level = Level(MEMBERS)
    with level.entered(), Folded(level):
        z = level.of_all(functional.conv1d(*map(level.of_one, (x, w, b)), stride))
    assert ("Convolution" not in step_names(z.grad_fn)) == is_ours


@pytest.mark.parametrize(
    ("tokens", "more", "is_ours"),
    [(24, {}, True), (25, {}, False), (5, {"is_causal": True}, False), (5, {"scale": 0.0}, False)],
)
def test_attention_takes_the_form_that_is_faster_for_its_tokens(tokens, more, is_ours):
    given = [randn(5, 2, tokens, 4) for _ in range(3)]
    level = Level(MEMBERS)
    with level.entered(), Folded(level):
        z = level.of_all(functional.scaled_dot_product_attention(*map(level.of_one, given), **more))
    assert ("AttentionBackward" in step_names(z.grad_fn)) == is_ours


def test_the_largest_of_few_values_is_the_first_of_equal_ones_and_one_that_is_not_a_number():
    torch.manual_seed(0)
    x = torch.randint(5, (MEMBERS, 200, 10)).float()
    level = Level(MEMBERS)
    for _ in range(2):
        with level.entered(), Folded(level):
            found = level.of_all(level.of_one(x).argmax(dim=1))
        assert torch.equal(found, x.argmax(2))
        x[1, 3, 4] = torch.nan


def test_metrics_may_branch_where_all_members_go_the_same_way_and_steps_may_not():
    level, given = Level(2), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    folded = Folded(level)

    def is_positive(x):
        with level.entered(), folded:
            return bool(level.of_one(x).sum() > 0)

    with pytest.raises(RuntimeError, match="data-dependent"):
        is_positive(given)
    folded.measures = True
    assert is_positive(given) and not is_positive(-given)
    with pytest.raises(RuntimeError, match="data-dependent"):
        is_positive(given - 5 * torch.tensor([[0.0], [1.0]]))


def test_the_gradient_of_a_layer_lies_in_memory_as_its_weights_do():
    x, w, b = randn(5, 4), randn(3, 4), randn(3)
    level = Level(MEMBERS)
    with level.entered(), Folded(level):
        z = level.of_all(functional.linear(*map(level.of_one, (x, w, b))))
    assert torch.autograd.grad(z.sum(), w)[0].stride() == w.stride()


def step_names(function):
    """Return the names of all operations that a gradient goes through."""
    names, waiting = "", [function]
    while waiting:
        step = waiting.pop()
        names += f"{step.name()} "
        waiting += [before for before, _ in step.next_functions if before is not None]
    return names
