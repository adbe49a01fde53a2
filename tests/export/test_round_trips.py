"""Every exchange format, read by somebody else's library or plain parsing, gives the motion back."""

import json

import numpy as np
import pybvh
import pygltflib
import pytest
from scipy.spatial.transform import Rotation

from motionary.body.skeleton import JOINT_NAMES
from motionary.export import ExportConfig, export_motion
from motionary.export.bone_names import bone_names
from motionary.motion import Motion

RIGS = ("smpl", "mixamo", "unreal", "vrm")


def same_rotations(found: np.ndarray, motion: Motion) -> float:
    """Largest angle between rotations (T, 24) and a motion's, radians."""
    ours = Rotation.from_rotvec(motion.pose.reshape(-1, 3).astype(float))
    return float((ours.inv() * Rotation.from_matrix(found.reshape(-1, 3, 3))).magnitude().max())


@pytest.mark.parametrize("bones", RIGS)
def test_a_glb_holds_every_rotation_under_the_rigs_names(bones, motion, body, tmp_path):
    path = export_motion(motion, tmp_path / "dance.glb", body, ExportConfig(bones=bones))
    document = pygltflib.GLTF2().load(str(path))
    blob, animation = document.binary_blob(), document.animations[0]
    turned = np.empty((len(motion), 24, 3, 3))
    for channel in animation.channels:
        if channel.target.path != "rotation":
            continue
        accessor = document.accessors[animation.samplers[channel.sampler].output]
        start = document.bufferViews[accessor.bufferView].byteOffset
        xyzw = np.frombuffer(blob, "f4", accessor.count * 4, start).reshape(-1, 4)
        joint = bone_names(bones).index(document.nodes[channel.target.node].name)
        turned[:, joint] = Rotation.from_quat(xyzw).as_matrix()
    assert same_rotations(turned, motion) < 1e-5


@pytest.mark.parametrize("bones", RIGS)
def test_a_bvh_holds_every_rotation_under_the_rigs_names(bones, motion, body, tmp_path):
    path = export_motion(motion, tmp_path / "dance.bvh", body, ExportConfig(bones=bones))
    bvh = pybvh.Bvh.from_file(path)
    order = [list(bvh.joint_names).index(name) for name in bone_names(bones)]
    _, turned = bvh.to_rotmat()
    assert same_rotations(turned[:, order], motion) < 1e-5


def test_joints_come_back_from_trc_and_json_lines(motion, body, tmp_path):
    expected = motion.joint_positions(body)
    trc = export_motion(motion, tmp_path / "dance.trc", body)
    rows = np.loadtxt(trc, skiprows=6)
    np.testing.assert_allclose(rows[:, 2:].reshape(-1, 24, 3), expected, atol=1e-6)
    lines = export_motion(motion, tmp_path / "dance.jsonl", body).read_text().splitlines()
    frames = [json.loads(line)["joints_m"] for line in lines]
    np.testing.assert_allclose([[f[name] for name in JOINT_NAMES] for f in frames], expected, atol=1e-6)
