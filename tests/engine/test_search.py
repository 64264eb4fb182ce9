"""A search: its space in Hydra's words, trials chosen from results, a study that survives, runs that are pruned."""

import csv
import json
import re
from pathlib import Path

import pytest
from filelock import FileLock
from hydra.core.override_parser.overrides_parser import OverridesParser
from hyperplane.errors import UserError
from hyperplane.reporting.watching import standing
from hyperplane.run_folder import locks
from hyperplane.search import direction
from hyperplane.search import study as studies
from hyperplane.search.journal import drop_torn_line
from hyperplane.search.space import corners, job, size, split
from hyperplane.search.study import PRUNERS, begin_trial, open_study, unfinished_trials
from hyperplane.settings.search import Search
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner

SEARCH = ("-m", "hydra/sweeper=optuna", "sweep=try", "model=linear", "data=moons", "hydra.sweeper.n_trials=2")
FOLDER = Path("runs/sweeps/try")
RATE = "optimizer.lr=tag(log, interval(1e-3, 1))"


def space_of(*overrides, default=None):
    """The fixed overrides and the space, where every setting has the value `default`."""
    return split(OverridesParser.create().parse_overrides(list(overrides)), lambda base, key: default)


def trials():
    """The rows of the table of trials."""
    with (FOLDER / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def summaries():
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/summary.json"))]


@pytest.mark.parametrize(
    ("override", "default", "expected"),
    [
        ("x=1,2", None, CategoricalDistribution(["1", "2"])),
        ("x=choice(a,b)", None, CategoricalDistribution(["a", "b"])),
        ("x=[50],[50,50]", [100], CategoricalDistribution(["[50]", "[50,50]"])),
        ("x=range(1,5)", 1, IntDistribution(1, 4)),
        ("x=range(10,51,20)", 1, IntDistribution(10, 50, step=20)),
        ("x=range(5,1,-1)", 1, IntDistribution(2, 5)),
        ("x=range(0.1,0.5,0.1)", 0.1, FloatDistribution(0.1, 0.4, step=0.1)),
        ("x=tag(log,range(1,100))", 1, IntDistribution(1, 99, log=True)),
        ("x=interval(0,1)", 0.5, FloatDistribution(0, 1)),
        ("x=interval(1,4)", 2, IntDistribution(1, 4)),
        ("x=interval(1,4)", True, FloatDistribution(1, 4)),
        ("x=interval(0.5,4)", 2, FloatDistribution(0.5, 4)),
        ("x=int(interval(1,4))", None, IntDistribution(1, 4)),
        ("x=tag(log,interval(1e-4,1e-1))", 0.01, FloatDistribution(1e-4, 1e-1, log=True)),
        ("x=tag(log,int(interval(8,64)))", None, IntDistribution(8, 64, log=True)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ranges_mean_what_they_mean_in_hydra(override, default, expected):
    fixed, space = space_of("model=mlp", override, default=default)
    assert fixed == ["model=mlp"]
    assert space == {"x": expected}


@pytest.mark.parametrize(
    "override",
    [
        "x=interval(2,1)",
        "x=tag(log,interval(0,1))",
        "x=tag(log,range(1,9,2))",
        "x=tag(big,interval(1,2))",
        "x=tag(log,choice(1,2))",
        "x=range(3,3)",
        "x=1",
    ],
)
def test_a_range_that_makes_no_sense_is_refused(override):
    with pytest.raises(UserError):
        space_of(override)


def test_a_point_is_a_job_in_six_digits():
    assert job(["seed=1"], {"a": 0.1234567891, "b": 3, "c": "[1,2]", "+d": 1e-7}) == [
        "seed=1",
        "a=0.123457",
        "b=3",
        "c=[1,2]",
        "+d=1e-07",
    ]


def test_every_end_of_every_range_is_at_a_corner():
    _, space = space_of("a=1,2,3", "b=interval(0.5,1)", "c=range(2,9,3)")
    points = corners(space)
    assert {point["a"] for point in points} == {"1", "2", "3"}
    assert {point["b"] for point in points} == {0.5, 1}
    assert {point["c"] for point in points} == {2, 8}


def test_a_space_of_steps_has_a_size():
    assert size(space_of("a=1,2", "b=range(2,9,3)", "c=range(0,1,0.25)")[1]) == 2 * 3 * 4
    assert size(space_of("a=1,2", "b=interval(0.1,1)")[1]) == float("inf")


@pytest.mark.parametrize(
    ("content", "kept"),
    [("", ""), ("{}\n", "{}\n"), ("{}\n{}", "{}\n"), ("{", ""), ("{}\n[\n1", "{}\n[\n")],
)
def test_what_a_kill_cut_off_is_removed_from_the_journal(tmp_path, content, kept):
    journal = tmp_path / "study.journal"
    journal.write_text(content)
    drop_torn_line(journal)
    assert journal.read_text() == kept


def test_a_search_ends_with_its_best_trial_and_a_table(train):
    done = train(*SEARCH, RATE, "data.batch_size=interval(8,64)", "checkpoint.monitor=val/accuracy")
    assert "compares val/loss, while" in done.stderr and "hydra.sweeper.metric=val/accuracy\n" in done.stderr
    rows = trials()
    found = {summary["metrics"]["val/loss"] for summary in summaries()}
    assert [row["trial"] for row in rows] == ["0", "1"]
    assert {row["state"] for row in rows} == {"completed"}
    assert {float(row["val/loss"]) for row in rows} == found
    for row in rows:
        overrides = json.loads((FOLDER / row["job"] / "summary.json").read_text())["overrides"]
        assert f"data.batch_size={row['data.batch_size']}" in overrides
        assert f"optimizer.lr={float(row['optimizer.lr']):.6g}" in overrides
        assert 8 <= int(row["data.batch_size"]) <= 64
    assert {row["direction"] for row in rows} == {"minimize"} and "Best, with the lowest val/loss:" in done.stderr
    best = min(rows, key=lambda row: float(row["val/loss"]))
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("  trial"))
    assert line.startswith(f"  trial {best['trial']}: val/loss")
    assert line.endswith(f"optimizer.lr={float(best['optimizer.lr']):.6g} data.batch_size={best['data.batch_size']}")


def test_the_same_search_again_takes_the_results_and_adds_what_is_missing(train):
    train(*SEARCH, RATE)
    before = trials()
    times = {path: path.stat().st_mtime_ns for path in FOLDER.glob("*/summary.json")}
    again = train(*SEARCH, RATE)
    assert "2 of 2 trials have a result" in again.stderr and "Training" not in again.stderr
    train(*SEARCH, RATE, "hydra.sweeper.n_trials=3")
    assert trials()[:2] == before and len(trials()) == 3
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert len({row["optimizer.lr"] for row in trials()}) == 3  # a new start does not draw the same again


def test_a_search_that_was_stopped_goes_on_with_the_trial_that_was_running(train, monkeypatch):
    from hyperplane.search import search

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search, "tell", stop)
        train(*SEARCH, RATE, status=130)
    counts = standing(FOLDER).counts
    assert (counts.pop("completed"), counts) == (1, {"waiting": 1}), "which the line of the search tells"
    done = train(*SEARCH, RATE)
    assert standing(FOLDER).counts == {"completed": 2}
    assert "0 of 2 trials have a result already, 1 are resumed" in done.stderr
    assert [row["state"] for row in trials()] == ["completed"] * 2


def test_another_search_under_the_same_name_is_refused(train):
    train(*SEARCH, RATE)
    done = train(*SEARCH, "optimizer.lr=interval(0.1, 1)", "data.noise=0.3", status=2)
    assert "optimizer.lr: 0.001 to 1, logarithmic then, 0.1 to 1 now" in done.stderr
    assert "data.noise=0.3" in done.stderr and "sweep=..." in done.stderr


def test_trials_that_fail_are_told_so_and_others_take_their_place(train, monkeypatch):
    from hyperplane.tasks.task import Task

    original = Task.training_step

    def step(self, batch, batch_idx):
        if len(batch[0]) == 8:
            raise RuntimeError("eight is too few")
        return original(self, batch, batch_idx)

    sizes = "data.batch_size=8,16,32,64"
    with monkeypatch.context() as patch:
        patch.setattr(Task, "training_step", step)
        done = train(*SEARCH, sizes, "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=9", status=1)
    state = {row["data.batch_size"]: row["state"] for row in trials()}
    assert state == {"8": "failed", "16": "completed", "32": "completed", "64": "completed"}
    assert "1 of 4 trials failed" in done.stderr and "eight is too few" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trial_whose_settings_do_not_fit_together_fails_alone(train):
    # All ends of the ranges are allowed, but nesterov=true needs momentum.
    pairs = ("optimizer=sgd", "optimizer.momentum=0.9,0.0", "optimizer.nesterov=false,true")
    done = train(*SEARCH, *pairs, "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=4", status=1)
    (failed,) = (row for row in trials() if row["state"] == "failed")
    assert (failed["optimizer.momentum"], failed["optimizer.nesterov"]) == ("0.0", "True")
    assert "nesterov=true needs momentum above 0" in failed["error"] and len(summaries()) == 3
    assert "1 of 4 trials failed" in done.stderr


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), "has nothing to search"),
        (("optimizer.lrr=interval(1,2)",), "Did you mean optimizer.lr?"),
        (("optimizer.lr=interval(-1,1)",), "optimizer.lr=-1 is not allowed"),
        (("model=linear,mpl",), "Did you mean mlp?"),
        ((RATE, "hydra.sweeper.metric=test/loss"), "Take val/loss"),
        ((RATE, "hydra.sweeper.metric=val/acuracy"), "Did you mean val/accuracy?"),
        ((RATE, "hydra.sweeper.metric=loss"), "must be train/... or val/..."),
        ((RATE, "hydra.sweeper.metric=val/xyz"), "val/xyz needs hydra.sweeper.direction=maximize or minimize"),
        ((RATE, "hydra.sweeper.metric=val/"), "must be train/... or val/..."),
        ((RATE, "hydra.sweeper.metric=test/day/loss"), "Take val/day/loss"),
        ((RATE, "hydra.sweeper.direction=maximize"), "would look for the worst: less of val/loss is better"),
        (
            (RATE, "hydra.sweeper.metric=val/day/accuracy", "hydra.sweeper.direction=minimize"),
            "would look for the worst: more of val/day/accuracy is better",
        ),
        (
            (RATE, "hydra.sweeper.metric=[val/loss,parameters]", "hydra.sweeper.direction=[minimize,maximize]"),
            "would look for the worst: less of parameters is better",
        ),
        ((RATE, "hydra.sweeper.direction=min"), "hydra.sweeper.direction=min"),
        ((RATE, "hydra.sweeper.direction=[minimize,minimize]"), "direction has 2 values"),
        ((RATE, "hydra.sweeper.n_trials=0"), "hydra.sweeper.n_trials=0 is not allowed"),
        ((RATE, "hydra.sweeper.n_trails=1"), "Did you mean hydra.sweeper.n_trials?"),
        ((RATE, "hydra/sweeper/sampler=tpee"), "Did you mean tpe?"),
        ((RATE, "hydra.sweeper.sampler.n_startup_trials=-1"), "sampler.n_startup_trials=-1 is not allowed"),
        ((RATE, "hydra/sweeper/sampler=grid"), "an interval has no end"),
        ((RATE, "hydra/sweeper/pruner=medain"), "Did you mean median?"),
        (
            (RATE, "hydra/sweeper/pruner=median", "hydra.sweeper.metric=[val/loss,parameters]"),
            "needs a single metric",
        ),
        ((RATE, "data.val_fraction=0"), "needs data.val_fraction above 0"),
        (
            (RATE, "++data.folds=5", "data.fold=0,1,2,3,4"),
            "data.fold=0,1,2,3,4 is nothing to choose: the easiest fold would win",
        ),
        (
            ("++data.folds=5", "++data.fold=range(0,5)"),
            "  train -m hydra/sweeper=optuna data.folds=5 data.fold=0 hydra.sweep.dir=runs/sweeps/<name>/0 ...\n",
        ),
    ],
)
def test_a_mistake_is_named_before_anything_is_written(train, overrides, said):
    done = train(*SEARCH, *overrides, status=2)
    assert said in done.stderr
    assert done.folders == [] and "Traceback" not in done.stderr


