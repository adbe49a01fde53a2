"""Estimating many videos, from the sources to the manifest."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from motionary.atomic import sweep
from motionary.estimators import factory_of, load_estimator
from motionary.estimators.batch.crew import Crew, Foreman
from motionary.estimators.batch.jobs import Job, plan
from motionary.estimators.batch.manifest import MANIFEST_NAME, Entry, Manifest, Status
from motionary.estimators.batch.processes import Processes
from motionary.estimators.batch.work import Outcome, WorkConfig, clear, people_in
from motionary.estimators.choosing import check_choice
from motionary.interruption import ending_raises
from motionary.locks import alone_in


@dataclass(frozen=True)
class BatchConfig:
    """How many videos are estimated."""

    estimator: str = "blazepose"
    options: dict[str, Any] = field(default_factory=dict)
    """Of the estimator."""
    person: str = "all"
    """Whose motions are kept; see `choose`."""
    workers: int | None = None
    """Processes, or actors of a cluster; one for every processor when None."""
    ray: str | None = None
    """Address of a Ray cluster; None for processes of this machine."""
    retry_failed: bool = False
    """Also look again at videos that failed in an earlier run."""


Progress = Callable[[int, int, int], None]
"""Called with the videos done, those failed, and all."""


def estimate_all(
    videos: Mapping[str, Path], out: Path, config: BatchConfig, on_progress: Progress | None = None
) -> list[Entry]:
    """Estimate many videos: OUT/<video>/person_<k>.npz, and OUT/manifest.json.

    Videos that an earlier run has done are not done again, unless the file, or its result, has changed.
    Results do not depend on the number of workers.

    Args:
        videos: Absolute paths by name, as `videos_in` finds them.
        out: Folder of the results.
        config: How.
        on_progress: Told how far it has come.

    Returns:
        What became of every video, in order.

    Raises:
        FileNotFoundError: If the estimator's weights are missing.
        ValueError: If the options do not fit, or out belongs to other videos, options or another run.
        OSError: If the workers cannot work, or the results cannot be written.
        KeyboardInterrupt: If stopped by SIGINT, SIGTERM or SIGHUP; the next run goes on.
    """
    if config.workers is not None and config.workers < 1:
        raise ValueError(f"At least one worker is needed; got {config.workers}.")
    check_choice(config.person)
    out = out.resolve()
    known = Manifest.open(out, config.estimator, config.options, config.person)
    jobs = plan(videos, [(entry.video, entry.folder) for entry in known.entries.values()])
    factory_of(config.estimator)
    with alone_in(out):
        manifest = Manifest.open(out, config.estimator, config.options, config.person)
        waiting = [job for job in jobs if _waits(manifest.add(job), manifest, config)]
        if waiting:
            _work_through(waiting, manifest, config, _Count(jobs, manifest, on_progress))
    return [manifest.entries[job.video] for job in jobs]


def _waits(entry: Entry, manifest: Manifest, config: BatchConfig) -> bool:
    """Whether a video is to be given to a worker; its entry then says so."""
    if entry.status == "failed" and not config.retry_failed:
        return False
    receipt = _work_config(manifest).receipt(entry.checksum)
    if entry.status == "done" and people_in(manifest.out / entry.folder, receipt):
        return False
    manifest.entries[entry.video] = replace(entry, status="waiting", reason="", checksum="", people=0)
    return True


class _Count:
    """Counts what became of the videos, for the progress bar."""

    def __init__(self, jobs: list[Job], manifest: Manifest, on_progress: Progress | None) -> None:
        self._statuses = Counter(manifest.entries[job.video].status for job in jobs)
        self._total, self._tell = len(jobs), on_progress or (lambda *_: None)
        self._tell(self._statuses["done"], self._statuses["failed"], self._total)

    def add(self, status: Status) -> None:
        self._statuses[status] += 1
        self._tell(self._statuses["done"], self._statuses["failed"], self._total)


def _work_through(jobs: list[Job], manifest: Manifest, config: BatchConfig, count: _Count) -> None:
    def record(job: Job, outcome: Outcome) -> None:
        status: Status = "done" if outcome.people else "failed"
        if status == "failed":
            clear(manifest.out / job.folder)
        manifest.record(replace(manifest.entries[job.video], status=status, **asdict(outcome)))
        count.add(status)

    crew, num_workers = _crew(manifest, config)
    manifest.write()
    # The longest first, so that no worker is left alone with one at the end.
    jobs = sorted(jobs, key=lambda job: -manifest.entries[job.video].num_bytes)
    foreman = Foreman(crew, num_workers, record)
    try:
        with ending_raises():
            foreman.carry_out(jobs)
    finally:
        crew.close()
        for job in foreman.busy.values():
            sweep(manifest.out / job.folder)
        manifest.write()


def _work_config(manifest: Manifest) -> WorkConfig:
    return WorkConfig(manifest.out, manifest.estimator, manifest.options, manifest.person)


def _crew(manifest: Manifest, config: BatchConfig) -> tuple[Crew, int]:
    work = _work_config(manifest)
    if config.ray is None:
        load_estimator(work.estimator, **work.options)  # fetches what it needs, before all workers try to
        return Processes(work), config.workers or os.cpu_count() or 1
    from motionary.estimators.batch.cluster import Cluster

    cluster = Cluster(work, config.ray, MANIFEST_NAME)
    return cluster, config.workers or cluster.num_processors()
