"""A user's mistake ends with one short message, status 2, and nothing left behind."""

import sys

import pytest

from {{ cookiecutter.package_name }}.train import main

PACKAGE = "{{ cookiecutter.package_name }}"

# What was typed, and what the message must name: the key, the value, what is allowed or the nearest name.
MISTAKES = [
    ("model=mpl", "model=mpl", "mean mlp?", "cnn, kernel_svm, linear, mlp"),
    ("data=mnist", "data=mnist", "mean mnist1d?"),
    ("optimizer=adan", "optimizer=adan", "mean adam?"),
    ("scheduler=cosin", "scheduler=cosin", "mean cosine?"),
    ("hardware=gpuu", "hardware=gpuu", "mean gpu?"),
    ("tracking=wand", "tracking=wand", "mean wandb?"),
    ("experiment=mnist1d_tabel", "mean mnist1d_table?"),
    ("modl=cnn", "modl", "mean model?"),
    ("seeed=1", "seeed", "mean seed?"),
    ("seed=-1", "seed=-1", "greater than or equal to 0"),
    ("seed=abc", "seed=abc", "integer"),
    ("model=null", "model"),
    ("model.hidden_size=[10]", "model.hidden_size", "mean model.hidden_sizes?"),
    ("model.hidden_sizes=[10,0]", "model.hidden_sizes.1=0", "greater than 0"),
    ("model.hidden_sizes=abc", "model.hidden_sizes=abc"),
    ("model.activation=rleu", "model.activation=rleu", "mean relu?"),
    ("model.dropout=1.5", "model.dropout=1.5", "less than 1"),
    ("model=cnn model.channels=[5]", "model", "kernel_sizes"),
    ("model=cnn model.stride=0", "model.stride=0", "greater than 0"),
    ("model=rnn model.cell=gruu", "model.cell=gruu", "mean gru?"),
    ("model=rnn model.dropout=0.5", "dropout", "num_layers"),
    ("data.batch_size=0", "data.batch_size=0", "greater than 0"),
    ("data.batchsize=10", "data.batchsize", "mean data.batch_size?"),
    ("data.val_fraction=1.0", "data.val_fraction=1.0", "less than 1"),
    ("data.val_fraction=nan", "data.val_fraction=nan", "finite"),
    ("data=moons data.num_samples=2", "data.num_samples=2", "20"),
    ("optimizer.lr=-1", "optimizer.lr=-1", "greater than 0"),
    ("optimizer.lr=fast", "optimizer.lr=fast", "number"),
    ("optimizer.lrr=0.1", "optimizer.lrr", "mean optimizer.lr?"),
    ("+optimizer.momentum=0.9", "optimizer.momentum", "betas"),
    ("optimizer.betas=[0.9]", "optimizer.betas"),
    ("optimizer=sgd optimizer.nesterov=true", "optimizer", "momentum"),
    ("scheduler=cosine scheduler.final_fraction=2", "scheduler.final_fraction=2", "less than or equal to 1"),
    ("scheduler=plateau data.val_fraction=0", "scheduler", "val_fraction"),
    ("scheduler=cosine trainer.max_epochs=-1", "scheduler", "max_steps"),
    ("hardware.devices=0", "hardware.devices=0"),
    ("hardware.precision=8", "hardware.precision=8", "bf16-mixed"),
    ("hardware=mps hardware.precision=64-true", "accelerator=mps", "precision=32-true"),
    ("hardware=mps hardware.devices=2", "accelerator=mps is one device", "devices=2"),
    ("hardware.precision=16-mixed", "precision=16-mixed needs a GPU", "bf16-mixed"),
    ("hardware.devices=[0,1]", "devices=[0, 1]", "how many processes"),
    ("hardware=gpu hardware.devices=[1,1]", "devices=[1, 1] names a GPU twice"),
    ("hardware.matmul_precision=hihg", "hardware.matmul_precision=hihg", "mean high?"),
    ("model=kernel_svm data=moons hardware.compile=true", "KernelSVM is solved at once", "hardware.compile=false"),
    ("find=rate", "find=rate", "'lr' or 'batch_size'"),
    ("find=lr optimizer=lbfgs", "find=lr", "optimizer=lbfgs"),
    ("find=batch_size model=kernel_svm data=moons", "find=batch_size", "solved without steps"),
    ("find=lr hardware=ddp", "find=lr", "hardware.devices=1"),
    ("tracking=wandb tracking.mode=onlin", "tracking.mode=onlin", "mean online?"),
    ("trainer.max_epoch=3", "trainer.max_epoch", "mean trainer.max_epochs?"),
    ("trainer.max_epochs=-5", "trainer.max_epochs=-5"),
    ("trainer.limit_val_batches=1.5", "trainer.limit_val_batches=1.5"),
    ("trainer.limit_test_batches=0", "trainer.limit_test_batches=0"),
    ("checkpoint.test=first", "checkpoint.test=first", "'best' or 'last'"),
    ("checkpoint.monitor=val/lss", "checkpoint.monitor=val/lss"),
    ("model._target_=os.system", "model._target_=os.system", "ALLOWED_LIBRARIES"),
    ("seed=1,2", "seed=1,2", "--multirun"),
    ("model.hidden_sizes=[5", "[5"),
    ("model", "model"),
]
# These are found only once torch, the data or the hardware is there.
LATER_MISTAKES = [
    (f"model._target_={PACKAGE}.models.mlp.MPL", f"{PACKAGE}.models.mlp.MPL"),
    ("optimizer._target_=torch.optim.Adm", "torch.optim.Adm"),
    ("optimizer._target_=torch.optim.Rprop", "torch.optim.Rprop", "betas"),
    ("data=moons model=cnn", "model=cnn", "signals", "model=mlp"),
    ("data=moons model=rnn", "model=rnn", "signals", "model=mlp"),
    ("model=cnn model.kernel_sizes=[50,3,3]", "model.kernel_sizes=[50, 3, 3]", "40 positions"),
    ("data.val_fraction=0.00001", "data.val_fraction", "4000"),
    ("hardware=auto hardware.precision=16-mixed", "precision=16-mixed needs a GPU", "bf16-mixed"),
    ("trainer.max_time=soon", "soon", "DD:HH:MM:SS"),
]