def test_a_metric_that_is_not_measured_ends_the_search_and_can_be_corrected(train):
    done = train(*SEARCH, RATE, "hydra.sweeper.metric=val/rmse", status=2)
    assert "val/rmse is not measured" in done.stderr and "val/accuracy" in done.stderr
    done = train(*SEARCH, RATE, "hydra.sweeper.metric=val/accuracy")
    assert "The search compares" not in done.stderr
    assert [(row["state"], row["direction"]) for row in trials()] == [("completed", "maximize")] * 2
    assert "Best, with the highest val/accuracy:\n" in done.stderr
    best = max(trials(), key=lambda row: float(row["val/accuracy"]))["trial"]
    assert f"  trial {best}: val/accuracy" in done.stderr


def test_several_objectives_end_with_all_that_nothing_beats(train):
    objectives = "hydra.sweeper.metric=[val/accuracy,parameters]"
    done = train(*SEARCH, "model=linear,mlp", "hydra/sweeper/sampler=grid", objectives)
    rows = trials()
    assert "Best, with the highest val/accuracy and lowest parameters, none in everything:\n" in done.stderr
    assert {row["direction"] for row in rows} == {"maximize minimize"}
    assert {row["parameters"] for row in rows} == {"6.0", "10602.0"}
    best = re.findall(r"trial (\d): val/accuracy ([\d.]+)  parameters (\d+)", done.stderr)
    accuracies = [float(row["val/accuracy"]) for row in rows]
    small = min(rows, key=lambda row: float(row["parameters"]))
    beaten = max(accuracies) <= float(small["val/accuracy"])
    assert len(best) == (1 if beaten else 2)
    assert small["trial"] in [number for number, *_ in best]


