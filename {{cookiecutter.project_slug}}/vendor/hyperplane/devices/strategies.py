"""How Lightning trains among processes that run already; see ranks.py."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.precision import FSDPPrecision
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy, ParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import distributed
from torch.distributed import distributed_c10d
from torch.distributed.fsdp import (
    FullOptimStateDictConfig,
    FullStateDictConfig,
    FullyShardedDataParallel,
    OptimStateKeyType,
    StateDictType,
)
from torch.distributed.fsdp.wrap import size_based_auto_wrap_policy
from torch.optim import Optimizer

from ..checkpoints.file import read

SMALLEST_UNIT = 100_000  # parameters that are gathered for a forward pass at once, unless a layer has more


class AmongRanks(ParallelStrategy):
    """What both ways have in common."""

    def _configure_launcher(self) -> None:
        """Launch nothing: Lightning would run the whole command again."""

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the other ranks; not after a checkpoint, since the first one alone knows if it could be written."""
        if "Trainer.save_checkpoint" not in args:
            super().barrier(*args, **kwargs)  # type: ignore[safe-super]

    def on_exception(self, exception: BaseException) -> None:
        """Stop what GPUs still wait for, as an answer may never come."""
        super().on_exception(exception)
        if self.root_device.type == "cuda":
            distributed_c10d._abort_process_group()


class OneOfRanks(AmongRanks, DDPStrategy):
    """DDP: every rank holds the whole model."""


class ShardOfRanks(AmongRanks, FSDPStrategy):
    """FSDP: every rank holds a part of the weights, their gradients and the optimizer's state.

    Checkpoints hold the whole, as those of one device do, so that a run can go on, or be tested, on any hardware.
    """

    def __init__(self) -> None:
        super().__init__(auto_wrap_policy=partial(size_based_auto_wrap_policy, min_num_params=SMALLEST_UNIT))

    def load_checkpoint(self, checkpoint_path: str | Path, weights_only: bool | None = None) -> dict[str, Any]:
        """Give every rank its part of a checkpoint, read as everywhere: Lightning's own way would unpickle it."""
        assert self.model is not None and self.lightning_module is not None
        checkpoint = read(Path(checkpoint_path))
        configs = FullStateDictConfig(), FullOptimStateDictConfig(rank0_only=False)
        with FullyShardedDataParallel.state_dict_type(self.model, StateDictType.FULL_STATE_DICT, *configs):
            self.model.load_state_dict(checkpoint.pop("state_dict"))
            if self.lightning_module.trainer.state.fn == TrainerFn.FITTING:
                for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
                    named = FullyShardedDataParallel.rekey_optim_state_dict(
                        state, OptimStateKeyType.PARAM_NAME, self.model
                    )
                    part = FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, named)
                    optimizer.load_state_dict(part)
        return checkpoint


class ShardedPrecision(FSDPPrecision):
    """Clips gradients by the norm of the whole model, which no rank has alone."""

    def clip_grad_by_norm(self, optimizer: Optimizer, clip_val: float) -> None:
        """Scale the gradients of all ranks so that their norm is at most `clip_val`."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        device = parameters[0].device
        squares = torch.stack([torch.zeros((), device=device), *(part.float().square().sum() for part in gradients)])
        square = squares.sum()
        distributed.all_reduce(square)
        factor = (clip_val / (square.sqrt() + 1e-6)).clamp(max=1.0)
        for part in gradients:
            part.mul_(factor)
