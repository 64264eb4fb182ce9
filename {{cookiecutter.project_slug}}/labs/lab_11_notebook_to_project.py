import marimo

app = marimo.App(width="medium", app_title="Lab 11: from notebook to project")

with app.setup(hide_code=True):
    import csv
    import difflib
    import shutil
    import subprocess
    import tempfile
    from pathlib import Path

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    from course import COLORS, ROOT, ask, checked, command, results, stated, sweep, train
    from exercises import check_vote
    from hyperplane.codestyle.table import STAGES, TOPICS
    from matplotlib.figure import Figure


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 11: from notebook to project

    So far you changed a cell and looked at the output. This is a good way to find ideas, and an easy way to lose results: which learning
    rate was it, which seed, and in which order did the cells run? This lab turns an experiment from a cell into a run, a sweep and a
    report. Then it shows how a test set is worn out, and ends with the quality of code. About 35 minutes.

    ## A run

    The command `train model=mlp data=diabetes seed=3` says everything that is needed to repeat the run. It writes these files:
    """)
    return


@app.cell
def _():
    run = train("model=mlp", "model.hidden_sizes=[100,100]", "data=diabetes", "seed=3", folder="one_run")
    summary = results(run)
    files = sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())
    assert [".hydra/config.yaml" in files, "metrics.csv" in files, "checkpoints/best.ckpt" in files] == [True] * 3
    assert not [key for key in ("overrides", "seed", "git", "versions", "hardware", "code") if key not in summary]
    mo.md(
        "| file | content |\n|---|---|\n"
        "| `.hydra/config.yaml` | every setting, including the defaults |\n"
        "| `metrics.csv` | loss and metrics of each epoch |\n"
        "| `checkpoints/` | the best and the last weights, to predict, to continue training, to inspect |\n"
        "| `summary.json` | results, training time, seed, versions, commit, hash of the code |\n\n"
        f"This run, with hidden layers of 100 and 100 units, used seed {summary['seed']} and torch {summary['versions']['torch']}. Its "
        f"test/rmse is {stated(59, summary['metrics']['test/rmse'], 3)}."
    )
    return (summary,)


@app.cell(hide_code=True)
def _():
    ask(
        "If you run the same command again, will the result be the same, nearly the same, or different?",
        "Exactly the same, to the last bit, on the same machine. The seed determines the split of the data, the initial weights and the "
        "order of the batches. Otherwise you could not tell whether a change of the result comes from your change or from chance. Another "
        "machine may add numbers in a different order, so its results can differ in the last digits.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A sweep

    Is a small network better than a large one on the 442 patients of this data set? Values separated by commas are all tried, here two
    sizes with eight seeds each:

    `train --multirun model=mlp model.hidden_sizes=[10],[100,100] data=diabetes seed=0,1,2,3,4,5,6,7`
    """)
    return


@app.cell
def _(summary):
    SMALL, LARGE = "model.hidden_sizes=[10]", "model.hidden_sizes=[100,100]"
    runs = sweep("model=mlp", f"{SMALL},[100,100]", "data=diabetes", "seed=0,1,2,3,4,5,6,7", folder="widths")
    rmse = {
        size: np.array([r["metrics"]["test/rmse"] for r in sorted(runs, key=lambda r: r["seed"]) if size in r["overrides"]])
        for size in (SMALL, LARGE)
    }
    assert rmse[SMALL].shape == rmse[LARGE].shape == (8,)
    assert rmse[LARGE][3] == summary["metrics"]["test/rmse"], "the same settings and seed give another result"
    difference = rmse[SMALL] - rmse[LARGE]
    return LARGE, SMALL, difference, rmse


