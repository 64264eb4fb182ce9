"""What others send (a run folder, a checkpoint, a command to paste) runs no code here and reads no secret."""

import os
import shutil

import pytest
import torch
import yaml
from omegaconf import OmegaConf

from {{ cookiecutter.package_name }}.components import Component, factory
from {{ cookiecutter.package_name }}.mistakes import UserMistake
from {{ cookiecutter.package_name }}.run_folder import read_run
from {{ cookiecutter.package_name }}.strangers import refuse_foreign_code

PACKAGE = "{{ cookiecutter.package_name }}"
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
    f"{PACKAGE}.run_folder.discard",
    f"{PACKAGE}.provenance.git",
    f"{PACKAGE}.provenance.subprocess.run",
    f"{PACKAGE}.models.mlp.math",
    f"{PACKAGE}.models.mlp.Tensor",
    f"{PACKAGE}.models.scikit.np.load",
    f"{PACKAGE}.models.estimators.import_module",
    f"{PACKAGE}.data.cache.Path",
    f"{PACKAGE}.data.files.os",
    f"{PACKAGE}.datasets.Own",
    f"{PACKAGE}",
    "",
]


@pytest.mark.parametrize("target", FOREIGN)
def test_only_what_this_project_and_its_libraries_define_is_built(target):
    with pytest.raises(UserMistake, match=r"is not allowed|cannot be imported"):
        factory(Component(_target_=target))


@pytest.mark.parametrize("target", ["torch.optim.SGD", "torch.nn.Linear", f"{PACKAGE}.schedulers.cosine"])
def test_what_is_allowed_is_built(target):
    assert callable(factory(Component(_target_=target)))


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
    (["--experimental-rerun", "was-here.pickle"], "--experimental-rerun", "pickle"),
    (["--exp=was-here.pickle"], "--experimental-rerun", "pickle"),
    (["sweep=../../was-here"], "sweep=../../was-here"),
    (["sweep=/was-here"], "sweep=/was-here"),
    (["sweep=.."], "sweep=.."),
    (["data.folder=../was-here"], "data.folder=../was-here", "must stay in this project's folder"),
    (["data.folder=/was-here"], "data.folder=/was-here", "must stay in this project's folder"),
    (["data.folder=~/was-here"], "data.folder=~/was-here", "must stay in this project's folder"),
]


def assert_refused(done, folder, named):
    assert done.status == 2, done.stderr
    for words in named:
        assert words in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 6
    assert sorted(path.name for path in folder.iterdir()) == ["data"], "nothing ran, nothing was written"


@pytest.mark.parametrize("more", [(), ("-m", "seed=0,1")], ids=["run", "multirun"])
@pytest.mark.parametrize("typed", COMMANDS, ids=lambda typed: " ".join(typed[0]))
def test_a_command_to_paste_runs_no_code(command, tmp_path, typed, more):
    overrides, *named = typed
    assert_refused(command("train", *more, "tracking=none", *overrides), tmp_path, named)


# Files to share, in Hydra's folder of experiments: what they hold, and what the refusal names.
FILES = [
    ("model: " + EVIL, "model._target_=os.system"),
    ("hydra: {callbacks: {x: " + EVIL + "}}", "hydra.callbacks.x._target_=os.system"),
    ("hydra: {callbacks: {x: '${oc.decode:\"" + EVIL + "\"}'}}", "hydra.callbacks.x=", "now, short_id"),
    ("oc: oc\nhydra: {callbacks: {x: '${${oc}.decode:\"" + EVIL + "\"}'}}", "hydra.callbacks.x=", "now, short_id"),
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
