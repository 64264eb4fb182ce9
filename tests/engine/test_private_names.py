"""What the engine uses of libraries without a promise is listed and still there: an update says at once what moved."""

import argparse
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import hyperplane
import private_names
import pytest
import torch
import torchmetrics
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hyperplane.loop import lean_loop
from hyperplane.stacking.batching import Level
from hyperplane.stacking.schedules import move_lambda
from hyperplane.training.imports import Postponed
from lightning.fabric.utilities import registry
from lightning.fabric.utilities.data import _set_sampler_epoch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy
from lightning.pytorch.trainer.connectors.logger_connector import result
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from omegaconf import OmegaConf
from torch.distributed import distributed_c10d
from torch.optim.lr_scheduler import LambdaLR
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._triton import has_triton
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric

ENGINE = Path(hyperplane.__path__[0])
LISTED = re.findall(r"^\| `(.+?)` \|", (ENGINE / "PATCHES.md").read_text(encoding="utf-8"), re.MULTILINE)


class Stepped(LightningModule):
    """A module that leaves all to a test."""


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)


@cache
def trainer() -> Trainer:
    return Trainer(logger=False, enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False)


def has(thing: object, *names: str) -> bool:
    return all(hasattr(thing, name) for name in names)


def fused(name: str, decay: float) -> torch.Tensor:
    """A weight after a step of a kernel."""
    weight, gradient, mean, square, steps = (torch.tensor([value]) for value in (1.0, 0.5, 0.0, 0.0, 1.0))
    kernel = getattr(torch, name)
    rates = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "weight_decay": decay, "eps": 1e-8}
    kernel([weight], [gradient], [mean], [square], [], [steps], amsgrad=False, maximize=False, **rates)
    return weight


def by_its_class(kind: type[torch.optim.Optimizer], decay: float) -> torch.Tensor:
    """The same by the optimizer that the kernel is of."""
    weight = torch.ones(1, requires_grad=True)
    optimizer = kind([weight], lr=0.1, weight_decay=decay, fused=True)  # type: ignore[call-arg]
    weight.grad = torch.full((1,), 0.5)
    optimizer.step()
    return weight.detach()


def in_place(change) -> list[float]:
    tensors = [torch.tensor(0.0), torch.tensor(1.0)]
    change(tensors)
    return [tensor.item() for tensor in tensors]


def operations_of_a_product() -> list[str]:
    seen = []

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    with Watching():
        torch.ones(2).mul(2)
    return seen[-1:]


def a_metric() -> MeanMetric:
    metric = MeanMetric()
    metric.update(1.0)
    return metric


def an_optimizer() -> torch.optim.Optimizer:
    return torch.optim.Adam([torch.zeros(1, requires_grad=True)], fused=True)


def hooked(how: str) -> torch.Tensor:
    tensor = torch.zeros(1, requires_grad=True)
    getattr(tensor, how)(lambda _: None)
    return tensor


def a_failed_job() -> JobReturn:
    done = JobReturn()
    done.status, done.return_value = JobStatus.FAILED, ValueError("why")
    return done


def a_trial() -> object:
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study()
    study.ask()
    return study.get_trials()[0]


def a_stand_in_is_asked_for_hamming() -> bool:
    """Say whether torchmetrics still does so; that nothing else is asked for is tested with a run."""
    asks = 'if not hasattr(scipy.signal, "hamming"):'
    return hasattr(Postponed("scipy.signal"), "hamming") and asks in Path(torchmetrics.__file__).read_text("utf-8")


def is_left_and_entered() -> bool:
    level = torch._C._functorch.maybe_current_level
    with torch._functorch.pyfunctorch.temporarily_pop_interpreter_stack():
        inside = level()
    return inside is None and level() is not None


def is_of_a_member(tensor: torch.Tensor) -> bool:
    names = torch._C._functorch
    return names.is_batchedtensor(tensor) and names.maybe_get_level(tensor) == names.maybe_current_level()


