import marimo

app = marimo.App(width="medium", app_title="Lab 3: the kernel trick")

with app.setup(hide_code=True):
    import time

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ask, checked, stated
    from exercises import check_kernel_of_a_lift
    from hyperplane import DataSpec
    from matplotlib.figure import Figure
    from sklearn.datasets import make_circles, make_moons
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    from {{ cookiecutter.package_name }}.models.kernel_svm import KernelSVM


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 3: the kernel trick

    No straight line separates a ring from the points inside it. The solution of 1992: keep the hyperplane, and change the space
    (Boser, Guyon and Vapnik, *A training algorithm for optimal margin classifiers*). About 35 minutes.

    ## Where a line fails
    """)
    return


@app.cell
def _():
    rings, ring_classes = make_circles(300, noise=0.08, factor=0.4, random_state=0)
    moons, moon_classes = make_moons(300, noise=0.15, random_state=0)

    def draw_points(panels: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
        figure, all_axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels), 3.4), layout="constrained")
        for axes, (title, (x, t)) in zip(all_axes, panels.items(), strict=True):
            for label, color, marker in ((0, COLORS[1], "s"), (1, COLORS[0], "o")):
                axes.scatter(*x[t == label].T, s=10, color=color, marker=marker)
            axes.set(xlabel="x₁", ylabel="x₂", aspect="equal", title=title)
        return figure

    line_on_rings = LogisticRegression().fit(rings, ring_classes).score(rings, ring_classes)
    line_on_moons = LogisticRegression().fit(moons, moon_classes).score(moons, moon_classes)
    mo.vstack([
        draw_points({"circles": (rings, ring_classes), "moons": (moons, moon_classes)}),
        mo.md(
            f"Logistic regression, whose decision boundary is a line, has an accuracy of {stated(0.5, line_on_rings, 0.02)} on the "
            f"circles, no better than flipping a coin, and of {stated(0.86, line_on_moons, 0.01)} on the moons."
        ),
    ])
    return moon_classes, moons, ring_classes, rings


@app.cell(hide_code=True)
def _():
    mo.vstack([
        mo.md(r"""
        ## A feature map by hand

        Give each point a third coordinate, its squared distance from the origin: $\varphi(x) = (x_1, x_2, x_1^2 + x_2^2)$. Such a
        function φ is called a *feature map*; it lifts the data into a space with more dimensions.
        """),
        ask(
            "Where do the two rings lie in this space? Which surface separates them?",
            "Both lie on a paraboloid, which has the shape of a bowl. The inner ring lies lower than the outer one, so a horizontal "
            "plane between them separates the classes without errors.",
        ),
    ])
    return


@app.cell
def _(ring_classes, rings):
    lifted = np.column_stack([rings, (rings**2).sum(axis=1)])
    plane_on_lifted = LogisticRegression(C=100).fit(lifted, ring_classes).score(lifted, ring_classes)

    def draw_lifted() -> Figure:
        figure = plt.figure(figsize=(5, 4.4), layout="constrained")
        axes = figure.add_subplot(projection="3d")
        for label, color in ((0, COLORS[1]), (1, COLORS[0])):
            axes.scatter(*lifted[ring_classes == label].T, s=8, color=color)
        grid = np.meshgrid(np.linspace(-1.2, 1.2, 2), np.linspace(-1.2, 1.2, 2))
        axes.plot_surface(*grid, np.full((2, 2), 0.5), color="0.5", alpha=0.3)
        axes.set(xlabel="x₁", ylabel="x₂", zlabel="x₁² + x₂²", title="A plane separates the lifted circles")
        axes.view_init(elev=14, azim=-50)
        return figure

    mo.vstack([
        draw_lifted(),
        mo.md(f"A plane classifies all points correctly: the accuracy is {stated(1.0, plane_on_lifted, 0)}."),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The trick

    A richer feature map contains all products of two coordinates. For $D$ features these are $D(D+1)/2$ numbers. For images of
    28 × 28 pixels, $D = 784$, these are already 308 thousand. But a support vector machine never needs $\varphi(x)$ itself, as its
    equations below show. It only needs inner products $\varphi(x)^\top \varphi(z)$ of two points $x$ and $z$, and we can compute
    these without φ. In two dimensions:

    $$\varphi(x) = (x_1^2, \sqrt2\, x_1 x_2, x_2^2) \quad\Rightarrow\quad \varphi(x)^\top\varphi(z) = (x^\top z)^2.$$

    A function $K(x, z)$ that equals such an inner product is called a *kernel*.

    **Exercise.** Write the kernel of $\varphi(x) = (x_1^2, \sqrt2\,x_1x_2, x_2^2, \sqrt2\,x_1, \sqrt2\,x_2, 1)$ without computing φ.
    Your function should work for any number of features. Hint: what do the three new entries add to $(x^\top z)^2$? The box below
    the cell says *Right* when your kernel is correct.
    """)
    return