@pytest.mark.parametrize("typed", MISTAKES + LATER_MISTAKES, ids=lambda typed: typed[0])
def test_a_mistake_is_explained_and_leaves_nothing_behind(train, typed):
    overrides, *named = typed
    done = train(*overrides.split(), status=2)
    for words in named:
        assert words in done.stderr
    message = [line for line in done.stderr.splitlines() if "INFO" not in line]
    assert 1 <= len(message) <= 5, "a few lines"
    for noise in ("Traceback", "Error executing job", "{'_target_'", "pydantic"):
        assert noise not in done.stderr
    assert done.folders == []


@pytest.mark.parametrize("typed", [("seed=0,-1", "seed=-1"), ("optimizer.lr=0.1,0", "optimizer.lr=0")])
def test_a_mistake_in_one_job_stops_a_multirun_before_it_starts(command, tmp_path, typed):
    override, named = typed
    done = command("train", "-m", override, "tracking=none")
    assert done.status == 2
    assert named in done.stderr and "No job has been started" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_help_and_mistakes_never_import_torch(python):
    python(f"""
import sys
from {PACKAGE} import evaluate, export, predict, report, train
for command, typed in [
    (train, ["--help"]),
    (train, ["--cfg", "job"]),
    (train, ["model=mpl"]),
    (train, ["optimizer.lr=-1"]),
    (train, ["-m", "seed=0,-1"]),
    (evaluate, ["--help"]),
    (evaluate, ["run=nowhere"]),
    (predict, ["--help"]),
    (predict, ["run=nowhere", "input=new.csv"]),
    (export, ["--help"]),
    (export, ["run=nowhere"]),
    (report, ["--help"]),
    (report, ["nowhere"]),
]:
    sys.argv = ["command", *typed]
    try:
        command.main()
    except SystemExit:
        pass
    slow = set("torch lightning wandb matplotlib".split()) & set(sys.modules)
    assert not slow, (typed, slow)
""")


def test_help_settings_and_completion_import_little(python):
    """What decides how long they take; the counts are those of Python 3.11 and a quarter more."""
    python(f"""
import os, sys
from {PACKAGE} import train
os.environ.update(COMP_LINE="train model=k", COMP_POINT="13")
for typed, most, slow in [
    (["--help"], 90, "hydra omegaconf yaml"),
    (["--cfg", "job"], 430, "pydantic asyncio secrets"),
    (["-sc", "query=bash"], 430, "pydantic asyncio secrets"),
]:
    sys.argv = ["train", *typed]
    train.main()
    assert len(sys.modules) <= most, (typed, len(sys.modules))
    assert not set(slow.split()) & set(sys.modules), (typed, slow)
""")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("train model=k", "model=kernel_svm"),
        ("train optimizer=a", "optimizer=adam optimizer=adamw"),
        ("train trainer.max_t", "trainer.max_time="),
    ],
)
def test_tab_completion_knows_groups_files_and_settings(monkeypatch, capsys, line, expected):
    for name, value in {"COMP_LINE": line, "COMP_POINT": str(len(line)), "HYDRA_FULL_ERROR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["train", "-sc", "query=bash"])
    main()
    assert capsys.readouterr().out.split() == expected.split()
