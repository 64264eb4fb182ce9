import marimo

app = marimo.App(width="medium", app_title="Lab 12: the blessings of scale")

with app.setup(hide_code=True):
    import csv

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    from course import COLORS, ROOT, ask, checked, stated, sweep
    from exercises import check_power_law
    from matplotlib.figure import Figure

    WIDTHS = (4, 8, 16, 32, 64, 128, 256)
    SEEDS = (0, 1, 2)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 12: the blessings of scale

    Larger networks, more data, longer training: for language models, each of the three lowers the loss along a straight line in a
    log-log plot, over many orders of magnitude (Hestness and others 2017; Kaplan and others 2020). Such a *scaling law* helps to plan
    a large model before you pay for its training. In this lab you measure one in about a minute, on MNIST-1D, and test how far it can
    be extrapolated. About 30 minutes.

    ## Twenty-one networks

    We train `model=mlp` with two hidden layers of 4 to 256 units each, with three seeds, for 30 epochs. The three runs of one size differ
    only in the seed. So `hydra/launcher=stacked` trains them together: it stacks their weights, and each step is a single batched matrix
    product. Each run gets the same result as if it were trained alone, apart from rounding errors.

    `train --multirun hydra/launcher=stacked model=mlp model.hidden_sizes=[4,4],[8,8],… data=mnist1d seed=0,1,2 optimizer.lr=0.003`
    """)
    return


@app.cell
def _():
    common = ("hydra/launcher=stacked", "model=mlp", "data=mnist1d", "seed=0,1,2", "optimizer.lr=0.003")
    sizes = ",".join(f"[{width},{width}]" for width in WIDTHS)
    by_size = sweep(
        *common, f"model.hidden_sizes={sizes}", "trainer.max_epochs=30", "trainer.check_val_every_n_epoch=2", folder="scale_parameters"
    )
    N = np.array(sorted([run["parameters"] for run in by_size])[:: len(SEEDS)], dtype=float)  # (7,)
    L = np.array([[r["metrics"]["test/loss"] for r in by_size if r["parameters"] == n] for n in N])  # (7, seeds)
    assert L.shape == (7, 3)
    mo.md(
        f"The networks have {stated(234, N[0], 0)} to {stated(78858, N[-1], 0)} parameters; there are 3600 training signals. The test loss is "
        "that of the checkpoint with the best validation loss. Guessing uniformly gives a loss of "
        f"ln 10 = {stated(2.303, np.log(10), 0.0005)}."
    )
    return L, N, common


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A power law is a straight line in a log-log plot

    A power law is $L(N) = a N^{-\alpha}$. Its logarithm is a line, as in lab 1: $\ln L = \ln a - \alpha \ln N$.

    **Exercise.** Write a function that fits a and α to given points. The box below the cell tries it, first on points of an exact power
    law, then on points with noise.
    """)
    return


@app.cell
def _():
    def power_law(n: np.ndarray, loss: np.ndarray) -> tuple[float, float]:
        """Return a and α of the power law a n^-α, fitted by least squares to the logarithms."""
        raise NotImplementedError

    checked(lambda: check_power_law(power_law))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "We fit the line to the three smallest networks, with 234 to 1098 parameters. The largest network has 72 times as many as the third. "
        "Will the loss that the line predicts for it be too high, too low, or about right?",
        "Much too low. The line does not know what will limit the large network: the amount of data.",
    )
    return


