import marimo

app = marimo.App(width="medium", app_title="Lab 9: complexity 2021")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ask, checked, results, stated, train
    from exercises import check_widening
    from hyperplane import Task, Windows
    from hyperplane.checkpoints.trained import load_trained
    from hyperplane.metrics.quantile_loss import quantile_loss
    from loguru import logger
    from matplotlib.figure import Figure

    from {{ cookiecutter.package_name }}.data.demand import Demand

    logger.disable("hyperplane")


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 9: complexity 2021

    A typical network of 1990 has one hidden layer: two equations. The Temporal Fusion Transformer (TFT) of 2021 (Lim, Arık, Loeff
    and Pfister) combines several networks; its paper needs 22 numbered equations. What is gained by this complexity? How can you
    tell? About 40 minutes. All runs together take about half a minute on an otherwise idle machine.

    ## Shops with known quantiles

    `data=demand` simulates the sales of twelve shops over 500 days. The demand depends on a level, a trend, the weekday, promotions that
    are announced in advance, and noise. The table also has a temperature, which has no effect. A model sees 28 days. For each of the
    next 7 days it predicts three numbers: the quantiles 0.1, 0.5 and 0.9 of the demand. (With probability 0.1, the demand is below the
    0.1 quantile.) We know the formula behind the data, so we also know the true quantiles.
    """)
    return


@app.cell
def _():
    data = Demand(seed=0)
    data.setup()
    tests = data.raw_windows(data.starts["test"])
    y = tests.targets.numpy()  # (windows, 7)
    return data, tests, y


@app.cell(hide_code=True)
def _(data):
    def draw_shop(shop: int, days: int = 60) -> Figure:
        reals = data.rows.reals[data.rows.series == shop][-days:]
        figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 3.8), layout="constrained", sharex=True, height_ratios=(3, 1))
        top.plot(reals[:, -1], color=COLORS[0], marker=".")
        top.set(ylabel="demand (pieces a day)", title=f"{data.series_names[shop]}: the last {days} days")
        bottom.bar(np.arange(days), reals[:, 0], color=COLORS[1])
        bottom.set(xlabel="day", ylabel="discount")
        return figure

    draw_shop(2)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The quantile loss

    Let $o$ be the forecast of the quantile $q$. If the true value $y$ is above $o$, the quantile loss is $q$ times the distance; if it
    is below, $1 - q$ times the distance:

    $$\ell_q(y, o) = \max\big(q\,(y - o),\ (q - 1)(y - o)\big).$$

    The mean loss is smallest when exactly a share q of the true values lies below $o$ (Koenker and Bassett 1978). For q = 0.5 it is half
    of the absolute error. All models here minimize its mean over the three quantiles, in pieces a day.

    ## 1990 and 2021 compared

    We compare four forecasts, from simple to complex:

    - *seasonal naive*: repeat the value of the same weekday some weeks ago. The quantiles come from its errors on the training set.
      Nothing is trained.
    - *linear*: each output is a weighted sum of everything in the window. $\hat y = xW + b$.
    - *1990*: one hidden layer of 16 units with tanh. $h = \tanh(xW_1 + b_1)$, $\hat y = hW_2 + b_2$.
    - *2021*: the TFT, with 16 units in each of its layers. It uses the constant features of each shop as context, selects variables at
      each step, and has an LSTM, attention, and gates that can switch off each of these parts. `models/tft.py` implements equations 2
      to 23 of the paper and cites their numbers.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "The best possible quantile loss here is 0.77. The seasonal naive forecast has 2.06. Guess the losses of the other three models "
        "before you look at the table. Which step in complexity helps the most?",
        "The step from naive to linear: discounts are announced in advance, and a weighted sum can use them. The TFT improves only a "
        "little on that, with the most parameters and the longest training. The network of 1990 is worse than the linear model here: it "
        "trains for 20 epochs instead of 60, and all information passes through 16 hidden units.",
    )
    return


@app.cell
def _():
    folders = {
        "linear": train("model=linear", "data=demand", "trainer.max_epochs=60", folder="demand_linear"),
        "1990": train(
            "model=mlp", "model.hidden_sizes=[16]", "model.activation=tanh", "data=demand", "trainer.max_epochs=20", folder="demand_1990"
        ),
        "2021": train(
            "model=tft", "data=demand", "optimizer.lr=0.005", "scheduler=cosine", "trainer.max_epochs=12", folder="demand_2021"
        ),
    }
    summaries = {name: results(folder) for name, folder in folders.items()}
    return folders, summaries


@app.cell
def _(data, summaries):
    losses = {name: summary["metrics"]["test/quantile_loss"] for name, summary in summaries.items()}
    naive_by_lag = data.naive_losses("test")
    lag = min(naive_by_lag, key=naive_by_lag.get)
    best = data.best_possible("test")
    assert lag == 28 and best < losses["2021"] < losses["linear"] < losses["1990"] < naive_by_lag[28]
    size = {name: summary["parameters"] for name, summary in summaries.items()}
    seconds = {name: summary["seconds"]["fit"] for name, summary in summaries.items()}
    mo.md(
        "| model | parameters | equations | training time here (seconds) | quantile loss, test |\n|---|---|---|---|---|\n"
        f"| seasonal naive, 28 days | 0 | 1 | 0 | {stated(2.06, naive_by_lag[28], 0.01)} |\n"
        f"| linear | {stated(7392, size['linear'], 0)} | 1 | {seconds['linear']:.1f} | {stated(1.02, losses['linear'], 0.03)} |\n"
        f"| 1990: one hidden layer | {stated(5989, size['1990'], 0)} | 2 | {seconds['1990']:.1f} | {stated(1.14, losses['1990'], 0.05)} |\n"
        f"| 2021: TFT | {stated(27295, size['2021'], 0)} | 22 | {seconds['2021']:.1f} | {stated(1.0, losses['2021'], 0.02)} |\n"
        f"| the true quantiles | | 2 | | {stated(0.77, best, 0.005)} |\n\n"
        "The TFT is the best. Its loss is about half of that of the seasonal naive forecast. With seed 0 it is only a little better than the "
        "linear model; with seeds 1, 2 and 3 its loss is 0.91, 0.94 and 0.96. Is that worth 22 equations? This depends on your shops. "
        "But always run the simple model too: without the row of the linear model, you would credit the transformer with the whole "
        "improvement."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Forecasts, and what they depend on

    At every step, the TFT gives each variable a weight, by a softmax: the weights sum to 1. The figures show some forecasts, and the mean
    weights over the test windows.
    """)
    return


