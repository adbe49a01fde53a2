"""An estimator to be killed: a made-up package, and videos that tell it what to do."""

import json
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ESTIMATOR = """
import json, os, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from motionary.estimators import Camera, PersonEstimate, VideoEstimate, View
from motionary.estimators.video import VideoFacts
from motionary.motion import Motion

LOG = Path(__file__).with_name("log")

def log(event, video):
    with LOG.open("a") as file:
        file.write(json.dumps([event, video.name, os.getpid()]) + "\\n")

class Puppet:
    def __init__(self, num_threads=2):
        if LOG.with_name("no_weights").exists():
            raise FileNotFoundError("no weights at all")
        self.num_threads = num_threads

    def __call__(self, video):
        log("start", video)
        todo = json.loads(video.read_text())
        if "die" in todo:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(todo.get("seconds", 0))
        if "nobody" in todo:
            raise ValueError(f"No person found in {video}.")
        if "bug" in todo:
            [][1]
        rng = np.random.default_rng(todo.get("seed", 0))
        pose = rng.normal(0, 0.1, (30, 24, 3))
        motion = Motion(pose, pose[:, 0], fps=30.0)
        facts = VideoFacts(video.name, 64, 48, 30.0, 30, 1.0)
        view = View(Camera(64.0, 64, 48), np.eye(3), np.zeros(3))
        person = PersonEstimate(1, motion, np.arange(30) / 30, np.ones(30), np.zeros((30, 4)), view)
        log(f"end on {self.num_threads} threads", video)
        return VideoEstimate(facts, "puppet", {1: person})
"""


class Stage:
    """Where the estimator is installed, and what it says it did."""

    def __init__(self, site: Path) -> None:
        self.site = site
        info = site / "made_up_puppet-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-puppet\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[motionary.estimators]\npuppet = made_up_puppet:Puppet\n")
        (site / "made_up_puppet.py").write_text(ESTIMATOR)

    def log(self, event: str) -> list[tuple[str, int]]:
        """(video, process) of every event of a kind so far."""
        try:
            lines = (self.site / "log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [(video, pid) for said, video, pid in map(json.loads, lines) if said.startswith(event)]

    def wait_for(self, event: str, count: int = 1, timeout_s: float = 120) -> list[tuple[str, int]]:
        """The log, once it has so many events of a kind."""
        until = time.monotonic() + timeout_s
        while len(self.log(event)) < count:
            assert time.monotonic() < until, f"{count} of {event} did not come: {self.log(event)}"
            time.sleep(0.02)
        return self.log(event)

    def wait_for_end(self, pids: Iterable[int], timeout_s: float = 30) -> None:
        """Return once none of some processes runs any more."""
        until = time.monotonic() + timeout_s
        while running := [pid for pid in pids if _runs(pid)]:
            assert time.monotonic() < until, f"still running: {running}"
            time.sleep(0.02)

    def environment(self) -> dict[str, str]:
        """Of a process that has the estimator installed."""
        paths = [str(self.site), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"  # a zombie is dead
    except FileNotFoundError:
        return False


@pytest.fixture
def stage(tmp_path, monkeypatch):
    stage = Stage(tmp_path / "site")
    monkeypatch.syspath_prepend(stage.site)
    yield stage
    sys.modules.pop("made_up_puppet", None)


@pytest.fixture
def make_videos(tmp_path):
    """Function from names and what the estimator is to do with them to a folder of such videos."""

    def make(**todo: dict) -> Path:
        folder = tmp_path / "videos"
        for seed, (name, what) in enumerate(todo.items()):
            path = folder / f"{name.replace('__', '/')}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"seed": seed, **what}))
        return folder

    return make


@pytest.fixture
def in_background():
    """Function that has something done by a thread while the test goes on."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit
