"""A disk that is full in earnest: a file system of a few megabytes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from motionary.models.checkpoint import load_model
from motionary.models.tensor_files import read_safetensors
from motionary.motion import Motion

TINY = ("num_frames=10", "latent_dim=32", "ff_dim=64", "num_layers=2", "num_heads=2", "save_minutes=0")


@pytest.fixture
def little_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip(f"file systems cannot be mounted here ({done.stderr.strip()})")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


def motionary(*words: object) -> subprocess.CompletedProcess:
    words = (sys.executable, "-m", "motionary", *map(str, words))
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)


def filled(folder, spare: int) -> None:
    """Leave only some bytes free."""
    facts = os.statvfs(folder)
    with (folder / "ballast").open("wb") as file:
        file.write(bytes(max(0, facts.f_bavail * facts.f_frsize - spare)))


def told_in_one_line(done: subprocess.CompletedProcess) -> bool:
    lines = [line for line in done.stderr.splitlines() if line.startswith("motionary:")]
    assert "Traceback" not in done.stderr, done.stderr
    return (
        done.returncode == 2
        and len(lines) == 1
        and "No room for" in lines[0]
        and "free some space" in lines[0]
    )


def test_training_on_a_full_disk_says_so_and_goes_on_once_there_is_room(little_disk, tmp_path):
    for index in range(4):
        action, pose = ("walk", "jump")[index % 2], np.full((12, 24, 3), 0.1 * index)
        motion = Motion(pose, pose[:, 0], 30.0, action=action)
        motion.save(tmp_path / "data" / action / f"{index}.npz")
    train = ("train", tmp_path / "data", "--preset", "small", "--epochs", 4, "--set", *TINY, "--out")
    run = little_disk / "run"
    assert motionary(*train, run, "--quiet").returncode == 0
    model, state = (run / "model.safetensors").read_bytes(), (run / "training_state.safetensors").read_bytes()
    filled(little_disk, 64_000)
    done = motionary("train", "--resume", run, "--epochs", 6)
    assert told_in_one_line(done), done.stderr
    assert (run / "model.safetensors").read_bytes() == model
    assert (run / "training_state.safetensors").read_bytes() == state
    assert load_model(run).actions == ("jump", "walk")
    assert not [path.name for path in run.rglob(".*")], "nothing half written is left"
    (little_disk / "ballast").unlink()
    assert motionary("train", "--resume", run, "--epochs", 6).returncode == 0
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 6
    read_safetensors(run / "training_state.safetensors")


def test_generating_on_a_full_disk_keeps_what_was_finished(little_disk):
    filled(little_disk, 40_000)
    words = ("generate", "hdm05", "--action", "kickLFront", "--frames", 30, "--num", 8, "--anyway", "--out")
    done = motionary(*words, little_disk / "out")
    assert told_in_one_line(done), done.stderr
    made = sorted((little_disk / "out").glob("*.npz"))
    assert 0 < len(made) < 8
    assert all(len(Motion.load(path)) == 30 for path in made)
    (little_disk / "ballast").unlink()
    assert motionary(*words, little_disk / "out").returncode == 0
    assert len(list((little_disk / "out").glob("*.npz"))) == 8


def test_importing_on_a_full_disk_leaves_nothing_and_no_process_complains(little_disk, tmp_path):
    for index in range(6):
        pose = np.random.default_rng(index).normal(0, 0.01, (60, 24, 3))
        Motion(pose, pose[:, 0], 30.0).save(tmp_path / "recordings" / "walk" / f"{index}.npz")
    filled(little_disk, 40_000)
    done = motionary("import", tmp_path / "recordings", "--out", little_disk / "data", "--workers", 2)
    assert told_in_one_line(done), done.stderr
    assert [path.name for path in little_disk.iterdir()] == ["ballast"]