@app.cell
def _():
    def kernel(x: np.ndarray, z: np.ndarray) -> float:
        """Return φ(x)ᵀφ(z) for two points (features,)."""
        raise NotImplementedError

    checked(lambda: check_kernel_of_a_lift(kernel))
    return


@app.cell
def _():
    random = np.random.default_rng(0)
    x, z = random.normal(size=(2, 2))

    def phi(x: np.ndarray) -> np.ndarray:
        return np.array([x[0] ** 2, np.sqrt(2) * x[0] * x[1], x[1] ** 2])

    assert np.isclose(phi(x) @ phi(z), (x @ z) ** 2)
    mo.md(
        f"For two random points, φ(x)ᵀφ(z) = {phi(x) @ phi(z):.6f} and (xᵀz)² = {(x @ z) ** 2:.6f}. An inner product of 2 numbers "
        f"replaces one of 3 numbers. For images, an inner product of 784 numbers replaces one of {stated(307720, 784 * 785 / 2, 0)}."
    )
    return


@app.cell(hide_code=True)
def _():
    log_gamma = mo.ui.slider(-2, 3, 0.5, value=0, label="log₁₀ γ (0: γ = 1)", show_value=True)
    log_cost = mo.ui.slider(-2, 4, 0.5, value=0, label="log₁₀ C (0: C = 1)", show_value=True)
    mo.vstack([
        mo.md(r"""
        ## A space of infinitely many dimensions

        The RBF kernel (radial basis function), $K(x, z) = e^{-\gamma \lVert x - z \rVert^2}$, is an inner product in a space of
        infinitely many dimensions. It measures how similar two points are: it is 1 if they are equal, and near 0 if they are far
        apart. γ decides what counts as far. The output of the machine is a weighted vote of the training samples near $x$, with
        classes $t_i = \pm 1$ as in lab 2:

        $$f(x) = \sum_i \alpha_i t_i K(x_i, x) + b, \qquad 0 \le \alpha_i \le C.$$

        The α solve the *dual* problem: $\max_\alpha \sum_i \alpha_i - \frac12 \sum_{ij} \alpha_i \alpha_j t_i t_j K(x_i, x_j)$ subject
        to $\sum_i \alpha_i t_i = 0$ and $0 \le \alpha_i \le C$. It is equivalent to the problem of lab 2 (½wᵀw + C Σ max(0, 1 − tf)).
        It has one unknown $\alpha_i$ for each sample instead of one for each feature: $w = \sum_i \alpha_i t_i \varphi(x_i)$. φ itself
        no longer appears, only inner products. Samples with $\alpha_i = 0$ have no influence; the others are the support vectors,
        drawn with a circle around them.
        """),
        ask(
            "What does the decision boundary look like when γ is very large, and when it is very small?",
            "Large γ: each sample votes only in its own neighbourhood. The boundary encloses single points, and the accuracy on new "
            "points is low. Small γ: every sample votes everywhere, and the boundary is nearly a line.",
        ),
        log_gamma,
        log_cost,
    ])
    return log_cost, log_gamma


@app.cell
def _(log_cost, log_gamma, moon_classes, moons):
    def draw_machine(gamma: float, C: float) -> Figure:
        machine = SVC(gamma=gamma, C=C).fit(moons, moon_classes)
        figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        grid = np.meshgrid(np.linspace(-1.7, 2.7, 150), np.linspace(-1.2, 1.8, 150))
        f = machine.decision_function(np.column_stack([g.ravel() for g in grid])).reshape(grid[0].shape)
        axes.contourf(*grid, f, levels=[-np.inf, 0, np.inf], colors=[COLORS[1], COLORS[0]], alpha=0.15)
        axes.contour(*grid, f, levels=[-1, 0, 1], colors="black", linestyles=["--", "-", "--"], linewidths=1)
        for label, color, marker in ((0, COLORS[1], "s"), (1, COLORS[0], "o")):
            axes.scatter(*moons[moon_classes == label].T, s=10, color=color, marker=marker)
        axes.scatter(*machine.support_vectors_.T, s=45, facecolors="none", edgecolors="black", linewidths=0.6)
        axes.set(xlabel="x₁", ylabel="x₂", aspect="equal", title=f"γ = {gamma:g}, C = {C:g}: {len(machine.support_)} of 300 points are support vectors")
        return figure

    draw_machine(10.0**log_gamma.value, 10.0**log_cost.value)
    return


