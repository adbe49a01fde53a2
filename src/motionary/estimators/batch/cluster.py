"""Workers as actors of a Ray cluster, on any of its machines.

The videos and the folder of results must be on a file system that all of them share, under one path.
"""

import contextlib
import logging
import socket
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from motionary.estimators.batch.crew import Died, Finished, News, Ready, Unable
from motionary.estimators.batch.jobs import Job
from motionary.estimators.batch.processes import ONE_THREAD
from motionary.estimators.batch.work import Outcome, Work, WorkConfig

KNOCK_S = 10.0
LISTEN_S = 1.0
"""Ray is waited for that long at a time, between which signals are heard."""


class Actor:
    """One worker. What it says is text where something keeps every worker from working."""

    def __init__(self) -> None:
        self._work: Work | None = None

    def begin(self, config: WorkConfig, run: str, made_by: str) -> tuple[str, str]:
        """Load the estimator; (place, what keeps it from working)."""
        import ray

        place = ray.get_runtime_context().get_node_id()
        if (here := version("motionary")) != made_by:
            return place, f"A machine of the cluster has motionary {here}, this one {made_by}."
        if not (config.out / run).exists():
            return place, f"A machine of the cluster does not see {config.out}: give a folder that all share."
        try:
            self._work = Work(config)
        except (ValueError, OSError) as error:
            return place, str(error)
        return place, ""

    def estimate(self, job: Job) -> Outcome | str:
        """Estimate one video."""
        assert self._work is not None
        try:
            return self._work(job)
        except OSError as error:
            return str(error)


@dataclass(frozen=True)
class _Awaited:
    worker: int
    begins: bool


class Cluster:
    """A crew of Ray actors; see `Crew`."""

    def __init__(self, config: WorkConfig, address: str, run: str) -> None:
        """Connect.

        Args:
            config: For every worker.
            address: Of the cluster, as `ray.init` takes it: auto, host:port or ray://host:port.
            run: A file in the folder of results, by which a machine knows that it sees the same folder.

        Raises:
            ValueError: If Ray is not installed.
            OSError: If there is no cluster at the address.
        """
        try:
            import ray
        except ImportError:
            raise ValueError("A Ray cluster needs the package ray: pip install 'motionary[ray]'.") from None
        self._ray: Any = ray
        self._config, self._run = config, run
        _knock(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **_started(address))
        except (ConnectionError, ValueError, RuntimeError) as error:
            said = " ".join(str(error).split())
            raise ConnectionError(f"No Ray cluster could be reached at {address!r}: {said}") from None
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Actor)
        self._actors: dict[int, Any] = {}
        self._awaited: dict[Any, _Awaited] = {}

    def num_processors(self) -> int:
        """Of the whole cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def hire(self, worker: int) -> None:
        """Ask Ray for an actor; it comes when a machine has a free processor."""
        environment = {"env_vars": ONE_THREAD}
        self._actors[worker] = self._actor.options(runtime_env=environment).remote()
        begun = self._actors[worker].begin.remote(self._config, self._run, version("motionary"))
        self._awaited[begun] = _Awaited(worker, begins=True)

    def give(self, worker: int, job: Job) -> None:
        """Send a job."""
        self._awaited[self._actors[worker].estimate.remote(job)] = _Awaited(worker, begins=False)

    def news(self) -> list[News]:
        """Wait for an answer, or a death."""
        done: list[Any] = []
        while not done:
            done, _ = self._ray.wait(list(self._awaited), num_returns=1, timeout=LISTEN_S)
        return [self._hear(ref, self._awaited.pop(ref)) for ref in done]

    def close(self) -> None:
        """Stop every actor and leave the cluster as it was found."""
        for actor in self._actors.values():
            with contextlib.suppress(Exception):  # one that is gone already
                self._ray.kill(actor)
        self._ray.shutdown()

    def _hear(self, ref: Any, awaited: _Awaited) -> News:
        worker = awaited.worker
        try:
            said = self._ray.get(ref)
        except self._ray.exceptions.RayActorError as error:
            del self._actors[worker]
            return Died(worker, _how(error))
        except self._ray.exceptions.RayError as error:
            return Unable(worker, f"A worker on the cluster failed: {_how(error)}")
        if isinstance(said, Outcome):
            return Finished(worker, said)
        place, wrong = said if awaited.begins else ("", said)
        return Unable(worker, wrong) if wrong else Ready(worker, place)


LOOPBACK = "127.0.0.1"


def _started(address: str) -> dict[str, Any]:
    """How Ray is started where it is to start anew: seen by this machine alone, without its dashboard."""
    if address != "local":
        return {}
    return {"_node_ip_address": LOOPBACK, "include_dashboard": False, "dashboard_host": LOOPBACK}


def _knock(address: str) -> None:
    """Raise a ConnectionError if nobody is at host:port, which Ray would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # "auto", or something that Ray itself understands or refuses
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"No Ray cluster could be reached at {address!r}: {error}.") from None


def _how(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
