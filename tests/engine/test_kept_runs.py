"""A completed run stands: no command, and no setting that names a folder or a file, changes what the run has left."""

import shutil
from pathlib import Path

import pytest

FAST = ("data=moons", "trainer.max_steps=2")
MINE = "runs/mine/mlp"
SWEPT = "runs/sweeps/mine"


ALONE = ("tracking=none", "hardware=cpu", "hardware.threads=1")


def kept():
    """Return the content of every file of the completed runs."""
    folders = [Path(MINE), *Path(SWEPT).glob("seed_*")]
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


TRAINED = [  # settings of `train` that name a folder, each with other values than the run that is there
    [f"hydra.run.dir={MINE}"],
    [f"hydra.run.dir={MINE}/"],
    [f"hydra.run.dir=runs/../{MINE}"],
    [f"+hydra.run.dir={MINE}"],
    [f"++hydra.run.dir={MINE}"],
    [f"hydra.run.dir={MINE}", "find=lr"],
    [f"hydra.run.dir={MINE}", "init_from=runs/mine/mlp"],
    [f"hydra.run.dir={MINE}", "hydra.output_subdir=null"],
    [f"hydra.run.dir={MINE}", "hydra.output_subdir=notes"],
    [f"hydra.run.dir={MINE}/checkpoints"],
    [f"hydra.run.dir={MINE}/figures"],
    [f"hydra.run.dir={MINE}/.hydra"],
    ["hydra.run.dir=link"],
    ["hydra.run.dir=runs/${new_run:}/../../../mine/mlp"],
    ["hydra.run.dir=runs/mine/${oc.env:RUN}"],
    ["hydra.output_subdir=../../../mine/mlp/.hydra"],
    [f"hydra.output_subdir=$PWD/{MINE}/.hydra"],
    [f"hydra.runtime.output_dir={MINE}"],
    ["hydra.job.name=../../../mine/mlp/train"],
    [f"resume={MINE}", "trainer.max_steps=1"],
    [f"resume={MINE}", f"hydra.run.dir={MINE}"],
    [f"resume={MINE}", "seed=7"],
    [f"init_from={MINE}"],
    ["-m", f"hydra.sweep.dir={MINE}", "seed=7,8"],
    ["-m", "hydra.sweep.dir=runs/mine", "hydra.sweep.subdir=mlp", "seed=7"],
    ["-m", "hydra.sweep.dir=runs/sweeps/mine", "hydra.sweep.subdir=../../mine/mlp", "seed=7"],
    ["-m", "hydra.output_subdir=../../../mine/mlp/.hydra", "seed=7,8"],
    ["-m", "sweep=mine", "seed=1,2"],
    ["-m", "sweep=mine", "seed=1,2", "model.hidden_sizes=[3]"],
    ["-m", "hydra/sweeper=basic", "hydra.sweep.dir=runs/mine", "hydra.sweep.subdir=mlp", "seed=7"],
    ["-m", "sweep=../mine", "seed=1,2"],
    ["-m", f"hydra.sweep.dir={SWEPT}", "seed=1,2", "find=lr"],
]


@pytest.fixture(scope="module")
def trained():
    """The folder runs/ with a run and a sweep, once they were trained."""
    return []


@pytest.fixture
def completed(train, monkeypatch, tmp_path, trained, tmp_path_factory):
    """A completed run and a completed sweep, and what they have left."""
    if trained:
        shutil.copytree(trained[0], "runs")
    else:
        train(f"hydra.run.dir={MINE}", *FAST, "figures=true")
        train("-m", "data=moons", "trainer.max_steps=2", "sweep=mine", "seed=1,2")
        trained.append(shutil.copytree("runs", tmp_path_factory.mktemp("completed") / "runs"))
    (tmp_path / "link").symlink_to(MINE, target_is_directory=True)
    monkeypatch.setenv("RUN", "mlp")
    return kept()


@pytest.mark.parametrize("words", TRAINED, ids=" ".join)
def test_no_setting_of_a_training_overwrites_a_completed_run(command, completed, tmp_path, words):
    flags = [word for word in words if word == "-m"]
    others = [word.replace("$PWD", str(tmp_path)) for word in words if word not in flags]
    others += [] if any(word.startswith("hydra/sweeper=") for word in words) or not flags else ["hydra/launcher=basic"]
    given = ["figures=false", *FAST, *([] if flags else ["seed=5"])]
    if any(word.startswith("resume=") for word in words):
        given = []
    command("train", *flags, *ALONE, *given, *others)
    assert kept() == completed


OTHERS = [
    ("predict", "input=rows.csv", f"output={MINE}/metrics.csv"),
    ("predict", "input=rows.csv", "output=link/metrics.csv"),
    ("predict", "input=rows.csv", f"hydra.run.dir={MINE}", "hydra.output_subdir=.hydra"),
    ("evaluate", f"hydra.run.dir={MINE}", "hydra.output_subdir=.hydra"),
    ("evaluate", f"hydra.output_subdir=$PWD/{MINE}/.hydra"),
    ("evaluate", "-m", "hydra.sweep.dir=runs/mine", "hydra.sweep.subdir=mlp", "hydra.output_subdir=.hydra"),
    ("evaluate", "-m", f"hydra.sweep.dir={MINE}"),
    ("export-model", "format=pt2", f"hydra.run.dir={MINE}", "hydra.output_subdir=.hydra"),
    ("report", "runs", "--output", MINE),
    ("report", "runs", "--output", f"{MINE}/figures"),
    ("report", "runs", "--output", "link/checkpoints"),
]


@pytest.mark.parametrize("words", OTHERS, ids=" ".join)
def test_no_other_command_writes_among_the_files_of_a_completed_run(command, completed, tmp_path, words):
    (tmp_path / "rows.csv").write_text("x1,x2\n0.5,0.5\n")
    name, *rest = [word.replace("$PWD", str(tmp_path)) for word in words]
    flags = [word for word in rest if word == "-m"]
    rest = rest if name == "report" else [*flags, f"run={MINE}", *(word for word in rest if word not in flags)]
    assert command(name, *rest).status == 2
    assert kept() == completed


def test_what_a_command_adds_to_a_completed_run_leaves_the_rest_as_it_was(command, completed, tmp_path):
    (tmp_path / "rows.csv").write_text("x1,x2\n0.5,0.5\n")
    assert command("predict", f"run={MINE}", "input=rows.csv", f"output={MINE}/predictions.csv").status == 0
    assert command("predict", f"run={MINE}", "input=rows.csv", f"output={MINE}/predictions.csv").status == 0
    assert command("evaluate", f"run={MINE}").status == 0
    assert command("export-model", f"run={MINE}", "format=pt2").status == 0
    assert command("report", MINE).status == 0
    now = kept()
    assert {path: now[path] for path in completed} == completed
    added = {path.relative_to(MINE).parts[0] for path in now.keys() - completed.keys()}
    assert added == {"predictions.csv", "export", "report"}
