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

    So far you changed a cell and looked. That is how ideas are found, and how results are lost: which learning rate was it, which seed,
    which order of cells? This lab takes an experiment from a cell to a run, to a sweep, to a report, shows how a test set is worn
    out, and ends with the code. About 35 minutes.

    ## A run

    `train model=mlp data=diabetes seed=3` is one sentence that says everything. What it leaves:
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
        "| file | what for |\n|---|---|\n"
        "| `.hydra/config.yaml` | every setting, also those that you did not name |\n"
        "| `metrics.csv` | loss and metrics of each epoch |\n"
        "| `checkpoints/` | weights, best and last: predict, go on, look inside |\n"
        "| `summary.json` | results, seconds, seed, versions, commit, digest of the code |\n\n"
        f"This one was trained with seed {summary['seed']} and torch {summary['versions']['torch']}, and has test/rmse "
        f"{stated(59, summary['metrics']['test/rmse'], 3)}."
    )
    return (summary,)


@app.cell(hide_code=True)
def _():
    ask(
        "Run the same sentence once more. Is the result the same, nearly the same, or another?",
        "The same to the last bit, on the same machine: the seed decides the split, the first weights and the order of the batches. If it "
        "were not so, you could never tell a change of yours from luck. Other machines add numbers in another order, and differ in late digits.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A sweep

    Is a small network better than a large one on these 442 patients? A comma tries several values, and each with eight seeds:

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
        axes.set(xticks=[0, 1], xlim=(-0.3, 1.3), ylabel="test/rmse (units of progression)", title="A line for each seed; blue: the small one wins")
        axes.set_xticklabels(["10 hidden units", "100 and 100"])
        return figure

    small_wins = int((difference < 0).sum())
    assert 0 < small_wins < 8, "one of the two wins with all seeds"
    mo.vstack([
        draw_pairs(),
        mo.md(
            f"Seed 3 of the sweep is the run from above, to the last bit. The small network wins with {stated(4, small_wins, 2)} of 8 seeds: by "
            f"up to {stated(3.7, -difference.min(), 1.5)}, and loses by up to {stated(1.3, difference.max(), 1)}. With one seed you could have "
            "reported either."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A report

    `report runs/labs/widths --metric test/rmse --compare "model.hidden_sizes=[10]" "model.hidden_sizes=[100,100]"` reads the
    summaries and says what the seeds say: mean, standard deviation, a bootstrap interval, and a sign-flip test. That test asks: if small and large
    were the same, the sign of each seed's difference would be a coin; how often would coins give a mean difference as large as this one?
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
            f"The mean difference is {stated(-0.6, difference.mean(), 0.8)}, and p = {stated(0.40, p, 0.35)}: coins do that often. All 256 flips, counted in "
            "one line above, give the p that the report gives. The honest sentence is: with eight seeds no difference was seen, and if there is one, it is "
            "small beside the spread of the seeds."
        ),
        mo.image(report / "chart.png", width=520),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Wear out a test set, on purpose

    The report says *best by the highest mean validation*: test data never choose. Here is why. A test set of 100 rows has classes
    that are coins: nothing can be learned, and every model is right for half of new rows. Now submit 200 models that guess, and look
    at the test accuracy of each.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "What accuracy will the best of 200 guessing models have on the 100 rows? And the majority vote of all those that were right for more than half?",
        "About 0.63, and about 0.8. On new rows both have 0.5. The second never saw a class: 200 accuracies were enough to leak the classes "
        "(Blum and Hardt 2015).",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Exercise.** Write the vote. `guesses` is (models, rows), `truth` (rows,), both of 0 and 1; only the accuracies may depend on `truth`.
    """)
    return


@app.cell
def _():
    def vote(guesses: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return what most of those guesses say that are right for more than half of the rows."""
        raise NotImplementedError

    checked(lambda: check_vote(vote))
    return


@app.cell
def _():
    def worn_out(rows: int, looks: int, seed: int) -> tuple[float, float, float]:
        """Return the accuracy of the best guess and of the vote on the rows, and of the vote on as many new rows."""
        random = np.random.default_rng(seed)
        truth, new_truth = random.integers(0, 2, (2, rows))
        guesses, new_guesses = random.integers(0, 2, (2, looks, rows))  # of the same models
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
        for number, (name, marker) in enumerate((("best of all, on the test", "o"), ("vote, on the test", "s"), ("vote, on new rows", "^"))):
            axes.plot(looks, found[:, number], marker=marker, color=COLORS[number], label=name)
        axes.plot(looks, 0.5 + np.sqrt(np.log(looks) / 200), color="0.6", label="0.5 + √(ln k / 2m)")
        axes.set(xscale="log", xlabel="k, looks at the test set of m = 100 rows", ylabel="accuracy", title="Nothing was learned")
        axes.legend()
        return figure

    assert abs(new - 0.5) < 0.04
    mo.vstack([
        draw_looks(),
        mo.md(
            f"The best of 200 has {stated(0.63, best, 0.02)}, the vote {stated(0.81, voted, 0.04)}, and on new rows {stated(0.50, new, 0.04)}. With "
            r"k looks at m rows the best exceeds the truth by up to about $\sqrt{\ln k / 2m}$. "
            f"With 10,000 rows instead of 100 the best of 200 has {stated(0.513, many_best, 0.004)} only, the vote {stated(0.53, many_voted, 0.02)}."
        ),
    ])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    How to notice, when nobody tells you that there is nothing to learn:

    - The test is better than the validation. It should be the same, or a little worse.
    - An improvement is smaller than $\sqrt{\ln k / 2m}$, with k all that you tried, also what you did not keep.
    - New rows disagree. Keep some that nobody looks at until the end; one look is free.
    - Choose by validation, or by cross-validation (`data.folds=5`), and let the test say its number once.

    ## The code

    What is right for an idea slows down a product, and the other way round. The lecture's table says which habit helps when:
    """)
    return


@app.cell
def _():
    words = dict(zip("🥇💡🐌", ("**must**", "good idea", "slows down"), strict=True))
    musts = [sum(topic.level(stage) == "🥇" for topic in TOPICS) for stage in STAGES]
    mo.md(
        "| habit | " + " | ".join(STAGES) + " |\n|---|---|---|---|---|\n"
        + "\n".join("| " + topic.title + " | " + " | ".join(words[topic.level(stage)] for stage in STAGES) + " |" for topic in TOPICS)
        + f"\n\nMusts by stage: {stated(0, musts[0], 0)}, {stated(7, musts[1], 0)}, {stated(12, musts[2], 0)} and {stated(14, musts[3], 0)}. This project says "
        "at which stage it is in `pyproject.toml`; `codestyle` checks what that stage asks for, and no more."
    )
    return


@app.cell(hide_code=True)
def _():
    ask(
        "`codestyle promote` raises the project by one stage. What should it do when a must of the next stage is not met?",
        "Nothing, and say what is missing. A stage is a promise to those who read the code.",
    )
    return


@app.cell
def _():
    def promoted() -> tuple[str, str, list[str]]:
        """Promote a copy of this project; return what it said without and with a repository, and what it changed."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            parts = ("runs", "data", "labs", "__marimo__", ".venv", ".git", "__pycache__", ".*_cache")
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*parts))
            settings = copy / "pyproject.toml"
            stage = 'stage = "concept"'  # whatever this project has reached
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
        "In a copy of this project, without a repository:\n\n```text\n" + refused.strip() + "\n```\n\nAfter `git init` and a first commit:\n\n```text\n"
        + agreed.strip() + "\n```\n\nWhat it changed in `pyproject.toml`:\n\n```diff\n" + "\n".join(changes) + "\n```\n\nYour own project is as it was."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What to take along

    - A result is a sentence that can be run again: settings, seed, code. If it cannot, it is a memory.
    - One seed is an anecdote. Pair the seeds, give the interval, and say so when there is no difference.
    - Each look at the test set costs some of it. Let the validation part choose.
    - Ask of code what its stage needs, then promote it.

    Next: [lab 12](?file=lab_12_scale.py), what more of everything buys.
    """)
    return


if __name__ == "__main__":
    app.run()