@app.cell
def _(L, N):
    def line_through(n: np.ndarray, loss: np.ndarray) -> tuple[float, float]:
        slope, height = np.polyfit(np.log(n), np.log(loss), 1)
        return float(np.exp(height)), float(-slope)

    def with_floor(n: np.ndarray, loss: np.ndarray) -> tuple[float, float, float]:
        """Return floor, a and α of floor + a n^-α: try many floors, and fit a line to the logarithms for each."""
        tried = []
        for floor in np.linspace(0, 0.995 * loss.min(), 400):
            a, alpha = line_through(n, loss - floor)
            tried.append((float(np.sum((floor + a * n**-alpha - loss) ** 2)), float(floor), a, alpha))
        return min(tried)[1:]

    mean = L.mean(axis=1)
    a_small, alpha_small = line_through(N[:3], mean[:3])
    floor, a, alpha = with_floor(N, mean)

    def draw_parameters() -> Figure:
        figure, axes = plt.subplots(figsize=(6.6, 3.9), layout="constrained")
        n = np.geomspace(N[0], N[-1], 100)
        axes.plot(n, a_small * n**-alpha_small, "--", color=COLORS[1], label="power law, fitted to the three smallest")
        axes.plot(n, floor + a * n**-alpha, color=COLORS[2], label="power law with a floor, fitted to all")
        axes.plot(np.repeat(N, len(SEEDS)), L.ravel(), ".", color="0.5", label="single seeds")
        axes.plot(N, mean, "o", color=COLORS[0], label="mean")
        axes.set(xscale="log", yscale="log", xlabel="N, number of parameters", ylabel="test loss (nats)", title="Test loss against number of parameters")
        axes.set_yticks([0.7, 1, 1.4, 2], ["0.7", "1", "1.4", "2"])
        axes.minorticks_off()
        axes.legend()
        return figure

    predicted = a_small * N[-1] ** -alpha_small
    assert predicted < mean[-1] - 0.2
    mo.vstack([
        draw_parameters(),
        mo.md(
            f"The line has α = {stated(0.15, alpha_small, 0.06)} and predicts a loss of {stated(0.67, predicted, 0.2)} for the largest network. "
            f"The measured loss is {stated(1.06, mean[-1], 0.05)}. From 234 to 7434 parameters the loss falls by "
            f"{stated(0.49, mean[0] - mean[4], 0.1)}; from 7434 to 78,858 it falls by only {stated(0.05, mean[4] - mean[-1], 0.06)}. Three "
            "neighbouring points nearly always look like a straight line."
        ),
    ])
    return line_through, mean, with_floor


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A floor

    The formula $L(N) = L_\infty + a N^{-\alpha}$ becomes flat for large N, as the measurements do. $L_\infty$ is the loss that no network of
    this kind can fall below with these data and this number of steps. The noise in the data is not the only reason: a CNN with fewer
    weights classifies far more signals correctly (lab 6), because its assumptions fit the data.
    """)
    return


@app.cell
def _(L, N, mean, with_floor):
    fits = np.array([with_floor(N, mean)] + [with_floor(N, L[:, seed]) for seed in range(len(SEEDS))])
    early = with_floor(N[:5], mean[:5])
    early_says = early[0] + early[1] * N[-1] ** -early[2]
    mo.md(
        f"Fitted to all seven means, $L_\\infty$ = {stated(1.03, fits[0, 0], 0.08)} and α = {stated(0.58, fits[0, 2], 0.2)}. Fitted to single "
        f"seeds, $L_\\infty$ is between {stated(0.99, fits[1:, 0].min(), 0.15)} and {stated(1.04, fits[1:, 0].max(), 0.1)}, and α between "
        f"{stated(0.39, fits[1:, 2].min(), 0.25)} and {stated(0.69, fits[1:, 2].max(), 0.3)}: an exponent that is fitted to seven points is "
        "uncertain. Fitted to the five smallest networks, the formula with a floor predicts "
        f"{stated(1.05, early_says, 0.15)} for the largest; the measured loss is {stated(1.06, mean[-1], 0.05)}."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## More data

    Now we vary the number of training signals: 450, 900, 1800 and 3600. We train a small network (16 and 16 units) and a large one (128
    and 128 units), for 540 steps each. The remaining signals become the validation set (`data.val_fraction`).
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Which of the two networks is better with 3600 signals? Which is better with 450?",
        "With 3600 signals the large network is clearly better. With 450 signals its size does not help: it memorizes the training set within "
        "a few epochs, and the best checkpoint comes from before that. Many parameters need much data, and much data needs many parameters.",
    )
    return


@app.cell
def _(common):
    by_data = sweep(
        *common, "model.hidden_sizes=[16,16],[128,128]", "data.val_fraction=0.1,0.55,0.775,0.8875", "trainer.max_steps=540",
        "trainer.check_val_every_n_epoch=4", folder="scale_data",
    )
    fractions = {"data.val_fraction=0.8875": 450, "data.val_fraction=0.775": 900, "data.val_fraction=0.55": 1800, "data.val_fraction=0.1": 3600}
    D = np.array(list(fractions.values()), dtype=float)

    def losses_of(size: str) -> np.ndarray:
        """Return the test losses (4, seeds) of a network for each number of training signals."""
        return np.array([
            [r["metrics"]["test/loss"] for r in by_data if f"model.hidden_sizes={size}" in r["overrides"] and fraction in r["overrides"]]
            for fraction in fractions
        ])

    small, large = losses_of("[16,16]"), losses_of("[128,128]")
    assert small.shape == large.shape == (4, 3)
    return D, large, small


@app.cell
def _(D, large, line_through, small):
    a_data, alpha_data = line_through(D, large.mean(axis=1))

    def draw_data() -> Figure:
        figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
        for found, color, marker, name in ((small, COLORS[1], "s", "16 and 16 units"), (large, COLORS[0], "o", "128 and 128 units")):
            axes.errorbar(D, found.mean(axis=1), np.ptp(found, axis=1) / 2, color=color, marker=marker, capsize=3, label=name)
        axes.plot(D, a_data * D**-alpha_data, "--", color="0.5", label="power law, large network")
        axes.set(xscale="log", yscale="log", xlabel="D, number of training signals", ylabel="test loss (nats)", title="Test loss against amount of data")
        axes.set_xticks(D, [f"{d:.0f}" for d in D])
        axes.set_yticks([1, 1.4, 2], ["1", "1.4", "2"])
        axes.minorticks_off()
        axes.legend()
        return figure

    gain_few, gain_many = (small - large).mean(axis=1)[[0, -1]]
    needed = 3600 * (large.mean(axis=1)[-1] / 0.5) ** (1 / alpha_data)
    assert gain_many > 0.15 > gain_few + 0.1
    mo.vstack([
        draw_data(),
        mo.md(
            f"With 3600 signals the loss of the large network is lower by {stated(0.35, gain_many, 0.1)}, with 450 signals by "
            f"{stated(-0.04, gain_few, 0.08)}: no gain. Its power law has α = {stated(0.27, alpha_data, 0.06)}: eight times the data divide "
            f"the loss by {stated(1.74, 8**alpha_data, 0.25)}. If the law continued, a loss of 0.5 would need "
            f"{stated(59, needed / 1000, 40)} thousand signals. This is a bold extrapolation from a range of only a factor of eight. And the "
            "true curve must bend at both ends: with few data it becomes flat near 2.303, the loss of guessing, and with many data it ends at "
            "a floor, because the data contain noise."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## More steps

    The third axis needs no new runs: each run of the first sweep has recorded its validation loss every second epoch.
    """)
    return


