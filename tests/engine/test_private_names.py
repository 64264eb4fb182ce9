"""What the engine uses of its libraries without a promise is still there: an update says at once what moved."""

import argparse
import ast
import importlib
import inspect
import re
from pathlib import Path

import hyperplane
import pytest
import torch
from lightning.fabric.utilities.data import _set_sampler_epoch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.trainer.connectors.logger_connector import result
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from omegaconf import OmegaConf
from torch.distributed import distributed_c10d
from torch.utils._triton import has_triton
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric

ENGINE = Path(hyperplane.__path__[0]).parent
PUBLIC = {"_asdict", "_fields", "_replace", "_exit"}  # of named tuples and of os, with a promise


def is_private(name):
    return re.fullmatch("_[^_].*", name) is not None and name not in PUBLIC


def private_names(source):
    """The private names of others that a file uses: attributes that nothing in it defines, and what it imports."""
    used, own = set(), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name("self" | "cls"), attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name):
                used.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.ImportFrom(module=module, names=names):
                used |= {*(module or "").split("."), *(alias.name for alias in names)}
            case ast.Import(names=names):
                used |= {part for alias in names for part in alias.name.split(".")}
    return set(filter(is_private, used - own))


def test_every_private_name_that_the_engine_uses_is_looked_for_here():
    named = set(re.findall(r"\b_\w+", Path(__file__).read_text(encoding="utf-8")))
    files = ENGINE.rglob("*.py")
    used = {(name, path.name) for path in files for name in private_names(path.read_text(encoding="utf-8"))}
    assert len(used) > 20
    assert [(name, file) for name, file in sorted(used) if name not in named] == []


def test_private_names_are_found_however_they_are_used():
    source = (
        "import a._b\nfrom c._d import _E, f\n\n\nclass G(_E):\n    def _h(self):\n        self._i = 1\n"
        "        return self._i, self._h(), self._j, f._k, self.__class__, f._replace()\n"
    )
    assert private_names(source) == {"_b", "_d", "_E", "_j", "_k"}


@pytest.fixture(scope="module")
def trainer():
    return Trainer(logger=False, enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False)


def test_of_a_trainer(trainer):
    connector, loop = trainer._logger_connector, trainer.fit_loop
    for thing, names in (
        (trainer, "_detect_anomaly"),
        (connector, "_callback_metrics _first_loop_iter _current_fx log_metrics"),
        (loop, "_data_fetcher _combined_loader_states_to_load _load_combined_loader_states epoch_loop"),
        (loop.epoch_loop, "_results _batches_that_stepped _get_monitor_value _num_ready_batches_reached val_loop"),
        (loop.epoch_loop.val_loop, "_results _combined_loader _module_mode _has_run"),
        (trainer._signal_connector, "register_signal_handlers"),
        (LightningModule(), "_current_fx_name"),
        (WeightAveraging(), "_average_model"),
    ):
        assert [name for name in names.split() if not hasattr(thing, name)] == []
    assert {"capture", "restore"} <= set(dir(loop.epoch_loop.val_loop._module_mode))


def test_of_what_self_log_collects():
    metadata, sync = (set(inspect.signature(kind).parameters) for kind in (result._Metadata, result._Sync))
    assert {"fx", "name", "reduce_fx", "metric_attribute", "_sync"} <= metadata
    assert {"fn", "_should", "rank_zero_only"} <= sync
    assert list(inspect.signature(result._ResultMetric).parameters) == ["metadata", "is_tensor"]
    assert issubclass(result._ResultCollection, dict)


def test_of_loops_loaders_and_metrics():
    assert {"advance", "on_advance_end", "on_run_start", "update_lr_schedulers"} <= set(dir(_TrainingEpochLoop))
    assert {"setup_data", "run", "num_dataloaders", "max_batches"} <= set(dir(_EvaluationLoop))
    assert list(inspect.signature(_set_sampler_epoch).parameters) == ["dataloader", "epoch"]
    assert CombinedLoader([], "sequential")._mode == "sequential"
    assert DataLoader([1])._iterator is None
    metric = MeanMetric()
    assert metric._update_count == 0 and metric._computed is None and metric._to_sync is True


def test_the_name_under_which_the_state_of_a_callback_is_kept():
    assert Callback()._generate_state_key(monitor="a") == "Callback{'monitor': 'a'}"


def test_of_torch():
    inspect.signature(distributed_c10d._abort_process_group).bind()  # of all processes, if none are named
    assert "_step_supports_amp_scaling" in inspect.getsource(torch.amp.GradScaler.step)
    assert has_triton() in (True, False)


def test_of_hydra_and_omegaconf():
    from hydra._internal import config_loader_impl, hydra, utils
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.utils import JobReturn

    apply = config_loader_impl.ConfigLoaderImpl._apply_overrides_to_config
    assert list(inspect.signature(apply).parameters) == ["overrides", "cfg"]
    assert hydra.ConfigLoaderImpl is config_loader_impl.ConfigLoaderImpl or issubclass(
        hydra.ConfigLoaderImpl, config_loader_impl.ConfigLoaderImpl
    )
    assert utils.get_args_parser().parse_known_args(["a=1"])[1] == []
    assert callable(BasicSweeper._parse_config) and "_return_value" in JobReturn.__dataclass_fields__
    inner = OmegaConf.create({"a": {"b": 1}})
    assert inner.a._get_root() is inner


def test_of_argparse():
    assert "--help" in argparse.ArgumentParser()._option_string_actions


@pytest.mark.parametrize(
    ("library", "kind", "name"),
    [
        ("wandb", "Run", "_detect_and_apply_job_inputs"),
        ("optuna.trial", "FrozenTrial", "_trial_id"),
        ("optuna.trial", "Trial", "_trial_id"),
    ],
)
def test_of_what_is_not_always_installed(library, kind, name):
    pytest.importorskip(library.partition(".")[0])
    source = inspect.getsource(getattr(importlib.import_module(library), kind))
    assert re.search(rf"\b{name}\b", source), name
