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

    Larger networks, more data, longer training: for language models the loss falls with each of them along straight lines on
    double-logarithmic paper, over many orders of magnitude (Hestness and others 2017; Kaplan and others 2020). You can plan by
    such a line, before you pay for the large model. Here you measure one in about a minute, on MNIST-1D, and see how far it carries. About 30 minutes.

    ## Twenty-one networks

    `model=mlp` with two hidden layers of 4 to 256 units, three seeds each, 30 epochs. The seeds of a width differ in numbers only, so
    `hydra/launcher=stacked` trains them as one: their weights lie on top of each other, and each step is a single batched
    product. A member ends where it would have ended alone on another
    machine: the numbers are the same, and added in another order.

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
        f"From {stated(234, N[0], 0)} to {stated(78858, N[-1], 0)} parameters, 3600 training signals. All test losses are of the best "
        f"weights by the validation part; who guesses has ln 10 = {stated(2.303, np.log(10), 0.0005)}."
    )
    return L, N, common


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A straight line through logarithms

    A power law is $L(N) = a N^{-\alpha}$. In logarithms it is the line of lab 1: $\ln L = \ln a - \alpha \ln N$.

    **Exercise.** Fit it.
    """)
    return


@app.cell
def _():
    def power_law(n: np.ndarray, loss: np.ndarray) -> tuple[float, float]:
        """Return a and α of the power law a n^-α, by least squares on the logarithms."""
        raise NotImplementedError

    checked(lambda: check_power_law(power_law))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Fit the line through the three smallest networks, 234 to 1098 parameters. What will it say of the largest, with 72 times as many as the third? "
        "Too much loss, too little, or about right?",
        "Too little, and by far. The line knows nothing of what the large network runs out of: data.",
    )
    return


@app.cell
def _(L, N):
    def line_through(n: np.ndarray, loss: np.ndarray) -> tuple[float, float]:
        slope, height = np.polyfit(np.log(n), np.log(loss), 1)
        return float(np.exp(height)), float(-slope)

    def with_floor(n: np.ndarray, loss: np.ndarray) -> tuple[float, float, float]:
        """Return floor, a and α of floor + a n^-α: the floor is tried, the rest is a line through logarithms."""
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
        axes.plot(n, a_small * n**-alpha_small, "--", color=COLORS[1], label="line through the three smallest")
        axes.plot(n, floor + a * n**-alpha, color=COLORS[2], label="with a floor, through all")
        axes.plot(np.repeat(N, len(SEEDS)), L.ravel(), ".", color="0.5", label="a seed")
        axes.plot(N, mean, "o", color=COLORS[0], label="mean")
        axes.set(xscale="log", yscale="log", xlabel="N, parameters", ylabel="test loss (nats)", title="Loss against parameters")
        axes.set_yticks([0.7, 1, 1.4, 2], ["0.7", "1", "1.4", "2"])
        axes.minorticks_off()
        axes.legend()
        return figure

    predicted = a_small * N[-1] ** -alpha_small
    assert predicted < mean[-1] - 0.2
    mo.vstack([
        draw_parameters(),
        mo.md(
            f"The line has α = {stated(0.15, alpha_small, 0.06)}, and says {stated(0.67, predicted, 0.2)} for the largest network; it has "
            f"{stated(1.06, mean[-1], 0.05)}. From 234 to 7434 parameters the loss falls by {stated(0.49, mean[0] - mean[4], 0.1)}, from there "
            f"to 78,858 by {stated(0.05, mean[4] - mean[-1], 0.06)} more. Three points always look straight."
        ),
    ])
    return line_through, mean, with_floor


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A floor

    $L(N) = L_\infty + a N^{-\alpha}$ bends where the data do. $L_\infty$ is what no network of this kind gets below with
    these data and this many steps. It is not the noise of the data alone: a CNN with fewer weights tells far more signals right
    (lab 6), because it takes the right thing for granted.
    """)
    return


