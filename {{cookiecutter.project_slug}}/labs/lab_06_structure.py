import marimo

app = marimo.App(width="medium", app_title="Lab 6: the value of structure")

with app.setup(hide_code=True):
    import csv

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ROOT, ask, checked, stated, sweep
    from exercises import check_receptive_field
    from matplotlib.figure import Figure
    from torch import nn

    from {{ cookiecutter.package_name }}.data.mnist1d import MNIST1D
    from {{ cookiecutter.package_name }}.models.cnn import CNN
    from {{ cookiecutter.package_name }}.models.linear import Linear
    from {{ cookiecutter.package_name }}.models.mlp import MLP
    from {{ cookiecutter.package_name }}.models.rnn import RNN


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 6: the value of structure

    A network can have knowledge about its data built in before it learns anything: that neighbouring positions belong together,
    that a shape stays the same when it is shifted, that a signal has an order in time. This lab measures how much such knowledge
    helps, by taking it away. About 30 minutes.

    ## Ten digits as signals

    MNIST-1D (Greydanus and Kobak 2024) has ten shapes, one for each digit. Each signal is such a shape, stretched, shifted and with
    added noise, at 40 positions. The shuffled data set contains the same signals with permuted positions. The permutation is the
    same for all signals. No number is lost, but neighbours are no longer next to each other.
    """)
    return


@app.cell
def _():
    plain = MNIST1D(seed=0, folder=str(ROOT / "data")).load()
    shuffled = MNIST1D(shuffled=True, seed=0, folder=str(ROOT / "data")).load()
    order = np.random.RandomState(42).permutation(40)  # as data/mnist1d.py draws it
    assert np.array_equal(plain.train_inputs[:, order], shuffled.train_inputs)
    x = torch.tensor(plain.train_inputs)

    def draw_signals() -> Figure:
        figure, panels = plt.subplots(2, 5, figsize=(9.4, 3.6), layout="constrained", sharex=True, sharey=True)
        for digit in range(5):
            first = int(np.flatnonzero(plain.train_targets == digit)[0])
            for row, arrays in enumerate((plain, shuffled)):
                panels[row, digit].plot(arrays.train_inputs[first, :, 0], color=COLORS[row])
                panels[row, digit].grid(alpha=0.3)
            panels[0, digit].set_title(f"digit {digit}")
        panels[0, 0].set_ylabel("mnist1d")
        panels[1, 0].set_ylabel("mnist1d_shuffled")
        figure.supxlabel("position")
        return figure

    draw_signals()
    return order, x


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Four models

    | model | knowledge built in |
    |---|:---|
    | linear | none; it is linear |
    | mlp | none |
    | cnn | the same small window is applied at every position |
    | rnn | the positions have an order; the same step is applied at each |
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Which of the four models will do worse on the shuffled data? Which will not change?",
        "linear and mlp will not change. They have a separate weight for each position, in whatever order the positions come. If you "
        "permute these weights in the same way, the outputs are the same. cnn and rnn rely on neighbours, so they will do worse. The "
        "next cell proves the first part; the experiment below measures the second.",
    )
    return


@app.cell
def _(order, x):
    def apart_after_reordering(kind: type[nn.Module]) -> float:
        """Return the change of the outputs when the positions and the weights of the first layer are permuted alike."""
        torch.manual_seed(0)
        network = kind(MNIST1D.spec)
        before = network(x[:100])
        first = network.output if kind is Linear else network.hidden[0]
        with torch.no_grad():
            first.weight.copy_(first.weight[:, order])
            return float((network(x[:100, order]) - before).abs().max())

    apart = {kind.__name__: apart_after_reordering(kind) for kind in (Linear, MLP)}
    counts = {
        kind.__name__: sum(p.numel() for p in kind(MNIST1D.spec).parameters()) for kind in (Linear, MLP, CNN, RNN)
    }
    mo.md(
        f"With permuted weights, the outputs on the shuffled signals differ by {stated(0, apart['Linear'], 1e-5)} (linear) and "
        f"{stated(0, apart['MLP'], 1e-5)} (mlp), to five decimal places. So for these two models both data sets are the same "
        "problem.\n\n"
        f"Number of parameters: linear {stated(410, counts['Linear'], 0)}, mlp {stated(15210, counts['MLP'], 0)}, cnn "
        f"{stated(5210, counts['CNN'], 0)}, rnn {stated(5134, counts['RNN'], 0)}. The two models with structure have about a third of "
        "the parameters of the mlp."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A convolution is a matrix with shared weights

    A kernel k of 5 weights slides along the signal, in steps of two positions (stride 2): $z_i = b + \sum_j k_j\, x_{2i+j-1}$. The
    signal is padded with one zero at each end. We can write this as a linear layer $z = Tx + b$. Most entries of the matrix T are
    zero, and the same five weights appear in each row.
    """)
    return


