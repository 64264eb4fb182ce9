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

    A deep network is a composition of simple functions. The chain rule gives its gradient, computed from the last layer back to
    the first. This lab writes the gradient by hand, shows where it vanishes, and compares what three optimizers do with it. About
    35 minutes.

    ## Three equations

    $$h_l = \sigma(h_{l-1} W_l + b_l), \qquad J = -\frac{1}{m}\sum_i \log p_i(y_i), \qquad W \leftarrow W -
    \eta\frac{\partial J}{\partial W}$$

    *Forward pass.* Each layer passes $h_l$ to the next one. The last layer has no σ. Its outputs z are called *logits*; softmax turns
    them into class probabilities: $p_k = \mathrm{softmax}(z)_k = e^{z_k} / \sum_j e^{z_j}$. The loss J is the *cross-entropy*. It is
    smallest when all of the probability is on the true class $y_i$.

    *Backward pass.* The gradient with respect to the logits is simple: $\partial J/\partial z = (p - \text{one-hot}(y)) / m$, where
    $\text{one-hot}(y)$ is 1 at the true class and 0 elsewhere. Let δ be the gradient with respect to a layer's
    $z_l = h_{l-1} W_l + b_l$. Each layer receives its δ from the layer after it, and computes three things:

    $$\frac{\partial J}{\partial W_l} = h_{l-1}^\top \delta_l, \qquad \frac{\partial J}{\partial b_l} = \sum_i
    \delta_{l,i}, \qquad
    \delta_{l-1} = (\delta_l W_l^\top) \odot \sigma'(z_{l-1}),$$

    where ⊙ is the elementwise product.

    This is backpropagation (Rumelhart, Hinton and Williams 1986; Linnainmaa 1970 for compositions of arbitrary functions).
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "A network has a million weights. To estimate the gradient, you could change each weight a little and compute the loss "
        "again. That takes a million forward passes. What does the backward pass cost?",
        "About as much as two forward passes, however many weights there are: each layer computes two matrix products in the "
        "backward pass, and one in the forward pass.",
    )
    return


@app.class_definition
class Network:
    """Layers with sigmoids between them, then softmax and cross-entropy; gradients written by hand."""

    def __init__(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        self.W = [W.copy() for W in weights]
        self.b = [b.copy() for b in biases]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities (samples, classes); keep the inputs of each layer."""
        self.h = [x]
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            self.h.append(1 / (1 + np.exp(-(self.h[-1] @ W + b))))
        z = self.h[-1] @ self.W[-1] + self.b[-1]
        e = np.exp(z - z.max(axis=1, keepdims=True))  # subtracting the maximum avoids overflow
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, y: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the gradients of the mean cross-entropy with respect to all W and b; call `forward` first."""
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
        """Take one step of gradient descent; return the loss before it."""
        loss = -np.mean(np.log(self.forward(x)[np.arange(len(y)), y]))
        in_W, in_b = self.backward(y)
        self.W = [W - rate * slope for W, slope in zip(self.W, in_W, strict=True)]
        self.b = [b - rate * slope for b, slope in zip(self.b, in_b, strict=True)]
        return float(loss)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Now we compare this network with the project's own `MLP`: the same initial weights, double precision, the project's digits
    (`data=digits`, 8 × 8 pixels). First we compare one gradient, then the weights after a hundred steps.
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
        f"{stated(0, apart, 1e-10)} (to at least ten decimal places), the weights after 100 steps by {stated(0, ends, 1e-10)}. The "
        f"loss fell from {stated(2.3, losses[0][0], 0.05)} to {stated(1.3, losses[-1][0], 0.05)}. After 300 more steps, the NumPy "
        f"network has a test accuracy of {stated(0.97, right, 0.015)}."
    )
    return x_test, x_torch, y_test, y_torch


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Vanishing gradients

    In the backward pass, each layer multiplies the gradient by $W^\top$ and by σ′. The derivative of the sigmoid is at most ¼
    (lab 4). We build networks of ten layers with 64 units, and measure the norm of the gradient in each layer before training. One
    of the networks adds the input of each layer to its output, $h + \sigma(hW + b)$. This is a *residual connection*.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Compare the gradients in the first and in the tenth of ten sigmoid layers. How much smaller is the first? By a factor of "
        "two, a hundred, a million?",
        "By more than a million. Each of the nine steps from the tenth layer to the first multiplies it by about 0.14: by ¼ because of the "
        "sigmoid, and by 0.58 because of PyTorch's initial weights, whose standard deviation is $1/\\sqrt{3n}$ for n inputs. The last "
        "layer learns; the first hardly changes.",
    )
    return


