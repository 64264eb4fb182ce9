import marimo

app = marimo.App(width="medium", app_title="Lab 5: training")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ROOT, ask, checked, stated
    from exercises import check_adam_step
    from hyperplane import DataSpec
    from matplotlib.figure import Figure
    from torch import nn

    from {{ cookiecutter.package_name }}.data.bundled import Bundled
    from {{ cookiecutter.package_name }}.models.mlp import MLP

    SPEC = DataSpec(task="classification", input_shape=(64,), output_size=10)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 5: training

    A deep network is a chain of simple functions. Its gradient is a chain too, and is computed from the end to the
    beginning. This
    lab writes that down, shows where such chains break, and what an optimizer makes of the gradient. About 35 minutes.

    ## Three lines

    $$h_l = \sigma(h_{l-1} W_l + b_l), \qquad J = -\frac{1}{m}\sum_i \log p_i(y_i), \qquad W \leftarrow W -
    \eta\frac{\partial J}{\partial W}$$

    Forwards, each layer hands on $h_l$. The last one has no σ: its outputs z, the *logits*, become probabilities of the classes by
    $p_k = \mathrm{softmax}(z)_k = e^{z_k} / \sum_j e^{z_j}$. J is the *cross-entropy*: it asks that the true class $y_i$ gets all of it.
    Its slopes in the logits are simple, with a one at the true class and zeros elsewhere in $\text{one-hot}(y)$:
    $\partial J/\partial z = (p - \text{one-hot}(y)) / m$. Backwards, each layer is told the slope δ in its own
    $z_l = h_{l-1} W_l + b_l$, and makes three things of it:

    $$\frac{\partial J}{\partial W_l} = h_{l-1}^\top \delta_l, \qquad \frac{\partial J}{\partial b_l} = \sum_i
    \delta_{l,i}, \qquad
    \delta_{l-1} = (\delta_l W_l^\top) \odot \sigma'(z_{l-1}),$$

    where ⊙ multiplies entry by entry.

    That is backpropagation (Rumelhart, Hinton and Williams 1986; Linnainmaa 1970 for chains of any functions).
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "A network has a million weights. One could instead move each a little and look at the loss: a million "
        "forward passes. "
        "What does the backward pass cost?",
        "About two forward passes, however many weights there are: each layer has two matrix products, where forwards "
        "it has one.",
    )
    return


