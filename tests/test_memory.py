"""Peak memory does not grow with how much is asked for: measured in processes of their own."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

PRODUCE = """
import json, sys
from pathlib import Path
from motionary import load_model
from motionary.producing import Wish, produce
from motionary.resources import peak_memory
model = load_model("hdm05")
for number in map(int, sys.argv[2:]):
    wish = Wish(model.actions[:1], number, 0, 300)
    files = produce(model, wish, Path(sys.argv[1]) / str(number))
    print(json.dumps([len(files), peak_memory()]))
"""
TRAIN = """
import json, os, re, sys, threading, time
from pathlib import Path
import numpy as np
from motionary.datasets import loading, write_dataset
from motionary.datasets.folder import clip_record
from motionary.motion import Motion
from motionary.training import TrainConfig, train

def own_bytes():  # not the pages of files, which the system takes back as it likes
    return 1024 * int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, own_bytes())
        time.sleep(0.002)

root, records = Path(sys.argv[3]), []
motion = Motion(np.random.default_rng(0).normal(0, 0.3, (300, 24, 3)), np.zeros((300, 3)), 30.0)
motion.save(root / "0.npz")
for number in range(int(sys.argv[1])):
    if number:
        os.link(root / "0.npz", root / f"{number}.npz")
    records.append(clip_record(motion, f"{number}.npz", "walk"))
dataset = write_dataset(root, records, fps=30.0)
loading.MOST_IN_MEMORY_BYTES = 1 << 20
small = dict(num_frames=10, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2, points="joints")
threading.Thread(target=watch, daemon=True).start()
train(dataset, root / "run", TrainConfig(epochs=int(sys.argv[2]), batch_size=20, **small))
print(json.dumps(peak))
"""
FIT = """
import json, sys
import numpy as np, torch
from motionary.body.assets import load_body
from motionary.estimators.attachments import attach
from motionary.estimators.fitting import Camera, forward
from motionary.estimators.landmarks import LandmarkTrack
from motionary.estimators.people import VIEW_AXES, PeopleConfig, Room, common_up, fit_person, into_room
from motionary.estimators.root import level_camera
from motionary.resources import peak_memory
from motionary.rotations import axis_angle_to_matrix

body, camera, config = load_body(), Camera(1000.0, 720, 1280), PeopleConfig()
rest = body.joints_template.double().numpy()
for length in map(int, sys.argv[1:]):
    pose, times_s = np.zeros((length, 24, 3)), np.arange(length) / 30
    pose[:, (4, 5), 0], pose[:, 16, 2], pose[:, 17, 2] = 0.5 + 0.3 * np.sin([6 * times_s] * 2).T, -1.1, 1.1
    local = axis_angle_to_matrix(torch.from_numpy(pose)).numpy()
    points = attach(rest).positions(*forward(local, np.full((length, 3), [0, 0, -4.0]), rest))
    seen = [camera.project(points), (points - points.mean(1, keepdims=True)) * VIEW_AXES]
    sure = [np.ones((length, 33)), np.ones(length), np.ones(length, bool)]
    del local, pose, points
    person = fit_person(1, LandmarkTrack(times_s, *seen, *sure), 30.0, camera, body, config)
    up = common_up([person], 30.0, config.root)
    room = Room(camera, level_camera(up), person.fit.root_m[0], 30.0, body)
    found = into_room(person, room, config)
    print(json.dumps([len(found.motion), peak_memory()]))
"""
SLACK_BYTES = 8 << 20
"""80 more motions of 300 frames are 21 MB of poses and features."""
GIVE_BACK = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""Freed arrays go back at once: what allocators keep for later differs by 40 MB from run to run."""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def said(program: str, *words: object, setting: dict[str, str] = GIVE_BACK) -> list[Any]:
    """The lines that a program prints, in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | setting)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_generating_five_times_as_many_motions_takes_no_more_memory(tmp_path):
    (few, peak_of_few), (many, peak_of_many) = said(PRODUCE, tmp_path, 20, 100)
    assert (few, many) == (20, 100)
    assert peak_of_many < peak_of_few + SLACK_BYTES


def test_training_takes_no_more_memory_for_more_clips_nor_for_more_epochs(tmp_path):
    """Features wait in a file beyond a limit, which is lowered here: 300 more clips are 81 MB in all."""
    said(TRAIN, 2, 1, tmp_path / "first")  # it may compile loops, which takes memory once
    peak, of_more_clips, of_more_epochs = (
        said(TRAIN, clips, epochs, tmp_path / f"{clips}_{epochs}")[-1]
        for clips, epochs in ((50, 2), (350, 2), (50, 20))
    )
    assert peak < of_more_clips + SLACK_BYTES, "the first one's peak was seen too"
    assert of_more_clips < peak + SLACK_BYTES
    assert of_more_epochs < peak + SLACK_BYTES


def test_fitting_takes_little_beside_its_results_for_every_further_frame():
    """With what the allocator keeps for later, as users see it; the results are 5 kB a frame."""
    (few, peak_of_few), (many, peak_of_many) = said(FIT, 600, 8600, setting={})
    assert (few, many) == (600, 8600)
    assert peak_of_many - peak_of_few < (many - few) * 16_000
