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

    One feature, one target, two parameters to learn. Later labs train networks with far more parameters, but the ingredients
    stay the same: a model, a loss, a gradient, an update step. About 30 minutes.

    ## Four terms that are often confused

    *Automation*: a machine does a task that a person used to do. *Artificial intelligence*: automation of tasks for which people
    need intelligence. A chess program that searches through moves by fixed rules is artificial intelligence, although it learns
    nothing. *Machine learning*: the part of artificial intelligence in which the rules are learned from data. *Deep learning*: the
    part of machine learning in which the features are learned from data too, layer by layer. Each field is a subset of the one
    before.

    The figure follows figure 1.4 of *Deep Learning* (Goodfellow, Bengio and Courville 2016), whose largest set is artificial
    intelligence.
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
    | 1805 | least squares is published: the method of this lab | Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes* |
    | 1943 | a model of a neuron: a weighted sum and a threshold | McCulloch and Pitts, *A logical calculus of the ideas immanent in nervous activity* |
    | 1958 | the perceptron: its weights are learned | Rosenblatt, *The perceptron: a probabilistic model* |
    | 1969 | proof that a single layer cannot compute XOR (exclusive or) | Minsky and Papert, *Perceptrons* |
    | 1986 | backpropagation trains hidden layers | Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors* |
    | 1995 | support vector machines | Cortes and Vapnik, *Support-vector networks* |
    | 2012 | a deep convolutional network wins ImageNet by more than ten percentage points | Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* |
    | 2017 | the transformer: attention without recurrence | Vaswani and others, *Attention is all you need* |

    ## Data

    How much does the salary rise with each year of experience? `data=salary` generates 500 people by a known rule: a starting
    salary of 30 thousand a year, 4.5 thousand more for each year of experience, and normally distributed noise with a standard
    deviation of 10 thousand. Of these people, 400 are the training set and 100 are the test set.
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
    w_slider = mo.ui.slider(-2, 10, 0.1, value=0, label="w, rise in thousands a year per year of experience", show_value=True)
    b_slider = mo.ui.slider(0, 80, 1, value=50, label="b, starting salary in thousands a year", show_value=True)
    mo.vstack(
        [
            mo.md(r"""
            ## A model and a loss

            The model is a line: for $x$ years of experience it predicts $\hat y = wx + b$. The loss measures how wrong the
            predictions are. Here it is the mean squared error over the $m = 400$ training samples,
            $J(w, b) = \frac{1}{m}\sum_i (wx_i + b - y_i)^2$. The title of the plot shows J. Move the two sliders to make J as
            small as you can.
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
        "How small can J become? Remember that the noise has a standard deviation of 10.",
        "About 10² = 100, the variance of the noise: the best line still cannot predict the noise. On new people no model has a lower "
        "expected loss, however small its loss on the training set is.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The closed-form solution

    J is a convex quadratic function of w and b: its graph is shaped like a bowl. At its minimum both partial derivatives are
    zero. This gives two equations for two unknowns:

    $$w = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}{\sum_i (x_i - \bar x)^2}, \qquad b = \bar y - w\bar x,$$

    where $\bar x$ and $\bar y$ are the means.

    In matrix form the same works for any number of features. $X$ has a row for each person and a column for each feature. Add a
    column of ones to $X$; then the last weight is the bias, and $Y = XW + b$ becomes $Y = XW$. At the minimum, $W$ solves the
    normal equations $X^\top X W = X^\top Y$.
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
        f"The best line has w = {stated(4.56, w_best, 0.005)} and b = {stated(29.2, b_best, 0.05)}: with 400 people the estimates are "
        f"close to the true values 4.5 and 30. The training loss is J = {stated(85.0, loss(w_best, b_best), 0.05)}. It is below 100 "
        "because the noise of these 400 people happens to have a smaller variance. On the 100 people of the test set the root mean "
        f"squared error (RMSE) is {stated(10.0, test_rmse, 0.05)} thousand. That is the noise, which no model can predict."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Gradient descent

    Most models have no closed-form solution. They are trained by gradient descent: start anywhere, and repeat a small step in the
    direction of the negative gradient,

    $$w \leftarrow w - \eta \frac{\partial J}{\partial w}, \qquad b \leftarrow b - \eta \frac{\partial J}{\partial b}.$$

    η is the learning rate. First we standardize the feature: $z = (x - \bar x) / \sigma$, where σ is the standard deviation. Then J
    has the same curvature in w and in b. The project standardizes every table in this way.

    **Exercise.** Compute the two partial derivatives ∂J/∂w and ∂J/∂b of $J(w, b) = \frac{1}{m}\sum_i (wz_i + b - y_i)^2$. `z` and `y`
    are arrays of the same length. Replace the `raise` line in the next cell, then run the cell (Ctrl+Enter, or Cmd+Enter). The box
    below it says *Right*, or what is still wrong.
    """)
    return


@app.cell
def _():
    def gradient(w: float, b: float, z: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Return ∂J/∂w and ∂J/∂b of J(w, b) = mean((w z + b - y)²)."""
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
            "We take 25 steps with each of four learning rates. Which rates end near the minimum? What happens with the others?",
            "η = 0.3 reaches the minimum. η = 0.01 is too slow: it covers less than half of the distance. η = 0.99 jumps back and forth "
            "across the minimum, and ends as far away as 0.01. η = 1.02 diverges: each step leads further away.",
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
        axes.plot(np.mean(z * y), y.mean(), "*", color=COLORS[2], markersize=14, label="minimum")
        axes.set(xlabel="w (thousands per standard deviation of experience)", ylabel="b (thousands, at the mean experience)")
        axes.set(xlim=(-40, 90), ylim=(0, 150), aspect="equal", title=f"25 steps with η = {rate:g}, and contour lines of J")
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
        f"The start is {stated(74, begin, 0.5)} away from the minimum. After 25 steps the distance is "
        f"{stated(0, far[0.3], 1e-6)} with η = 0.3 (to six decimal places), {stated(45, far[0.01], 0.5)} with 0.01, "
        f"{stated(45, far[0.99], 0.5)} with 0.99, and {stated(198, far[1.02], 0.5)} with 1.02.\n\n"
        "Why is the limit 1? Along each axis J is a parabola with second derivative 2. One step multiplies the distance from the "
        "minimum by $1 - 2\\eta$: by 0.98 for η = 0.01, by −0.98 for η = 0.99. Its absolute value is below 1 for $0 < \\eta < 1$. At "
        "$\\eta = 0.5$ it is 0: a single step reaches the minimum. For any quadratic J the limit is $2/\\lambda$, where λ is its "
        "largest curvature (the largest eigenvalue of the Hessian). Just above this limit gradient descent already diverges."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The same in this project

    `models/linear.py` is this model; PyTorch computes its gradients. `train model=linear data=salary` does what you just did, and
    adds mini-batches, a learning rate schedule, a validation set and a test at the end. It finds the same line:
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
        f"After 50 steps PyTorch has w = {w_torch:.4f}, b = {b_torch:.3f}, which equal the closed-form solution to four digits. "
        f"The run has a test/rmse of {stated(10.0, rmse, 0.05)}, the closed-form solution {stated(10.0, test_rmse, 0.05)}. The two "
        "lines differ slightly, because the run uses a tenth of the training set for validation."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - A model is a function with parameters. The loss measures how wrong it is. The gradient shows how to change the parameters.
    - The curvature of the loss limits the learning rate. Far below the limit training is slow; above it training diverges.
    - The loss that remains at the end is due to noise, or to a model that is too simple. Longer training reduces neither.

    Next: [lab 2](?file=lab_02_hyperplane.py), more features, and classes.
    """)
    return


if __name__ == "__main__":
    app.run()