@app.class_definition
class Network:
    """Layers with sigmoids between them, softmax and cross-entropy at the end; gradients by hand."""

    def __init__(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        self.W = [W.copy() for W in weights]
        self.b = [b.copy() for b in biases]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities (samples, classes); keep what each layer was given."""
        self.h = [x]
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            self.h.append(1 / (1 + np.exp(-(self.h[-1] @ W + b))))
        z = self.h[-1] @ self.W[-1] + self.b[-1]
        e = np.exp(z - z.max(axis=1, keepdims=True))  # the largest is taken off: no overflow
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, y: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the slopes of the mean cross-entropy in all W and b, after `forward`."""
        delta = self.p.copy()
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        in_W, in_b = [], []
        for layer in reversed(range(len(self.W))):
            h = self.h[layer]
            in_W.insert(0, h.T @ delta)
            in_b.insert(0, delta.sum(axis=0))
            if layer:
                delta = (delta @ self.W[layer].T) * h * (1 - h)  # σ′(z) = σ(z)(1 − σ(z))
        return in_W, in_b

    def step(self, x: np.ndarray, y: np.ndarray, rate: float) -> float:
        """Go one step downhill; return the loss before it."""
        loss = -np.mean(np.log(self.forward(x)[np.arange(len(y)), y]))
        in_W, in_b = self.backward(y)
        self.W = [W - rate * slope for W, slope in zip(self.W, in_W, strict=True)]
        self.b = [b - rate * slope for b, slope in zip(self.b, in_b, strict=True)]
        return float(loss)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Beside it, the project's own `MLP` with the same first weights, in double precision, on its digits (`data=digits`,
    8 × 8 pixels): first one
    gradient, then a hundred steps of both.
    """)
    return


@app.cell
def _():
    arrays = Bundled(name="digits", folder=str(ROOT / "data"), seed=0).load()
    x, y = arrays.train_inputs.reshape(-1, 64).astype(float), arrays.train_targets
    x_test, y_test = arrays.test_inputs.reshape(-1, 64).astype(float), arrays.test_targets

    torch.manual_seed(0)
    theirs = MLP(SPEC, hidden_sizes=(32, 32), activation="sigmoid", residual=False).double()
    linears = [*theirs.hidden, theirs.output]
    ours = Network([l.weight.detach().numpy().T for l in linears], [l.bias.detach().numpy() for l in linears])

    ours.forward(x)
    in_W, in_b = ours.backward(y)
    x_torch, y_torch = torch.tensor(x), torch.tensor(y)
    nn.functional.cross_entropy(theirs(x_torch), y_torch).backward()
    apart = max(
        max(np.abs(l.weight.grad.numpy().T - W).max(), np.abs(l.bias.grad.numpy() - b).max())
        for l, W, b in zip(linears, in_W, in_b, strict=True)
    )

    sgd = torch.optim.SGD(theirs.parameters(), lr=2.0)
    losses = []
    for _ in range(100):
        sgd.zero_grad()
        loss = nn.functional.cross_entropy(theirs(x_torch), y_torch)
        loss.backward()
        sgd.step()
        losses.append((ours.step(x, y, 2.0), loss.item()))
    ends = max(np.abs(l.weight.detach().numpy().T - W).max() for l, W in zip(linears, ours.W, strict=True))
    for _ in range(300):
        ours.step(x, y, 2.0)
    right = float(np.mean(ours.forward(x_test).argmax(axis=1) == y_test))
    mo.md(
        f"The gradients of all {stated(3466, sum(p.numel() for p in theirs.parameters()), 0)} weights differ by "
        f"{stated(0, apart, 1e-10)} (to ten digits, and more), the weights after 100 steps by "
        f"{stated(0, ends, 1e-10)}. The loss fell from "
        f"{stated(2.3, losses[0][0], 0.05)} to {stated(1.3, losses[-1][0], 0.05)}. After 300 steps more, the NumPy "
        f"network has "
        f"{stated(0.97, right, 0.015)} of the test digits right."
    )
    return x_test, x_torch, y_test, y_torch


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Where the chain breaks

    Backwards, a slope is multiplied by $W^\top$ and by σ′ in each layer. The sigmoid's slope is ¼ at most (lab 4). Ten
    layers of 64 units, before any training; the size of the gradient is measured in each of them. One network adds to each layer's
    output what the layer was given, $h + \sigma(hW + b)$: a *residual sum*.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "The gradient in the first of ten sigmoid layers, beside that in the tenth: how much smaller? Half, a "
        "hundredth, a millionth?",
        "Below a millionth. Each of the nine layers between them multiplies it by about 0.14: ¼ of the sigmoid, and "
        "0.58 of PyTorch's first "
        "weights, whose standard deviation is $1/\\sqrt{3n}$ for n inputs. The last layer learns, the first stands still.",
    )
    return


@app.cell
def _(x_torch, y_torch):
    def he(network: MLP) -> None:
        """Draw first weights with a standard deviation of √(2/n): with them ReLU hands on as much as it gets (He and others 2015)."""
        for layer in network.hidden:
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def deep(activation: str, residual: bool = False, begin: str = "PyTorch's") -> MLP:
        torch.manual_seed(0)
        network = MLP(SPEC, hidden_sizes=(64,) * 10, activation=activation, residual=residual).double()
        if begin == "He's":
            he(network)
        return network

    def sizes(network: MLP) -> np.ndarray:
        """Return the size of the loss's gradient in the weights of each hidden layer."""
        network.zero_grad()
        nn.functional.cross_entropy(network(x_torch), y_torch).backward()
        return np.array([layer.weight.grad.norm().item() for layer in network.hidden])

    kinds = {
        "sigmoid": deep("sigmoid"),
        "tanh": deep("tanh"),
        "ReLU": deep("relu"),
        "ReLU, He's first weights": deep("relu", begin="He's"),
        "ReLU, residual sums": deep("relu", residual=True),
    }
    gradients = {name: sizes(network) for name, network in kinds.items()}

    def draw_sizes() -> Figure:
        figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
        for (name, found), color, marker in zip(gradients.items(), COLORS, "os^vD", strict=True):
            axes.semilogy(np.arange(1, 11), found, marker=marker, color=color, label=name)
        axes.set(
            xlabel="layer, from the input",
            ylabel="size of the gradient in its weights",
            title="Ten layers before training",
        )
        axes.set_xticks(range(1, 11))
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
        return figure

    draw_sizes()
    return deep, gradients


