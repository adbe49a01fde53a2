"""What a file may hold is bounded, and the bounds can be set."""

import os

import numpy as np
import pytest

from motionary.documents import read_json, read_text
from motionary.limits import Limits, limits, read_bytes
from motionary.mocap import read_motion
from motionary.motion import Motion


def test_every_bound_can_be_set_in_the_environment(monkeypatch):
    assert limits() == Limits()
    monkeypatch.setenv("MOTIONARY_MAX_FRAMES", "7")
    assert limits().frames == 7


@pytest.mark.parametrize("text", ["", "0", "-1", "many", "1e3", "9" * 40])
def test_a_bound_that_is_no_number_is_an_error(text, monkeypatch):
    monkeypatch.setenv("MOTIONARY_MAX_FRAMES", text)
    with pytest.raises(ValueError, match="MOTIONARY_MAX_FRAMES must be a positive whole number"):
        limits()


def test_a_motion_with_too_many_frames_is_refused_and_says_what_to_do(tmp_path, monkeypatch):
    Motion(np.zeros((9, 24, 3)), np.zeros((9, 3)), 30.0).save(tmp_path / "a.npz")
    monkeypatch.setenv("MOTIONARY_MAX_FRAMES", "8")
    with pytest.raises(ValueError, match=r"a\.npz holds 9 frames, more than 8.*MOTIONARY_MAX_FRAMES"):
        Motion.load(tmp_path / "a.npz")
    monkeypatch.setenv("MOTIONARY_MAX_FRAMES", "9")
    assert len(Motion.load(tmp_path / "a.npz")) == 9


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(b" " * ((1 << 20) + 1))
    monkeypatch.setenv("MOTIONARY_MAX_TEXT_MB", "1")
    with pytest.raises(ValueError, match=r"a\.json holds 2 MB of text, more than 1"):
        read_text(tmp_path / "a.json")


def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no plain file"):
        read_bytes(tmp_path / "pipe")


def test_json_that_nests_too_deeply_is_one_clear_error(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"a\.json is no readable JSON \(it is nested too deeply\)"):
        read_json(tmp_path / "a.json")


def joints_in_a_row(count: int, frames: int) -> str:
    body = "OFFSET 0 1 0\nCHANNELS 0\n"
    head = "".join(f"{'JOINT' if n else 'ROOT'} a{n}\n{{\n{body}" for n in range(count - 1))
    last = f"JOINT z\n{{\nOFFSET 0 1 0\nCHANNELS 1 Xrotation\n{'}' * count}\n"
    return f"HIERARCHY\n{head}{last}MOTION\nFrames: {frames}\nFrame Time: 0.01\n" + "0\n" * frames


def test_a_skeleton_with_too_many_joints_is_refused(tmp_path):
    (tmp_path / "a.bvh").write_text(joints_in_a_row(Limits().joints + 1, 2))
    with pytest.raises(ValueError, match=r"a\.bvh holds 2001 joints, more than 2000"):
        read_motion(tmp_path / "a.bvh")


def test_a_small_file_that_needs_much_memory_is_refused_before_it_takes_it(tmp_path, monkeypatch):
    (tmp_path / "a.bvh").write_text(joints_in_a_row(1000, 2000))
    monkeypatch.setenv("MOTIONARY_MAX_UNPACKED_MB", "100")
    with pytest.raises(ValueError, match=r"a\.bvh holds 184 MB once unpacked, more than 100"):
        read_motion(tmp_path / "a.bvh")
