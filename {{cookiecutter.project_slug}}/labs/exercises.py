"""The checks of the exercises. They say what is wrong. The solutions are in solutions.py: look there last."""

from collections.abc import Callable
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def returned(value: Any, parts: int = 1) -> Any:
    """Return the value that the function of an exercise returned, if it has the right number of entries."""
    assert value is not None, "your function returns None: is its `return` missing?"
    told = "two" if parts == 2 else "three"
    assert parts == 1 or (isinstance(value, tuple | list | np.ndarray) and len(value) == parts), f"it has to return {told} values"
    return value


def number(value: Any) -> float:
    """Return the number that the function of an exercise returned; an array with a single entry is accepted too."""
    value = np.asarray(returned(value), dtype=float)
    assert value.size == 1, f"it has to return a single number, not an array of shape {value.shape}"
    return float(value.squeeze())


def check_gradient_of_a_line(gradient: Callable[[float, float, Numbers, Numbers], tuple[float, float]]) -> None:
    """Lab 1: the gradient of the mean squared error, compared with finite differences."""
    random = np.random.default_rng(0)
    z, y = random.normal(size=50), random.normal(size=50)

    def loss(w: float, b: float) -> float:
        return float(np.mean((w * z + b - y) ** 2))

    step = 1e-6
    for w, b in ((0.0, 0.0), (2.0, -1.0)):
        found = returned(gradient(w, b, z, y))
        assert np.size(found) == 2, "it has to return two numbers, ∂J/∂w and ∂J/∂b: take the mean over the samples"
        found = np.array(found, dtype=float).ravel()
        slope_w = (loss(w + step, b) - loss(w - step, b)) / (2 * step)
        slope_b = (loss(w, b + step) - loss(w, b - step)) / (2 * step)
        assert abs(found[0] - slope_w) < 1e-5, f"at w = {w}, b = {b}, ∂J/∂w is {slope_w:.4f}, not {found[0]:.4f}"
        assert abs(found[1] - slope_b) < 1e-5, f"at w = {w}, b = {b}, ∂J/∂b is {slope_b:.4f}, not {found[1]:.4f}"


def check_hinge_slopes(slopes: Callable[[Numbers, float, Numbers, Numbers], tuple[Numbers, float]]) -> None:
    """Lab 2: the gradient of the mean hinge loss, compared with finite differences."""
    random = np.random.default_rng(1)
    x, t = random.normal(size=(40, 3)), random.choice([-1.0, 1.0], size=40)
    w, b, step = random.normal(size=3), 0.3, 1e-6

    def loss(w: Numbers, b: float) -> float:
        return float(np.mean(np.maximum(0, 1 - t * (x @ w + b))))

    in_w, in_b = returned(slopes(w, b, x, t), 2)
    assert np.shape(in_w) == (3,), f"∂J/∂w has one number for each feature, here the shape (3,), not {np.shape(in_w)}"
    for i, unit in enumerate(np.eye(3)):
        slope = (loss(w + step * unit, b) - loss(w - step * unit, b)) / (2 * step)
        assert abs(in_w[i] - slope) < 1e-5, f"in this example ∂J/∂w[{i}] is {slope:.4f}, not {in_w[i]:.4f}"
    in_b, slope = number(in_b), (loss(w, b + step) - loss(w, b - step)) / (2 * step)
    assert abs(in_b - slope) < 1e-5, f"in this example ∂J/∂b is {slope:.4f}, not {in_b:.4f}"


def check_kernel_of_a_lift(kernel: Callable[[Numbers, Numbers], float]) -> None:
    """Lab 3: the kernel of the polynomial feature map of degree two, compared with φ itself, for two features and for more."""

    def lift(x: Numbers) -> Numbers:
        pairs = [x[i] * x[j] for i in range(len(x)) for j in range(i)]
        return np.concatenate([x**2, np.sqrt(2) * np.array(pairs), np.sqrt(2) * x, [1]])

    random = np.random.default_rng(2)
    for features in (2, 2, 4):
        x, z = random.normal(size=(2, features))
        product, found = float(lift(x) @ lift(z)), number(kernel(x, z))
        told = f"φ(x)ᵀφ(z) is {product:.4f} for x = {x.round(2)}, z = {z.round(2)}, not {found:.4f}"
        more = ": it is right for two features, but it should work for any number of them" if features > 2 else ""
        assert abs(found - product) < 1e-9, told + more


