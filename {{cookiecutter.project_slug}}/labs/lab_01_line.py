import marimo

app = marimo.App(width="medium", app_title="Lab 1: a line")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ask, checked, results, stated, train
    from exercises import check_gradient_of_a_line
    from matplotlib.patches import Ellipse

    from {{ cookiecutter.package_name }}.data.curves import Salary
    from {{ cookiecutter.package_name }}.models.linear import Linear


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 1: a line

    One feature, one target, two numbers to learn. Everything that later labs do to a million weights is done here to two:
    a model, a loss, a gradient, a step. About 30 minutes.

    ## Words that are used for each other

    *Automation* lets a machine do what a person did. *Artificial intelligence* is automation of what needs thought when people
    do it: a chess program that tries moves by fixed rules belongs to it, and learns nothing. *Machine learning* is the part in
    which the rules come from data. *Deep learning* is the part of that in which the features come from data too, layer upon
    layer. Each lies within the one before.

    The picture follows figure 1.4 of *Deep Learning* (Goodfellow, Bengio and Courville 2016), which begins with artificial intelligence.
    """)
    return


@app.cell(hide_code=True)
def _():
    def nested() -> plt.Figure:
        figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
        names = ("automation", "artificial intelligence", "machine learning", "deep learning")
        for index, name in enumerate(names):
            width, height = 8 - 1.7 * index, 4 - 0.95 * index
            center = (0, -(4 - height) / 2)
            axes.add_patch(Ellipse(center, width, height, facecolor=COLORS[index], alpha=0.25, edgecolor="black"))
            axes.text(0, center[1] + height / 2 - 0.38, name, ha="center", va="center", fontsize=10)
        axes.set(xlim=(-4.2, 4.2), ylim=(-2.2, 2.2), aspect="equal")
        axes.axis("off")
        return figure

    nested()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    A history in eight lines:

    | year | what | who, and where |
    |---|:---|:---|
    | 1805 | least squares in print: the line of this lab | Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes* |
    | 1943 | a neuron as a weighted sum and a threshold | McCulloch and Pitts, *A logical calculus of the ideas immanent in nervous activity* |
    | 1958 | the perceptron: its weights are learned | Rosenblatt, *The perceptron: a probabilistic model* |
    | 1969 | one layer cannot compute exclusive or | Minsky and Papert, *Perceptrons* |
    | 1986 | backpropagation trains hidden layers | Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors* |
    | 1995 | support vector machines | Cortes and Vapnik, *Support-vector networks* |
    | 2012 | a deep convolutional network wins ImageNet by more than ten points | Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* |
    | 2017 | attention alone: the transformer | Vaswani and others, *Attention is all you need* |

    ## Data

    How much more does a year of experience pay? `data=salary` draws 500 people whose answer is known: 30 thousand to start
    with, 4.5 more for each year, and luck, which is normally distributed with a standard deviation of 10. From 400 of them we learn;
    100 are kept for the test.
    """)
    return


@app.cell
def _():
    arrays = Salary(seed=0).load()
    x, y = arrays.train_inputs[:, 0].astype(float), arrays.train_targets[:, 0].astype(float)
    x_test, y_test = arrays.test_inputs[:, 0].astype(float), arrays.test_targets[:, 0].astype(float)
    return x, x_test, y, y_test


@app.cell(hide_code=True)
def _():
    w_slider = mo.ui.slider(-2, 10, 0.1, value=0, label="w, thousands a year for each year of experience", show_value=True)
    b_slider = mo.ui.slider(0, 80, 1, value=50, label="b, thousands a year at the start", show_value=True)
    mo.vstack(
        [
            mo.md(r"""
            ## A model and a loss

            The model is a line: $\hat y = wx + b$ is what it predicts for $x$ years. The loss says how far it is off: the mean
            squared error over the $m = 400$ people, $J(w, b) = \frac{1}{m}\sum_i (wx_i + b - y_i)^2$, in squared thousands. Move
            the two sliders until it is as small as you can make it.
            """),
            w_slider,
            b_slider,
        ]
    )
    return b_slider, w_slider


@app.cell
def _(b_slider, w_slider, x, y):
    def loss(w: float, b: float) -> float:
        return float(np.mean((w * x + b - y) ** 2))

    def draw_line(w: float, b: float) -> plt.Figure:
        figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
        axes.scatter(x, y, s=8, color="0.6")
        ends = np.array([0.0, 20.0])
        axes.plot(ends, w * ends + b, color=COLORS[1], linewidth=2)
        axes.set(xlabel="experience (years)", ylabel="salary (thousands a year)", title=f"J = {loss(w, b):.1f}")
        return figure

    draw_line(w_slider.value, b_slider.value)
    return (loss,)


