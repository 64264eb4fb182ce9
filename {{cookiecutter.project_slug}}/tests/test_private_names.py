"""What the project uses of its libraries without a promise is still there: an update says at once what moved."""

import inspect

import pytest
from hydra.core.utils import JobReturn
from lightning.pytorch import Trainer
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.trainer.connectors.logger_connector import result
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from omegaconf import OmegaConf
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric


@pytest.fixture(scope="module")
def trainer():
    return Trainer(logger=False, enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False)


def test_of_a_trainer(trainer):
    connector, loop = trainer._logger_connector, trainer.fit_loop
    for thing, names in (
        (connector, "_callback_metrics _first_loop_iter _current_fx log_metrics"),
        (loop, "_data_fetcher _combined_loader_states_to_load _load_combined_loader_states epoch_loop"),
        (loop.epoch_loop, "_results _batches_that_stepped _get_monitor_value _num_ready_batches_reached val_loop"),
        (trainer._signal_connector, "register_signal_handlers"),
    ):
        assert [name for name in names.split() if not hasattr(thing, name)] == []


def test_of_what_self_log_collects():
    metadata, sync = (set(inspect.signature(kind).parameters) for kind in (result._Metadata, result._Sync))
    assert {"fx", "name", "reduce_fx", "metric_attribute", "_sync"} <= metadata
    assert {"fn", "_should", "rank_zero_only"} <= sync
    assert list(inspect.signature(result._ResultMetric).parameters) == ["metadata", "is_tensor"]
    assert issubclass(result._ResultCollection, dict)


def test_of_hydra_and_omegaconf():
    assert JobReturn()._return_value is None
    section = OmegaConf.create({"a": {"b": 1}}).a
    assert "a" in section._get_root()


def test_of_loops_loaders_and_metrics():
    assert {"advance", "on_advance_end", "on_run_start", "update_lr_schedulers"} <= set(dir(_TrainingEpochLoop))
    assert CombinedLoader([], "sequential")._mode == "sequential"
    assert DataLoader([1])._iterator is None
    metric = MeanMetric()
    assert metric._update_count == 0 and metric._computed is None and metric._to_sync is True
