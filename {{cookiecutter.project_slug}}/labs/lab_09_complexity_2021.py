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

    In 1990 a network was one hidden layer: two equations. The Temporal Fusion Transformer of 2021 (Lim, Arık, Loeff and Pfister) is
    a network of networks: its paper numbers 22 equations for them. What does that buy, and how would you know? About 40 minutes; the
    runs take about half a minute in all, on a machine that does nothing else.

    ## Shops whose truth is known

    `data=demand` makes twelve shops over 500 days: a level, a trend, a week, promotions that are announced ahead, and noise. The temperature is
    in the table too, and has no effect. A model sees 28 days and says for each of the next 7 three numbers: the demand that is undershot with
    a chance of 0.1, 0.5 and 0.9. As the formula behind the data is known, so are the true quantiles.
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
        top.set(ylabel="pieces a day", title=f"{data.series_names[shop]}: the last {days} days")
        bottom.bar(np.arange(days), reals[:, 0], color=COLORS[1])
        bottom.set(xlabel="day", ylabel="discount")
        return figure

    draw_shop(2)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A loss for a quantile

    The quantile loss of a forecast $o$ for the quantile $q$ charges what lies above it at the rate $q$, and what lies below at $1 - q$:

    $$\ell_q(y, o) = \max\big(q\,(y - o),\ (q - 1)(y - o)\big).$$

    Its mean is smallest where exactly a share q of the truth lies below $o$ (Koenker and Bassett 1978). For q = 0.5 it is half of the absolute
    error. All models here are trained with the mean of it over three quantiles, in pieces a day.

    ## 1990 and 2021, side by side

    Four ways to forecast, from a line to a transformer:

    - *seasonal naive*: the same day some weeks before, with the quantiles of its errors in training. No training at all.
    - *linear*: each output is a weighted sum of everything in the window. $\hat y = xW + b$.
    - *1990*: one hidden layer of 16 with tanh. $h = \tanh(xW_1 + b_1)$, $\hat y = hW_2 + b_2$.
    - *2021*: the TFT, with 16 numbers in each of its layers. Context from what never changes; a choice of variables in each step; an LSTM; attention; gates that can
      shut each of these out. Equations 2 to 23 of the paper, in `models/tft.py` by their numbers.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "The best possible quantile loss here is 0.77, the seasonal naive forecast has 2.06. Guess the other three before you open the table. "
        "Which step buys the most?",
        "From naive to linear: the discount is announced, and a weighted sum can use it. What the TFT adds after that is small, and costs the most "
        "parameters and seconds. The network of 1990 is worse than the line here: it trains for 20 epochs, the line for 60, and all that it knows goes "
        "through 16 numbers.",
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
        "| model | parameters | equations | seconds to train, here | quantile loss, test |\n|---|---|---|---|---|\n"
        f"| seasonal naive, 28 days | 0 | 1 | 0 | {stated(2.06, naive_by_lag[28], 0.01)} |\n"
        f"| linear | {stated(7392, size['linear'], 0)} | 1 | {seconds['linear']:.1f} | {stated(1.02, losses['linear'], 0.03)} |\n"
        f"| 1990: one hidden layer | {stated(5989, size['1990'], 0)} | 2 | {seconds['1990']:.1f} | {stated(1.14, losses['1990'], 0.05)} |\n"
        f"| 2021: TFT | {stated(27295, size['2021'], 0)} | 22 | {seconds['2021']:.1f} | {stated(1.0, losses['2021'], 0.02)} |\n"
        f"| the truth itself | | 2 | | {stated(0.77, best, 0.005)} |\n\n"
        "The TFT is the best, and better than the seasonal naive forecast by a factor of two. With seed 0 it beats the "
        "weighted sum by little; with seeds 1, 2 and 3 its loss is 0.91, 0.94 and 0.96. "
        "Whether that is worth 22 equations is a question about your shops. That the simple model ran beside it is not: without "
        "that row you would credit the transformer with everything."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Forecasts, and what they came from

    The TFT gives each variable a weight in every step, by a softmax: they sum to 1. Means over test windows, and some of its forecasts:
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
        "The temperature has no effect on demand in these data. It has a weight among the past variables all the same. How would you find out "
        "whether the model uses it?",
        "Destroy it: deal the temperatures of all windows out anew, forecast again, and see by how much the loss grows. If by nothing, it is not used.",
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
        """Return by how much the loss grows when one variable is dealt out anew among the windows."""
        values = getattr(tests, field).clone()
        order = torch.randperm(len(values), generator=torch.Generator().manual_seed(0))
        values[..., column] = values[order][..., column]
        return loss_of(forecast(task, tests._replace(**dict([(field, values)])))) - loss_of(q)

    q = forecast(task, tests)
    harms = {
        "past demand": harm("past_reals", 2),
        "discount of the days ahead": harm("future_reals", 0),
        "weekday of the days ahead": harm("future_categoricals", 0),
        "shop": harm("static", 0),
        "category": harm("static", 1),
        "discount of the past": harm("past_reals", 0),
        "weekday of the past": harm("past_categoricals", 0),
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
        axes.set(xlabel="growth of the quantile loss (pieces a day)", title="What the forecasts depend on: each variable destroyed")
        return figure

    assert harms["past demand"] > harms["discount of the days ahead"] > 0.5 and harms["weekday of the days ahead"] > 0.5
    mo.vstack([
        draw_harms(),
        mo.md(
            f"Destroying the temperature changes the loss by {stated(0, harms['temperature'], 0.02)} (to one digit), though its weight is "
            f"{stated(0.12, past_weights[1], 0.03)}. The discount of the days ahead matters by {stated(1.2, harms['discount of the days ahead'], 0.35)}, "
            f"their weekday by {stated(1.2, harms['weekday of the days ahead'], 0.35)}, past demand by "
            f"{stated(5.1, harms['past demand'], 1.5)}. A weight says how much of a vector went into a sum, not that the "
            "vector said anything. Read weights as a question, and ask it by destroying."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Attention says which days a forecast looks back to. The week has 7 days: where do you expect stripes?",
        "You might expect them 7, 14 and 21 days back. There are none here: the weekday of each day ahead is an input, so nothing has to be looked up in the past. The "
        "attention is flat, a mean over the days: it measures the level. A picture of attention explains this model, not the world.",
    )
    return


@app.cell
def _(drawn, explained):
    first_day = explained.attention.mean(0)[0, :28].numpy()  # of the first day ahead, to the past
    mo.vstack([
        drawn["attention"],
        mo.md(
            f"From the first day ahead the largest weight on a day of the past is {stated(1.05, first_day.max() / first_day.mean(), 0.35)} times the mean one."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Are its quantiles honest?

    Between the quantiles 0.1 and 0.9 there should lie 0.8 of what happens. Count it, and count what lies below each quantile.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "The loss was made for quantiles. On training data they come out right, or nearly. Will the test, 100 days later, find 0.8 in the band?",
        "Less: about 0.74. The shops have trends, the model has not seen the levels that they have now, and it does not know that it does not know.",
    )
    return


@app.cell
def _(data, folders, forecast, q, tests, y):
    def inside(quantiles: np.ndarray, truth: np.ndarray) -> float:
        return float(np.mean((truth >= quantiles[..., 0]) & (truth <= quantiles[..., 2])))

    true = data.true_quantiles(data.starts["test"]).numpy()
    linear_q = forecast(load_trained(folders["linear"]).task, tests)
    found = {"truth": true, "linear": linear_q, "TFT": q}

    def draw_honesty() -> Figure:
        figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for (name, quantiles), color, marker in zip(found.items(), COLORS, "os^", strict=False):
            below = (y[..., None] <= quantiles).mean(axis=(0, 1))
            axes.plot(data.quantiles, below, marker=marker, color=color, label=f"{name}: {inside(quantiles, y):.2f} in the band")
        axes.set(xlabel="quantile that was promised", ylabel="share of the test below it", title="On the diagonal: honest")
        axes.legend()
        return figure

    mo.vstack([
        draw_honesty(),
        mo.md(
            f"In the band from 0.1 to 0.9 lie {stated(0.74, inside(q, y), 0.06)} of the test with the TFT, {stated(0.80, inside(linear_q, y), 0.04)} with the "
            f"linear model, and {stated(0.81, inside(true, y), 0.01)} with the true quantiles. By the loss the TFT is better, by its honesty the line: a "
            "forecast has two virtues, to be sharp and to be calibrated (Gneiting, Balabdaoui and Raftery 2007), and you look at both."
        ),
    ])
    return (inside,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Widen the band

    A band that holds too little can be widened by what the validation part says. How far outside lies each $y_i$?
    $e_i = \max(\text{low}_i - y_i,\ y_i - \text{high}_i)$, negative within the band. Widened on both sides by the 0.8-quantile of all
    $e_i$, the band holds 0.8 of the validation part (conformalized quantile regression: Romano, Patterson and Candès 2019).

    **Exercise.** Write it.
    """)
    return


@app.cell
def _():
    def widening(low: np.ndarray, high: np.ndarray, y: np.ndarray, share: float) -> float:
        """Return by how much to widen the band on both sides so that it holds `share` of y; negative: narrow it."""
        raise NotImplementedError

    checked(lambda: check_widening(widening))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Widened until it holds 0.8 of the validation part: does it hold 0.8 of the test?",
        "No. The validation part came right after the training, and its band was honest already. The method promises its share when new "
        "data are like those it was set by; the trends went on, and these are not.",
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
        f"The validation part has {stated(0.79, inside(q_val, y_val), 0.05)} in the band, so the band hardly changes, by {stated(0.21, wider, 0.1)} pieces, and "
        f"the test has {stated(0.75, inside(widened, y), 0.05)} in it then. Shop by shop the test has between {stated(0.54, by_shop.min(), 0.12)} and "
        f"{stated(0.87, by_shop.max(), 0.08)}. A reason: the trend of a shop and how much too high it is forecast have a correlation of "
        f"{stated(-0.79, np.corrcoef(trends, too_high)[0, 1], 0.2)}. Shops that grow are forecast too low, those that shrink too high: the model has learned "
        "the level of each shop, and the levels move on.\n\nWhat may help is to measure each window from its own level: `train model=tft data=demand "
        "data.scale=window`. Or to train again each week. Try the first."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What to take along

    - Complexity has a price in parameters, equations and seconds. What it buys shows only beside the simple models on the same data.
    - Weights and attention say what a model computes with. What it depends on shows when you destroy it.
    - A forecast is judged by its loss and by its honesty. Count how often the truth lies in the band, on data that come later.

    Next: [lab 10](?file=lab_10_no_gradients_and_graphs.py), learning without gradients, and graphs.
    """)
    return


if __name__ == "__main__":
    app.run()