@app.cell(hide_code=True)
def _():
    ask(
        "How small can J become? Half of the people are luckier than the line, half less lucky, and luck has a standard "
        "deviation of 10.",
        "The best line leaves the luck: J is about 10² = 100. On new people no model has less on average, whatever it does on these.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The answer in one step

    Drawn over w and b, J is a bowl. At its lowest point both slopes are zero, which gives two equations for two unknowns:

    $$w = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}{\sum_i (x_i - \bar x)^2}, \qquad b = \bar y - w\bar x,$$

    with $\bar x$ and $\bar y$ the means.

    In matrices it is the same for any number of features: a row of $X$ for each person, a column for each feature. Put a column of ones beside the features, so that the last weight
    is the bias: $Y = XW + b$ becomes $Y = XW$, and the lowest point solves the normal equations $X^\top X W = X^\top Y$.
    """)
    return


@app.cell
def _(x, x_test, y, y_test):
    w_best = np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)
    b_best = y.mean() - w_best * x.mean()

    X = np.stack([x, np.ones_like(x)], axis=1)  # (samples, 2)
    W = np.linalg.solve(X.T @ X, X.T @ y)  # (2,)
    assert np.allclose(W, [w_best, b_best])

    test_rmse = np.sqrt(np.mean((w_best * x_test + b_best - y_test) ** 2))
    return b_best, test_rmse, w_best


@app.cell(hide_code=True)
def _(b_best, loss, test_rmse, w_best):
    mo.md(
        f"The best line has w = {stated(4.56, w_best, 0.005)} and b = {stated(29.2, b_best, 0.05)}: 400 people are enough to "
        f"come close to 4.5 and 30. Its loss on them is J = {stated(85.0, loss(w_best, b_best), 0.05)}: less than 100, as their "
        f"luck happens to be spread a little less. On 100 new people it is off by {stated(10.0, test_rmse, 0.05)} thousand "
        "(root mean square). That is luck, and nothing can predict it."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The answer in many steps

    Most models have no such formula. They go downhill: from any point, a step against the gradient,

    $$w \leftarrow w - \eta \frac{\partial J}{\partial w}, \qquad b \leftarrow b - \eta \frac{\partial J}{\partial b},$$

    again and again. η is the learning rate. To keep the bowl round, experience is measured from its mean and in units of
    its standard deviation σ, as the project does with every table: $z = (x - \bar x) / \sigma$.

    **Exercise.** Write the two slopes ∂J/∂w and ∂J/∂b of $J(w, b) = \frac{1}{m}\sum_i (wz_i + b - y_i)^2$. `z` and `y` are arrays of the
    same length. Change the cell, then run it (Ctrl+Enter, or Cmd+Enter): the box below it says what it finds.
    """)
    return