@app.cell
def _(moon_classes, moons):
    fresh, fresh_classes = make_moons(2000, noise=0.15, random_state=1)
    scores = {}
    for gamma in (0.01, 1.0, 1000.0):
        machine = SVC(gamma=gamma).fit(moons, moon_classes)
        scores[gamma] = (machine.score(moons, moon_classes), machine.score(fresh, fresh_classes), len(machine.support_))
    return (scores,)


@app.cell(hide_code=True)
def _(scores):
    mo.md(
        "| γ | accuracy, on these 300 | accuracy, on 2000 new points | support vectors |\n|---:|---:|---:|---:|\n"
        f"| 0.01 | {stated(0.82, scores[0.01][0], 0.005)} | {stated(0.84, scores[0.01][1], 0.005)} | {stated(185, scores[0.01][2], 3)} |\n"
        f"| 1 | {stated(0.99, scores[1.0][0], 0.005)} | {stated(0.99, scores[1.0][1], 0.005)} | {stated(51, scores[1.0][2], 3)} |\n"
        f"| 1000 | {stated(1.0, scores[1000.0][0], 0.005)} | {stated(0.85, scores[1000.0][1], 0.005)} | {stated(296, scores[1000.0][2], 3)} |\n\n"
        "With γ = 1000 the machine *overfits*: it memorizes its training samples. On new points it is hardly better than with "
        "γ = 0.01, where the boundary is nearly a line."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The same in this project, and what it costs

    `model=kernel_svm` solves the dual problem. Each step changes two of the α (`models/smo.py`). It finds the same solution as
    scikit-learn:
    """)
    return


@app.cell
def _(moon_classes, moons):
    network = KernelSVM(DataSpec(task="classification", input_shape=(2,), output_size=2, train_size=300), gamma=1.0)
    network.solve(torch.tensor(moons), torch.tensor(moon_classes))
    theirs = SVC(gamma=1.0, tol=1e-3).fit(moons, moon_classes)
    ours = network(torch.tensor(moons)).detach().numpy()
    assert np.array_equal(ours.argmax(axis=1), theirs.predict(moons))
    assert abs(len(network.support_indices) - len(theirs.support_)) <= 3
    mo.md(
        f"All 300 predictions are the same. Here there are {len(network.support_indices)} support vectors, in scikit-learn "
        f"{len(theirs.support_)}. On the command line: `train model=kernel_svm data=moons`."
    )
    return


@app.cell(hide_code=True)
def _():
    def cost() -> Figure:
        def seconds_for(size: int) -> float:
            x, t = make_moons(size, noise=0.3, random_state=0)
            begin = time.process_time()
            SVC(gamma=1.0).fit(x, t)
            return time.process_time() - begin

        sizes = (500, 1000, 2000, 4000, 8000)
        seconds = [min(seconds_for(size) for _ in range(3)) for size in sizes]
        figure, axes = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
        axes.loglog(sizes, seconds, "o-", color=COLORS[0], label="measured on this machine")
        axes.loglog(sizes, seconds[-1] * (np.array(sizes) / sizes[-1]) ** 2, "--", color="0.6", label="proportional to m²")
        axes.set(xlabel="number of samples m", ylabel="processor time (seconds)", title="Time to solve the dual problem")
        axes.set_xticks(sizes, labels=map(str, sizes))
        axes.minorticks_off()
        axes.legend()
        return figure

    mo.vstack([
        cost(),
        mo.md(
            "The dual problem has a kernel value for each pair of samples. For 20 thousand samples, the limit of `model=kernel_svm`, "
            f"these are {stated(400, 20_000**2 / 1e6, 0)} million. Twice as many samples take about four times as long. Deep networks "
            "do not have this problem: one training step costs the same, however many samples there are."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - A hyperplane in a space with more dimensions is a curved decision boundary in the original space.
    - A method that only needs inner products only needs the kernel, never the feature map itself.
    - Two limits remain: we have to choose the kernel, and it has to be computed for every pair of samples. Deep learning uses another
      trick.

    Next: [lab 4](?file=lab_04_deep_trick.py), where the feature map is learned.
    """)
    return


if __name__ == "__main__":
    app.run()
