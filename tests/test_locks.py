"""One process at a time on a folder, whatever becomes of it."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from motionary.atomic import sweep
from motionary.locks import LOCK_NAME, alone_in, alone_making, left_behind, marked_in_use

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")

HOLD = """
import sys, time
from pathlib import Path
from motionary.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_told_who_the_first_is_and_a_killed_one_frees_the_folder(tmp_path):
    process = holder(tmp_path / "out")
    who = rf"process {process.pid} on {os.uname().nodename}, since \d{{4}}-"
    with (
        pytest.raises(ValueError, match=rf"working on .*out: {who}"),
        alone_in(tmp_path / "out"),
    ):
        raise AssertionError("two hold it")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "out" / LOCK_NAME).exists(), "a killed process cannot clean up"
    with alone_in(tmp_path / "out"):
        assert str(os.getpid()) in (tmp_path / "out" / LOCK_NAME).read_text()
    assert not (tmp_path / "out").exists(), "nothing came of it"


def _count(folder: Path, successes: "multiprocessing.SimpleQueue[int]") -> None:
    had = 0
    while had < 20:
        try:
            with alone_in(folder):
                file = folder / "count"
                before = int(file.read_text()) if file.exists() else 0
                os.sched_yield()
                file.write_text(str(before + 1))
                had += 1
        except ValueError:
            os.sched_yield()
    successes.put(had)


def test_a_folder_is_never_held_twice_while_locks_come_and_go(tmp_path):
    context = multiprocessing.get_context("fork")
    successes = context.SimpleQueue()
    processes = [context.Process(target=_count, args=(tmp_path, successes)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert int((tmp_path / "count").read_text()) == sum(successes.get() for _ in processes) == 80
    assert not (tmp_path / LOCK_NAME).exists()


def test_the_lock_of_a_folder_to_be_made_lies_beside_it(tmp_path):
    with alone_making(tmp_path / "data"):
        assert not (tmp_path / "data").exists()
        with pytest.raises(ValueError, match="Another run"), alone_making(tmp_path / "data"):
            pass
        with alone_making(tmp_path / "other"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_being_written_is_told_from_what_was_left(tmp_path):
    path = tmp_path / ".clip.npz.abcdefgh.partial"
    path.touch()
    with marked_in_use(path):
        assert not left_behind(path)
        sweep(tmp_path)
        assert path.exists()
    assert left_behind(path)
    (tmp_path / "kept.partial").touch()
    (tmp_path / ".hidden").touch()
    sweep(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".hidden", "kept.partial"]