DOWN = ["minimize"]
SPACE = {"x": FloatDistribution(0, 1), "y": IntDistribution(1, 1000, log=True), "z": CategoricalDistribution("ab")}


def propose(folder, name, starts, way="minimize", **settings):
    """The values that a search tries in `folder`; each of `starts` opens it anew and runs so many trials."""
    search = Search.model_validate({"sampler": {"name": name, **settings}, "n_trials": 30})
    folder.mkdir()
    for count in starts:
        study = open_study(folder, search, [way], SPACE, [])
        for _ in range(count):
            trial = begin_trial(study, search, SPACE)
            study.tell(trial, (1 if way == "minimize" else -1) * (trial.params["x"] - 0.3) ** 2)
    return [trial.params for trial in study.trials]


SAMPLERS = [
    ("tpe", {"n_startup_trials": 4}),
    ("gp", {"n_startup_trials": 4}),
    ("nsgaii", {"population_size": 4}),
    ("random", {}),
]


# Not gp: it also learns from what running trials have, and proposes other values for the rest.
@pytest.mark.parametrize(("name", "settings"), [sampler for sampler in SAMPLERS if sampler[0] != "gp"])
@pytest.mark.parametrize("trials_before", [2, 5])
@pytest.mark.parametrize("values", [0, 1, 2, 3])
def test_a_trial_that_a_kill_left_with_some_values_gets_the_others(tmp_path, name, settings, trials_before, values):
    whole = propose(tmp_path / "whole", name, [6], **settings)
    propose(tmp_path / "killed", name, [trials_before], **settings)
    search = Search.model_validate({"sampler": {"name": name, **settings}, "n_trials": 30})
    study = open_study(tmp_path / "killed", search, DOWN, SPACE, [])
    begin_trial(study, search, dict(list(SPACE.items())[:values]))
    (trial,) = unfinished_trials(open_study(tmp_path / "killed", search, DOWN, SPACE, []), search, SPACE)
    assert trial.params == whole[trials_before]