def check_collapsed(collapsed: Callable[[Numbers, Numbers, Numbers, Numbers], tuple[Numbers, Numbers]]) -> None:
    """Lab 4: one linear layer compared with two, on random inputs."""
    random = np.random.default_rng(3)
    W1, b1, W2, b2 = (random.normal(size=size) for size in ((4, 5), (5,), (5, 2), (2,)))
    W, b = returned(collapsed(W1, b1, W2, b2), 2)
    assert np.shape(W) == (4, 2), f"W maps 4 inputs to 2 outputs, so its shape is (4, 2), not {np.shape(W)}"
    assert np.size(b) == 2, f"b has one number for each of the 2 outputs, so it needs the shape (2,), not {np.shape(b)}"
    x = random.normal(size=(10, 4))
    assert np.allclose(x @ W, x @ W1 @ W2), "W is not right: by which matrices is x multiplied in the two layers?"
    assert np.allclose(x @ W + b, (x @ W1 + b1) @ W2 + b2), "b is not right: the first bias goes through the second layer too"


def check_adam_step(step: Callable[..., tuple[Numbers, Numbers, Numbers]]) -> None:
    """Lab 5: five steps of Adam, compared with its equations written as sums over all steps."""
    random = np.random.default_rng(4)
    w, rate, beta1, beta2, eps = random.normal(size=3), 0.1, 0.8, 0.95, 1e-3
    m, v = np.zeros(3), np.zeros(3)
    slopes = random.normal(size=(5, 3))
    for t, g in enumerate(slopes, 1):
        before = w
        w, m, v = returned(step(w.copy(), g.copy(), m.copy(), v.copy(), t, rate, beta1, beta2, eps), 3)
        mean = sum((1 - beta1) * beta1 ** (t - s) * slopes[s - 1] for s in range(1, t + 1))
        square = sum((1 - beta2) * beta2 ** (t - s) * slopes[s - 1] ** 2 for s in range(1, t + 1))
        assert np.allclose(m, mean), f"after step {t}, m should be {np.round(mean, 4)}, but is {np.round(m, 4)}"
        assert np.allclose(v, square), f"after step {t}, v should be {np.round(square, 4)}, but is {np.round(v, 4)}"
        moved = rate * mean / (1 - beta1**t) / (np.sqrt(square / (1 - beta2**t)) + eps)
        assert np.allclose(before - w, moved), f"step {t} should change w by {np.round(-moved, 4)}, but changes it by {np.round(w - before, 4)}"


def check_receptive_field(receptive_field: Callable[[tuple[int, ...], int], int]) -> None:
    """Lab 6: the receptive field, compared with the positions found by going back from the last convolution to the signal."""
    for kernel_sizes, stride in (((5,), 2), ((3, 3), 1), ((3, 3), 2), ((5, 3, 3), 2), ((4, 3, 2, 2), 3)):
        seen = {0}
        for kernel_size in reversed(kernel_sizes):
            seen = {stride * unit + j for unit in seen for j in range(kernel_size)}
        wanted, found = max(seen) + 1, number(receptive_field(kernel_sizes, stride))
        assert found == wanted, f"kernel sizes {kernel_sizes} with stride {stride} have a receptive field of {wanted}, not {found:g}"


def check_lstm_step(step: Callable[..., tuple[Numbers, Numbers]]) -> None:
    """Lab 7: three steps of an LSTM, compared with PyTorch's cell."""
    import torch

    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(3, 4).double()
    W, U = cell.weight_ih.detach().numpy().T, cell.weight_hh.detach().numpy().T
    b = (cell.bias_ih + cell.bias_hh).detach().numpy()
    h, c = np.zeros(4), np.zeros(4)
    for x in np.random.default_rng(5).normal(size=(3, 3)):
        inputs = [torch.from_numpy(values) for values in (x, h, c)]
        wanted_h, wanted_c = (state.detach().numpy() for state in cell(inputs[0], (inputs[1], inputs[2])))
        h, c = returned(step(x, h, c, W, U, b), 2)
        assert np.shape(c) == (4,), f"c has one number for each hidden unit, here the shape (4,), not {np.shape(c)}"
        assert np.allclose(c, wanted_c), f"c should be {wanted_c.round(4)}, but is {np.round(c, 4)}: which columns belong to i, f and g?"
        assert np.allclose(h, wanted_h), f"c is right, but h should be {wanted_h.round(4)}, and is {np.round(h, 4)}"


