import marimo

app = marimo.App(width="medium", app_title="Lab 4: deep learning's trick")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ask, checked, stated
    from exercises import check_collapsed
    from hyperplane import DataSpec
    from matplotlib.figure import Figure
    from sklearn.datasets import make_moons
    from torch import nn

    from {{ cookiecutter.package_name }}.models.activations import ACTIVATIONS
    from {{ cookiecutter.package_name }}.models.mlp import MLP


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 4: deep learning's trick

    A kernel is chosen before training and stays fixed. A deep network learns its feature map: the hidden layers transform the space
    until a hyperplane can separate the classes. About 35 minutes.

    ## Depth alone does not help

    A *layer* of $n$ units computes $n$ numbers from its inputs: $xW + b$, where $W$ has a column for each unit. Two such linear
    layers in sequence compute $(xW_1 + b_1)W_2 + b_2$. The outputs of the first layer are called *hidden*, because they are neither
    inputs nor outputs of the network.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "A network has a hundred linear layers of a thousand units each. Which functions can it compute that one layer cannot?",
        "None. Expand the product for two layers: $x(W_1W_2) + (b_1W_2 + b_2)$ is a single linear layer. Repeat this until one layer "
        "is left.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Exercise.** Write the single layer that is equivalent to two linear layers. The box below the cell says *Right* when both
    give the same outputs.
    """)
    return


@app.cell
def _():
    def collapsed(W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return W and b with x W + b = (x W1 + b1) W2 + b2 for every x."""
        raise NotImplementedError

    checked(lambda: check_collapsed(collapsed))
    return


