import re
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS
from motionary.mocap import read_motion
from motionary.mocap.joint_names import match_joints
from motionary.mocap.placement import in_metres_y_up
from motionary.mocap.reading import format_of, read_recording
from motionary.mocap.retarget import retarget
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, geodesic_distance


def written(tmp_path, text, name="walk.bvh"):
    path = tmp_path / name
    path.write_text(text)
    return path


def turns_apart_deg(a, b) -> np.ndarray:
    """Angle between two motions' rotations, per frame and joint."""
    return torch.rad2deg(
        geodesic_distance(*(axis_angle_to_matrix(torch.from_numpy(m.pose).double()) for m in (a, b)))
    ).numpy()


def without_height(motion, reference):
    """Height is set by the feet; take the reference's."""
    shift = reference.translation[0, 1] - motion.translation[0, 1]
    return motion.translation + np.array([0, shift, 0])


def bone_axes(rest: np.ndarray) -> np.ndarray:
    """Every joint's x along its bone as in Bandai's and LAFAN1's files (right: minus x)."""
    towards = {"hip": (0, -1, 0), "knee": (0, -1, 0), "ankle": (0, 0, 1), "foot": (0, 0, 1)}
    axes = np.zeros((24, 3, 3))
    for joint, name in enumerate(JOINT_NAMES):
        side, _, role = name.rpartition("_")
        sign = -1 if side == "right" else 1
        trunk = {"": (0, 1, 0)}.get(side, (sign, 0, 0))
        x = sign * np.array(towards.get(role, trunk), float)
        y = np.array((0, 1, 0) if side and role not in towards else (1, 0, 0), float) * sign
        axes[joint] = np.stack([x, y, np.cross(x, y)], axis=1)
    return axes


def test_a_motion_written_as_bvh_reads_back(tmp_path, walk, rest, to_bvh):
    back = read_motion(written(tmp_path, to_bvh(walk, rest)))
    assert turns_apart_deg(back, walk).max() < 0.1
    assert_allclose(without_height(back, walk), walk.translation, atol=2e-4)
    assert back.fps == walk.fps


@pytest.mark.parametrize(
    "file",
    [
        {"up": "z"},
        {"scale": 1.0},
        {"scale": 1000.0},
        {"scale": 1 / 0.0254},
        {"order": "XYZ"},
        {"up": "z", "scale": 1.0},
    ],
    ids=str,
)
def test_axes_units_and_angle_order_do_not_matter(tmp_path, walk, rest, to_bvh, file):
    plain = read_motion(written(tmp_path, to_bvh(walk, rest)))
    other = read_motion(written(tmp_path, to_bvh(walk, rest, **file)))
    assert turns_apart_deg(other, plain).max() < 0.1
    assert_allclose(other.translation, plain.translation, atol=2e-3)


def test_standing_feet_are_on_the_ground(tmp_path, walk, rest, to_bvh, body):
    back = read_motion(written(tmp_path, to_bvh(walk, rest)))
    lowest = back.vertices(body)[..., 1].min(1)
    assert abs(np.median(lowest)) < 0.03


def test_a_larger_performer_walks_a_shorter_way_in_our_body(tmp_path, walk, rest, to_bvh):
    plain = read_motion(written(tmp_path, to_bvh(walk, rest)))
    giant = replace(walk, translation=walk.translation * 1.25)
    back = read_motion(written(tmp_path, to_bvh(giant, rest * 1.25)), units="cm")
    assert turns_apart_deg(back, plain).max() < 0.1
    assert_allclose(back.translation, plain.translation, atol=2e-3)


def test_a_skeleton_whose_zero_pose_is_no_posture_is_understood(tmp_path, walk, rest, to_bvh, body):
    plain = read_motion(written(tmp_path, to_bvh(walk, rest)))
    path = written(tmp_path, to_bvh(walk, rest, axes=bone_axes(rest)))
    back = read_motion(path)
    assert directions_apart_deg(back, plain, body).max() < 0.1
    assert turns_apart_deg(back, plain)[:, :22].max() < 0.1