def check_bigrams(bigrams: Callable[[Any, int, float], Numbers]) -> None:
    """Lab 8: the table of bigrams, compared with counts of one pair at a time."""
    tokens, kinds, alpha = np.random.default_rng(6).integers(4, size=60), 5, 2.0  # the fifth kind never occurs
    table = np.asarray(returned(bigrams(tokens, kinds, alpha)))
    assert table.shape == (kinds, kinds), f"the table needs a row for each a and a column for each b, shape {(kinds, kinds)}, not {table.shape}"
    assert np.isfinite(table).all(), "token 4 never occurs as a: its row should be αp(b)/α, not 0/0"
    assert np.allclose(table.sum(axis=1), 1), "each row is a distribution over b, so it has to sum to 1"
    followed = list(tokens[:-1])
    for a in range(kinds):
        for b in range(kinds):
            single = (list(tokens).count(b) + 1) / (len(tokens) + kinds)
            pairs = sum(one == a and other == b for one, other in zip(tokens[:-1], tokens[1:], strict=True))
            wanted = (pairs + alpha * single) / (followed.count(a) + alpha)
            assert abs(table[a, b] - wanted) < 1e-9, f"in this example p({b} | {a}) is {wanted:.4f}, not {table[a, b]:.4f}"


def check_gini_gain(gain: Callable[[Numbers, Numbers, float], float]) -> None:
    """Lab 10: the gain of a split in Gini impurity, compared with the share of pairs of samples that differ."""
    random = np.random.default_rng(10)
    x, t = random.normal(size=60), random.integers(0, 3, size=60)

    def impurity(classes: Any) -> float:
        return float(np.mean(classes[:, None] != classes[None, :])) if len(classes) else 0.0

    for threshold in (-0.5, 0.2, 10.0):
        left = x <= threshold
        right_answer = impurity(t) - left.mean() * impurity(t[left]) - (~left).mean() * impurity(t[~left])
        found = number(gain(x, t, threshold))
        assert np.isfinite(found), "one side has no samples: it should count with a weight of 0"
        assert abs(found - right_answer) < 1e-9, f"the gain of the split at {threshold} is {right_answer:.4f}, not {found:.4f}"


def check_widening(widening: Callable[[Numbers, Numbers, Numbers, float], float]) -> None:
    """Lab 9: by how much a band has to be widened, or narrowed, to contain the required share."""
    random = np.random.default_rng(9)
    y = random.normal(size=999)
    for half in (0.5, 3.0):
        low, high = np.full(999, -half), np.full(999, half)
        found = number(widening(low, high, y, 0.8))
        held = np.mean((y >= low - found - 1e-9) & (y <= high + found + 1e-9))
        direction = "be widened" if half < 1 else "be narrowed: a negative number"
        assert (found > 0) == (half < 1), f"the band from {-half} to {half} has to {direction}"
        assert abs(held - 0.8) < 0.003, f"widened by {found:.3f}, the band from {-half} to {half} contains {held:.3f}, not 0.8"


def check_vote(vote: Callable[[Any, Any], Any]) -> None:
    """Lab 11: the majority vote of the models that the test set favours."""
    random = np.random.default_rng(11)
    guesses, truth = random.integers(0, 2, (201, 100)), random.integers(0, 2, 100)
    found = np.asarray(returned(vote(guesses, truth)))
    assert found.shape == (100,), f"it has to return one class for each of the 100 rows, shape (100,), not {found.shape}"
    assert set(np.unique(found)) <= {0, 1}, "the classes are 0 and 1"
    good = guesses[(guesses == truth).mean(axis=1) > 0.5]
    ties = good.mean(axis=0) == 0.5
    same = found == (good.mean(axis=0) > 0.5)
    assert np.all(same | ties), f"{np.sum(~(same | ties))} rows differ from the majority of the models that are right on more than half of the rows"


def check_power_law(power_law: Callable[[Numbers, Numbers], tuple[float, float]]) -> None:
    """Lab 12: a power law through points, exact ones first, then with noise."""
    n = np.array([100.0, 300.0, 1000.0, 3000.0, 10_000.0])
    found = np.array(returned(power_law(n, 5 * n**-0.3), 2), dtype=float)
    assert abs(found[1] - 0.3) < 1e-6, f"for points of 5 n^-0.3, α is 0.3, not {found[1]:.4f} (mind its sign)"
    assert abs(found[0] - 5) < 1e-5, f"for points of 5 n^-0.3, a is 5, not {found[0]:.4f}"
    noisy = 5 * n**-0.3 * np.array([1.05, 0.97, 1.0, 1.02, 0.96])
    slope, height = np.polyfit(np.log(n), np.log(noisy), 1)
    found = np.array(power_law(n, noisy), dtype=float)
    right_answer = np.array([np.exp(height), -slope])
    assert np.allclose(found, right_answer, rtol=1e-6), "for points with noise: fit a straight line to the logarithms by least squares"