@app.cell
def _(deep, gradients, x_test, x_torch, y_test, y_torch):
    def learned(network: MLP, steps: int = 150) -> float:
        """Return the share of test digits that are right after some steps of gradient descent."""
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x_torch), y_torch).backward()
            optimizer.step()
        with torch.no_grad():
            return float(np.mean(network(torch.tensor(x_test)).argmax(dim=1).numpy() == y_test))

    HE = "ReLU, He's first weights"
    share = {name: found[0] / found[-1] for name, found in gradients.items()}
    shallow = learned(deep("sigmoid"))
    better = learned(deep("relu", begin="He's"))
    assert share["sigmoid"] < 1e-6 < share["ReLU"] < share[HE]
    mo.md(
        f"From the tenth layer to the first the sigmoid's gradient shrinks to 10 to the power of "
        f"{stated(-7.5, np.log10(share['sigmoid']), 0.05)}. ReLU is better, and yet loses most with PyTorch's first "
        f"weights: "
        f"{stated(0.016, share['ReLU'], 0.0005)} is left. With He's first weights {stated(1.04, share[HE], 0.005)} is "
        f"left, and "
        f"with the residual sums of `model=mlp` {stated(1.15, share['ReLU, residual sums'], 0.005)}.\n\n"
        f"It decides what is learned: after 150 equal steps ten layers of sigmoid have {stated(0.08, shallow, 0.03)} "
        f"of the test digits right, "
        f"which is chance; ReLU with He's weights has {stated(0.85, better, 0.03)}. Only activation and first weights "
        f"differ."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A ravine

    The gradient says where it is steep, not where the lowest point is. Take a loss that is a hundred times as steep
    across as along:
    $J(w) = \frac12(w_1^2 + 100\,w_2^2)$. By lab 1 the learning rate must stay below $2/\lambda_{max} = 0.02$ or the
    steps across
    the ravine grow; at that rate the steps along it are tiny.

    - **sgd**: $w \leftarrow w - \eta g$.
    - **momentum** (Polyak 1964): $v \leftarrow \beta v + g$, $w \leftarrow w - \eta v$. Slopes across cancel from step
    to step, slopes along
      add up.
    - **adam** (Kingma and Ba 2015): means over past steps of the slope, $m \leftarrow \beta_1 m + (1-\beta_1)g$, and
    of its square,
      $v \leftarrow \beta_2 v + (1-\beta_2)g^2$, both begun at 0 and therefore divided by $1-\beta_1^t$ and
      $1-\beta_2^t$ in step t; then
      $w \leftarrow w - \eta\,\hat m/(\sqrt{\hat v}+\epsilon)$: each weight has its own scale.

    **Exercise.** Write one step of Adam.
    """)
    return


@app.cell
def _():
    def adam_step(
        w: np.ndarray,
        g: np.ndarray,
        m: np.ndarray,
        v: np.ndarray,
        t: int,
        rate: float,
        beta1: float,
        beta2: float,
        eps: float,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the next w, m and v. t is 1 in the first step."""
        raise NotImplementedError

    checked(lambda: check_adam_step(adam_step))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Turn the ravine by 45°, so that it lies between the axes. For which of the three does this change the path?",
        "For Adam alone. sgd and momentum treat all directions alike. Adam scales each axis for itself: it helps where "
        "the ravine lies along one, and can do little where it does not.",
    )
    return


@app.cell(hide_code=True)
def _():
    angle = mo.ui.slider(0, 45, 15, value=0, label="the ravine is turned by (degrees)", show_value=True)
    angle
    return (angle,)


