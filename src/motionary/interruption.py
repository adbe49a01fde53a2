"""Ctrl-C, SIGTERM and SIGHUP: how long work ends in an orderly way."""

import multiprocessing
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from types import FrameType

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What asks a program to end; the second comes when its terminal is closed, and is unknown to Windows."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which end a command as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What a shell expects of a program that a signal ended."""
    return 128 + (interrupt.signal if isinstance(interrupt, Terminated) else signal.SIGINT)


def sender(interrupt: KeyboardInterrupt) -> str:
    """What ended it, for people."""
    return interrupt.signal.name if isinstance(interrupt, Terminated) else "Ctrl-C"


@contextmanager
def ending_raises() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated` wherever the main thread is, as Ctrl-C raises its own."""
    with _handled(dict.fromkeys(ENDING, _raise)):
        yield


class Stop:
    """Whether somebody wants this process to stop."""

    def __init__(self) -> None:
        self._asked: signal.Signals | None = None

    def leave_if_asked(self, last_act: Callable[[], object]) -> None:
        """Where work may end: do one last thing and raise, if somebody asked for it.

        Raises:
            KeyboardInterrupt: After the last act; `Terminated` for SIGTERM and SIGHUP.
        """
        if self._asked is not None:
            last_act()
            _raise(self._asked)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None:  # asked twice: at once, then
            _raise(number)
        self._asked = signal.Signals(number)
        _forget_terminal(number)


@contextmanager
def stopping_where_it_fits() -> Iterator[Stop]:
    """Let Ctrl-C, SIGTERM and SIGHUP wait for the next place where work may end; the second one does not."""
    stop = Stop()
    with _handled(dict.fromkeys([signal.SIGINT, *ENDING], stop._note)):
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
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # so does this
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _raise(number: int, frame: FrameType | None = None) -> None:
    _forget_terminal(number)
    raise Terminated(number) if number in ENDING else KeyboardInterrupt


def _forget_terminal(number: int) -> None:
    """Once it is closed whatever is still said to it would be an error."""
    if signal.Signals(number).name != "SIGHUP":
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        with suppress(OSError):  # it may be closed already
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
    os.close(nowhere)


@contextmanager
def _handled(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Signals handled so, but for those that are ignored, as `nohup` does and as a shell's background does.

    In a thread, which may not say how, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = {n: handler for n, handler in handlers.items() if signal.getsignal(n) != signal.SIG_IGN}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