@app.cell
def _(data, folders):
    task = load_trained(folders["2021"]).task
    drawn = task.figures(data)
    mo.vstack([drawn["forecasts"], drawn["variable_importances"]])
    return drawn, task


@app.cell(hide_code=True)
def _():
    ask(
        "The temperature has no effect on demand in these data. Still, it has a positive weight among the past variables. How would you "
        "find out whether the model uses it?",
        "Permute it: shuffle the temperatures among the windows, forecast again, and measure how much the loss grows. If it does not grow, "
        "the model does not use the temperature. This is called *permutation importance*.",
    )
    return


@app.cell
def _(data, task, tests, y):
    def forecast(model: Task, windows: Windows) -> np.ndarray:
        """Return the quantiles (windows, 7, 3)."""
        with torch.no_grad():
            return model(*windows[:-1]).numpy()

    def loss_of(quantiles: np.ndarray) -> float:
        return float(quantile_loss(torch.tensor(quantiles), torch.tensor(y), data.quantiles).mean())

    def harm(field: str, column: int) -> float:
        """Return by how much the loss grows when one variable is shuffled among the windows."""
        values = getattr(tests, field).clone()
        order = torch.randperm(len(values), generator=torch.Generator().manual_seed(0))
        values[..., column] = values[order][..., column]
        return loss_of(forecast(task, tests._replace(**dict([(field, values)])))) - loss_of(q)

    q = forecast(task, tests)
    harms = {
        "past demand": harm("past_reals", 2),
        "discount, next days": harm("future_reals", 0),
        "weekday, next days": harm("future_categoricals", 0),
        "shop": harm("static", 0),
        "category": harm("static", 1),
        "discount, past": harm("past_reals", 0),
        "weekday, past": harm("past_categoricals", 0),
        "temperature": harm("past_reals", 1),
    }
    inputs, _ = task.scaling.by_window(*task.scaling(*tests[:-1]))
    with torch.no_grad():
        explained = task.network.explain(*inputs)
    past_weights = explained.past_weights.flatten(0, 1).mean(0).numpy()
    return explained, forecast, harms, past_weights, q