@app.cell
def _(L, N, mean, with_floor):
    fits = np.array([with_floor(N, mean)] + [with_floor(N, L[:, seed]) for seed in range(len(SEEDS))])
    early = with_floor(N[:5], mean[:5])
    early_says = early[0] + early[1] * N[-1] ** -early[2]
    mo.md(
        f"Fitted to all seven means: $L_\\infty$ = {stated(1.03, fits[0, 0], 0.08)}, α = {stated(0.58, fits[0, 2], 0.2)}. Fitted to one seed at a time $L_\\infty$ lies between "
        f"{stated(0.99, fits[1:, 0].min(), 0.15)} and {stated(1.04, fits[1:, 0].max(), 0.1)}, and α between {stated(0.39, fits[1:, 2].min(), 0.25)} and "
        f"{stated(0.69, fits[1:, 2].max(), 0.3)}: the exponent of seven points is a rough number. With the floor, the five smallest networks say "
        f"{stated(1.05, early_says, 0.15)} for the largest, which has {stated(1.06, mean[-1], 0.05)}."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## More data

    Now 450, 900, 1800 and 3600 training signals, for a small network (16 and 16) and a large one (128 and 128), 540 steps each: what is not
    trained on is validation (`data.val_fraction`).
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Which of the two networks is better with 3600 signals, and which with 450?",
        "With 3600 the large one, clearly. With 450 it gains nothing from its size: it learns them by heart within some epochs, and "
        "is stopped there by the validation. Parameters without data are wasted, and data without parameters too.",
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
        """Return the test losses (4, seeds) of a network, by data."""
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
        axes.set(xscale="log", yscale="log", xlabel="D, training signals", ylabel="test loss (nats)", title="Loss against data")
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
            f"With 3600 signals the large network has {stated(0.35, gain_many, 0.1)} less loss, with 450 {stated(-0.04, gain_few, 0.08)}: nothing. Its line has "
            f"α = {stated(0.27, alpha_data, 0.06)}: eight times the data for a factor of {stated(1.74, 8**alpha_data, 0.25)}. Carried on, it would reach 0.5 with "
            f"{stated(59, needed / 1000, 40)} thousand signals. That is a guess from three octaves with a bend in sight: nearer to 2.303 the line has to flatten, as nobody "
            "is worse than a guess for long, and at the other end there is noise."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## More steps

    The third axis costs nothing to look at: each run of the first sweep has written its validation loss every other epoch.
    """)
    return


@app.cell(hide_code=True)
def _():
    def curves(width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return steps and the mean validation loss of the seeds after them."""
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
        axes.set(xscale="log", yscale="log", xlabel="steps of 100 signals", ylabel="validation loss (nats)", title="Loss against steps")
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
            f"The smallest network still improves at step {stated(1080, lowest[4], 150)}. The largest is best at step {stated(216, lowest[256], 160)}, and is "
            f"{stated(0.5, rise, 0.4)} worse at the end: it goes on to learn the 3600 signals by heart. Larger networks need fewer steps to the same loss, "
            "and end sooner, if the data do not grow with them."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What such a law is worth

    - Each axis is a straight line only while the other two are not what is missing. Large models are planned so that none is: parameters and data
      in proportion (Hoffmann and others 2022).
    - A fit of seven points and three seeds has an error of its own. Say it.
    - All this held the shape of the network and the learning rate fixed. A better shape (lab 6: a CNN) moves the whole line, which more of the wrong shape does not.

    ## What to take along from twelve labs

    A line through points, with a loss and a gradient. A hyperplane where there are classes. A trick that makes the space larger, and another that
    learns the space. Then structure: share weights where places are alike, remember, attend. And at every step the same question to yourself:
    compared with what, on which data, with how many seeds?

    What now? Take your own data: `train data=table data.path=yours.csv data.target=...`, `model=linear` first.
    """)
    return


if __name__ == "__main__":
    app.run()
