"""What spoils a motion is named, and a clean one is not."""

from dataclasses import replace

import numpy as np
import pytest

from motionary.body.skeleton import JOINT_INDEX, MIRROR, NUM_JOINTS
from motionary.mocap import import_recordings
from motionary.mocap.suspicion import in_words, pose_suspicions, suspicions
from motionary.motion import TURN_TO_Y_UP, Motion, turned

FRAMES, FPS = 90, 30.0


def carried(pose, body) -> Motion:
    """The motion of these poses in which the lowest foot stands still, and the lowest point is the ground."""
    still = Motion(pose, np.zeros((len(pose), 3)), FPS)
    feet = still.joint_positions(body)[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]]
    lowest = feet[..., 1].argmin(1)[:-1]
    now, then = feet[np.arange(len(lowest)), lowest], feet[np.arange(1, len(feet)), lowest]
    way = np.concatenate([np.zeros((1, 3)), np.cumsum(now - then, axis=0)])
    way[:, 1] = -feet[..., 1].min(1)
    return replace(still, translation=way).on_ground(body)


def poses() -> np.ndarray:
    """Somebody stands upright, arms lowered and elbows bent, and moves these a little."""
    t = np.linspace(0, 4 * np.pi, FRAMES)
    pose = np.zeros((FRAMES, NUM_JOINTS, 3))
    for sign, side in ((1, "left"), (-1, "right")):
        pose[:, JOINT_INDEX[f"{side}_shoulder"], 2] = -1.2 * sign
        pose[:, JOINT_INDEX[f"{side}_elbow"], 1] = -sign * (0.8 + 0.3 * np.sin(t))
    return pose


def walk() -> np.ndarray:
    t, pose = np.linspace(0, 4 * np.pi, FRAMES), poses()
    for sign, side in ((1, "left"), (-1, "right")):
        pose[:, JOINT_INDEX[f"{side}_hip"], 0] = -0.1 - 0.4 * sign * np.sin(t)
        pose[:, JOINT_INDEX[f"{side}_knee"], 0] = 0.1 + 0.6 * np.maximum(sign * np.cos(t), 0)
    pose[:, 0, 1] = 0.8
    return pose


def squat() -> np.ndarray:
    bend, pose = 0.5 * (1 - np.cos(np.linspace(0, 4 * np.pi, FRAMES))), poses()
    for side in ("left", "right"):
        for joint, angle in (("hip", -0.6), ("knee", 1.2), ("ankle", -0.6)):
            pose[:, JOINT_INDEX[f"{side}_{joint}"], 0] = angle * bend
    return pose


CLEAN = {"walk": walk, "squat": squat, "wave": poses}


@pytest.fixture(scope="module", params=CLEAN)
def clean(request, body) -> Motion:
    return carried(CLEAN[request.param](), body)


def frozen(motion):
    first = np.zeros(len(motion), int)
    return replace(motion, pose=motion.pose[first], translation=motion.translation[first])


FAULTS = {
    "hundredfold": ("scale", lambda m: replace(m, translation=100 * m.translation)),
    "degrees": ("degrees", lambda m: replace(m, pose=np.degrees(m.pose))),
    "radians": ("radians", lambda m: replace(m, pose=np.radians(m.pose))),
    "exchanged": ("sides", lambda m: replace(m, pose=m.pose[:, list(MIRROR)])),
    "reflected in z": ("sides", lambda m: replace(m, pose=m.pose * np.array([-1, -1, 1], np.float32))),
    "frozen": ("frozen", frozen),
    "above": ("ground", lambda m: replace(m, translation=m.translation + np.array([0, 0.4, 0], "f4"))),
    "below": ("ground", lambda m: replace(m, translation=m.translation - np.array([0, 0.4, 0], "f4"))),
}


def kinds(found) -> list[str]:
    return [item.kind for item in found]


def test_nothing_is_wrong_with_a_clean_motion(clean, body):
    assert suspicions(clean, body) == []
    assert in_words([]) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(clean, body, fault):
    kind, spoil = FAULTS[fault]
    found = suspicions(spoil(clean), body)
    assert kind in kinds(found), found
    assert "people" in in_words(found).lower() or "pose needs" in in_words(found)


def test_another_axis_that_is_up_is_named(clean, body):
    lying = turned(clean, TURN_TO_Y_UP["z"].T, body)
    assert kinds(suspicions(lying, body)) == ["axis"]
    assert "--up z" in in_words(suspicions(lying, body))
    head_down = turned(clean, np.diag([1.0, -1.0, -1.0]), body)
    assert "y point down" in in_words(suspicions(head_down, body))


@pytest.mark.parametrize("factor", [2.54, 1 / 2.54])
def test_inches_are_told_by_the_legs(body, factor):
    motion = carried(walk(), body)
    found = suspicions(replace(motion, translation=np.float32(factor) * motion.translation), body)
    assert kinds(found) == ["scale"]
    assert f"{factor:.2g} times" in found[0].text


def test_a_path_in_left_handed_axes_goes_another_way_than_the_legs(body):
    motion = carried(walk(), body)
    path = motion.translation * np.array([-1, 1, 1], np.float32)
    assert kinds(suspicions(replace(motion, translation=path), body)) == ["way"]


def test_a_person_may_lie_down_and_a_clip_be_short(body):
    standing = carried(poses(), body)
    lying = turned(standing, TURN_TO_Y_UP["z"].T, body).on_ground(body)
    moved = replace(lying, translation=lying.translation + np.array([0, 0, 3], np.float32))
    assert suspicions(moved, body) == []
    assert suspicions(frozen(standing).crop(0, 4), body) == []


def test_the_place_of_an_estimate_means_nothing(clean, body):
    away = replace(clean, translation=clean.translation + np.array([0, 40, 0], np.float32))
    assert pose_suspicions(away, body) == []
    assert kinds(pose_suspicions(frozen(away), body)) == ["frozen"]


def test_import_keeps_what_is_suspect_and_names_it(tmp_path, body):
    motion = carried(walk(), body)
    motion.save(tmp_path / "good.npz")
    frozen(motion).save(tmp_path / "still.npz")
    good, still = import_recordings(tmp_path, workers=0)
    assert good.suspect is None
    assert still.motion is not None
    assert still.suspect.startswith("Nothing moves")
