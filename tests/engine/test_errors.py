"""A user's mistake ends with one short message, status 2, and nothing left behind."""

import re
import sys
from io import BytesIO, TextIOWrapper

import pytest
from hyperplane.command_line import start

from my_research.train import main

PACKAGE = "my_research"
PLAIN = "lightning.pytorch.demos.boring_classes.BoringModel"
STOPS = "+callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStopping"

# What was typed, and what the message must name: the key, the value, what is allowed or the nearest name.
MISTAKES = [
    ("model=mpl", "model=mpl", "mean mlp?", "cnn, dlinear, gpt, graph_convolution, kernel_svm, linear, mlp, n_beats"),
    ("data=mnist", "data=mnist", "mean mnist1d?"),
    ("optimizer=adan", "optimizer=adan", "mean adam?"),
    ("scheduler=cosin", "scheduler=cosin", "mean cosine?"),
    ("hardware=gpuu", "hardware=gpuu", "mean gpu?"),
    ("tracking=wand", "tracking=wand", "mean wandb?"),
    ("experiment=mnist1d_tabel", "mean mnist1d_table?"),
    ("modl=cnn", "modl", "mean model?"),
    ("--model=mlp", "--model=mlp is not an option", "no dashes: model=mlp"),
    ("-model=mlp", "-model=mlp is not an option", "no dashes: model=mlp"),
    (
        "--experiment=mnist1d_table",
        "--experiment=mnist1d_table is not an option",
        "no dashes: experiment=mnist1d_table",
    ),
    ("--seed=1", "--seed=1 is not an option", "no dashes: seed=1"),
    ("hydra.run.dir=", "hydra.run.dir=", "holds other files", "name a new folder"),
    ("hydra.run.dir=data", "hydra.run.dir=data", "holds other files", "name a new folder"),
    ("seeed=1", "seeed", "mean seed?"),
    ("seed=-1", "seed=-1", "greater than or equal to 0"),
    ("seed=abc", "seed=abc", "whole number"),
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
    ("optimizer.amsgrad=true", "leaves that to its default", "+optimizer.amsgrad=true"),
    ("optimizer.lrr=0.1", "optimizer.lrr", "mean optimizer.lr?"),
    ("optimizer.foreach=true", "leaves that to its default", "To set it: +optimizer.foreach=true"),
    ("+optimizer.momentum=0.9", "optimizer.momentum", "betas"),
    ("optimizer.betas=[0.9]", "optimizer.betas"),
    (f"model._target_={PACKAGE}.models.mlp.MPL", f"{PACKAGE}.models.mlp.MPL", f"mean {PACKAGE}.models.mlp.MLP?"),
    ("optimizer._target_=torch.optim.Adm", "torch.optim.Adm", "mean torch.optim.Adam?"),
    ("optimizer._target_=torch.optim.Rprop", "torch.optim.Rprop", "betas"),
    ("optimizer=sgd optimizer.nesterov=true", "optimizer", "momentum"),
    ("scheduler=cosine scheduler.final_fraction=2", "scheduler.final_fraction=2", "less than or equal to 1"),
    ("scheduler=plateau data.val_fraction=0", "scheduler", "val_fraction"),
    ("scheduler=plateau scheduler.monitor=val/accuracy +scheduler.mode=min", "scheduler.mode=min", "Leave it out"),
    ("checkpoint.monitor=val_accuracy checkpoint.mode=min", "checkpoint.mode=min", "more is better"),
    (f"{STOPS} +callbacks.stop.monitor=val/r2 +callbacks.stop.mode=min", "callbacks.stop.mode=min", "more is better"),
    ("scheduler=plateau trainer.limit_val_batches=0", "scheduler=plateau watches", "trainer.limit_val_batches above 0"),
    ("scheduler=plateau scheduler.monitor=val/other", "scheduler.monitor=val/other", "+scheduler.mode=max"),
    ("scheduler=cosine trainer.max_epochs=-1", "scheduler", "max_steps"),
    ("hardware.devices=0", "hardware.devices=0"),
    ("hardware.precision=8", "hardware.precision=8", "bf16-mixed"),
    ("hardware=mps hardware.precision=64-true", "accelerator=mps", "precision=32-true"),
    ("hardware=mps hardware.devices=2", "accelerator=mps is one device", "devices=2"),
    ("hardware.precision=16-mixed", "precision=16-mixed needs a GPU", "bf16-mixed"),
    ("hardware.devices=[0,1]", "devices=[0, 1]", "the number of processes"),
    ("hardware=gpu hardware.devices=[1,1]", "devices=[1, 1] names a GPU twice"),
    ("hardware.strategy=fsdp", "strategy=fsdp needs GPUs", "accelerator=cpu"),
    ("hardware=fsdp hardware.devices=1", "strategy=fsdp", "devices=1 is one"),
    ("hardware=fsdp hardware.precision=64-true", "strategy=fsdp", "precision=64-true"),
    ("hardware=fsdp hardware.compile=true", "strategy=fsdp", "compile=false"),
    ("hardware=fsdp optimizer=muon", "optimizer=muon", "hardware.strategy=fsdp"),
    ("hardware.matmul_precision=hihg", "hardware.matmul_precision=hihg", "mean high?"),
    ("model=kernel_svm data=moons hardware.compile=true", "KernelSVM is solved at once", "hardware.compile=false"),
    ("find=rate", "find=rate", "'lr' or 'batch_size'"),
    ("find=lr optimizer=lbfgs", "find=lr", "optimizer=lbfgs"),
    ("find=batch_size model=kernel_svm data=moons", "find=batch_size", "solved without steps"),
    ("find=lr hardware=ddp", "find=lr", "hardware.devices=1"),
    ("tracking=wandb tracking.mode=onlin", "tracking.mode=onlin", "mean online?"),
    ("trainer.max_epoch=3", "trainer.max_epoch", "mean trainer.max_epochs?"),
    ("trainer.max_epochs=-5", "trainer.max_epochs=-5"),
    ("trainer.max_time=soon", "trainer.max_time=soon", "DD:HH:MM:SS"),
    ("trainer.limit_val_batches=1.5", "trainer.limit_val_batches=1.5"),
    ("trainer.limit_test_batches=0", "trainer.limit_test_batches=0"),
    ("checkpoint.test=first", "checkpoint.test=first", "'best' or 'last'"),
    (f"task._target_={PLAIN} checkpoint.monitor=val_reward", "val_reward: nothing says", "better. Is it spelt right?"),
    ("checkpoint.monitor=val/lss", "checkpoint.monitor=val/lss", "mean loss?", "checkpoint.mode=max"),
    ("model._target_=os.system", "model._target_=os.system", "`libraries`, in my_research/__init__.py"),
    ("seed=1,2", "seed=1,2 is several values", "-m seed=1,2", "seed=[1,2]"),
    ("model=mlp,cnn", "model=mlp,cnn is several values", "-m model=mlp,cnn"),
    ("model=[mlp,cnn]", "model=[mlp,cnn]", "train -m model=mlp,cnn"),
    ("model.hidden_sizes=[5", "model.hidden_sizes=[5 cannot be read: it has 1 [ and 0 ]", "name=value"),
    ("model.hidden_sizes=[5, 5]", "model.hidden_sizes=[5, cannot be read", "'name=[1, 2]'"),
    ('sweep="a', 'sweep="a cannot be read', 'a " is not closed'),
    ("model", "model cannot be read: = is missing", "name=value"),
    ("seed==1", "seed==1 cannot be read", "more than one ="),
    ("data=Wein", "data=Wein", "mean wine?"),
    ("optimizer=SGD", "optimizer=SGD", "mean sgd?"),
    ("optimizer.lr=true", "optimizer.lr=true", "must be a number"),
    ("model.hidden_sizes=[5,true]", "model.hidden_sizes.1=true", "must be a number"),
    ("optimizer.lr=null", "optimizer.lr=null", "must be a number"),
    ("model.hidden_sizes={a:1}", "model.hidden_sizes={a:1}", "must be a list"),
    ("hydra.job.chdir=maybe", "hydra.job.chdir=maybe", "bool"),
    ("new.key=1", "new.key=1", "the settings are"),
    ("+new.key=1", "new={key: 1}", "the settings are"),
    ("++optimizer.lrr=1", "optimizer.lrr=1", "mean optimizer.lr?"),
    ("seed=${data.batch_sze}", "seed=${data.batch_sze}", "not found"),
    ("~model._target_", "model has no _target_", "such as _target_: my_research.models."),
    ("~data._target_", "data has no _target_", "such as _target_: my_research.data."),
    ("~model", "model is not chosen", "model=cnn or"),
    ("=5", "model=mlp"),
    ("model=sklearn model.parameters.n_jobs=1", "model.parameters.n_jobs=1", "+model.parameters.n_jobs=1"),
    ("model=sklearn model.parameters=5", "model.parameters=5", "a group of settings"),
    ("model.hidden_sizes=100", "model.hidden_sizes=100", "a list"),
    ("model=kernel_svm model.gamma=0", "model.gamma=0", "greater than 0, or must be 'scale'"),
    ("model=tft model.num_heads=3", "num_heads=3", "hidden_size=16"),
    ("model=svm model.C=-1", "model.C=-1", "greater than 0"),
    ("loss=hubr", "loss=hubr", "mean huber?"),
    ("loss=huber loss.detla=1", "loss.detla=1", "mean loss.delta?"),
    ("loss=huber loss.delta=0", "loss.delta=0", "greater than 0"),
    ("loss=hinge loss.class_weights=[-1]", "loss.class_weights.0=-1", "'balanced'"),
    ("loss.delta=2", "loss.delta=2", "loss=auto or binary_cross_entropy or cross_entropy"),
    ("scheduler=none +scheduler.patience=3", "scheduler.patience=3", "plateau"),
    ("scheduler=onecycle scheduler.rise_fraction=1", "scheduler.rise_fraction=1", "less than 1"),
    ("optimizer=muon optimizer.ns_steps=0", "optimizer.ns_steps=0", "greater than or equal to 1"),
    ("optimizer=lbfgs optimizer.line_search_fn=wolfe", "optimizer.line_search_fn=wolfe", "strong_wolfe"),
    ("data=table", "data.path=...", "data.target=..."),
    ("data=table data.path=no.csv data.target=y", "data.path=no.csv", "does not exist"),
    ("data=graph data.nodes=n.csv data.edges=no.csv data.target=y", "data.nodes=n.csv", "does not exist"),
    ("data=demand data.quantiles=[0.9,0.1]", "quantiles=[0.9, 0.1]", "increase"),
    ("data.folder=/etc", "data.folder=/etc", "this project's folder"),
    ("hardware.device=2", "hardware.device=2", "mean hardware.devices?"),
    ("hardware.accelerator=tpu", "hardware.accelerator=tpu", "'cpu', 'gpu'"),
    ("hardware.threads=-1", "hardware.threads=-1", "greater than or equal to 0"),
    ("tracking=wandb tracking.tag=[a]", "tracking.tag=[a]", "mean tracking.tags?"),
    ("trainer.precision=16", "trainer.precision=16", "mean hardware.precision?"),
    ("checkpoint.mod=min", "checkpoint.mod=min", "mean checkpoint.mode?"),
    ("checkpoint.every_n_steps=0", "checkpoint.every_n_steps=0", "greater than 0"),
    ("early_stopping.patince=3", "early_stopping.patince=3", "mean early_stopping.patience?"),
    ("early_stopping.min_delta=small", "early_stopping.min_delta=small", "a number"),
    ("figures=maybe", "figures=maybe", "true or false"),
    ("sweep=../x", "sweep=../x", "letters, digits"),
    ("resume=nowhere", "resume=nowhere", ".hydra/config.yaml"),
    ("hydra.run.dirr=x", "hydra.run.dirr=x", "mean hydra.run.dir?"),
    ("hydra/launcher=jobib", "hydra/launcher=jobib", "mean joblib?"),
    ("hydra/sweeper=optna", "hydra/sweeper=optna", "mean optuna?"),
]
# These are found only once torch, the data or the hardware is there.
LATER_MISTAKES = [
    ("data=moons model=cnn", "model=cnn", "signals", "model=mlp"),
    ("data=moons model=rnn", "model=rnn", "signals", "model=mlp"),
    ("model=cnn model.kernel_sizes=[50,3,3]", "model.kernel_sizes=[50, 3, 3]", "40 positions"),
    ("data.val_fraction=0.00001", "data.val_fraction", "4000"),
    ("hardware=auto hardware.precision=16-mixed", "precision=16-mixed needs a GPU", "bf16-mixed"),
    ("model=sklearn model.estimator=forst", "model.estimator=forst", "Classifier"),
    ("model=svm data=diabetes", "model=svm", "model=linear"),
    ("loss=cross_entropy data=diabetes", "loss=cross_entropy", "loss=auto"),
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


def test_a_setting_behind_an_option_is_told_where_it_belongs(command):
    done = command("train", "model=mlp,cnn", "-m", "seed=1,2")
    assert done.status == 2 and done.stderr.startswith("seed=1,2 comes after an option. Options come first")


MLP_FILE = f"_target_: {PACKAGE}.models.mlp.MLP\n"
# A file of one's own, and what the message must name.
WRONG_FILES = [
    (MLP_FILE + "hiden_sizes: [10]", "model.hiden_sizes=[10]", "mean model.hidden_sizes?"),
    (MLP_FILE + "hidden_sizes: [10", "mine.yaml", ", line "),
    (MLP_FILE + "\tdropout: 0.1", "mine.yaml", "line 2"),
    (MLP_FILE + "dropout: 0.1\ndropout: 0.2", "mine.yaml", "duplicate key dropout"),
    (MLP_FILE + "# Größe", "mine.yaml:2: a character that is not UTF-8"),
    (MLP_FILE + "dropout: ${modl.x}", "model.dropout", "modl.x"),
    (MLP_FILE + "dropout: ${oc.env:NOWHERE}", "model.dropout", "NOWHERE"),
    ("hidden_sizes: [10]", "model has no _target_", "such as _target_: my_research.models."),
    ("defaults: [mpl]", "model=mpl", "mean mlp?"),
]


@pytest.mark.parametrize("wrong", WRONG_FILES, ids=lambda wrong: wrong[0].splitlines()[-1])
def test_a_mistake_in_a_file_is_explained_and_leaves_nothing_behind(train, tmp_path, wrong):
    text, *named = wrong
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "mine.yaml").write_bytes(text.encode("latin-1"))
    done = train(f"--config-dir={tmp_path / 'own'}", "model=mine", status=2)
    for words in named:
        assert words in done.stderr
    assert "Traceback" not in done.stderr and done.folders == []


