import marimo

app = marimo.App(width="medium", app_title="Lab 2: the hyperplane")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ask, checked, stated
    from exercises import check_hinge_slopes
    from hyperplane import DataSpec
    from matplotlib.figure import Figure
    from sklearn.svm import SVC

    from {{ cookiecutter.package_name }}.data.curves import Plane
    from {{ cookiecutter.package_name }}.models.svm import SVM


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 2: the hyperplane

    With one feature a linear model is a line, with two a plane, with more a *hyperplane*. The formula stays the same:
    $\hat y = xW + b$, where the row $x$ holds the features of a sample, and $W$ holds one weight for each feature. The same
    hyperplane that predicts a number can also separate two classes. About 35 minutes.

    ## Regression with a plane

    `data=plane` has two features, and $y = 1 + 2x_1 - 3x_2$ with a little noise. The normal equations of lab 1 solve it without
    any change.
    """)
    return


@app.cell
def _():
    arrays = Plane(seed=0).load()
    X = np.hstack([arrays.train_inputs, np.ones((len(arrays.train_inputs), 1))]).astype(float)  # (samples, 3)
    y = arrays.train_targets[:, 0].astype(float)
    W = np.linalg.solve(X.T @ X, X.T @ y)
    return W, X, y


@app.cell(hide_code=True)
def _(W, X, y):

    def draw_plane() -> Figure:
        figure = plt.figure(figsize=(5.4, 4.6), layout="constrained")
        axes = figure.add_subplot(projection="3d")
        grid = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 12))
        axes.plot_surface(*grid, W[0] * grid[0] + W[1] * grid[1] + W[2], color=COLORS[0], alpha=0.35)
        axes.scatter(X[::4, 0], X[::4, 1], y[::4], s=8, color=COLORS[1])
        axes.set(xlabel="x₁", ylabel="x₂", zlabel="y", title="Regression plane of two features")
        axes.set(xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axes.view_init(elev=18, azim=-35)
        return figure

    mo.vstack([
        draw_plane(),
        mo.md(
            f"The solution is y = {stated(2.0, W[0], 0.1)} x₁ − {stated(3.0, -W[1], 0.1)} x₂ + {stated(1.0, W[2], 0.1)}. The data have "
            "three dimensions (x₁, x₂ and y); the plane has two. **A hyperplane has one dimension less than the space around it**: it "
            "is a point on a line, a line in a plane, a plane in three-dimensional space."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    ask(
        "An image of 28 × 28 pixels is a point in a space of 784 dimensions. How many dimensions does a hyperplane have there? How "
        "many numbers describe it?",
        "It has 783 dimensions. 785 numbers describe it: 784 weights, which give its direction, and b. If you multiply all 785 by the "
        "same number (not 0), the hyperplane stays the same.",
    )
    return


@app.cell(hide_code=True)
def _():
    angle = mo.ui.slider(0, 360, 5, value=120, label="direction of w, degrees", show_value=True)
    offset = mo.ui.slider(-3, 3, 0.1, value=0, label="b", show_value=True)
    mo.vstack([
        mo.md(r"""
        ## A hyperplane that separates two classes

        For classes $t = \pm 1$ the sign decides: $\hat t = \operatorname{sign}(xw + b)$. The points with $xw + b = 0$ are the
        *decision boundary*. The vector $w$ is perpendicular to it, and points to the positive class. The signed distance of a
        point from the boundary is $(xw + b) / \lVert w \rVert$; it is negative on the side of the negative class.

        Move the two sliders until no point is on the wrong side. The title of the plot counts the errors. Here $w$ has length 1.
        """),
        angle,
        offset,
    ])
    return angle, offset


@app.cell
def _():
    random = np.random.default_rng(3)
    points = np.concatenate([random.normal((1.6, 1.2), 0.7, (30, 2)), random.normal((-1.2, -1.0), 0.7, (30, 2))])
    classes = np.repeat([1.0, -1.0], 30)
    return classes, points


@app.cell
def _(angle, classes, offset, points):
    def draw_line(w: np.ndarray, b: float, title: str, margins: bool = False) -> Figure:
        figure, axes = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
        grid = np.meshgrid(np.linspace(-4, 4, 200), np.linspace(-4, 4, 200))
        f = w[0] * grid[0] + w[1] * grid[1] + b
        axes.contourf(*grid, np.sign(f), levels=[-2, 0, 2], colors=[COLORS[1], COLORS[0]], alpha=0.15)
        axes.contour(*grid, f, levels=[-1, 0, 1] if margins else [0], colors="black", linestyles=["--", "-", "--"] if margins else "-")
        for label, color, marker in ((1, COLORS[0], "o"), (-1, COLORS[1], "s")):
            axes.scatter(*points[classes == label].T, color=color, marker=marker, s=22, label=f"t = {label:+d}")
        axes.set(xlabel="x₁", ylabel="x₂", aspect="equal", title=title)
        axes.legend(loc="upper left")
        return figure

    direction = np.array([np.cos(np.radians(angle.value)), np.sin(np.radians(angle.value))])
    wrong = int((np.sign(points @ direction + offset.value) != classes).sum())
    draw_line(direction, offset.value, f"{wrong} of {len(points)} points on the wrong side")
    return (draw_line,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Two losses for classification

    The number of errors has a gradient of zero almost everywhere, so gradient descent cannot reduce it. Two other losses have a
    useful gradient. Let $f(x) = xw + b$. Both losses depend on the *margin* $t f(x)$, which is positive if a point is on the
    correct side (log is the natural logarithm):

    - logistic loss: $\log(1 + e^{-t f})$. It is never exactly zero, so every point contributes to the gradient.
    - hinge loss: $\max(0, 1 - t f)$. It is zero for margins of at least 1, so only points near the boundary or on the wrong side
      contribute.
    """)
    return