@app.cell
def _():
    def gradient(w: float, b: float, z: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Return the slopes of J(w, b) = mean((w z + b - y)²)."""
        raise NotImplementedError

    checked(lambda: check_gradient_of_a_line(gradient))
    return


@app.cell(hide_code=True)
def _(x, y):
    z = (x - x.mean()) / x.std()

    def path(rate: float, steps: int, start: tuple[float, float] = (-20.0, 20.0)) -> np.ndarray:
        """Return the points (steps + 1, 2) that gradient descent visits."""
        points = [np.array(start)]
        for _ in range(steps):
            w, b = points[-1]
            error = w * z + b - y
            points.append(points[-1] - rate * np.array([2 * np.mean(error * z), 2 * np.mean(error)]))
        return np.array(points)

    return path, z


@app.cell(hide_code=True)
def _():
    rate_choice = mo.ui.dropdown({str(rate): rate for rate in (0.01, 0.3, 0.99, 1.02)}, value="0.01", label="learning rate η")
    mo.vstack([
        ask(
            "Four learning rates, 25 steps each. Which of them end near the lowest point, and what do the others do?",
            "0.3 arrives. 0.01 has come less than half of the way. 0.99 jumps from wall to wall, and gets no nearer than "
            "0.01 does; 1.02 climbs out of the bowl.",
        ),
        rate_choice,
    ])
    return (rate_choice,)


@app.cell(hide_code=True)
def _(path, rate_choice, y, z):
    def draw_bowl(rate: float) -> plt.Figure:
        points = path(rate, 25)
        w_grid, b_grid = np.meshgrid(np.linspace(-40, 90, 120), np.linspace(0, 150, 120))
        losses = ((w_grid[..., None] * z + b_grid[..., None] - y) ** 2).mean(axis=2)
        figure, axes = plt.subplots(figsize=(5.2, 5.4), layout="constrained")
        axes.contour(w_grid, b_grid, losses, levels=np.geomspace(110, losses.max(), 12), colors="0.75", linewidths=0.8)
        axes.plot(*points.T, "o-", color=COLORS[1], markersize=3, linewidth=1)
        axes.plot(*points[0], "o", color=COLORS[0], markersize=8, label="start")
        axes.plot(np.mean(z * y), y.mean(), "*", color=COLORS[2], markersize=14, label="lowest point")
        axes.set(xlabel="w (thousands for each σ of experience)", ylabel="b (thousands at the mean experience)")
        axes.set(xlim=(-40, 90), ylim=(0, 150), aspect="equal", title=f"25 steps with η = {rate:g}, and levels of J")
        axes.legend()
        return figure

    draw_bowl(rate_choice.value)
    return


@app.cell
def _(path, y, z):
    ends = {rate: path(rate, 25)[-1] for rate in (0.01, 0.3, 0.99, 1.02)}
    bottom = np.array([np.mean(z * y), y.mean()])
    far = {rate: float(np.linalg.norm(end - bottom)) for rate, end in ends.items()}
    begin = float(np.linalg.norm(np.array([-20.0, 20.0]) - bottom))
    assert far[1.02] > begin > far[0.01] > far[0.3] and np.isclose(far[0.01], far[0.99])
    return begin, far


@app.cell(hide_code=True)
def _(begin, far):
    mo.md(
        f"The start lies {stated(74, begin, 0.5)} away from the lowest point. After 25 steps η = 0.3 is "
        f"{stated(0, far[0.3], 1e-6)} away (to six digits), 0.01 is {stated(45, far[0.01], 0.5)} away, 0.99 is "
        f"{stated(45, far[0.99], 0.5)} away too, and 1.02 is {stated(198, far[1.02], 0.5)} away.\n\n"
        "Why the limit is 1: along each axis J is a parabola with curvature 2, and one step multiplies the distance by "
        "$1 - 2\\eta$: by 0.98 for η = 0.01, by −0.98 for 0.99. Its size is below 1 for $0 < \\eta < 1$, and smallest at $\\eta = 0.5$, which arrives in a single step. In "
        "general the limit is $2/\\lambda$, with λ the largest curvature of the bowl: this is why rates that are too large "
        "fail all at once, and not little by little."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The same in this project

    `models/linear.py` is this model, and PyTorch computes the gradients. `train model=linear data=salary` does what you just
    did, with batches, a schedule for η, a validation part and a test at the end. What it finds is the line above:
    """)
    return


@app.cell
def _(b_best, w_best, x, y):
    torch.manual_seed(0)
    network = Linear(Salary.spec)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    z_tensor = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32)[:, None]
    y_tensor = torch.tensor(y, dtype=torch.float32)[:, None]
    for _ in range(50):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(z_tensor), y_tensor).backward()
        optimizer.step()
    w_torch = network.output.weight.item() / x.std()
    b_torch = network.output.bias.item() - w_torch * x.mean()
    assert abs(w_torch - w_best) < 1e-4 and abs(b_torch - b_best) < 1e-3

    rmse = results(train("model=linear", "data=salary", folder="line"))["metrics"]["test/rmse"]
    return b_torch, rmse, w_torch


@app.cell(hide_code=True)
def _(b_torch, rmse, test_rmse, w_torch):
    mo.md(
        f"PyTorch's 50 steps end at w = {w_torch:.4f}, b = {b_torch:.3f}: equal to the formula in four digits. The command's run "
        f"has test/rmse {stated(10.0, rmse, 0.05)} (it held back a tenth of the people for validation, so its line differs a "
        f"little), the formula {stated(10.0, test_rmse, 0.05)}."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What to take along

    - A model is a function with numbers in it; a loss says how wrong they are; a gradient says which way to change them.
    - The learning rate has a limit that the curvature of the loss sets: far below it training is slow, above it the loss grows.
    - What is left of the loss at the end is noise or a wrong model. More training helps against neither.

    Next: [lab 2](?file=lab_02_hyperplane.py), more features, and classes.
    """)
    return


if __name__ == "__main__":
    app.run()