# Of a multirun. All jobs are checked before the first one starts.
MULTIRUN_MISTAKES = [
    ("seed=0,-1", "seed=-1", "No job has been started"),
    ("optimizer.lr=0.1,0", "optimizer.lr=0", "No job has been started"),
    ("model=mlp,cnnn", "model=cnnn", "mean cnn?", "No job has been started"),
    ("model.hidden_size=[10],[20]", "model.hidden_size=[10]", "mean model.hidden_sizes?", "No job has been started"),
    ("seed=0,1 sweep=a/b", "sweep=a/b", "No job has been started"),
    ("seed=0,1 sweep=", "sweep= is empty", "leave it out", "No job has been started"),
    ("hydra/sweeper=optuna sweep= seed=choice(0,1)", "sweep= is empty", "No job has been started"),
    ("seed=0,1 resume=nowhere", "resume=", "resume= resumes one run"),
    ("hydra/launcher=joblib hydra.launcher.n_jobs=0 seed=0,1", "n_jobs=0", "-1"),
    ("hydra/launcher=joblib hydra.launcher.n_jobs=many seed=0,1", "n_jobs=many", "-1"),
    ("hydra/sweeper=optuna hydra/launcher=joblib hydra.launcher.n_jobs=0 seed=choice(0,1)", "n_jobs=0", "-1"),
    ("optimizer.lr=interval(0.1,1)", "optimizer.lr=interval(0.1,1)", "hydra/sweeper=optuna"),
    ("seed=range(0,0)", "nothing to run", "range(...)"),
    ("model=[mlp,cnn] seed=0,1", "model=[mlp,cnn]", "train -m model=mlp,cnn"),
    ("hydra/launcher=stacked hydra.launcher.members=1 seed=0,1", "members=1", "2 or more, or null"),
    ("hydra/launcher=stacked hydra.launcher.n_jobs=0 seed=0,1", "n_jobs=0", "-1"),
    ("hydra/launcher=slurm hydra.launcher.time=1 seed=0,1", "hydra.launcher.time=1", "equal to 5"),
    ("hydra/launcher=ray hydra.launcher.num_cpu=1 seed=0,1", "hydra.launcher.num_cpu=1", "num_cpus?"),
    ("hydra/sweeper=optuna hydra.sweeper.n_trial=3", "hydra.sweeper.n_trial=3", "mean hydra.sweeper.n_trials?"),
    ("hydra/sweeper=optuna hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0", "greater than 0"),
    ("hydra/sweeper=optuna hydra/sweeper/sampler=tp", "hydra/sweeper/sampler=tp", "mean tpe?"),
    ("hydra/sweeper=optuna hydra.sweeper.metric=test/loss", "metric=test/loss", "val/loss"),
    ("hydra/sweeper=optuna optimizer.lr=interval(2,1)", "optimizer.lr=interval(2,1)", "smaller to a larger"),
]


