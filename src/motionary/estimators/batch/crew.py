"""Workers, wherever they run: a few at a time are given one video each, and some may die."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from motionary.estimators.batch.jobs import Job
from motionary.estimators.batch.work import Outcome

MOST_DEATHS = 3
"""A video with which that many workers died has failed; so has a run whose workers die before they begin."""


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its estimator."""

    worker: int
    place: str
    """Where it runs; a video during which a worker died is rather given to a worker elsewhere."""


@dataclass(frozen=True)
class Finished:
    """A worker has an outcome for the video it was given."""

    worker: int
    outcome: Outcome


@dataclass(frozen=True)
class Died:
    """A worker is gone, and with it the video it was given, if it had one."""

    worker: int
    how: str


@dataclass(frozen=True)
class Unable:
    """A worker says that no worker can work: weights are missing, or results cannot be written."""

    worker: int
    reason: str


News = Ready | Finished | Died | Unable


@runtime_checkable
class Crew(Protocol):
    """Workers, by number."""

    def hire(self, worker: int) -> None:
        """Start a worker; news will say when it is ready."""
        ...

    def give(self, worker: int, job: Job) -> None:
        """Give a ready worker a video."""
        ...

    def news(self) -> list[News]:
        """Wait until something happened."""
        ...

    def close(self) -> None:
        """Stop every worker, whatever it is doing."""
        ...


@dataclass
class Foreman:
    """Gives every job to a worker, again where one died, until each has its outcome."""

    crew: Crew
    num_workers: int
    record: Callable[[Job, Outcome], None]
    busy: dict[int, Job] = field(default_factory=dict)
    """The jobs in hand, by worker."""
    _waiting: deque[Job] = field(default_factory=deque)
    _idle: dict[int, str] = field(default_factory=dict)
    _starting: set[int] = field(default_factory=set)
    _places: dict[int, str] = field(default_factory=dict)
    _deaths: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Video -> the places where a worker died with it."""
    _hired: int = 0
    _failed_starts: int = 0

    def carry_out(self, jobs: Sequence[Job]) -> None:
        """Work through the jobs, in their order as far as nobody dies.

        Raises:
            OSError: If no worker can work.
        """
        self._waiting.extend(jobs)
        while self._waiting or self.busy:
            self._hire()
            self._hand_out()
            for news in self.crew.news():
                self._take(news)

    def _hire(self) -> None:
        present = len(self.busy) + len(self._idle) + len(self._starting)
        wanted = min(self.num_workers, len(self.busy) + len(self._waiting))
        for _ in range(wanted - present):
            self._starting.add(self._hired)
            self.crew.hire(self._hired)
            self._hired += 1

    def _hand_out(self) -> None:
        for worker, place in list(self._idle.items()):
            if not self._waiting:
                return
            fitting = (job for job in self._waiting if place not in self._deaths[job.video])
            job = next(fitting, self._waiting[0])
            self._waiting.remove(job)
            del self._idle[worker]
            self.busy[worker] = job
            self.crew.give(worker, job)

    def _take(self, news: News) -> None:
        match news:
            case Ready(worker, place):
                self._starting.remove(worker)
                self._places[worker] = self._idle[worker] = place
                self._failed_starts = 0
            case Finished(worker, outcome):
                self._idle[worker] = self._places[worker]
                self.record(self.busy.pop(worker), outcome)
            case Died(worker, how):
                self._bury(worker, how)
            case Unable(_, reason):
                raise OSError(reason)

    def _bury(self, worker: int, how: str) -> None:
        self._idle.pop(worker, None)
        if worker in self._starting:
            self._starting.remove(worker)
            self._failed_starts += 1
            if self._failed_starts >= MOST_DEATHS:
                raise OSError(f"{MOST_DEATHS} workers in a row died before they could begin; the last {how}.")
        job = self.busy.pop(worker, None)
        if job is None:
            return
        deaths = self._deaths[job.video]
        deaths.append(self._places[worker])
        if len(deaths) < MOST_DEATHS:
            self._waiting.append(job)  # behind the others, which it may not hold up
        else:
            self.record(job, Outcome("", 0, f"{len(deaths)} workers died with this video; the last {how}."))
