import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from motionary.atomic import write_atomically
from motionary.body.assets import load_body
from motionary.body.skeleton import NUM_JOINTS
from motionary.motion import TURN_TO_Y_UP, Motion, turned


def a_motion(frames: int = 12) -> Motion:
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.5, (frames, NUM_JOINTS, 3))
    betas = rng.normal(0, 1, 10)
    return Motion(pose, rng.normal(0, 1, (frames, 3)), fps=30.0, betas=betas, action="wave")


def test_saving_and_loading_changes_nothing(tmp_path):
    motion = replace(a_motion(), valid=np.arange(12) % 3 > 0, trust=np.linspace(0, 1, 12))
    motion.save(tmp_path / "a" / "motion.npz")
    back = Motion.load(tmp_path / "a" / "motion.npz")
    for name in ("pose", "translation", "betas", "valid", "trust"):
        assert_array_equal(getattr(back, name), getattr(motion, name))
    assert (back.fps, back.action) == (motion.fps, motion.action)
    replace(motion, action=None).save(tmp_path / "a" / "motion.npz")
    assert Motion.load(tmp_path / "a" / "motion.npz").action is None
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["motion.npz"]


def test_the_file_is_what_amass_readers_expect(tmp_path):
    a_motion().save(tmp_path / "motion.npz")
    with np.load(tmp_path / "motion.npz") as stored:
        assert stored["poses"].shape == (12, 72)
        assert stored["trans"].shape == (12, 3)
        assert float(stored["mocap_framerate"]) == 30
        assert str(stored["gender"]) == "neutral"


@pytest.mark.parametrize("width", [66, 156, 165])
@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate", "fps"])
def test_fingers_and_face_of_richer_models_are_dropped(tmp_path, width, rate):
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 1, (5, width))
    path = tmp_path / "amass.npz"
    unread = np.array({"a": 1}, dtype=object)  # AMASS files hold such; it must not be unpickled
    np.savez(
        path,
        poses=poses,
        trans=np.zeros((5, 3)),
        betas=np.ones(16),
        other=unread,
        up_axis=np.array("Y"),
        **{rate: np.array([120.0])},
    )
    motion = Motion.load(path)
    assert_allclose(motion.pose[:, :22].reshape(5, 66), poses[:, :66], atol=1e-6)
    assert not motion.pose[:, 22:].any()
    assert motion.fps == 120
    assert_array_equal(motion.betas, np.ones(10))


@pytest.mark.parametrize("told", [None, "z", "x", "y"])
def test_a_motion_is_y_up_whichever_axis_its_file_has_up(tmp_path, told):
    motion, body = replace(a_motion(), betas=np.zeros(10)), load_body()
    foreign = turned(motion, TURN_TO_Y_UP[told or "z"].T, body)
    up = {} if told is None else {"up_axis": np.array(told)}
    path = tmp_path / "amass.npz"
    np.savez(path, poses=foreign.pose.reshape(len(foreign), 72), trans=foreign.translation, fps=30.0, **up)
    assert_allclose(Motion.load(path).joint_positions(body), motion.joint_positions(body), atol=1e-4)


def test_no_other_axis_is_up(tmp_path):
    np.savez(tmp_path / "a.npz", **GOOD, up_axis=np.array("w"))
    with pytest.raises(ValueError, match=r"a\.npz: up_axis must be one of x, y, z; got w"):
        Motion.load(tmp_path / "a.npz")


def stored_bytes(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


GOOD = {"poses": np.zeros((3, 72)), "trans": np.zeros((3, 3)), "mocap_framerate": 30.0}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a readable"),
        (b"no archive", "not a readable"),
        (b"\x93NUMPY\x01\x00", "not a readable"),
        (stored_bytes(**GOOD)[:300], "not a readable"),
        (stored_bytes(**GOOD)[100:], "not a readable"),
        (stored_bytes(**{**GOOD, "poses": np.array([{}], dtype=object)}), "not a readable"),
        (stored_bytes(trans=np.zeros((3, 3)), fps=30), r"lacks \['poses'\]"),
        (stored_bytes(poses=np.zeros((3, 72)), trans=np.zeros((3, 3))), "no mocap_framerate"),
        (stored_bytes(**{**GOOD, "poses": np.zeros((3, 60))}), r"\(T, 72\)"),
        (stored_bytes(**{**GOOD, "trans": np.zeros((2, 3))}), "translation must have shape"),
        (stored_bytes(**{**GOOD, "poses": np.full((3, 72), np.nan)}), "finite"),
        (stored_bytes(**{**GOOD, "mocap_framerate": 0.0}), "fps must be"),
        (stored_bytes(**{**GOOD, "mocap_framerate": np.array([1.0, 2.0])}), "bad.npz"),
        (stored_bytes(**{**GOOD, "poses": np.array(["x"] * 3)}), "bad.npz"),
    ],
)
def test_a_file_that_is_no_motion_is_one_clear_error(tmp_path, content, words, monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        Motion.load(path)
    assert "bad.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_damaged_inside_is_one_clear_error(tmp_path):
    path = tmp_path / "motion.npz"
    a_motion(60).save(path)
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a readable"):
        Motion.load(path)


def test_a_missing_file_and_a_wrong_suffix_say_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="No motion file at"):
        Motion.load(tmp_path / "nowhere.npz")
    with pytest.raises(ValueError, match="no plain file"):
        Motion.load(tmp_path)  # a folder
    with pytest.raises(ValueError, match=r"saved as \.npz"):
        a_motion().save(tmp_path / "motion.bvh")


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
