from dataclasses import replace

import numpy as np
import pytest

from motionary.mocap.bvh import read_bvh
from motionary.mocap.joint_names import match_joints
from motionary.mocap.placement import METRES, in_metres_y_up, metres_per_unit, vertical_axis
from motionary.motion import Motion


def recorded(tmp_path, text):
    path = tmp_path / "a.bvh"
    path.write_text(text)
    return read_bvh(path)


def lying(angle=np.pi / 2) -> Motion:
    """Flat on the back, or turned."""
    pose = np.zeros((20, 24, 3))
    pose[:, 0, 0] = -angle
    pose[:, 4, 0] = np.linspace(0, 0.5, 20)
    return Motion(pose, np.tile([0, 0.4, 0], (20, 1)), 30.0)


@pytest.mark.parametrize("up", ["y", "z"])
def test_someone_upright_tells_the_vertical_axis(tmp_path, walk, rest, to_bvh, up):
    recording = recorded(tmp_path, to_bvh(walk, rest, up=up))
    assert vertical_axis(recording, match_joints(recording)) == up


@pytest.mark.parametrize("up", ["y", "z"])
def test_lying_all_the_time_does_not_fool_the_vertical_axis(tmp_path, rest, to_bvh, up):
    recording = recorded(tmp_path, to_bvh(lying(), rest, up=up))
    assert vertical_axis(recording, match_joints(recording)) == up


def test_a_file_whose_root_turns_its_upright_skeleton_into_z_up_is_seen_by_its_floor(
    tmp_path, walk, rest, to_bvh
):
    on_floor = replace(
        walk, translation=walk.translation - [0, walk.translation[0, 1] + rest[:, 1].min() - 0.02, 0]
    )
    recording = recorded(tmp_path, to_bvh(on_floor, rest))
    turned = recording.turned(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    assert vertical_axis(turned, match_joints(turned)) == "z"


@pytest.mark.parametrize("factor", METRES.values(), ids=METRES)
def test_human_legs_tell_the_unit(tmp_path, walk, rest, to_bvh, factor):
    recording = recorded(tmp_path, to_bvh(walk, rest, scale=1 / factor))
    assert metres_per_unit(recording, match_joints(recording)) == pytest.approx(factor)


def test_what_is_given_is_taken(tmp_path, walk, rest, to_bvh):
    recording = recorded(tmp_path, to_bvh(walk, rest))
    leg = np.linalg.norm(recording.offsets, axis=-1).sum()
    inches = in_metres_y_up(recording, units="inch")
    assert np.linalg.norm(inches.offsets, axis=-1).sum() == pytest.approx(leg * 0.0254)