def directions_apart_deg(a, b, body) -> np.ndarray:
    """Angle between the limbs' bones of two motions, per frame."""
    roles = ("knee", "ankle", "elbow", "wrist")
    joints = [JOINT_INDEX[f"{side}_{role}"] for side in ("left", "right") for role in roles]
    steps = []
    for motion in (a, b):
        at = motion.joint_positions(body).astype(np.float64)
        steps.append(at[:, joints] - at[:, [PARENTS[joint] for joint in joints]])
    cross, dot = np.linalg.norm(np.cross(*steps), axis=-1), (steps[0] * steps[1]).sum(-1)
    return np.degrees(np.arctan2(cross, dot))


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        (("knee", "ankle"), "its legs have no length"),
        (("spine1", "spine2", "spine3"), "its spine has no length"),
    ],
)
def test_a_skeleton_whose_bones_have_no_length_is_refused(lost, says, tmp_path, walk, rest, to_bvh, body):
    recording = in_metres_y_up(read_recording(written(tmp_path, to_bvh(walk, rest)), "bvh"), "auto", "auto")
    offsets = recording.offsets.copy()
    offsets[[place for place, name in enumerate(recording.joints) if name.endswith(lost)]] = 0
    with pytest.raises(ValueError, match=says):
        retarget(replace(recording, offsets=offsets), body)


def test_nothing_flips(tmp_path, rest, to_bvh, body):
    """Arms that circle, a body that turns right around: neighbouring frames stay near."""
    frames = 120
    t = np.linspace(0, 2 * np.pi, frames)
    pose = np.zeros((frames, 24, 3))
    pose[:, 0, 1] = t
    pose[:, JOINT_INDEX["left_shoulder"], 1] = 2 * t
    pose[:, JOINT_INDEX["right_shoulder"], 2] = t
    pose[:, [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]], 0] = 1.2 * np.sin(t)[:, None] ** 2
    turning = Motion(pose, np.zeros((frames, 3)), 30.0)
    for axes in (None, bone_axes(rest)):
        back = read_motion(written(tmp_path, to_bvh(turning, rest, axes=axes)))
        matrices = axis_angle_to_matrix(torch.from_numpy(back.pose).double())
        assert torch.rad2deg(geodesic_distance(matrices[1:], matrices[:-1])).max() < 10


@pytest.mark.parametrize("kind", ["hdm05_train", "bandai2_train"])
def test_real_recordings_keep_their_directions_and_stand(shared, tmp_path, body, kind):
    for path in one_of_each_action(shared / "data" / f"{kind}.tar.xz", tmp_path, limit=5):
        recording = in_metres_y_up(read_recording(path, format_of(path)))
        joints = match_joints(recording)
        result = retarget(recording, body).motion
        at, source = result.joint_positions(body), recording.world()[1]
        for side in ("left", "right"):
            for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
                ours = at[:, JOINT_INDEX[f"{side}_{b}"]] - at[:, JOINT_INDEX[f"{side}_{a}"]]
                theirs = source[:, joints.limbs[f"{side}_{b}"]] - source[:, joints.limbs[f"{side}_{a}"]]
                cosine = (
                    (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
                )
                assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 1
        lowest = read_motion(path).vertices(body)[..., 1].min(1)
        assert -0.15 < np.median(lowest) < 0.05
        assert at[..., 1].max() - at[..., 1].min() < 2.6


def one_of_each_action(archive, folder, limit):
    """The first recording of each action, with every skeleton in the archive."""
    chosen, seen = [], set()
    with tarfile.open(archive) as members:
        members.extraction_filter = getattr(tarfile, "data_filter", None)  # ignored before Python 3.11.4
        for member in members:
            if member.name.lower().endswith(".asf"):
                members.extract(member, folder)
            elif member.name.lower().endswith((".amc", ".bvh")) and len(seen) < limit:
                action = re.sub(r"\d", "", max(member.name.rpartition("/")[2].split("_"), key=len))
                if action not in seen:
                    seen.add(action)
                    members.extract(member, folder)
                    chosen.append(folder / member.name)
            elif len(seen) == limit and member.name.lower().endswith(".bvh"):
                break  # all that is wanted; the rest need not be decompressed
    return chosen