@app.cell
def _():
    torch.manual_seed(0)
    layers = nn.Sequential(*(nn.Linear(30, 30, dtype=torch.float64) for _ in range(10)))
    inputs = torch.randn(100, 30, dtype=torch.float64)
    W, b = torch.eye(30, dtype=torch.float64), torch.zeros(30, dtype=torch.float64)
    for layer in layers:
        W, b = W @ layer.weight.T, b @ layer.weight.T + layer.bias
    difference = float((layers(inputs) - (inputs @ W + b)).abs().max().detach())
    parameters = sum(p.numel() for p in layers.parameters())
    mo.md(
        f"Ten layers with {stated(9300, parameters, 0)} parameters collapse to one layer with "
        f"{stated(930, W.numel() + b.numel(), 0)}. On 100 inputs their outputs differ by {stated(0, difference, 1e-12)} (to twelve "
        "decimal places)."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A nonlinearity between the layers

    To keep the layers from collapsing, we put a nonlinear function σ after each hidden layer: $h = \sigma(xW + b)$. It is called an
    *activation function*. The project has ten of them (`models/activations.py`). The first one, the identity, is linear and is there
    for comparison.
    """)
    return


@app.cell(hide_code=True)
def _():
    def draw_activations() -> Figure:
        x = torch.linspace(-4, 4, 400, requires_grad=True)
        figure, panels = plt.subplots(2, 5, figsize=(9, 3.8), layout="constrained", sharex=True, sharey=True)
        for axes, (name, kind) in zip(panels.ravel(), ACTIVATIONS.items(), strict=True):
            y = kind()(x)
            (slope,) = torch.autograd.grad(y.sum(), x)
            axes.plot(x.detach(), slope, color=COLORS[1], linewidth=1, label="derivative")
            axes.plot(x.detach(), y.detach(), color=COLORS[0], label="value")
            axes.set(title=name, ylim=(-1.5, 3))
            axes.grid(alpha=0.3)
        panels[0, 0].legend(fontsize=8)
        figure.supxlabel("input")
        return figure

    def slope_at(name: str, x: float) -> float:
        point = torch.tensor(x, requires_grad=True)
        ACTIVATIONS[name]()(point).backward()
        return float(point.grad)

    assert len(ACTIVATIONS) == 10
    mo.vstack([
        draw_activations(),
        mo.md(
            f"The derivative of the sigmoid is at most {stated(0.25, slope_at('sigmoid', 0.0), 1e-6)}; at 4 it is "
            f"{stated(0.018, slope_at('sigmoid', 4.0), 0.0005)}. The derivative of ReLU is {stated(1, slope_at('relu', 4.0), 0)} for all "
            "positive inputs and 0 for negative ones. Lab 5 shows what this means for a network of ten layers."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    units = mo.ui.slider(1, 12, 1, value=4, label="hidden units", show_value=True)
    mo.vstack([
        mo.md(r"""
        ## ReLU divides the space into regions

        Each hidden unit with ReLU has its own hyperplane. On one side its output is 0; on the other side it is $xW + b$. With two
        inputs, the hyperplanes of a layer of n units are n lines in the plane. They divide the plane into regions, and in each region
        the network is linear. The figures show the regions of a random network with one such layer, and of one with two.
        """),
        ask(
            "Into how many regions can 4 lines divide the plane at most? And 12 lines?",
            "The first line makes 2 regions. The n-th line can split at most n of the existing regions. In total: $1 + n + n(n-1)/2$, "
            "which is 11 for 4 lines and 79 for 12.",
        ),
        units,
    ])
    return (units,)


@app.cell(hide_code=True)
def _(units):
    def regions(sizes: tuple[int, ...], seed: int = 0, side: int = 700) -> tuple[int, np.ndarray]:
        """Return how many linear regions of the square [-3, 3]² a network has, and in which one each point lies."""
        torch.manual_seed(seed)
        axis = torch.linspace(-3, 3, side)
        h = torch.cartesian_prod(axis, axis)
        pattern = []
        for size in sizes:
            layer = nn.Linear(h.shape[1], size)
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
            h = torch.relu(layer(h)).detach()
            pattern.append(h > 0)
        signs = torch.cat(pattern, dim=1).numpy()
        codes = signs @ (1 << np.arange(signs.shape[1], dtype=np.int64))
        found, numbers = np.unique(codes, return_inverse=True)
        return len(found), numbers.reshape(side, side)

    def draw_regions(count: int) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(7.4, 3.7), layout="constrained")
        shuffled = np.random.default_rng(0)
        for axes, sizes in zip(panels, ((count,), (count, count)), strict=True):
            number, pieces = regions(sizes, side=300)
            axes.imshow(shuffled.permutation(number)[pieces].T, cmap="cividis", extent=(-3, 3, -3, 3), origin="lower")
            edges = (np.diff(pieces, axis=0)[:, :-1] != 0) | (np.diff(pieces, axis=1)[:-1] != 0)
            axes.imshow(np.where(edges, 1.0, np.nan).T, cmap="gray", vmin=0, vmax=1, extent=(-3, 3, -3, 3), origin="lower")
            axes.set(xlabel="x₁", ylabel="x₂", title=f"{' and '.join(map(str, sizes))} hidden units: {number} regions")
        return figure

    draw_regions(units.value)
    return (regions,)


@app.cell
def _(regions):
    one = {n: max(regions((n,), seed)[0] for seed in range(5)) for n in (2, 4, 12)}
    two = max(regions((6, 6), seed)[0] for seed in range(5))
    assert all(found <= 1 + n + n * (n - 1) // 2 for n, found in one.items())
    assert two > one[12]
    return one, two


@app.cell(hide_code=True)
def _(one, two):
    mo.md(
        f"We count the regions on a grid and take the maximum over five random networks. One layer of 2 units has {stated(4, one[2], 0)} "
        f"regions (the limit is 4), one of 4 units {stated(11, one[4], 0)} (limit 11), one of 12 units {stated(68, one[12], 0)} (limit "
        f"79). Two layers of 6 units each have {stated(73, two, 0)}. The lines of the second layer bend where they cross the lines of the "
        "first layer. So with the same number of units, a deeper network can have more regions than a wider one; in the best case "
        "exponentially more (Montúfar and others 2014)."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Watch a network transform the plane

    We train the project's network, `model=mlp`, on the moons of lab 3 for 600 steps (lab 5 explains how). Its hidden layers have 24,
    24 and 2 units; the last one has only two, so that we can draw it. Left: the input plane with the decision boundary. Right: the
    same points as the last hidden layer sees them, with the hyperplane that separates the classes there. Move the slider from left to
    right. What happens in the right figure while the boundary in the left one bends?
    """)
    return