@pytest.mark.parametrize(("name", "settings"), SAMPLERS)
def test_a_sampler_proposes_the_same_whether_or_not_the_search_was_stopped(tmp_path, name, settings):
    whole = propose(tmp_path / "whole", name, [6], **settings)
    stopped = propose(tmp_path / "stopped", name, [2, 3, 1], **settings)
    other = propose(tmp_path / "other", name, [6], seed=1, **settings)
    assert whole == stopped != other
    assert len({point["x"] for point in whole}) >= 4  # NSGA-II may inherit one
    assert all(0 <= point["x"] <= 1 and 1 <= point["y"] <= 1000 and point["z"] in "ab" for point in whole)


@pytest.mark.parametrize(("name", "settings"), SAMPLERS)
def test_a_sampler_that_maximises_proposes_what_it_would_to_minimise_the_opposite(tmp_path, name, settings):
    assert propose(tmp_path / "up", name, [8], way="maximize", **settings) == propose(
        tmp_path / "down", name, [8], **settings
    )


@pytest.mark.parametrize("way", ["minimize", "maximize"])
def test_a_pruner_gives_up_what_is_worse_in_the_direction_of_the_search(tmp_path, way):
    search = Search.model_validate({"pruner": {"name": "median", "n_startup_trials": 1}})
    study = open_study(tmp_path, search, [way], SPACE, [])
    first = begin_trial(study, search, SPACE)
    first.report(0.5, step=1)
    study.tell(first, 0.5)
    for value in (0.9, 0.1):
        trial = begin_trial(study, search, SPACE)
        trial.set_user_attr("job", f"job-{trial.number}")
        job_of_trial = studies.join_trial(tmp_path, search, f"job-{trial.number}")
        job_of_trial.report(value, step=1)
        assert job_of_trial.should_prune() == ((value > 0.5) == (way == "minimize"))