@app.cell(hide_code=True)
def _(LARGE, SMALL, difference, rmse):
    def draw_pairs() -> Figure:
        figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
        for seed in range(8):
            axes.plot([0, 1], [rmse[SMALL][seed], rmse[LARGE][seed]], "o-", color=COLORS[0 if difference[seed] < 0 else 1])
        axes.set(xticks=[0, 1], xlim=(-0.3, 1.3), ylabel="test/rmse (units of disease progression)", title="One line per seed (blue: the small network is better)")
        axes.set_xticklabels(["10 hidden units", "100 and 100"])
        return figure

    small_wins = int((difference < 0).sum())
    assert 0 < small_wins < 8, "one of the two wins with all seeds"
    mo.vstack([
        draw_pairs(),
        mo.md(
            "With seed 3 the sweep has exactly the result of the run above. The small network is better with "
            f"{stated(4, small_wins, 2)} of 8 seeds. It is better by up to {stated(3.7, -difference.min(), 1.5)}, and worse by up to "
            f"{stated(1.3, difference.max(), 1)}. With a single seed you could have reported either result."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A report

    `report runs/labs/widths --metric test/rmse --compare "model.hidden_sizes=[10]" "model.hidden_sizes=[100,100]"` reads the summaries.
    It reports the mean, the standard deviation, a bootstrap confidence interval, and a sign-flip test. This test asks: if both sizes were
    equally good, the sign of each seed's difference would be random, like flipping a coin. How often would random signs give a mean
    difference at least as large as the measured one? This share is the p-value.
    """)
    return


@app.cell
def _(LARGE, SMALL, difference):
    command(["report", "runs/labs/widths", "--metric", "test/rmse", "--compare", SMALL, LARGE])
    report = ROOT / "runs" / "labs" / "widths" / "report"
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)  # all 256 ways to flip eight signs
    p = float(np.mean(np.abs((signs * difference).mean(axis=1)) >= abs(difference.mean()) - 1e-12))
    with (report / "comparison.csv").open() as stream:
        (line,) = csv.DictReader(stream)
    assert abs(p - float(line["p_value"])) < 1e-9
    mo.vstack([
        mo.md((report / "table.md").read_text()),
        mo.md(
            f"The mean difference (small minus large) is {stated(-0.6, difference.mean(), 0.8)}, and p = {stated(0.40, p, 0.35)}: random signs often give such a "
            "difference. The code above computes the same p-value as the report, from all 256 combinations of signs. An honest summary is: "
            "with eight seeds we found no difference; if there is one, it is small compared with the spread over the seeds."
        ),
        mo.image(report / "chart.png", width=520),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## How a test set is worn out

    The report chooses the best setting by its mean validation score, never by test data. Here is the reason. We take a test set of 100
    rows whose classes are random, so that nothing can be learned: on new rows every model has an expected accuracy of 0.5. Now we submit
    200 models that guess at random, and look at the test accuracy of each.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "What is the best test accuracy of the 200 random models? Now take only those with an accuracy above 0.5, and let them vote. What test "
        "accuracy does their majority vote have?",
        "The best model has about 0.63, the vote about 0.8. On new rows both have 0.5. The vote never used a class directly: 200 accuracies "
        "were enough to leak the classes (Blum and Hardt 2015).",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Exercise.** Write this vote. `guesses` has the shape (models, rows), `truth` has the shape (rows,); both contain 0 and 1. Use `truth`
    only to compute the accuracies of the models. Return one class for each row. The box below the cell says *Right* when the vote is
    correct.
    """)
    return


@app.cell
def _():
    def vote(guesses: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return the majority vote of those models that are right on more than half of the rows."""
        raise NotImplementedError

    checked(lambda: check_vote(vote))
    return


@app.cell
def _():
    def worn_out(rows: int, looks: int, seed: int) -> tuple[float, float, float]:
        """Return the test accuracies of the best model and of the vote, and the accuracy of the vote on as many new rows."""
        random = np.random.default_rng(seed)
        truth, new_truth = random.integers(0, 2, (2, rows))
        guesses, new_guesses = random.integers(0, 2, (2, looks, rows))  # both from the same models
        right = (guesses == truth).mean(axis=1)
        good = right > 0.5
        voted, new_voted = ((g[good].mean(axis=0) > 0.5).astype(int) for g in (guesses, new_guesses))
        return float(right.max()), float((voted == truth).mean()), float((new_voted == new_truth).mean())

    best, voted, new = np.mean([worn_out(100, 200, seed) for seed in range(20)], axis=0)
    many_best, many_voted, _ = np.mean([worn_out(10_000, 200, seed) for seed in range(3)], axis=0)

    def draw_looks() -> Figure:
        looks = np.array([10, 30, 100, 300, 1000])
        figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
        found = np.array([np.mean([worn_out(100, int(k), seed) for seed in range(20)], axis=0) for k in looks])
        for number, (name, marker) in enumerate((("best model, test set", "o"), ("vote, test set", "s"), ("vote, new rows", "^"))):
            axes.plot(looks, found[:, number], marker=marker, color=COLORS[number], label=name)
        axes.plot(looks, 0.5 + np.sqrt(np.log(looks) / 200), color="0.6", label="0.5 + √(ln k / 2m)")
        axes.set(xscale="log", xlabel="k, number of models tested on the same m = 100 rows", ylabel="accuracy", title="Test accuracy of models that have learned nothing")
        axes.legend()
        return figure

    assert abs(new - 0.5) < 0.04
    mo.vstack([
        draw_looks(),
        mo.md(
            f"The best of 200 models has a test accuracy of {stated(0.63, best, 0.02)}, the vote {stated(0.81, voted, 0.04)}. On new rows the vote "
            f"has {stated(0.50, new, 0.04)}. "
            r"If k models are tested on m rows, the best accuracy is too high by up to about $\sqrt{\ln k / 2m}$. "
            f"With 10,000 rows instead of 100, the best of 200 models has only {stated(0.513, many_best, 0.004)}, the vote "
            f"{stated(0.53, many_voted, 0.02)}."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    How can you notice this in a real project?

    - The test score is better than the validation score. It should be the same or slightly worse.
    - An improvement is smaller than $\sqrt{\ln k / 2m}$. Here k counts everything that you tried, including what you discarded.
    - The result is worse on new rows. So keep some rows that nobody looks at until the end, and look at them once.

    How can you avoid it? Choose by the validation set, or by cross-validation (`data.folds=5`), and compute the test score once.

    ## The code

    A habit that is right for a product can slow down an idea, and the other way round. The lecture's table shows which habit helps at
    which stage:
    """)
    return


@app.cell
def _():
    words = dict(zip("🥇💡🐌", ("**must**", "good idea", "slows down"), strict=True))
    musts = [sum(topic.level(stage) == "🥇" for topic in TOPICS) for stage in STAGES]
    mo.md(
        "| habit | " + " | ".join(STAGES) + " |\n|---|---|---|---|---|\n"
        + "\n".join("| " + topic.title + " | " + " | ".join(words[topic.level(stage)] for stage in STAGES) + " |" for topic in TOPICS)
        + f"\n\nNumber of musts at each stage: {stated(0, musts[0], 0)}, {stated(7, musts[1], 0)}, {stated(12, musts[2], 0)} and "
        f"{stated(14, musts[3], 0)}. The stage of this project is a setting in `pyproject.toml`. The command `codestyle` checks the musts of "
        "that stage, and no others."
    )
    return


@app.cell(hide_code=True)
def _():
    ask(
        "`codestyle promote` raises the project to the next stage. What should it do if a must of that stage is not met?",
        "It should change nothing, and say what is missing. A stage is a promise to the people who read the code.",
    )
    return


@app.cell
def _():
    def promoted() -> tuple[str, str, list[str]]:
        """Promote a copy of this project; return the output without and with a repository, and the lines that changed."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            parts = ("runs", "data", "labs", "__marimo__", ".venv", ".git", "__pycache__", ".*_cache")
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*parts))
            settings = copy / "pyproject.toml"
            stage = 'stage = "concept"'  # the first stage, whatever this project has reached
            lines = [stage if line.startswith("stage = ") else line for line in settings.read_text().splitlines()]
            settings.write_text("\n".join(lines) + "\n")
            refused = codestyle_says(copy)
            who = ("-c", "user.name=student", "-c", "user.email=student@example.org", "-c", "commit.gpgsign=false")
            for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "As it is")):
                subprocess.run(["git", *words], cwd=copy, check=True)
            before = settings.read_text().splitlines()
            agreed = codestyle_says(copy)
            changes = difflib.unified_diff(before, settings.read_text().splitlines(), lineterm="", n=0)
            return refused, agreed, [line for line in changes if line[0] in "+-" and line[:3] not in ("+++", "---")]

    def codestyle_says(copy: Path) -> str:
        try:
            return command(["codestyle", "promote", "--project", str(copy)])
        except RuntimeError as error:
            return str(error).partition(": ")[2]

    refused, agreed, changes = promoted()
    assert "git init" in refused or "repository" in refused, refused
    assert "proof-of-concept now" in agreed, agreed
    assert '+stage = "proof-of-concept"' in changes
    mo.md(
        "We run `codestyle promote` in a copy of this project. Without a git repository:\n\n```text\n" + refused.strip() + "\n```\n\nAfter `git init` and a first commit:\n\n```text\n"
        + agreed.strip() + "\n```\n\nIt changed these lines of `pyproject.toml`:\n\n```diff\n" + "\n".join(changes) + "\n```\n\nYour own project has not changed."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Key points

    - A result must be reproducible: write down settings, seed and code. Otherwise it is only a memory.
    - One seed is only an anecdote. Compare seed by seed, report the interval, and say so when you found no difference.
    - Every look at the test set wears it out a little. Choose by the validation set.
    - Give the code the quality that its stage needs, then promote it.

    Next: [lab 12](?file=lab_12_scale.py), what larger models, more data and longer training contribute.
    """)
    return


if __name__ == "__main__":
    app.run()
