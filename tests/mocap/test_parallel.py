"""Work on many files gives the same in any number of processes."""

import errno
import math

import pytest

from motionary.mocap import parallel
from motionary.mocap.parallel import map_in_processes


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_jobs(workers):
    assert list(map_in_processes(math.factorial, range(9), workers)) == [math.factorial(n) for n in range(9)]


def test_where_processes_can_share_nothing_one_does_it_all(monkeypatch, caplog):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", refuse)
    assert list(map_in_processes(math.factorial, range(5), 2)) == [1, 1, 2, 6, 24]
    assert "one process" in caplog.text
