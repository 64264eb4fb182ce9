"""Who trains next: the members of a stack are at the same step, and those that are behind go first.

A member is behind if its run was stopped earlier than those of others, or was begun later. What the members do between
their steps (start, validate, write checkpoints, test) each does by itself, one after the other.
"""

import time
from collections import deque
from collections.abc import Sequence
from operator import itemgetter

import torch
from loguru import logger

from ..errors import first_line
from ..loop.progress import SECONDS_BETWEEN_LINES
from ..processes.signals import StopRequest
from .batching import map_tensors, shapes
from .kinds import is_unknown, sort_into_kinds
from .member import Member, Window, in_process, put_back
from .memory import MOST, most_members
from .stack import HalfStep, Stack, StepChanged


def drive(members: Sequence[Member], stop: StopRequest, most: int | None = None, processes: int = 1) -> None:
    """Let members run to their ends, and train those together that compute the same operations.

    Args:
        members: none of which has begun.
        stop: ends them all, with a checkpoint.
        most: that are in memory at the same time; None: as many as the first of them tells. Then come the next.
        processes: with a stack each, this one included, that share the memory.
    """
    around = in_process()
    try:
        drive_together(members, stop, most, processes)
    except Exception as error:
        logger.opt(exception=error).debug("The stack cannot go on.")
        drive_alone(members, stop, f"the stack cannot go on ({type(error).__name__}: {first_line(error)})")
    finally:
        put_back(around)


def drive_alone(members: Sequence[Member], stop: StopRequest, reason: str) -> None:
    """Let members run to their ends one after the other, wherever they are."""
    for member in members:
        if not member.has_begun and stop.number is None:
            member.go_on()
        while member.request is not None:
            member.request.refusal = reason
            member.go_on()


def drive_together(members: Sequence[Member], stop: StopRequest, most: int | None, processes: int) -> None:
    """Let members run to their ends, as many at a time as there is room for."""
    waiting = deque(members)
    while waiting and stop.number is None:
        begun: list[Member] = []
        room = most or MOST
        while waiting and len(begun) < room and stop.number is None:
            begun.append(waiting.popleft())
            begun[-1].go_on()
            if most is None and (window := begun[-1].request) is not None and not any(m.request for m in begun[:-1]):
                room = most_members(window, processes)
        train_to_the_end(begun, stop)


def train_to_the_end(members: Sequence[Member], stop: StopRequest) -> None:
    """Let members that have begun run to their ends."""
    stack: Stack | None = None
    try:
        told = time.monotonic()
        while waiting := [member for member in members if member.request is not None]:
            windows = [member.request for member in waiting if member.request is not None]
            if stop.number is None:
                if torch.get_num_threads() != windows[0].loop.threads:  # torch counts them for each thread of Python
                    torch.set_num_threads(windows[0].loop.threads)
                staying = [window for window in windows if not window.refusal]
                if any(map(is_unknown, staying)):  # of all, as one that has changed may be like others again
                    if stack is not None:
                        stack.release()
                        stack = None
                    sort_into_kinds(staying)
                chosen, steps = next_steps([window for window in staying if not window.refusal])
                stack = train(stack, chosen, steps, stop)
                if chosen and time.monotonic() - told > SECONDS_BETWEEN_LINES:
                    told = time.monotonic()
                    logger.info("{} members, step {}", len(waiting), min(window.place for window in chosen))
            for member, window in zip(waiting, windows, strict=True):
                if window.is_over or stop.number is not None:
                    if (window.refusal or window.failure) and stack is not None and window.loop in stack.loops:
                        stack.release()
                        stack = None
                    member.go_on()
    finally:
        if stack is not None:
            stack.release()


def next_steps(windows: Sequence[Window]) -> tuple[list[Window], int]:
    """Return the members that take steps now, with their windows, and how many steps."""
    if not windows:
        return [], 0
    kind = min(window.loop.kind for window in windows)
    of_kind = [window for window in windows if window.loop.kind == kind]
    place = min(window.place for window in of_kind)
    behind = [window for window in of_kind if window.place == place]
    form = shapes_of(behind[0])
    chosen = [window for window in behind if shapes_of(window) == form]
    ahead = [window.place - place for window in of_kind if window.place > place]
    return chosen, min([window.left for window in chosen] + ahead)


def shapes_of(window: Window) -> str:
    """Return the shapes of the batches of a window, whatever their number."""
    return shapes(map_tensors(itemgetter(0), window.batches))


def train(stack: Stack | None, windows: list[Window], steps: int, stop: StopRequest) -> Stack | None:
    """Take steps with some members; return their stack, which may go on with the next ones."""
    loops = [window.loop for window in windows]
    if stack is not None and (stack.loops != loops or not stack.is_current()):
        stack.release()
        stack = None
    if len(windows) < 2:
        for window in windows:
            window.trains_itself = True
        return stack
    try:
        stack = stack or Stack(loops, **loops[0].about)
        stack.train(windows, steps, lambda: stop.number is not None)
    except StepChanged as error:
        for window in windows:
            window.loop.kind = None
            window.refusal = f"its step cannot be stacked: {error}" if window.is_compared else ""
            window.is_compared = True
    except HalfStep as error:
        for window in windows:
            window.failure = error
    except Exception as error:
        logger.opt(exception=error).debug("The stack failed.")
        for window in windows:
            window.refusal = f"the stack failed ({type(error).__name__}: {first_line(error)})"
    return stack
