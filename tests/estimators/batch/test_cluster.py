"""A real Ray cluster of two nodes on this machine, on which a worker, or a whole node, is killed for real."""

import os
import signal
import socket
import sys
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from motionary.estimators.batch import BatchConfig, estimate_all, videos_in
from motionary.estimators.batch.cluster import Cluster
from motionary.estimators.batch.work import WorkConfig


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


@pytest.mark.slow
def test_a_killed_workers_video_is_done_elsewhere_once(stage, make_videos, tmp_path, cluster, in_background):
    names = [f"v{k}" for k in range(8)]
    videos = make_videos(**{name: {"seconds": 3.0} for name in names}, nobody={"nobody": 1})
    killed = in_background(lambda: _kill_one_of_two(stage))
    entries = run(videos, tmp_path / "out", cluster)
    victim, pid = killed.result()
    assert {entry.video: entry.status for entry in entries} == {
        **{f"{name}.mp4": "done" for name in names},
        "nobody.mp4": "failed",
    }
    starts = Counter(video for video, _ in stage.log("start"))
    assert starts == {entry.video: 1 + (entry.video == victim) for entry in entries}
    ends = stage.log("end on 1 threads")
    assert Counter(video for video, _ in ends) == {f"{name}.mp4": 1 for name in names}
    assert dict(ends)[victim] != pid

    assert run(videos, tmp_path / "out", cluster) == entries
    assert Counter(video for video, _ in stage.log("start")) == starts, "the second run has nothing to do"


def _kill_one_of_two(stage):
    """Kill one of two workers at work; the video it had in hand, and its process."""
    victim, pid = _two_at_work(stage)[1]
    os.kill(pid, signal.SIGKILL)
    return victim, pid


@pytest.mark.slow
def test_a_lost_machines_video_is_done_on_another(stage, make_videos, tmp_path, cluster, in_background):
    names = [f"v{k}" for k in range(12)]
    videos = make_videos(**{name: {"seconds": 3.0} for name in names})
    lost = in_background(lambda: _lose_machine(stage, cluster))
    entries = run(videos, tmp_path / "out", cluster)
    lost.result()
    assert {entry.status for entry in entries} == {"done"}
    assert {video for video, _ in stage.log("end on 1 threads")} == {entry.video for entry in entries}
    assert len(stage.log("start")) == len(names) + 1


def _lose_machine(stage, cluster):
    """Take the second machine away once both are at work."""
    _two_at_work(stage)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)


def _two_at_work(stage):
    """(video, process) of two workers, one on each machine, each with a video in hand; oldest first."""
    while True:
        ended = {video for video, _ in stage.log("end")}
        at_work = [(video, pid) for video, pid in stage.log("start") if video not in ended]
        if len({pid for _, pid in at_work}) == 2:
            return at_work
        assert len(ended) < 6, "the second machine never came to work"
        time.sleep(0.02)


def test_an_address_at_which_nobody_is_is_said_at_once(stage, make_videos, tmp_path):
    pytest.importorskip("ray", reason="needs the extra `ray`")
    with socket.socket() as taken:  # a port on which nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        videos, config = videos_in([make_videos(a={})], tmp_path), BatchConfig("puppet", ray=address)
        with pytest.raises(ConnectionError, match=f"No Ray cluster could be reached at '{address}'"):
            estimate_all(videos, tmp_path / "out", config)
    assert not (tmp_path / "out").exists()


def test_ray_started_here_listens_to_this_machine_alone_and_shows_no_dashboard(monkeypatch, tmp_path):
    asked = {}
    fake = SimpleNamespace(init=lambda **given: asked.update(given), remote=lambda **_: lambda actor: actor)
    monkeypatch.setitem(sys.modules, "ray", fake)
    config = WorkConfig(tmp_path, "puppet", {}, "largest")
    Cluster(config, "local", "run")
    assert asked["_node_ip_address"] == asked["dashboard_host"] == "127.0.0.1"
    assert asked["include_dashboard"] is False
    asked.clear()
    Cluster(config, "auto", "run")
    assert set(asked) == {"address", "log_to_driver", "logging_level"}  # one that runs is left as it is
