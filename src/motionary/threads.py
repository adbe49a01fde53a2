"""Work side by side on threads that split no operation of torch's among them.

One operation spread over threads waits for the slowest of them, and between operations nobody works. Pieces
of work that need nothing of each other keep every core busy, and round the same on any number of cores.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

Item = TypeVar("Item")
Found = TypeVar("Found")


class SideBySide:
    """Does pieces of work, as many at a time as torch has threads, each on one thread.

    Torch's number of threads is that of whoever makes this. The threads stay for the next call.
    """

    def __init__(self, most: int | None = None) -> None:
        """Start no thread yet.

        Args:
            most: Pieces at a time; as many as there are threads when None. Where there are several times as
                many threads, each piece gets its share of them.
        """
        self._threads = torch.get_num_threads()
        self.count = self._threads if most is None else min(most, self._threads)
        self._each = self._threads // self.count
        self._pool: ThreadPoolExecutor | None = None

    def map(self, work: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
        """Results of the work on each item, in order; a few are made ahead of the one who takes them."""
        if self.count == 1:
            yield from map(work, items)
            return
        yield from in_order(self._started(), work, items, self.count)

    def _started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.count, "side")
            ready = Barrier(self.count + 1)
            for _ in range(self.count):
                self._pool.submit(self._join, ready)
            ready.wait()
            torch.set_num_threads(self._threads)  # what the last one set would hold for threads to come
        return self._pool

    def _join(self, ready: Barrier) -> None:
        torch.set_num_threads(self._each)
        torch.get_num_threads()  # makes it this thread's own, whatever is set elsewhere from now on
        ready.wait()


def in_order(
    pool: Executor, work: Callable[[Item], Found], items: Iterable[Item], most_waiting: int
) -> Iterator[Found]:
    """Results of the work on each item, in order; so many are made ahead of the one who takes them."""
    waiting: deque[Future[Found]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > most_waiting:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