@app.cell(hide_code=True)
def _():
    def draw_losses() -> Figure:
        margin = np.linspace(-3, 3, 301)
        figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        axes.step(margin, (margin < 0).astype(float), color="0.6", label="errors (0 or 1)")
        axes.plot(margin, np.log1p(np.exp(-margin)), color=COLORS[0], label="logistic")
        axes.plot(margin, np.maximum(0, 1 - margin), color=COLORS[1], label="hinge")
        axes.set(xlabel="margin t f(x)", ylabel="loss of one sample", title="Loss of one sample, as a function of its margin")
        axes.legend()
        return figure

    logistic_at_3 = np.log1p(np.exp(-3.0))
    assert np.maximum(0, 1 - 3.0) == 0
    mo.vstack([
        draw_losses(),
        mo.md(f"At a margin of 3 the hinge loss is 0; the logistic loss is still {stated(0.049, logistic_at_3, 0.0005)}."),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Exercise.** Compute the gradient of the mean hinge loss, $\frac1m\sum_i \max(0, 1 - t_i(x_iw + b))$, with respect to $w$ and to
    $b$. Samples with $t f(x) \ge 1$ contribute nothing to the sum, but they do count in $m$. The box below the cell says *Right* when
    your function is correct.
    """)
    return


@app.cell
def _():
    def hinge_slopes(w: np.ndarray, b: float, x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the derivatives of mean(max(0, 1 - t (x w + b))) by w (features,) and by b; x (samples, features), t (samples,)."""
        raise NotImplementedError

    checked(lambda: check_hinge_slopes(hinge_slopes))
    return


@app.cell(hide_code=True)
def _():
    cost = mo.ui.slider(-3, 3, 0.5, value=0, label="log₁₀ C (0: C = 1; 3: C = 1000)", show_value=True)
    mo.vstack([
        mo.md(r"""
        ## Support vector machines

        Many lines separate these points. The *support vector machine* (SVM; Cortes and Vapnik 1995) chooses the one with the widest
        street around it. The edges of the street are the lines $f = \pm 1$, each at a distance of $1 / \lVert w \rVert$ from the
        boundary. So the smaller $\lVert w \rVert$, the wider the street.

        $$J(w, b) = \tfrac12 w^\top w + C \sum_i \max(0, 1 - t_i f(x_i))$$

        The first term of J makes the street wide. The second term penalizes points that are inside the street or on the wrong side. C
        is the weight of this penalty.
        """),
        ask(
            "How does the street change when C is large, and when C is small? Guess first, then move the slider.",
            "Large C: points inside the street are expensive, so the street becomes narrow and depends on a few points. Small C: the "
            "street is wide, many points are inside it, and each single point has less influence.",
        ),
        cost,
    ])
    return (cost,)


@app.cell
def _(classes, cost, draw_line, points):
    def fit(C: float) -> tuple[np.ndarray, float, int]:
        machine = SVC(kernel="linear", C=C).fit(points, classes)
        return machine.coef_[0], float(machine.intercept_[0]), len(machine.support_)

    w, b, support = fit(10.0**cost.value)
    draw_line(w, b, f"C = {10.0**cost.value:g}: width of the street {2 / np.linalg.norm(w):.2f}, {support} support vectors", margins=True)
    return (fit,)


@app.cell
def _(classes, fit, points):
    widths = {C: 2 / np.linalg.norm(fit(C)[0]) for C in (0.001, 1.0, 1000.0)}
    vectors = {C: fit(C)[2] for C in (0.001, 1.0, 1000.0)}
    assert widths[0.001] > widths[1.0] >= widths[1000.0]

    w_of_all, b_of_all, _ = fit(1000.0)
    kept = SVC(kernel="linear", C=1000.0).fit(points, classes).support_
    of_three = SVC(kernel="linear", C=1000.0).fit(points[kept], classes[kept])
    assert np.allclose(of_three.coef_[0], w_of_all, atol=1e-3) and np.isclose(of_three.intercept_[0], b_of_all, atol=1e-3)
    return vectors, widths


@app.cell(hide_code=True)
def _(vectors, widths):
    mo.md(
        f"At C = 0.001 the street is {stated(18.5, widths[0.001], 0.05)} wide, and all {stated(60, vectors[0.001], 0)} points are "
        f"inside it or on its edge. At C = 1000 it is {stated(0.859, widths[1000.0], 0.005)} wide, and only "
        f"{stated(3, vectors[1000.0], 0)} points determine it: the *support vectors*. If you remove all other points, the solution stays "
        "the same."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The same in this project

    `models/svm.py` minimizes this J by gradient steps; this is called the *primal* problem. `models/kernel_svm.py` solves the
    *dual* problem (lab 3). Both find the same hyperplane. `DataSpec` tells a model what the data look like: here two features and
    two classes.
    """)
    return


@app.cell
def _(classes, fit, points):
    torch.manual_seed(0)
    network = SVM(DataSpec(task="classification", input_shape=(2,), output_size=2, train_size=len(points)), C=1.0)
    x_tensor = torch.tensor(points, dtype=torch.float32)
    t_tensor = torch.tensor(classes > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)
    for _ in range(2000):
        optimizer.zero_grad()
        (network.hinge(network(x_tensor), t_tensor) + network.penalty()).backward()
        optimizer.step()
        schedule.step()
    by_steps = np.append(network.hyperplanes.weight.detach().numpy()[0], network.hyperplanes.bias.item())
    solved = np.append(*fit(1.0)[:2])
    assert np.allclose(by_steps, solved, atol=0.02), (by_steps, solved)
    return by_steps, solved


@app.cell(hide_code=True)
def _(by_steps, solved):
    mo.md(
        f"After 2000 gradient steps: w = ({by_steps[0]:.3f}, {by_steps[1]:.3f}), b = {by_steps[2]:.3f}. scikit-learn's solver finds "
        f"w = ({solved[0]:.3f}, {solved[1]:.3f}), b = {solved[2]:.3f}. They differ by less than 0.02. On the command line: "
        "`train model=svm data=blobs`."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - A hyperplane has one dimension less than the space around it. w gives its direction; b shifts it away from the origin.
    - A loss must have a nonzero gradient where the model is wrong. Hinge loss ignores samples with a margin of at least 1; logistic
      loss never ignores a sample completely.
    - C trades a wide street against points inside it. It is a hyperparameter, so it is chosen on the validation set.

    Next: [lab 3](?file=lab_03_kernel_trick.py), where no hyperplane separates the classes.
    """)
    return


if __name__ == "__main__":
    app.run()
