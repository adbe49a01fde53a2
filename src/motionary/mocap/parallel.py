"""One function over many files, in several processes."""

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from motionary.interruption import live_as_worker, sparing_children

Job = TypeVar("Job")
Result = TypeVar("Result")

WAITING_PER_WORKER = 4
"""Jobs handed to a worker ahead of time; bounds the memory for results that nobody has taken yet."""


def map_in_processes(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int | None = None
) -> Iterator[Result]:
    """Results in the order of the jobs.

    Args:
        function: One that another process can import; it does not raise.
        jobs: What it is called with.
        workers: Processes; as many as there are processors when None, 0 for none but this one. Where the
            system has nothing for processes to share, such as /dev/shm, this one does it all.
    """
    count = min(os.cpu_count() or 1 if workers is None else workers, len(jobs))
    if count == 0 or len(jobs) == 1:
        return map(function, jobs)
    return _in_processes(function, jobs, count)


def _in_processes(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    except (OSError, ImportError, NotImplementedError) as error:  # of a container without /dev/shm
        logging.getLogger(__name__).warning("one process does all the work: %s", error)
        yield from map(function, jobs)
        return
    waiting: list[Future[Result]] = []
    upcoming = iter(jobs)
    try:
        while True:
            for _, job in zip(range(WAITING_PER_WORKER * workers - len(waiting)), upcoming, strict=False):
                with sparing_children():  # a job may start a process
                    waiting.append(pool.submit(function, job))
            if not waiting:
                return
            wait(waiting[:1], return_when=FIRST_COMPLETED)
            yield waiting.pop(0).result()
    except BrokenProcessPool:
        raise OSError(
            "A worker process died, perhaps for want of memory: fewer --workers need less."
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Leave signals to the parent, end with it, and leave one processor to each worker."""
    import torch

    live_as_worker()
    torch.set_num_threads(1)
