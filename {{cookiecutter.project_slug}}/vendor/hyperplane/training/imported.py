"""Imports what every run needs, once for all processes that run jobs: see processes/workers.py."""

from .imports import quick_imports

with quick_imports():
    from . import steps as steps
