"""A real Ray cluster of two nodes on this machine, on which a worker, or a whole node, is killed for real."""

import os
import signal
from collections import Counter

import pytest

from motionary.estimators.batch import BatchConfig, estimate_all, videos_in

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(stage, monkeypatch):
    """Two nodes of one processor each; their workers have the made-up estimator installed."""
    pytest.importorskip("ray", reason="needs the extra `ray`")
    from ray.cluster_utils import Cluster

    for name, value in stage.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    started.add_node(num_cpus=1)
    yield started
    started.shutdown()


def run(videos, out, cluster, **options):
    return estimate_all(videos_in([videos], out), out, BatchConfig("puppet", ray=cluster.address, **options))


def test_killed_workers_videos_are_done_elsewhere_once(stage, make_videos, tmp_path, cluster, in_background):
    names = [f"v{k}" for k in range(6)]
    videos = make_videos(**{name: {"seconds": 2.0} for name in names}, nobody={"nobody": 1})
    victims = in_background(lambda: _kill_first(stage))
    entries = run(videos, tmp_path / "out", cluster)
    victim, pid = victims.result()
    assert {entry.video: entry.status for entry in entries} == {
        **{f"{name}.mp4": "done" for name in names},
        "nobody.mp4": "failed",
    }
    starts = Counter(video for video, _ in stage.log("start"))
    assert starts == {entry.video: 1 + (entry.video == victim) for entry in entries}
    ends = stage.log("end on 1 threads")
    assert Counter(video for video, _ in ends) == {f"{name}.mp4": 1 for name in names}
    assert dict(ends)[victim] != pid
    assert len({worker for _, worker in ends}) >= 2, "both nodes worked"

    assert run(videos, tmp_path / "out", cluster) == entries
    assert Counter(video for video, _ in stage.log("start")) == starts, "the second run has nothing to do"


def _kill_first(stage):
    victim, pid = stage.wait_for("start", 2)[1]
    os.kill(pid, signal.SIGKILL)
    return victim, pid
