"""Ctrl-C and SIGTERM: how long work ends in an orderly way."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What a shell expects of a program that a signal ended."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)


def sender(interrupt: KeyboardInterrupt) -> str:
    """What ended it, for people."""
    return "SIGTERM" if isinstance(interrupt, Terminated) else "Ctrl-C"


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` wherever the main thread is, as Ctrl-C raises KeyboardInterrupt."""
    with _handled({signal.SIGTERM: _raise}):
        yield


class Stop:
    """Whether somebody wants this process to stop."""

    def __init__(self) -> None:
        self._asked: signal.Signals | None = None

    def leave_if_asked(self, last_act: Callable[[], object]) -> None:
        """Where work may end: do one last thing and raise, if somebody asked for it.

        Raises:
            KeyboardInterrupt: After the last act; `Terminated` for SIGTERM.
        """
        if self._asked is not None:
            last_act()
            _raise(self._asked)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None:  # asked twice: at once, then
            _raise(number)
        self._asked = signal.Signals(number)


@contextmanager
def stopping_where_it_fits() -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM wait for the next place where work may end; the second time they do not."""
    stop = Stop()
    with _handled({signal.SIGINT: stop._note, signal.SIGTERM: stop._note}):
        yield stop


@contextmanager
def sparing_children() -> Iterator[None]:
    """Start processes that a terminal's Ctrl-C does not reach even before they `live_as_worker`.

    They inherit what is blocked; here a Ctrl-C waits until they are started.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # which it would start first, and unblock signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def live_as_worker() -> None:
    """In a worker process: leave Ctrl-C to the parent, and end at once when it is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches all processes of a terminal
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _raise(number: int, frame: FrameType | None = None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


@contextmanager
def _handled(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Signals handled so; in a thread, which may not say how, as before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