@app.cell(hide_code=True)
def _():
    def curves(width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps, and the validation loss after them, averaged over the seeds."""
        rows = []
        for path in sorted((ROOT / "runs" / "labs" / "scale_parameters").glob(f"*hidden_sizes__{width}_{width}_*/metrics.csv")):
            with path.open() as stream:
                rows.append([(int(row["step"]) + 1, float(row["val/loss"])) for row in csv.DictReader(stream) if row["val/loss"]])
        found = np.array(rows)  # (seeds, validations, 2)
        assert len(found) == len(SEEDS)
        return found[0, :, 0], found[:, :, 1].mean(axis=0)

    paths = [(width, *curves(width)) for width in (4, 16, 64, 256)]

    def draw_steps() -> Figure:
        figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
        for (width, steps, loss), color in zip(paths, COLORS, strict=False):
            axes.plot(steps, loss, marker=".", color=color, label=f"{width} and {width} units")
        axes.set(xscale="log", yscale="log", xlabel="steps (100 signals each)", ylabel="validation loss (nats)", title="Validation loss against number of steps")
        axes.set_yticks([1, 1.4, 2], ["1", "1.4", "2"])
        axes.minorticks_off()
        axes.legend(loc="upper right")
        return figure

    lowest = {width: int(steps[loss.argmin()]) for width, steps, loss in paths}
    rise = paths[-1][2][-1] - paths[-1][2].min()
    assert lowest[256] < lowest[4]
    mo.vstack([
        draw_steps(),
        mo.md(
            f"The smallest network still improves at step {stated(1080, lowest[4], 150)}. The largest has its lowest loss at step "
            f"{stated(216, lowest[256], 160)}; at the end its loss is higher by {stated(0.5, rise, 0.4)}, because it overfits the 3600 "
            "signals. Larger networks need fewer steps to reach the same loss, and they overfit earlier, unless they also get more data."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What such a law is worth

    - Each of the three curves is a straight line only as long as the other two quantities are not the bottleneck. Large models are
      planned so that there is no bottleneck: the number of parameters and the amount of data grow in proportion (Hoffmann and others
      2022).
    - A fit to seven points and three seeds is uncertain. Report its uncertainty.
    - Architecture and learning rate were fixed here. A better architecture (lab 6: a CNN) lowers the whole curve; a larger network of the
      wrong architecture does not.

    ## Key points of the twelve labs

    A line through points, with a loss and a gradient. A hyperplane that separates classes. A kernel that maps the data to a larger
    space, and a network that learns such a space. Then structure: shared weights, memory, attention. And for every result the same
    questions: compared with what, on which data, with how many seeds?

    What next? Use your own data: `train data=table data.path=yours.csv data.target=...`, and start with `model=linear`.
    """)
    return


if __name__ == "__main__":
    app.run()
