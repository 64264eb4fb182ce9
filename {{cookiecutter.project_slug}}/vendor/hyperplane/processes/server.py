"""Imported first by the server whose copies run jobs: signals that reach all processes leave it alone.

It ends with the process that started it, and its copies tell that one how they ended through it. They let the signals
through again.
"""

import signal

from .signals import SIGNALS

signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
