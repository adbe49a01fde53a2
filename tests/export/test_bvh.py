import numpy as np
import pybvh
import pytest
from pymotion.io.bvh import BVH
from pymotion.ops.skeleton import fk

from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES
from motionary.export.bvh import write_bvh

TOLERANCE_MM = 1e-3  # float32 joints


def in_our_order(names: list[str], positions: np.ndarray) -> np.ndarray:
    assert sorted(names) == sorted(JOINT_NAMES)
    ours = np.empty_like(positions)
    ours[:, [JOINT_INDEX[name] for name in names]] = positions
    return ours


def read_with_pybvh(path) -> tuple[np.ndarray, float]:
    bvh = pybvh.Bvh.from_file(path)
    return in_our_order(list(bvh.joint_names), bvh.joint_positions()), bvh.fps


def read_with_pymotion(path) -> tuple[np.ndarray, float]:
    bvh = BVH()
    bvh.load(str(path))
    rotations, positions, parents, offsets, _, _ = bvh.get_data()
    world, _ = fk(rotations, positions[:, 0], offsets, parents)
    return in_our_order(list(bvh.data["names"]), world), 1 / bvh.data["frame_time"]


@pytest.mark.parametrize("read", [read_with_pybvh, read_with_pymotion])
@pytest.mark.parametrize("units_per_metre", [1.0, 100.0, 1000.0])
def test_other_libraries_find_every_joint_where_it_is(read, units_per_metre, motion, body, tmp_path):
    write_bvh(motion, tmp_path / "dance.bvh", body, units_per_metre)
    positions, fps = read(tmp_path / "dance.bvh")
    error_mm = np.abs(positions / units_per_metre - motion.joint_positions(body)).max() * 1000
    assert error_mm < TOLERANCE_MM
    assert fps == pytest.approx(motion.fps, rel=1e-6)


def test_half_turns_and_gimbal_lock_survive(motion, body, tmp_path):
    pose = motion.pose.copy()
    pose[:, 1] = [np.pi / 2, 0, 0]  # the middle axis of ZXY at its pole
    pose[:, 0] = [0, np.pi, 0]
    turned = type(motion)(pose, motion.translation, motion.fps)
    write_bvh(turned, tmp_path / "turned.bvh", body)
    positions, _ = read_with_pybvh(tmp_path / "turned.bvh")
    assert np.abs(positions / 100 - turned.joint_positions(body)).max() * 1000 < TOLERANCE_MM