@pytest.mark.parametrize("typed", MULTIRUN_MISTAKES, ids=lambda typed: typed[0])
def test_a_mistake_in_one_job_stops_a_multirun_before_it_starts(command, tmp_path, typed):
    overrides, *named = typed
    done = command("train", "-m", *overrides.split(), "tracking=none")
    assert done.status == 2
    for words in named:
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/**/summary.json")) and not list(tmp_path.glob("runs/**/multirun.yaml"))


def test_a_terminal_that_lacks_a_sign_gets_the_rest_of_a_help(monkeypatch):
    output = TextIOWrapper(BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "argv", ["report", "--help"])
    with pytest.raises(SystemExit, match="0"):
        start("report")
    output.flush()
    assert b"mean ? sample standard deviation" in output.buffer.getvalue()


def test_help_and_mistakes_never_import_torch(python, tmp_path):
    (tmp_path / "t.csv").write_text("size;price\n1;2\n")
    words = python(f"""
import sys
sys.stderr = sys.stdout
from {PACKAGE} import __main__ as commands
for command, typed in [
    ("train", ["--help"]),
    ("train", ["--cfg", "job"]),
    ("train", ["model=mpl"]),
    ("train", ["optimizer.lr=-1"]),
    ("train", ["-m", "seed=0,-1"]),
    ("train", ["data=table", "data.path=t.csv", "data.target=pryce"]),
    ("train", ["-m", "data=text", "data.path=t.csv", "data.target=price", "data.text=size,siez"]),
    ("train", ["-m", "data=large_table", "data.path=t.csv", "data.target=price,pryce"]),
    ("evaluate", ["--help"]),
    ("evaluate", ["run=nowhere"]),
    ("predict", ["--help"]),
    ("predict", ["run=nowhere", "input=new.csv"]),
    ("export_model", ["--help"]),
    ("export_model", ["run=nowhere"]),
    ("report", ["--help"]),
    ("report", ["nowhere"]),
    ("runs", ["--help"]),
    ("runs", ["nowhere"]),
    ("schema", ["--help"]),
]:
    sys.argv = ["command", *typed]
    try:
        getattr(commands, command)()
    except SystemExit:
        pass
    slow = set("torch lightning wandb matplotlib".split()) & set(sys.modules)
    assert not slow, (typed, slow)
""")
    absent = ("target=pryce", "text=siez", "target=pryce")
    assert re.findall(r"data\.(\w+=\w+) is not a column of t.csv. Did you mean (?:price|size)\?", words) == [*absent]
    assert not list(tmp_path.glob("runs/**/*")) and "separated" not in words


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
        ("train optimizer=a", "optimizer=adam optimizer=adam_annealed optimizer=adamw"),
        ("train trainer.max_t", "trainer.max_time="),
    ],
)
def test_tab_completion_knows_groups_files_and_settings(monkeypatch, capsys, line, expected):
    for name, value in {"COMP_LINE": line, "COMP_POINT": str(len(line))}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["train", "-sc", "query=bash"])
    main()
    assert capsys.readouterr().out.split() == expected.split()