@app.cell
def _():
    points, labels = make_moons(400, noise=0.12, random_state=0)
    x = torch.tensor(points, dtype=torch.float32)
    t = torch.tensor(labels)

    def train_network() -> list[dict[str, torch.Tensor]]:
        torch.manual_seed(3)
        network = MLP(DataSpec(task="classification", input_shape=(2,), output_size=2), hidden_sizes=(24, 24, 2), activation="tanh")
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        kept = []
        for step in range(601):
            loss = nn.functional.cross_entropy(network(x), t)
            if step % 25 == 0:
                kept.append({name: value.clone() for name, value in network.state_dict().items()})
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return kept

    snapshots = train_network()
    return labels, points, snapshots, t, x


@app.cell(hide_code=True)
def _(snapshots):
    moment = mo.ui.slider(0, 25 * (len(snapshots) - 1), 25, value=0, label="training steps", show_value=True)
    moment
    return (moment,)


@app.cell(hide_code=True)
def _(labels, moment, points, snapshots, t, x):
    def at(index: int) -> MLP:
        network = MLP(DataSpec(task="classification", input_shape=(2,), output_size=2), hidden_sizes=(24, 24, 2), activation="tanh")
        network.load_state_dict(snapshots[index])
        return network.eval()

    def hidden(network: MLP, inputs: torch.Tensor) -> torch.Tensor:
        caught = []
        handle = network.output.register_forward_pre_hook(lambda module, given: caught.append(given[0]))
        network(inputs)
        handle.remove()
        return caught[0].detach()

    def draw_bending(index: int) -> Figure:
        network = at(index)
        figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 4), layout="constrained")
        first, second = torch.meshgrid(torch.linspace(-1.6, 2.6, 160), torch.linspace(-1.1, 1.6, 160), indexing="xy")
        grid = torch.stack([first.ravel(), second.ravel()], dim=1)
        with torch.no_grad():
            logits = network(grid)
        left.contourf(first, second, (logits[:, 1] - logits[:, 0]).reshape(first.shape), levels=[-1e9, 0, 1e9], colors=[COLORS[1], COLORS[0]], alpha=0.15)
        h = hidden(network, x)
        w = (network.output.weight[1] - network.output.weight[0]).detach()
        b = (network.output.bias[1] - network.output.bias[0]).item()
        line = np.array([-1.1, 1.1])
        right.plot(line, -(w[0].item() * line + b) / w[1].item(), color="black")
        for label, color, marker in ((0, COLORS[1], "s"), (1, COLORS[0], "o")):
            left.scatter(*points[labels == label].T, s=8, color=color, marker=marker)
            right.scatter(*h[labels == label].T, s=8, color=color, marker=marker)
        with torch.no_grad():
            share = (network(x).argmax(1) == t).float().mean().item()
        left.set(xlabel="x₁", ylabel="x₂", title=f"input space after {25 * index} steps: accuracy {share:.3f}")
        right.set(xlabel="hidden unit 1", ylabel="hidden unit 2", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), title="the same points in the last hidden layer")
        return figure

    draw_bending(moment.value // 25)
    return (at,)


@app.cell(hide_code=True)
def _(at, snapshots, t, x):
    with torch.no_grad():
        begin, end = ((at(i)(x).argmax(1) == t).float().mean().item() for i in (0, len(snapshots) - 1))
    mo.md(
        f"Before training the accuracy is {stated(0.77, begin, 0.005)}, after 600 steps {stated(1.0, end, 0)}. The output layer is a "
        "hyperplane, as in lab 2. The hidden layers before it have transformed the space so that a hyperplane is enough."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - Linear layers collapse to a single one. Only with a nonlinearity between them does depth help.
    - A ReLU network is piecewise linear. With the same number of units, more layers can give more regions.
    - The kernel trick uses a fixed space in which a hyperplane is enough. Deep learning learns such a space.

    Next: [lab 5](?file=lab_05_training.py), how the weights are found.
    """)
    return


if __name__ == "__main__":
    app.run()
