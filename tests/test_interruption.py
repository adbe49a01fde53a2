"""Signals end work where it fits, and say so to the shell."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from motionary.interruption import (
    Terminated,
    exit_code,
    sender,
    sigterm_raises,
    sparing_children,
    stopping_where_it_fits,
)


def test_sigterm_interrupts_like_ctrl_c_and_is_told_apart():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt) as stopped, sigterm_raises():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (exit_code(stopped.value), sender(stopped.value)) == (143, "SIGTERM")
    assert (exit_code(KeyboardInterrupt()), sender(KeyboardInterrupt())) == (130, "Ctrl-C")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_waits_for_the_place_where_it_fits(number, raised):
    done = []

    def work():
        with stopping_where_it_fits() as stop:
            stop.leave_if_asked(lambda: done.append("too early"))
            os.kill(os.getpid(), number)
            done.append("step")
            stop.leave_if_asked(lambda: done.append("saved"))
            done.append("too late")

    with pytest.raises(raised) as stopped:
        work()
    assert type(stopped.value) is raised
    assert done == ["step", "saved"]


def test_the_second_signal_does_not_wait():
    done = []

    def work():
        with stopping_where_it_fits():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("step")
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("too late")

    with pytest.raises(Terminated):
        work()
    assert done == ["step"]


@pytest.fixture
def hearing_ctrl_c() -> Iterator[None]:
    """As in a terminal; what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs POSIX signals")
@pytest.mark.usefixtures("hearing_ctrl_c")
def test_children_do_not_hear_ctrl_c_from_their_first_moment_and_the_parent_hears_it_after():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')"
    started = []

    def start():
        with sparing_children():
            started.append(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True))
            signal.raise_signal(signal.SIGINT)
            started.append("went on")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert started[0].stdout == "alive\n", started[0].stderr
    assert started[1:] == ["went on"]