@app.cell(hide_code=True)
def _(harms, past_weights):
    def draw_harms() -> Figure:
        figure, axes = plt.subplots(figsize=(6.8, 3.2), layout="constrained")
        axes.barh(list(harms)[::-1], list(harms.values())[::-1], color=COLORS[0])
        axes.set(xlabel="increase of the quantile loss (pieces a day)", title="Permutation importance of each variable")
        return figure

    assert harms["past demand"] > harms["discount, next days"] > 0.5 and harms["weekday, next days"] > 0.5
    mo.vstack([
        draw_harms(),
        mo.md(
            f"Shuffling the temperature changes the loss by {stated(0, harms['temperature'], 0.02)} (to one decimal place), although its "
            f"weight is {stated(0.12, past_weights[1], 0.03)}. Shuffling the discount of the next days raises the loss by "
            f"{stated(1.2, harms['discount, next days'], 0.35)}, their weekday by {stated(1.2, harms['weekday, next days'], 0.35)}, and past "
            f"demand by {stated(5.1, harms['past demand'], 1.5)}. A weight tells how much of a vector is added to a sum; it does not tell "
            "whether the vector contains any information. So take a large weight as a hypothesis, and test it by shuffling."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Attention shows which past days a forecast uses. A week has 7 days. At which days do you expect large weights?",
        "You might expect them 7, 14 and 21 days back. But there are none here. The weekday of each future day is an input, so the model "
        "does not have to look it up in the past. The attention weights are nearly equal: a mean over the days, which measures the level. "
        "A figure of attention weights explains this model, not the world.",
    )
    return


@app.cell
def _(drawn, explained):
    first_day = explained.attention.mean(0)[0, :28].numpy()  # of the first day ahead, to the past
    mo.vstack([
        drawn["attention"],
        mo.md(
            f"For the first forecast day, the largest weight on a past day is {stated(1.05, first_day.max() / first_day.mean(), 0.35)} times the mean weight."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Are the forecasts calibrated?

    Between the quantiles 0.1 and 0.9 there should be 0.8 of the true values. Forecasts for which such shares are right are called
    *calibrated*. We count how many true values lie in this band, and how many lie below each quantile.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "The loss was made for quantiles. On the training set the shares are right, or nearly so. Will the band also contain 0.8 of the test "
        "set, which comes 100 days later?",
        "No, only about 0.74. The shops have trends, and the model has never seen their present levels. Its bands do not become wider for "
        "that: it does not know that it is less certain.",
    )
    return


@app.cell
def _(data, folders, forecast, q, tests, y):
    def inside(quantiles: np.ndarray, truth: np.ndarray) -> float:
        return float(np.mean((truth >= quantiles[..., 0]) & (truth <= quantiles[..., 2])))

    true = data.true_quantiles(data.starts["test"]).numpy()
    linear_q = forecast(load_trained(folders["linear"]).task, tests)
    found = {"true quantiles": true, "linear": linear_q, "TFT": q}

    def draw_honesty() -> Figure:
        figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for (name, quantiles), color, marker in zip(found.items(), COLORS, "os^", strict=False):
            below = (y[..., None] <= quantiles).mean(axis=(0, 1))
            axes.plot(data.quantiles, below, marker=marker, color=color, label=f"{name}: {inside(quantiles, y):.2f} in the band")
        axes.set(xlabel="quantile", ylabel="share of the test set below it", title="Calibrated forecasts lie on the diagonal")
        axes.legend()
        return figure

    mo.vstack([
        draw_honesty(),
        mo.md(
            f"The band from 0.1 to 0.9 contains {stated(0.74, inside(q, y), 0.06)} of the test set for the TFT, "
            f"{stated(0.80, inside(linear_q, y), 0.04)} for the linear model, and {stated(0.81, inside(true, y), 0.01)} for the true "
            "quantiles. The TFT has the lower loss; the linear model is better calibrated. A good forecast is both sharp (narrow bands) and "
            "calibrated (Gneiting, Balabdaoui and Raftery 2007), so look at both."
        ),
    ])
    return (inside,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Widen the band

    If a band contains too few true values, we can widen it, using the validation set. How far is each $y_i$ outside the band?
    $e_i = \max(\text{low}_i - y_i,\ y_i - \text{high}_i)$, which is negative inside the band. Move both ends of the band outwards by the
    0.8 quantile of all $e_i$. Then it contains 0.8 of the validation set. This is *conformalized quantile regression* (Romano, Patterson
    and Candès 2019).

    **Exercise.** Write a function that returns how far to move the ends. The box below the cell checks that the new band contains the
    required share.
    """)
    return


@app.cell
def _():
    def widening(low: np.ndarray, high: np.ndarray, y: np.ndarray, share: float) -> float:
        """Return by how much to widen the band at both ends so that it contains `share` of y; negative: narrow it."""
        raise NotImplementedError

    checked(lambda: check_widening(widening))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "The band is widened until it contains 0.8 of the validation set. Will it contain 0.8 of the test set?",
        "No. The validation set comes directly after the training set, and the band was calibrated there already. The method guarantees "
        "the share only if new data have the same distribution as the validation set. Here the trends continue, so they do not.",
    )
    return


@app.cell
def _(data, forecast, inside, q, task, y):
    held_out = data.raw_windows(data.starts["val"])
    q_val, y_val = forecast(task, held_out), held_out.targets.numpy()
    off = np.maximum(q_val[..., 0] - y_val, y_val - q_val[..., 2])
    wider = float(np.quantile(off, 0.8))
    widened = q + np.array([-wider, 0, wider])
    assert abs(inside(q_val + np.array([-wider, 0, wider]), y_val) - 0.8) < 0.005
    shop_of = data.rows.series[data.starts["test"]].numpy()
    days = np.arange(data.num_steps)
    trends = np.array([np.polyfit(days, mean, 1)[0] for mean in data.mean.reshape(data.num_series, -1).numpy()])
    too_high = np.array([np.mean((q[..., 1] - y)[shop_of == shop]) for shop in range(data.num_series)])
    by_shop = np.array([inside(q[shop_of == shop], y[shop_of == shop]) for shop in range(data.num_series)])
    mo.md(
        f"The band contains {stated(0.79, inside(q_val, y_val), 0.05)} of the validation set, so it hardly changes: it is widened by "
        f"{stated(0.21, wider, 0.1)} pieces. Then it contains {stated(0.75, inside(widened, y), 0.05)} of the test set. For single shops "
        f"the share is between {stated(0.54, by_shop.min(), 0.12)} and {stated(0.87, by_shop.max(), 0.08)}. What is the reason? The trend of "
        "a shop and the mean error of its forecasts (forecast minus truth) have a correlation of "
        f"{stated(-0.79, np.corrcoef(trends, too_high)[0, 1], 0.2)}. For growing shops the forecasts are too low, for shrinking shops too "
        "high: the model has learned the level of each shop, but the levels change.\n\nTwo things may help: measure each window relative to "
        "its own level, `train model=tft data=demand data.scale=window`, or train again each week. Try the first."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - Complexity has a price in parameters, equations and seconds. To see its benefit, compare with simple models on the same data.
    - Weights and attention show what a model computes with. Permutation importance shows what it depends on.
    - Judge a forecast by its loss and by its calibration. Count how often the true value is in the band, on later data.

    Next: [lab 10](?file=lab_10_no_gradients_and_graphs.py), learning without gradients, and graphs.
    """)
    return


if __name__ == "__main__":
    app.run()