@pytest.mark.parametrize(
    ("metrics", "stated", "asked", "expected"),
    [
        (["val/f1"], [True], None, ("maximize",)),
        (["val/f1"], [False], None, ("minimize",)),
        (["val/f1"], [True], ["maximize"], ("maximize",)),
        (["val/f1"], [None], ["maximize"], ("maximize",)),
        (["val/f1", "parameters"], [True], None, ("maximize", "minimize")),
        (["val/f1", "parameters"], [None], ["minimize", "minimize"], ("minimize", "minimize")),
        (["val/f1"], [None, True], None, ("maximize",)),  # only one of two tasks measures it
        (["val/f1"], [True], ["minimize"], "more of val/f1 is better. Leave the direction out"),
        (["val/f1"], [None], None, "val/f1 needs hydra.sweeper.direction=maximize or minimize"),
        (["val/f1"], [True, False], None, "val/f1 cannot choose: a higher value is better for some of the jobs only"),
    ],
)
def test_the_direction_follows_from_the_metric(monkeypatch, metrics, stated, asked, expected):
    """`stated` is what the metric says in each of several jobs."""
    monkeypatch.setattr(direction, "higher_is_better", lambda name, job: stated[job])
    monkeypatch.setattr(direction, "names", lambda job: ["recall"])
    search = Search.model_validate({"metric": metrics, "direction": asked})
    if isinstance(expected, str):
        with pytest.raises(UserError, match=re.escape(expected)):
            direction.directions(search, range(len(stated)))
    else:
        assert direction.directions(search, range(len(stated))) == expected


class AlwaysPruner(BasePruner):
    """Gives every run up."""

    def prune(self, study, trial):
        return True


def test_a_run_that_is_pruned_ends_early_and_can_go_on(train, command, monkeypatch):
    pruned = (*SEARCH, RATE, "hydra/sweeper/pruner=median", "trainer.max_epochs=3", "hydra.sweeper.n_trials=1")
    with monkeypatch.context() as patch:
        patch.setitem(PRUNERS, "median", lambda **settings: AlwaysPruner())
        done = train(*pruned)
    (row,), (summary,) = trials(), summaries()
    assert (row["state"], row["epochs"]) == ("pruned", "1")
    assert summary["status"] == "interrupted" and summary["pruned"] and summary["epochs"] == 1
    assert summary["error"] == "pruned after epoch 1" and summary["metrics"] == {}
    assert "1 trials: 1 pruned. None ran to its end" in done.stderr
    times = [path.stat().st_mtime_ns for path in FOLDER.glob("*/*")]
    assert "1 of 1 trials have a result" in train(*pruned).stderr
    assert [path.stat().st_mtime_ns for path in FOLDER.glob("*/*")] == times

    assert command("train", f"resume={FOLDER / row['job']}").status == 0
    (resumed,) = summaries()
    rate = f"optimizer.lr={float(row['optimizer.lr']):.6g}"
    whole = train("model=linear", "data=moons", rate, "trainer.max_epochs=3").summary
    assert resumed["status"] == "completed" and resumed["epochs"] == 3
    assert resumed["metrics"] == whole["metrics"]


def test_a_second_search_in_the_same_folder_is_refused(train, monkeypatch):
    monkeypatch.setattr(locks, "SECONDS_TO_LEAVE", 0.1)
    FOLDER.mkdir(parents=True)
    with FileLock(FOLDER / locks.LOCK):
        done = train(*SEARCH, RATE, status=2)
    assert "another process" in done.stderr and not (FOLDER / "study.journal").exists()


@pytest.mark.parametrize("line", ["{", "[]", '{"op_code": 99}', '{"op_code": 4, "study_id": 7}', "\\x00\\xff"])
def test_a_damaged_journal_is_named(train, line):
    FOLDER.mkdir(parents=True)
    (FOLDER / "study.journal").write_text(f"{line}\n{line}\n", encoding="latin-1")
    done = train(*SEARCH, RATE, status=2)
    assert "study.journal is damaged" in done.stderr and "Traceback" not in done.stderr