@app.cell
def _(x):
    torch.manual_seed(0)
    convolution = nn.Conv1d(1, 1, kernel_size=5, stride=2, padding=1)

    def as_matrix(kernel: torch.Tensor, length: int, stride: int, padding: int) -> torch.Tensor:
        """Return T (outputs, length), so that T x is the convolution of x without its bias."""
        outputs = (length + 2 * padding - len(kernel)) // stride + 1
        T = torch.zeros(outputs, length + 2 * padding)
        for i in range(outputs):
            T[i, i * stride : i * stride + len(kernel)] = kernel
        return T[:, padding : padding + length]  # without the columns of the padding, which multiply zeros

    T = as_matrix(convolution.weight[0, 0].detach(), 40, stride=2, padding=1)
    by_matrix = x[:, :, 0] @ T.T + convolution.bias.detach()
    by_torch = convolution(x.movedim(2, 1))[:, 0].detach()
    difference = float((by_matrix - by_torch).abs().max())

    def draw_matrix() -> Figure:
        figure, axes = plt.subplots(figsize=(7.4, 3.6), layout="constrained")
        limit = float(T.abs().max())
        shown = axes.imshow(T.numpy(), cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
        axes.set(
            xlabel="position in the signal",
            ylabel="output of the convolution",
            title="The matrix T has the same five weights in each row",
            yticks=range(0, 19, 3),
        )
        figure.colorbar(shown, label="weight")
        return figure

    mo.vstack(
        [
            draw_matrix(),
            mo.md(
                f"T has {stated(760, T.numel(), 0)} entries. {stated(94, int((T != 0).sum()), 0)} of them are not zero, with only "
                f"{stated(5, len(set(T[T != 0].tolist())), 0)} different values. On 4000 signals, $Tx + b$ and PyTorch's convolution "
                f"differ by {stated(0, difference, 1e-5)}, to five decimal places. So everything that a convolution computes, a linear "
                "layer can compute too. But the convolution does not have to learn that neighbours belong together, and it does not "
                "have to learn each shape again at each position."
            ),
        ]
    )
    return


@app.cell
def _():
    torch.manual_seed(0)
    sliding = nn.Conv1d(1, 4, kernel_size=5, padding=2, padding_mode="circular")
    signal = torch.randn(1, 1, 40)
    moved = float((sliding(signal.roll(7, dims=2)) - sliding(signal).roll(7, dims=2)).abs().max().detach())
    mo.md(
        f"If you shift the signal by 7 positions, the outputs of a convolution shift by 7 positions too; otherwise they change by "
        f"{stated(0, moved, 1e-6)}, to six decimal places. This property is called *equivariance* (to shifts). Here the stride is 1, "
        "and the signal is a ring: its end is connected to its start. A linear layer is equivariant to shifts only if its matrix has "
        "the structure of such a convolution."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The receptive field

    The *receptive field* of a unit is the part of the signal that it can see. The project's cnn has three convolutions with kernels
    of 5, 3 and 3, each with stride 2. A unit of the first convolution sees 5 positions. A unit of the second sees 3 units of the
    first, which are 2 positions apart.

    **Exercise.** How many positions does a unit of the last convolution see? Write a function for any kernel sizes. The box below
    the cell says *Right* when it is correct. Then compare with the measurement.
    """)
    return


@app.cell
def _():
    def receptive_field(kernel_sizes: tuple[int, ...], stride: int) -> int:
        """Return how many positions of the signal a unit of the last convolution sees; all have the same stride."""
        raise NotImplementedError

    checked(lambda: check_receptive_field(receptive_field))
    return


@app.cell
def _():
    torch.manual_seed(0)
    network = CNN(MNIST1D.spec, activation="tanh")
    probe = torch.randn(1, 40, 1, requires_grad=True)
    network.convolutions(probe.movedim(2, 1))[0, :, 2].sum().backward()
    seen = int((probe.grad != 0).sum())
    mo.accordion(
        {
            "Measured: the number of positions with a nonzero gradient": mo.md(
                f"A unit in the middle of the last convolution has a nonzero gradient at {stated(17, seen, 0)} of the 40 positions. "
                "Several convolutions in sequence see far with few weights: with stride 2, each additional layer roughly doubles the "
                "receptive field."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The experiment

    This command starts eight runs of the project:

        train -m model=linear,mlp,cnn,rnn data=mnist1d,mnist1d_shuffled \
            optimizer=adam optimizer.lr=0.01 trainer.max_epochs=10

    Ten epochs are 360 steps. The published results used 6000 steps. `make table` also trains for 6000 steps, with two seeds each. So
    compare the ranking of the models here, not the exact numbers. `references/mnist1d_published.csv` contains the published numbers,
    with a note on the mlp: the authors' own code does not reach the published 0.68 either.
    """)
    return


@app.cell
def _():
    runs = sweep(
        "model=linear,mlp,cnn,rnn", "data=mnist1d,mnist1d_shuffled", "optimizer=adam", "optimizer.lr=0.01", "trainer.max_epochs=10",
        folder="structure",
    )  # fmt: skip
    found = {(run["choices"]["data"], run["choices"]["model"]): run["metrics"]["test/accuracy"] for run in runs}
    with (ROOT / "references/mnist1d_published.csv").open() as lines:
        published = {(row["data"], row["model"]): float(row["published"]) for row in csv.DictReader(lines)}
    models = ("linear", "mlp", "cnn", "rnn")

    def draw_accuracies() -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
        for axes, numbers, title in zip(
            panels, (found, published), ("here, after 360 steps", "published, after 6000 steps"), strict=True
        ):
            for row, data in enumerate(("mnist1d", "mnist1d_shuffled")):
                heights = [numbers[data, model] for model in models]
                bars = axes.bar(np.arange(4) + 0.4 * row - 0.2, heights, 0.38, color=COLORS[row], label=data)
                axes.bar_label(bars, fmt="%.2f", fontsize=8)
            axes.set_xticks(range(4), models)
            axes.axhline(0.1, color="0.4", linestyle=":", linewidth=1)
            axes.set(title=title, ylim=(0, 1.05))
        panels[0].set_ylabel("test accuracy (dotted: chance)")
        panels[0].legend(loc="upper left", fontsize=8)
        return figure

    draw_accuracies()
    return found, published


@app.cell(hide_code=True)
def _(found, published):
    def lost(numbers: dict[tuple[str, str], float], model: str) -> float:
        return numbers["mnist1d", model] - numbers["mnist1d_shuffled", model]

    for numbers in (found, published):
        of = {(data[7:] or "plain", model): value for (data, model), value in numbers.items()}
        assert of["plain", "linear"] < of["plain", "mlp"] < min(of["plain", "cnn"], of["plain", "rnn"])
        assert of["_shuffled", "linear"] < max(of["_shuffled", "cnn"], of["_shuffled", "rnn"]) < of["_shuffled", "mlp"]
        assert (
            max(abs(lost(numbers, "linear")), abs(lost(numbers, "mlp")))
            < 0.05
            < min(lost(numbers, "cnn"), lost(numbers, "rnn"))
        )
    mo.md(
        f"On the original signals the models with structure win: cnn {stated(0.81, found['mnist1d', 'cnn'], 0.04)} and rnn "
        f"{stated(0.8, found['mnist1d', 'rnn'], 0.13)}, then mlp {stated(0.56, found['mnist1d', 'mlp'], 0.04)} and linear "
        f"{stated(0.3, found['mnist1d', 'linear'], 0.03)}. On the shuffled signals the accuracy of "
        f"cnn falls by {stated(0.27, lost(found, 'cnn'), 0.06)}, that of rnn by {stated(0.3, lost(found, 'rnn'), 0.14)}. That of mlp "
        f"hardly changes (it falls by {stated(-0.01, lost(found, 'mlp'), 0.04)}), so mlp is the best there. The published results agree: "
        f"cnn falls by {stated(0.38, lost(published, 'cnn'), 1e-9)}, rnn by {stated(0.34, lost(published, 'rnn'), 1e-9)}, mlp and linear "
        f"by {stated(0, lost(published, 'mlp'), 1e-9)}.\n\n"
        "So built-in knowledge is worth more than additional weights if it is true for the data, and it hurts if it is not. One seed "
        "and short training are not enough to rank cnn and rnn."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - A convolution is a linear layer in which most weights are zero and the others are shared. When its input shifts, its output
      shifts too.
    - Linear layers over all positions do not use the order of the positions. So shuffling does not hurt them.
    - To measure what built-in structure contributes, take it away.

    Next: [lab 7](?file=lab_07_memory_attention.py), networks with memory and networks with attention.
    """)
    return


if __name__ == "__main__":
    app.run()
