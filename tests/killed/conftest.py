"""Commands in real processes, made cheap: forked from one that has imported everything already."""

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import av
import cv2
import numpy as np
import pygltflib
import pytest

from motionary.atomic import PARTIAL
from motionary.locks import LOCK_NAME
from motionary.mocap.bvh import read_bvh
from motionary.models.tensor_files import read_safetensors
from motionary.motion import Motion

IMPORTED = (
    "torch.utils.tensorboard",
    "motionary.cli",
    "motionary.training",
    "motionary.recognition",
    "motionary.producing",
    "motionary.evaluation",
    "motionary.estimators.quality",
    "motionary.estimators.batch",
    "motionary.datasets.recordings",
    "motionary.export.mp4",
    "motionary.export.bvh",
)
RUN = """
import os, signal, sys
log = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(log, 1), os.dup2(log, 2)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.append(site)
open(said + ".begun", "w").close()
from motionary.cli import main
main(words)
"""
ESTIMATOR = """
import json, time
import numpy as np
from motionary.estimators import Camera, PersonEstimate, VideoEstimate, View
from motionary.estimators.video import VideoFacts
from motionary.motion import Motion

class MadeUp:
    def __call__(self, video):
        rng = np.random.default_rng(json.loads(video.read_text()))
        facts = VideoFacts(video.name, 64, 48, 30.0, 30, 1.0)
        view = View(Camera(64.0, 64, 48), np.eye(3), np.zeros(3))
        people = {}
        for number in range(1, 6):
            time.sleep(0.02)
            pose = rng.normal(0, 0.1, (60, 24, 3))
            motion = Motion(pose, pose[:, 0], fps=30.0)
            times_s, boxes_px = np.arange(60) / 30, np.zeros((60, 4))
            people[number] = PersonEstimate(number, motion, times_s, np.ones(60), boxes_px, view)
        return VideoEstimate(facts, "made_up", people)
"""
SMALL = ("num_frames=10", "latent_dim=16", "ff_dim=32", "num_layers=1", "num_heads=2", "batch_size=4")
OFTEN = ("save_minutes=0", "validate_every=2", "sample_every=3", "average_decay=0.9", "dropout=0.1")


@dataclass(frozen=True)
class Killed:
    """A process that was ended, or came to its end before."""

    exit_code: int
    said: str


