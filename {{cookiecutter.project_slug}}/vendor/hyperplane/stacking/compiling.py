"""`hardware.compile=true`: torch makes kernels of the operations of a step, on a GPU with a CUDA graph of them.

An ordinary job compiles its network alone (`loop/compiling.py`). A stack has the whole step as a list: the losses,
their gradients, and limits of these. It is compiled once it has been called often, as that takes a quarter of a minute
and a stack is made anew whenever a member leaves.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from loguru import logger
from torch import Tensor
from torch.fx import GraphModule

from ..errors import first_line
from .generators import Generators

CALLS = 100  # of the list, before it is compiled


class Compiler:
    """Compiles a list of operations when it has been called often.

    Args:
        rounded: what the operations round to, if not to the type of their results: kernels round elsewhere.
    """

    def __init__(self, rounded: torch.dtype | None) -> None:
        self.rounded = rounded
        self.calls = 0

    def is_due(self) -> bool:
        """Count a call, and say whether it is the one before which to compile."""
        self.calls += 1
        return self.calls == CALLS

    def compiled(self, listed: GraphModule, given: Sequence[Tensor]) -> Callable[..., list[Tensor]]:
        """Return what calls the kernels; the list as it is where torch cannot compile it.

        Args:
            listed: the operations.
            given: what they are called with; what they change of it in place is changed in copies here.
        """
        on_gpu = given[0].is_cuda
        # Kernels draw and round as the operations do.
        options: dict[str, Any] = {"fallback_random": True, "emulate_precision_casts": True}
        options["triton.cudagraphs"] = on_gpu
        kernels = torch.compile(listed, dynamic=False, options=options)

        def call(*tensors: Tensor) -> list[Tensor]:
            if not on_gpu:
                return kernels(*(tensor.detach() for tensor in tensors))
            torch.compiler.cudagraph_mark_step_begin()
            # The next call of a CUDA graph writes into the same memory.
            return [result.clone() for result in kernels(*(tensor.detach() for tensor in tensors))]

        logger.info("Torch compiles the step of the stack, which can take a minute.")
        before = Generators(given[0].device)
        try:
            call(*(tensor.detach().clone() for tensor in given))
        except Exception as error:  # whatever torch says of an operation, or of the compiler of this machine
            reason = f"{type(error).__name__}: {first_line(error)}"
            logger.warning("Torch could not compile the step of the stack ({}); it goes on without.", reason)
            return listed.forward
        finally:
            before.put_back()
        return call