@app.cell(hide_code=True)
def _(angle):
    OPTIMIZERS = {
        "sgd": lambda w: torch.optim.SGD([w], lr=2 / 101),
        "momentum": lambda w: torch.optim.SGD([w], lr=(2 / 11) ** 2, momentum=(9 / 11) ** 2),
        "adam": lambda w: torch.optim.Adam([w], lr=0.3),
    }

    def hessian(degrees: float) -> torch.Tensor:
        turn = torch.tensor(np.deg2rad(degrees))
        R = torch.stack([torch.stack([turn.cos(), -turn.sin()]), torch.stack([turn.sin(), turn.cos()])])
        return R @ torch.diag(torch.tensor([1.0, 100.0], dtype=R.dtype)) @ R.T

    def path(name: str, degrees: float, steps: int = 60) -> np.ndarray:
        """Return the points (steps + 1, 2) that an optimizer visits, from 5 along and 1 across."""
        H = hessian(degrees)
        turn = np.deg2rad(degrees)
        w = torch.tensor([5 * np.cos(turn) - np.sin(turn), 5 * np.sin(turn) + np.cos(turn)], requires_grad=True)
        optimizer = OPTIMIZERS[name](w)
        points = [w.detach().numpy().copy()]
        for _ in range(steps):
            optimizer.zero_grad()
            (w @ H @ w / 2).backward()
            optimizer.step()
            points.append(w.detach().numpy().copy())
        return np.array(points)

    def draw_paths(degrees: float) -> Figure:
        first, second = np.meshgrid(np.linspace(-6, 6, 200), np.linspace(-5, 5, 200))
        H = hessian(degrees).numpy()
        J = (H[0, 0] * first**2 + 2 * H[0, 1] * first * second + H[1, 1] * second**2) / 2
        figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.3), layout="constrained", sharey=True)
        for axes, name, color in zip(panels, OPTIMIZERS, COLORS, strict=False):
            points = path(name, degrees)
            axes.contour(first, second, J, levels=np.geomspace(0.5, 1200, 10), colors="0.8", linewidths=0.8)
            axes.plot(*points.T, "o-", color=color, markersize=2.5, linewidth=1)
            axes.plot(0, 0, "k*", markersize=10)
            far = np.linalg.norm(points[-1])
            axes.set(title=f"{name}: {far:.2g} away", xlabel="w₁", xlim=(-6, 6), ylim=(-5, 5), aspect="equal")
        panels[0].set_ylabel("w₂")
        figure.suptitle("60 steps")
        return figure

    draw_paths(angle.value)
    return (path,)


@app.cell(hide_code=True)
def _(path):
    away = {
        (name, degrees): float(np.linalg.norm(path(name, degrees)[-1]))
        for name in ("sgd", "momentum", "adam")
        for degrees in (0, 45)
    }
    assert np.isclose(away["sgd", 0], away["sgd", 45]) and np.isclose(away["momentum", 0], away["momentum", 45])
    assert away["momentum", 0] < away["sgd", 0]
    mo.md(
        f"From 5 along and 1 across, after 60 steps: sgd is {stated(1.5, away['sgd', 0], 0.05)} away from the lowest "
        f"point, "
        f"momentum {stated(0.0007, away['momentum', 0], 0.00005)}, Adam {stated(0.2, away['adam', 0], 0.05)}; with "
        f"the ravine turned by 45°, Adam "
        f"{stated(2.2, away['adam', 45], 0.05)}.\n\n"
        r"In a ravine with $\kappa = \lambda_{max}/\lambda_{min}$, sgd at its best rate leaves "
        r"$(\kappa-1)/(\kappa+1)$ of the way after a step, momentum "
        r"at its best by $(\sqrt\kappa-1)/(\sqrt\kappa+1)$: for κ = 100 that is "
        f"{stated(0.98, 99 / 101, 0.0005)} and {stated(0.818, 9 / 11, 0.0005)}. In networks κ is often far larger "
        f"(Sagun and others 2016)."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The project has these three and more: `train optimizer=sgd`, `momentum`, `adam`, `adamw`, `lbfgs`, `muon`; their
    settings stand in
    `configs/optimizer/`.

    ## What to take along

    - Backpropagation is the chain rule from the end to the beginning; it costs about two forward passes.
    - A chain of small slopes vanishes. Activations, first weights and residual sums keep it near 1.
    - Momentum and Adam make the same gradient worth more; neither is best everywhere.

    Next: [lab 6](?file=lab_06_structure.py), what a network may know before it learns.
    """)
    return


if __name__ == "__main__":
    app.run()