class Commands:
    """Runs `motionary` commands in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        info = self.site / "made_up-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[motionary.estimators]\nmade_up = made_up:MadeUp\n")
        (self.site / "made_up.py").write_text(ESTIMATOR)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(IMPORTED))
        self.count = 0

    def start(self, *words: object) -> tuple[ForkServerProcess, Path]:
        """A process, once it is about to begin; and where it writes what it says."""
        self.count += 1
        said = self.folder / f"said_{self.count}"
        told = {"words": [str(word) for word in words], "said": str(said), "site": str(self.site)}
        process = self.context.Process(target=exec, args=(RUN, told))
        process.start()
        begun = said.with_name(f"{said.name}.begun")
        while not begun.exists():
            assert process.is_alive() or begun.exists()
            time.sleep(0.002)
        return process, said

    def run(self, *words: object) -> float:
        """Let a command come to its end; how long that took, seconds."""
        process, said = self.start(*words)
        started = time.monotonic()
        process.join()
        assert process.exitcode == 0, said.read_text()
        return time.monotonic() - started

    def kill(self, number: signal.Signals, after_s: float, *words: object) -> Killed:
        """Send a signal to a command after some time."""
        process, said = self.start(*words)
        process.join(after_s)
        if process.is_alive() and process.pid:
            os.kill(process.pid, number)
        process.join(120)
        assert process.exitcode is not None, "it does not end"
        return Killed(process.exitcode, said.read_text())


@pytest.fixture(scope="session")
def commands(tmp_path_factory) -> Iterator[Commands]:
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    os.environ.update(dict.fromkeys(before, "1"))  # threads do not survive a fork
    yield Commands(tmp_path_factory.mktemp("commands"))
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@dataclass(frozen=True)
class Case:
    """A command that is to survive being killed."""

    words: Callable[[Path], tuple[object, ...]]
    """For a folder; also those that go on there."""
    expected: dict[str, bytes]
    """Files of an undisturbed run."""
    seconds: float
    """That it took."""


@pytest.fixture(scope="session")
def cases(commands, tmp_path_factory) -> dict[str, Case]:
    """Every command that writes a folder over time, with what it writes undisturbed."""
    base = tmp_path_factory.mktemp("material")
    make_recordings(base / "recordings")
    (base / "videos").mkdir()
    for seed in range(3):
        (base / "videos" / f"v{seed}.mp4").write_text(json.dumps(seed))
    commands.run("import", base / "recordings", "--out", base / "data", "--workers", 0)
    made: dict[str, Case] = {}

    def add(name: str, words: Callable[[Path], tuple[object, ...]]) -> None:
        out = base / "undisturbed" / name
        seconds = commands.run(*words(out))
        made[name] = Case(words, files(out), seconds)

    def train(out: Path) -> tuple[object, ...]:
        if (out / "training_state.safetensors").exists():
            return "train", "--resume", out
        return "train", base / "data", "--out", out, "--epochs", 6, "--set", *SMALL, *OFTEN

    add("train", train)
    add("train-recogniser", lambda out: ("train-recogniser", base / "data", "--out", out, "--epochs", 8))
    model, judge = base / "undisturbed" / "train", base / "undisturbed" / "train-recogniser"
    wish = ("--action", "all", "--num", 2, "--frames", 8, "--formats", "npz,bvh,glb,mp4")
    add("generate", lambda out: ("generate", model, *wish, "--out", out))
    add("import", lambda out: ("import", base / "recordings", "--out", out, "--workers", 0))
    scored = ("evaluate", model, base / "data", "--recogniser", judge, "--seeds", 3)
    add("evaluate", lambda out: (*scored, "--out", out))
    videos = sorted((base / "videos").iterdir())
    add("estimate", lambda out: ("estimate", *videos, "--estimator", "made_up", "--out", out))
    return made


def make_recordings(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for index in range(16):
        action, steps = ("walk", "jump")[index % 2], rng.normal(0, 0.02, (20 + index, 24, 3)).cumsum(0)
        pose = steps + rng.normal(0, 0.3, (24, 3))
        Motion(pose, steps[:, 0], 30.0, action=action).save(folder / action / f"{index}.npz")


def files(out: Path) -> dict[str, bytes]:
    """Content of all files by their paths, without those that tell the time."""
    found = (path for path in out.rglob("*") if path.is_file() and "tensorboard" not in path.parts)
    found = (path for path in found if path.name != LOCK_NAME)  # which a killed process cannot remove
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


def check_whole(out: Path) -> None:
    """Read every visible file with the reader of its kind."""
    for path in out.rglob("*"):
        if path.is_file() and not path.name.startswith(".") and "tensorboard" not in path.parts:
            READERS[path.suffix](path)


def _lines(path: Path) -> None:
    text = path.read_text()
    assert text.endswith("\n") or not text, f"half a line in {path}"
    for line in text.splitlines():
        json.loads(line)


def _film(path: Path) -> None:
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 8


READERS: dict[str, Callable[[Path], object]] = {
    ".npz": Motion.load,
    ".json": lambda path: json.loads(path.read_text()),
    ".jsonl": _lines,
    ".safetensors": read_safetensors,
    ".bvh": read_bvh,
    ".glb": lambda path: pygltflib.GLTF2().load(str(path)).animations[0],
    ".mp4": _film,
    ".png": lambda path: cv2.imread(str(path)).shape,
    ".md": Path.read_text,
    ".tex": Path.read_text,
    ".csv": Path.read_text,
}


@pytest.fixture
def survive(commands, cases, tmp_path) -> Callable[[str, int], str]:
    """Function that kills a command at a random moment, lets it go on, and compares; tells how it went."""

    def attempt(name: str, seed: int) -> str:
        case, rng, out = cases[name], random.Random(seed), tmp_path / f"{name}_{seed}" / "out"
        number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
        killed = commands.kill(number, rng.uniform(0, case.seconds), *case.words(out))
        assert killed.exit_code in (-number, 128 + number, 0), killed.said
        assert "Traceback" not in killed.said, killed.said
        if killed.exit_code > 0:
            assert "motionary: stopped by" in killed.said
        check_whole(out)
        if files(out) != case.expected:  # else it was too late
            commands.run(*case.words(out))
        assert files(out) == case.expected
        left = [path.name for path in out.parent.rglob(".*") if path.name.endswith(PARTIAL)]
        assert left == [], "something half written was left"
        return f"{name} {number.name}: {killed.exit_code}"

    return attempt
