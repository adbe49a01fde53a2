"""Signals end work where it fits, and say so to the shell."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from motionary.interruption import (
    Terminated,
    ending_raises,
    exit_code,
    sender,
    sparing_children,
    stopping_where_it_fits,
)

HUNG_UP = """
import sys, time
from pathlib import Path
from motionary.interruption import exit_code, stopping_where_it_fits

def save():
    for _ in range(100):
        print("saving", flush=True)
        print("saving", file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text("all of it")

try:
    with stopping_where_it_fits() as stop:
        print("begun", flush=True)
        while True:
            time.sleep(0.01)
            stop.leave_if_asked(save)
except KeyboardInterrupt as interrupt:
    sys.exit(exit_code(interrupt))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.usefixtures("hearing_signals")
def test_signals_that_end_interrupt_like_ctrl_c_and_are_told_apart(number, code):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as stopped, ending_raises():
        os.kill(os.getpid(), number)
    assert (exit_code(stopped.value), sender(stopped.value)) == (code, number.name)
    assert (exit_code(KeyboardInterrupt()), sender(KeyboardInterrupt())) == (130, "Ctrl-C")
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_ignored_stays_so(number):
    before = signal.signal(number, signal.SIG_IGN)  # by `nohup`, or in a shell's background
    try:
        with ending_raises(), stopping_where_it_fits() as stop:
            os.kill(os.getpid(), number)
            stop.leave_if_asked(lambda: pytest.fail("nobody asked"))
    finally:
        signal.signal(number, before)


def test_a_closed_terminal_ends_work_where_it_fits(tmp_path):
    """Its last words go nowhere, without an error."""
    saved = tmp_path / "saved"
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup` would have it ignore
        signal.alarm(60)
        os.execv(sys.executable, [sys.executable, "-c", HUNG_UP, str(saved)])
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        assert b"begun" in screen.readline()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert saved.read_text() == "all of it"


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated), (signal.SIGINT, KeyboardInterrupt)],
)
@pytest.mark.usefixtures("hearing_signals")
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


@pytest.mark.usefixtures("hearing_signals")
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


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs POSIX signals")
@pytest.mark.usefixtures("hearing_signals")
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
