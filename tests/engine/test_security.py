"""What others send (a run folder, a checkpoint, a command to paste) runs no code here and reads no secret."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from hyperplane.components import Component, factory
from hyperplane.errors import UserError
from hyperplane.run_folder.integrity import seal
from hyperplane.security import place_problem
from omegaconf import OmegaConf

PACKAGE = "my_research"
EVIL = "{_target_: os.system, command: touch was-here}"  # called in the folder of a test, it would leave a file

# What a `_target_` may not name, though an attribute of an allowed module leads there.
FOREIGN = [
    "os.system",
    "subprocess.run",
    "builtins.eval",
    "builtins.exec",
    "pickle.load",
    "torch.load",
    "torch.hub.load",
    "torch.jit.load",
    "torch.optim.lr_scheduler.sys.modules",
    "torch.optim.lr_scheduler.warnings.warn",
    "torch.optim.adam.torch.load",
    "torch.nn.modules.module.functools.partial",
    "torch.nn.init.torch",
    "torch.nn.init.constant_",
    "torch.nn.functional.relu",
    "torch.nn.modules.module.OrderedDict",
    "torch.nn..Linear",
    "torch.optimum.SGD",
    f"{PACKAGE}.train.train",
    "hyperplane.run_folder.recording.discard",
    "hyperplane.run_folder.provenance.git",
    "hyperplane.run_folder.provenance.subprocess.run",
    f"{PACKAGE}.models.mlp.math",
    f"{PACKAGE}.models.mlp.Tensor",
    f"{PACKAGE}.models.scikit.np.load",
    "hyperplane.networks.estimators.import_module",
    "hyperplane.data.cache.Path",
    "hyperplane.data.files.table_files.os",
    "hyperplane.metrics.torch.load",
    f"{PACKAGE}.datasets.Own",
    f"{PACKAGE}",
    "hyperplane",
    "",
]


@pytest.mark.parametrize("target", FOREIGN)
def test_only_what_this_project_and_its_libraries_define_is_built(target):
    with pytest.raises(UserError, match=r"is not allowed|cannot be imported"):
        factory(Component(_target_=target))


@pytest.mark.parametrize("target", ["torch.optim.SGD", "torch.nn.Linear", f"{PACKAGE}.schedulers.cosine.cosine"])
def test_what_is_allowed_is_built(target):
    assert callable(factory(Component(_target_=target)))


CHECKPOINTS = "{_target_: lightning.pytorch.callbacks.ModelCheckpoint, dirpath: %s}"
# Commands to paste: the overrides, and what the refusal names.
COMMANDS = [
    (["model._target_=os.system", "+model.command='touch was-here'"], "model._target_=os.system"),
    (["model._target_=subprocess.run", "+model.args=[touch,was-here]"], "model._target_=subprocess.run"),
    (["loss._target_=builtins.eval", "+loss.source=1"], "loss._target_=builtins.eval"),
    (["+model.x=" + EVIL], "model.x._target_=os.system"),
    (["+hydra.callbacks.x=" + EVIL], "hydra.callbacks.x._target_=os.system"),
    (["+evil=" + EVIL, "+hydra.callbacks.x=${evil}"], "evil._target_=os.system"),
    (["model._target_=os.system", "+model.command='touch was-here'", "+hydra.callbacks.x=${model}"], "callbacks.x"),
    (["hydra.launcher._target_=os.system"], "hydra.launcher._target_=os.system"),
    (["+hydra.launcher.x=" + EVIL], "hydra.launcher.x._target_=os.system"),
    (["hydra.sweeper._target_=os.system"], "hydra.sweeper._target_=os.system"),
    (["+hydra.job_logging.handlers.x={class: os.system, command: touch was-here}"], "LOGGING_CLASSES"),
    (["+hydra.hydra_logging.handlers.x={class: logging.FileHandler, filename: was-here}"], "LOGGING_CLASSES"),
    (["+hydra.job.env_set.LD_PRELOAD=was-here.so"], "hydra.job.env_set.LD_PRELOAD", ".env"),
    (["--experimental-rerun", "was-here.pickle"], "--experimental-rerun is not an option"),
    (["--exp=was-here.pickle"], "--exp=was-here.pickle is not an option"),
    (["sweep=../../was-here"], "sweep=../../was-here"),
    (["sweep=/was-here"], "sweep=/was-here"),
    (["sweep=.."], "sweep=.."),
    (
        ["task.metrics=[{_target_: lightning.pytorch.loggers.MLFlowLogger, tracking_uri: sqlite:////was-here}]"],
        "task.metrics.0._target_=lightning.pytorch.loggers.MLFlowLogger",
        "under callbacks and tracking only",
    ),
    (["data.folder=../was-here"], "data.folder=../was-here", "must stay in this project's folder"),
    (["data.folder=/was-here"], "data.folder=/was-here", "must stay in this project's folder"),
    (["data.folder='~/was-here'"], "data.folder=~/was-here", "must stay in this project's folder"),
    (["+callbacks.x=" + CHECKPOINTS % "../was-here"], "callbacks.x.dirpath=../was-here", "this project's folder"),
    (["+callbacks.x=" + CHECKPOINTS % "'${oc.env:HOME}'"], "callbacks.x.dirpath=/", "this project's folder"),
    (["+tracking._target_=lightning.pytorch.loggers.CSVLogger", "+tracking.save_dir=/was-here"], "tracking.save_dir"),
]
# What a setting of a callback or a logger may be, and what it may not.
PLACES = [
    ("tracking.save_dir", "logs/mine", ""),
    ("tracking.save_dir", "/was-here", "folder"),
    ("tracking.save_dir", "~/was-here", "folder"),
    ("tracking.save_dir", "logs/../../was-here", "folder"),
    ("tracking.save_dir", "..", "folder"),
    ("tracking.save_dir", "file:///was-here", "folder"),
    ("tracking.save_dir", "s3://bucket/was-here", "tracking_uri"),
    ("tracking.save_dir", "simplecache::logs", "tracking_uri"),
    ("tracking.save_dir", "https://example.org", "tracking_uri"),
    ("tracking.save_dir", "$HOME/was-here", "environment"),
    ("tracking.settings.base_url", "https://example.org", "tracking_uri"),
    ("tracking.settings.root_dir", "/was-here", "folder"),
    ("tracking.x.0", "/was-here", "folder"),
    ("tracking.tracking_uri", "https://example.org/x/../y", ""),
    ("tracking.tracking_uri", "http://localhost:5000", ""),
    ("tracking.tracking_uri", "file:./mlruns", ""),
    ("tracking.tracking_uri", "file:runs/mlruns", ""),
    ("tracking.tracking_uri", "sqlite:///runs/mlflow.db", ""),
    ("tracking.tracking_uri", "sqlite:////was-here.db", "folder"),
    ("tracking.tracking_uri", "SQLite+pysqlite:////was-here.db", "folder"),
    ("tracking.tracking_uri", "sqlite:///file:/was-here.db?uri=true", "folder"),
    ("tracking.tracking_uri", "sqlite:///../was-here.db", "folder"),
    ("tracking.tracking_uri", "file:/was-here", "folder"),
    ("tracking.tracking_uri", "file:///was-here", "folder"),
    ("tracking.tracking_uri", "FILE:%2Fwas-here", "folder"),
    ("tracking.tracking_uri", "file:a/%2e%2e/%2e%2e/was-here", "folder"),
    ("tracking.tracking_uri", "mysql://host/db", "tracking_uri"),
    ("tracking.tracking_uri", "dbfs:/was-here", "tracking_uri"),
    ("callbacks.best.filename", "{epoch:02d}-{val/loss:.2f}", ""),
    ("callbacks.best.filename", "../was-here", "folder"),
    ("callbacks.best.monitor", "val/loss", ""),
    ("callbacks.best.every", 3, ""),
    ("tracking.notes", "/ 2 and ~ 3 % better, see https://example.org", ""),
    ("tracking.tags.0", "../a", ""),
    ("tracking.notes_file", "/was-here", "folder"),
    ("data.path", "/data/houses.csv", ""),
    ("trackings.save_dir", "/elsewhere", ""),
]


@pytest.mark.parametrize(("key", "value", "named"), PLACES)
def test_a_callback_and_a_logger_write_in_the_folder_of_the_project(key, value, named):
    why = place_problem(key, value)
    assert named in why and bool(named) == bool(why)


def assert_refused(done, folder, named):
    assert done.status == 2, done.stderr
    for words in named:
        assert words in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 6
    assert sorted(path.name for path in folder.iterdir()) == ["data"], "nothing ran, nothing was written"


@pytest.mark.parametrize("typed", COMMANDS, ids=lambda typed: " ".join(typed[0]))
def test_a_command_to_paste_runs_no_code(command, tmp_path, typed):
    overrides, *named = typed
    assert_refused(command("train", "tracking=none", *overrides), tmp_path, named)


@pytest.mark.parametrize("number", [0, 4, 8, 15])
def test_a_multirun_to_paste_runs_no_code(command, tmp_path, number):
    overrides, *named = COMMANDS[number]
    assert_refused(command("train", "-m", "seed=0,1", "tracking=none", *overrides), tmp_path, named)


# Files to share, in Hydra's folder of experiments: what they hold, and what the refusal names.
FILES = [
    ("model: " + EVIL, "model._target_=os.system"),
    ("hydra: {callbacks: {x: " + EVIL + "}}", "hydra.callbacks.x._target_=os.system"),
    ("hydra: {callbacks: {x: '${oc.decode:\"" + EVIL + "\"}'}}", "hydra.callbacks.x=", "now, new_run"),
    ("oc: oc\nhydra: {callbacks: {x: '${${oc}.decode:\"" + EVIL + "\"}'}}", "hydra.callbacks.x=", "now, new_run"),
    ("'': {model: " + EVIL + "}", ".model._target_=os.system"),
    ("hydra: {job_logging: {filters: {x: {(): os.system, command: touch was-here}}}}", "LOGGING_CLASSES"),
    ("hydra: {job_logging: {filters: '${hydra.hydra_logging}'}}", "hydra.job_logging.filters", "plain values"),
    ("hydra: {job_logging: {root: {level: 'ext://this.s'}}}", "ext://sys.stdout"),
    ("hydra: {run: {dir: '${oc.env:MY_API_KEY}'}}", "hydra.run.dir", "must hold no secret"),
    ("data: {_target_: x, path: '${oc.env:MY_API_KEY,none}'}", "data.path", "must hold no secret"),
    ("data: {path: 's3://user:correct-horse-battery@host'}", "s3://user:<MY_API_KEY>@host", "must hold no secret"),
    ("model: !!python/object/apply:os.system ['touch was-here']", "python/object/apply:os.system"),
]


@pytest.mark.parametrize("content", FILES, ids=lambda content: content[0])
def test_a_file_to_share_runs_no_code(command, tmp_path, tmp_path_factory, monkeypatch, content):
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    text, *named = content
    given = tmp_path_factory.mktemp("given")
    (given / "experiment").mkdir()
    (given / "experiment" / "evil.yaml").write_text(f"# @package _global_\n{text}\n")
    done = command("train", f"--config-dir={given}", "tracking=none", "experiment=evil")
    assert_refused(done, tmp_path, named)
    assert "correct-horse-battery" not in done.stderr


# What to set in the configuration of a run folder, and what the refusal names.
CONFIGS = [
    ({"model._target_": "os.system", "model.command": "touch was-here"}, "model._target_=os.system"),
    ({"data._target_": "subprocess.run", "data.args": ["touch", "was-here"]}, "data._target_=subprocess.run"),
    ({"loss._target_": "builtins.eval", "loss.source": "1"}, "loss._target_=builtins.eval"),
    ({"model._target_": "hyperplane.networks.estimators.import_module"}, "networks.estimators.import_module"),
    ({"data.x": {"_target_": "os.system", "command": "touch was-here"}}, "data.x._target_=os.system"),
    ({"data.folder": "../was-here"}, "data.folder=../was-here"),
    ({"data.folder": "${oc.env:MY_API_KEY}"}, "must hold no secret"),
    ({"hydra.callbacks.x": {"_target_": "os.system"}, "seed": "${oc.decode:0}"}, "seed=${oc.decode:0}"),
]


@pytest.fixture
def received(train):
    """The folder of a run, as it may have been sent."""
    return train("model=linear", "data=blobs", "data.num_samples=50").folder


@pytest.fixture
def refused(received, command, tmp_path):
    """`refused(*named)`: every command that reads the run ends with a sentence, and with nothing written."""
    np.savetxt("new.csv", np.zeros((2, 2)), delimiter=",", header="x,y", comments="")
    commands = [
        ("evaluate", "run"),
        ("predict", "run", "input=new.csv", "output=was-here.csv"),
        ("export-model", "run", "format=pt2"),
        ("train", "resume", "trainer.max_epochs=2"),
    ]

    def check(*named):
        summary = json.loads((received / "summary.json").read_text())
        (received / "summary.json").write_text(seal(summary, received))
        for name, key, *words in commands:
            before = sorted(tmp_path.rglob("*"))
            done = command(name, f"{key}={received}", *words)
            assert done.status == 2, (name, done.stderr)
            assert all(part in done.stderr for part in named), (name, done.stderr)
            assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 6
            assert sorted(tmp_path.rglob("*")) == before, "nothing ran, nothing was written"

    return check


def test_the_configuration_of_a_received_run_runs_no_code(received, refused, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    path = received / ".hydra" / "config.yaml"
    config = path.read_text()
    for changes, *named in CONFIGS:
        changed = OmegaConf.create(config)
        for key, value in changes.items():
            OmegaConf.update(changed, key, value, force_add=True)
        OmegaConf.save(changed, path)
        refused(*named)


class Payload:
    """What an attacker pickles: reading it back runs a command."""

    def __reduce__(self):
        return os.system, ("touch was-here",)


def test_the_payload_of_these_tests_would_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Payload()))
    assert (tmp_path / "was-here").exists()


def with_payload(path, place):
    checkpoint = torch.load(path, weights_only=True)
    {"checkpoint": checkpoint, "weights": checkpoint["state_dict"], "spec": checkpoint["spec"]}[place]["x"] = Payload()
    torch.save(checkpoint, path)


@pytest.mark.parametrize("place", ["checkpoint", "weights", "spec"])
def test_a_checkpoint_that_would_run_code_is_refused(received, refused, place):
    for path in received.glob("checkpoints/*.ckpt"):
        with_payload(path, place)
    refused(".ckpt", "holds more than tensors and plain values, so it is not loaded")


@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_a_bare_pickle_instead_of_a_checkpoint_is_refused(received, refused, protocol):
    for path in received.glob("checkpoints/*.ckpt"):
        path.write_bytes(pickle.dumps(Payload(), protocol))
    refused(".ckpt")


def test_a_cache_that_would_run_code_is_made_anew(train, tmp_path):
    done = train("model=linear", "data=blobs", "data.num_samples=50")
    (cache,) = tmp_path.glob("data/blobs*.npz")
    np.savez(cache, inputs=np.array([Payload()], dtype=object), allow_pickle=True)
    again = train("model=linear", "data=blobs", "data.num_samples=50")
    assert again.summary["metrics"] == done.summary["metrics"]
    assert not (tmp_path / "was-here").exists()