@app.cell
def _(x_torch, y_torch):
    def he(network: MLP) -> None:
        """Draw initial weights with a standard deviation of √(2/n): then ReLU keeps the size of its signals (He and others 2015)."""
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
        """Return the norm of the gradient with respect to the weights of each hidden layer."""
        network.zero_grad()
        nn.functional.cross_entropy(network(x_torch), y_torch).backward()
        return np.array([layer.weight.grad.norm().item() for layer in network.hidden])

    kinds = {
        "sigmoid": deep("sigmoid"),
        "tanh": deep("tanh"),
        "ReLU": deep("relu"),
        "ReLU, He initialization": deep("relu", begin="He's"),
        "ReLU, residual connections": deep("relu", residual=True),
    }
    gradients = {name: sizes(network) for name, network in kinds.items()}

    def draw_sizes() -> Figure:
        figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
        for (name, found), color, marker in zip(gradients.items(), COLORS, "os^vD", strict=True):
            axes.semilogy(np.arange(1, 11), found, marker=marker, color=color, label=name)
        axes.set(
            xlabel="layer, from input to output",
            ylabel="norm of the gradient of its weights",
            title="Gradients in networks of ten layers, before training",
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
        """Return the test accuracy after some steps of gradient descent."""
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x_torch), y_torch).backward()
            optimizer.step()
        with torch.no_grad():
            return float(np.mean(network(torch.tensor(x_test)).argmax(dim=1).numpy() == y_test))

    HE = "ReLU, He initialization"
    share = {name: found[0] / found[-1] for name, found in gradients.items()}
    shallow = learned(deep("sigmoid"))
    better = learned(deep("relu", begin="He's"))
    assert share["sigmoid"] < 1e-6 < share["ReLU"] < share[HE]
    mo.md(
        f"From the tenth layer back to the first, the gradient of the sigmoid network is multiplied by 10 to the power of "
        f"{stated(-7.5, np.log10(share['sigmoid']), 0.05)}. With ReLU and PyTorch's default initialization, this factor is "
        f"{stated(0.016, share['ReLU'], 0.0005)}. With He initialization it is {stated(1.04, share[HE], 0.005)}, and with the residual "
        f"connections of `model=mlp` it is {stated(1.15, share['ReLU, residual connections'], 0.005)}.\n\n"
        f"This decides whether the network learns. After the same 150 steps, ten sigmoid layers have a test accuracy of "
        f"{stated(0.08, shallow, 0.03)}, no better than chance; ReLU with He initialization has {stated(0.85, better, 0.03)}. Only the "
        "activation function and the initial weights differ."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Three optimizers in a ravine

    The negative gradient points in the direction of steepest descent, but often not to the minimum. An example is a loss whose
    curvature in one direction is a hundred times that in the other: $J(w) = \frac12(w_1^2 + 100\,w_2^2)$. It has the shape of a
    ravine: steep across ($w_2$), nearly flat along ($w_1$). By lab 1 the learning rate must stay below $2/\lambda_{max} = 0.02$;
    otherwise the steps across the ravine diverge. With such a small rate, progress along the ravine is slow.

    - **sgd**: $w \leftarrow w - \eta g$, where g is the gradient.
    - **momentum** (Polyak 1964): $v \leftarrow \beta v + g$, $w \leftarrow w - \eta v$. Across the ravine the gradient changes its
      sign from step to step, so it cancels in the sum v. Along the ravine it adds up.
    - **adam** (Kingma and Ba 2015): moving averages of the gradient, $m \leftarrow \beta_1 m + (1-\beta_1)g$, and of its square,
      $v \leftarrow \beta_2 v + (1-\beta_2)g^2$. Both start at 0. To correct this bias, step t computes
      $\hat m = m/(1-\beta_1^t)$ and $\hat v = v/(1-\beta_2^t)$. Then $w \leftarrow w - \eta\,\hat m/(\sqrt{\hat v}+\epsilon)$: each
      weight has its own step size.

    **Exercise.** Write one step of Adam. Return the new w, and the new m and v before their correction. The box below the cell runs
    your function for five steps and compares the results with the equations above.
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
        """Return the new w, m and v. t is 1 in the first step."""
        raise NotImplementedError

    checked(lambda: check_adam_step(adam_step))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Rotate the ravine by 45°, so that it no longer lies along an axis. For which of the three optimizers does this change the "
        "path, apart from the rotation?",
        "Only for Adam. sgd and momentum treat all directions alike. Adam scales each axis separately. This helps if the ravine lies "
        "along an axis, and helps little if it does not.",
    )
    return


@app.cell(hide_code=True)
def _():
    angle = mo.ui.slider(0, 45, 15, value=0, label="rotation of the ravine (degrees)", show_value=True)
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
        """Return the points (steps + 1, 2) that an optimizer visits; the start is 5 along the ravine and 1 across."""
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
            axes.set(title=f"{name}: distance {far:.2g}", xlabel="w₁", xlim=(-6, 6), ylim=(-5, 5), aspect="equal")
        panels[0].set_ylabel("w₂")
        figure.suptitle("60 steps, and the distance from the minimum after them")
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
        f"The start is 5 along the ravine and 1 across it. After 60 steps the distance from the minimum is "
        f"{stated(1.5, away['sgd', 0], 0.05)} for sgd, {stated(0.0007, away['momentum', 0], 0.00005)} for momentum, and "
        f"{stated(0.2, away['adam', 0], 0.05)} for Adam. With the ravine rotated by 45° it is {stated(2.2, away['adam', 45], 0.05)} for "
        "Adam; the other two do not change.\n\n"
        r"The *condition number* of a ravine is $\kappa = \lambda_{max}/\lambda_{min}$. Each step of sgd with its best learning rate "
        r"multiplies the distance by $(\kappa-1)/(\kappa+1)$; momentum with its best settings multiplies it, in the long run, by "
        r"$(\sqrt\kappa-1)/(\sqrt\kappa+1)$. For κ = 100 these are "
        f"{stated(0.98, 99 / 101, 0.0005)} and {stated(0.818, 9 / 11, 0.0005)}. In neural networks κ is often far larger "
        f"(Sagun and others 2016)."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The project has these three and more: `train optimizer=sgd`, `momentum`, `adam`, `adamw`, `lbfgs`, `muon`. Their
    hyperparameters are in `configs/optimizer/`.

    ## Key points

    - Backpropagation applies the chain rule from the last layer back to the first. It costs about two forward passes.
    - A product of many small derivatives vanishes. Suitable activation functions, initial weights and residual connections keep it
      near 1.
    - Momentum and Adam make better use of the same gradient. Neither is the best everywhere.

    Next: [lab 6](?file=lab_06_structure.py), what a network can know before it learns.
    """)
    return


if __name__ == "__main__":
    app.run()