def over_three_members(function) -> torch.Tensor:
    level = Level(3)
    with level.entered():
        return level.of_all(function(level.of_one(torch.arange(3).repeat(2, 1).T)))


def after_a_step(move) -> dict:
    """The state of a schedule, and the rate, after its optimizer and it have moved."""
    optimizer = an_optimizer()
    schedule = LambdaLR(optimizer, lambda step: 0.5**step)
    optimizer.step()
    move(schedule)
    return schedule.state_dict() | {"rate": optimizer.param_groups[0]["lr"]}


def what_stands_there_is_asked_for_hydra():
    """Hydra takes its part of the configuration from whatever has one, when it is asked for it."""
    before, HydraConfig.instance().cfg = HydraConfig.instance().cfg, SimpleNamespace(hydra="asked")
    try:
        return HydraConfig.get() == "asked"
    finally:
        HydraConfig.instance().cfg = before


def a_backward_pass() -> bool:
    """The engine returns what `backward()` does."""
    tensor = torch.tensor([2.0, 3.0], requires_grad=True)
    for backward in (torch.Tensor.backward, lean_loop.backward):
        backward((tensor**2).sum())
    return tensor.grad.tolist() == [8.0, 12.0]


# For each name, what is relied upon.
CHECKS = {
    "trainer._signal_connector.register_signal_handlers": lambda: (
        parameters(_SignalConnector.register_signal_handlers) == ["self"]
    ),
    "registry.entry_points": lambda: (
        "entry_points(group=group)" in inspect.getsource(registry._load_external_callbacks)
    ),
    "sys.modules": a_stand_in_is_asked_for_hamming,
    "HydraConfig.instance().cfg": what_stands_there_is_asked_for_hydra,
    "wandb.Run._detect_and_apply_job_inputs": lambda: (
        parameters(pytest.importorskip("wandb").Run._detect_and_apply_job_inputs) == ["self"]
    ),
    "_TrainingEpochLoop": lambda: (
        parameters(_TrainingEpochLoop)[:3] == ["trainer", "min_steps", "max_steps"]
        and parameters(_TrainingEpochLoop.advance) == ["self", "data_fetcher"]
        and parameters(_TrainingEpochLoop.on_advance_end) == ["self", "data_fetcher"]
        and parameters(_TrainingEpochLoop.on_run_start) == ["self", "data_fetcher"]
        and parameters(_TrainingEpochLoop.update_lr_schedulers) == ["self", "interval", "update_plateau_schedulers"]
    ),
    "_batches_that_stepped": lambda: trainer().fit_loop.epoch_loop._batches_that_stepped == 0,
    "_num_ready_batches_reached": lambda: parameters(_TrainingEpochLoop._num_ready_batches_reached) == ["self"],
    "_get_monitor_value": lambda: parameters(_TrainingEpochLoop._get_monitor_value) == ["self", "key"],
    "_combined_loader_states_to_load": lambda: trainer().fit_loop._combined_loader_states_to_load == [],
    "_load_combined_loader_states": lambda: parameters(trainer().fit_loop._load_combined_loader_states) == [],
    "_data_fetcher": lambda: trainer().fit_loop._data_fetcher is None,
    "_detect_anomaly": lambda: trainer()._detect_anomaly is False,
    "_EvaluationLoop": lambda: (
        {"trainer", "trainer_fn", "stage", "verbose", "inference_mode"} == set(parameters(_EvaluationLoop))
        and has(_EvaluationLoop, "run", "setup_data", "max_batches", "num_dataloaders")
        and trainer().fit_loop.epoch_loop.val_loop.max_batches == []
    ),
    "_combined_loader": lambda: trainer().fit_loop.epoch_loop.val_loop._combined_loader is None,
    "_has_run": lambda: trainer().fit_loop.epoch_loop.val_loop._has_run is False,
    "_set_sampler_epoch": lambda: parameters(_set_sampler_epoch) == ["dataloader", "epoch"],
    "_logger_connector": lambda: (
        parameters(trainer()._logger_connector.log_metrics) == ["metrics", "step"]
        and trainer().callback_metrics is not None
    ),
    "_callback_metrics": lambda: trainer()._logger_connector._callback_metrics == {},
    "_first_loop_iter": lambda: trainer()._logger_connector._first_loop_iter is None,
    "_current_fx": lambda: trainer()._logger_connector._current_fx is None,
    "_results": lambda: (
        isinstance(trainer().fit_loop.epoch_loop._results, dict)
        and isinstance(trainer().fit_loop.epoch_loop.val_loop._results, dict)
        and isinstance(trainer().test_loop._results, dict)
    ),
    "_Metadata": lambda: {"fx", "name", "reduce_fx", "metric_attribute", "_sync"} <= set(parameters(result._Metadata)),
    "_Sync": lambda: {"fn", "_should", "rank_zero_only"} <= set(parameters(result._Sync)),
    "_should": lambda: result._Sync(_should=True).should is True,
    "_ResultMetric": lambda: parameters(result._ResultMetric) == ["metadata", "is_tensor"],
    "_current_fx_name": lambda: Stepped()._current_fx_name is None,
    "_signal_connector": lambda: isinstance(trainer()._signal_connector, _SignalConnector),
    "_generate_state_key": lambda: (
        Callback()._generate_state_key(monitor="m", mode="min") == "Callback{'monitor': 'm', 'mode': 'min'}"
    ),
    "_average_model": lambda: WeightAveraging()._average_model is None,
    "_mode": lambda: CombinedLoader([], "sequential")._mode == "sequential",
    "_configure_launcher": lambda: all(
        parameters(strategy._configure_launcher) == ["self"] for strategy in (DDPStrategy, FSDPStrategy)
    ),
    "_update_count": lambda: a_metric()._update_count == 1,
    "_computed": lambda: a_metric()._computed is None,
    "_to_sync": lambda: a_metric()._to_sync is True,
    "_apply": lambda: parameters(torch.nn.Module._apply) == ["self", "fn", "recurse"],
    "_iterator": lambda: (
        DataLoader([1])._iterator is None
        and [*iter(CombinedLoader([1, 2], "max_size_cycle"))._iterator.iterators[0]] == [1, 2]
    ),
    "_execution_engine": a_backward_pass,
    "_optimizer_step_pre_hooks": lambda: an_optimizer()._optimizer_step_pre_hooks == {},
    "_optimizer_step_post_hooks": lambda: an_optimizer()._optimizer_step_post_hooks == {},
    "_global_optimizer_pre_hooks": lambda: import_module("torch.optim.optimizer")._global_optimizer_pre_hooks == {},
    "_global_optimizer_post_hooks": lambda: import_module("torch.optim.optimizer")._global_optimizer_post_hooks == {},
    "torch._fused_adam_": lambda: torch.equal(fused("_fused_adam_", 0.1), by_its_class(torch.optim.Adam, 0.1)),
    "torch._fused_adamw_": lambda: torch.equal(fused("_fused_adamw_", 0.1), by_its_class(torch.optim.AdamW, 0.1)),
    "torch._foreach_add_": lambda: in_place(lambda tensors: torch._foreach_add_(tensors, 1)) == [1, 2],
    "torch._foreach_copy_": lambda: in_place(lambda tensors: torch._foreach_copy_(tensors, tensors[::-1])) == [1, 1],
    "torch.utils._python_dispatch.TorchDispatchMode": lambda: operations_of_a_product() == ["aten.mul.Tensor"],
    "_step_supports_amp_scaling": lambda: an_optimizer()._step_supports_amp_scaling is True,
    "_abort_process_group": lambda: (
        not [
            name
            for name, it in inspect.signature(distributed_c10d._abort_process_group).parameters.items()
            if it.default is it.empty
        ]
    ),
    "torch.utils._triton.has_triton": lambda: isinstance(has_triton(), bool),
    "torch._C._functorch.maybe_current_level": lambda: (
        torch._C._functorch.maybe_current_level() is None
        and torch.func.vmap(lambda x: x + torch._C._functorch.maybe_current_level())(torch.zeros(1)).item() == 1
    ),
    **{
        f"torch._C._functorch.{name}": lambda: over_three_members(lambda x: x.sum()).tolist() == [0, 2, 4]
        for name in ("_vmap_increment_nesting", "_vmap_decrement_nesting", "_add_batch_dim", "_remove_batch_dim")
    },
    "_version": lambda: torch.zeros(1).add_(1)._version == torch.zeros(1)._version + 1,
    **{
        f"torch._C._functorch.{name}": lambda: over_three_members(lambda x: x.sum() * is_of_a_member(x)).sum() == 6
        for name in ("is_batchedtensor", "maybe_get_level")
    },
    "torch._functorch.pyfunctorch.temporarily_pop_interpreter_stack": lambda: (
        over_three_members(lambda x: x.sum() if is_left_and_entered() else x).shape == (3,)
    ),
    "_parameters": lambda: list(torch.nn.Linear(1, 1)._parameters) == ["weight", "bias"],
    "_buffers": lambda: "running_mean" in torch.nn.BatchNorm1d(1)._buffers,
    "_backward_hooks": lambda: len(hooked("register_hook")._backward_hooks) == 1,
    "_post_accumulate_grad_hooks": lambda: (
        len(hooked("register_post_accumulate_grad_hook")._post_accumulate_grad_hooks) == 1
    ),
    "torch._C._functorch._set_vmap_fallback_warning_enabled": lambda: (
        torch._C._functorch._set_vmap_fallback_warning_enabled(False) is None
    ),
    "_modules": lambda: list(torch.nn.Sequential(torch.nn.ReLU())._modules) == ["0"],
    "_last_lr": lambda: after_a_step(move_lambda) == after_a_step(LambdaLR.step),
    "_step_count": lambda: LambdaLR(an_optimizer(), lambda step: 1.0)._step_count == 1,
    "_get_root": lambda: OmegaConf.create({"a": {"b": 1}}).a._get_root() == {"a": {"b": 1}},
    "_return_value": lambda: str(a_failed_job()._return_value) == "why",
    "_trial_id": lambda: a_trial()._trial_id == 0,
    "_check_value": lambda: parameters(argparse.ArgumentParser._check_value) == ["self", "action", "value"],
    "_option_string_actions": lambda: "--help" in argparse.ArgumentParser()._option_string_actions,
}


def test_each_private_name_in_use_is_listed_and_none_that_is_not() -> None:
    used = {name for name, _ in private_names.found_in(ENGINE.parent)}
    known = {*LISTED} | {part for name in LISTED for part in name.split(".")}
    assert len(LISTED) == len(set(LISTED))
    assert used - known == set()
    assert [name for name in LISTED if used.isdisjoint({name, *name.split(".")})] == []


def test_each_listed_name_is_checked() -> None:
    assert set(CHECKS) == set(LISTED)


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_relied_upon_is_there(name: str) -> None:
    assert CHECKS[name]()


def test_a_name_that_nobody_listed_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import torch\nfrom lightning import _x\n\n\nclass A(torch.nn.Module):\n    def __init__(self):\n"
        "        self._mine = 1\n\n    def _apply(self):\n        torch.nn.init = self._theirs\n"
        "        return self._mine, self._own(), getattr(torch, '_got'), torch._operator_(_word=1), torch.__name__\n\n"
        "    def _own(self):\n        return self._replace\n"
    )
    names = {name for name, _ in private_names.found_in(tmp_path)}
    assert names == {"_x", "_apply", "torch.nn.init", "_theirs", "_got", "_operator_", "_word"}
