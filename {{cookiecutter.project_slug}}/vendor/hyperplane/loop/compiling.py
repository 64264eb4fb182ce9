"""`hardware.compile=true`: torch turns the network into fused kernels. The first batch of each shape waits for that."""

import os
import sys
from shutil import which

from torch.utils._triton import has_triton

from ..errors import UserError
from ..settings import Hardware


def refuse_missing_compiler(hardware: Hardware) -> None:
    """Look for what torch compiles with.

    Raises:
        UserError: there is nothing.
    """
    missing = missing_compiler(hardware)
    if missing:
        raise UserError(f"hardware.compile=true needs {missing}, which torch cannot find: hardware.compile=false")


def missing_compiler(hardware: Hardware) -> str:
    """Return what torch would need to compile for `hardware` and does not find, or an empty string."""
    if hardware.accelerator == "gpu":
        return "" if has_triton() else "the package triton and a GPU that it knows"
    # Where torch looks as well.
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return (
        "" if hardware.accelerator == "mps" or which(compiler) else f"a C++ compiler ({compiler}, or the variable CXX)"
    )
