"""Workers as processes of this machine."""

import contextlib
import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from motionary.estimators.batch.crew import Died, Finished, News, Ready, Unable
from motionary.estimators.batch.jobs import Job
from motionary.estimators.batch.work import Outcome, Work, WorkConfig
from motionary.interruption import live_as_worker, sparing_children

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of a worker: libraries read it when they are loaded."""


@dataclass(frozen=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection


class Processes:
    """A crew of processes; see `Crew`."""

    def __init__(self, config: WorkConfig) -> None:
        self._config = config
        self._context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self._workers: dict[int, _Worker] = {}

    def hire(self, worker: int) -> None:
        """Start a process."""
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, self._config))
        with _environment(ONE_THREAD), sparing_children():
            process.start()
        there.close()
        self._workers[worker] = _Worker(process, here)

    def give(self, worker: int, job: Job) -> None:
        """Send a job; a dead worker does not take it, which is news."""
        with contextlib.suppress(OSError):
            self._workers[worker].pipe.send(job)

    def news(self) -> list[News]:
        """Wait for a message, or a death."""
        watched: dict[Any, int] = {}
        for number, worker in self._workers.items():
            watched[worker.pipe] = watched[worker.process.sentinel] = number
        return [self._hear(number) for number in sorted({watched[item] for item in wait(list(watched))})]

    def close(self) -> None:
        """Kill every process: results are written whole or not at all."""
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _hear(self, number: int) -> News:
        worker = self._workers[number]
        try:
            if worker.pipe.poll():  # said before it died, perhaps
                said = worker.pipe.recv()
                if isinstance(said, Outcome):
                    return Finished(number, said)
                return Unable(number, said) if said else Ready(number, str(worker.process.pid))
        except (EOFError, OSError):
            pass
        del self._workers[number]
        worker.process.join()
        worker.pipe.close()
        return Died(number, _how(worker.process.exitcode or 0))


def _how(exitcode: int) -> str:
    if exitcode >= 0:
        return f"ended with exit code {exitcode}"
    try:
        return f"was killed by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"was killed by signal {-exitcode}"


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Any:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection, config: WorkConfig) -> None:
    """A worker's life: jobs come and outcomes go through the pipe."""
    live_as_worker()  # and no longer than the parent: the next run may already be at the same videos
    try:
        work = Work(config)
        pipe.send("")
        while True:
            pipe.send(work(pipe.recv()))
    except EOFError:
        return
    except (ValueError, OSError) as error:
        pipe.send(str(error))
