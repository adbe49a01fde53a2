"""Made-up motion capture: BVH files of a known SMPL motion, under any names, axes and units."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from motionary.body.assets import load_body
from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix

TURNS = {"y": np.eye(3), "z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])}  # y up -> that axis up


def walking(frames: int = 40, fps: float = 30.0) -> Motion:
    """Someone walks forward and turns, knees and elbows bending, head and trunk swaying."""
    t = np.linspace(0, 4 * np.pi, frames)
    pose = np.zeros((frames, NUM_JOINTS, 3))
    for sign, side in ((1, "left"), (-1, "right")):
        pose[:, JOINT_INDEX[f"{side}_hip"]] = np.stack(
            [-0.3 + 0.5 * sign * np.sin(t), 0.1 * np.cos(t), 0 * t], -1
        )
        pose[:, JOINT_INDEX[f"{side}_knee"], 0] = 0.6 + 0.5 * sign * np.cos(t)
        pose[:, JOINT_INDEX[f"{side}_ankle"], 0] = -0.2 + 0.1 * np.sin(t)
        pose[:, JOINT_INDEX[f"{side}_shoulder"]] = np.stack([0 * t, 0.3 * np.sin(t), -1.1 * sign + 0 * t], -1)
        pose[:, JOINT_INDEX[f"{side}_elbow"], 1] = -sign * (0.7 + 0.4 * np.cos(t))
        pose[:, JOINT_INDEX[f"{side}_wrist"], 2] = 0.1 * np.sin(t)
    pose[:, JOINT_INDEX["spine2"], 1] = pose[:, JOINT_INDEX["head"], 1] = 0.2 * np.sin(t)
    pose[:, 0, 1] = 0.1 * t
    translation = np.stack([0.1 * t, 1.2 + 0.02 * np.cos(2 * t), 0.3 * t], -1)
    return Motion(pose, translation, fps)


def bvh_of(motion, rest, names=JOINT_NAMES, scale=100.0, up="y", axes=None, order="ZXY") -> str:
    """BVH text of a motion on a body with these rest joints.

    names: of SMPL's joints in order; None leaves out a joint without children. scale: units per metre.
    up: the file's vertical axis. order: of its Euler angles. axes: (24, 3, 3) each joint's own axes when the
    body stands at rest; when None they are the file's axes, so that its zero pose is the rest pose.
    """
    turn = TURNS[up]
    axes = np.broadcast_to(turn.T, (NUM_JOINTS, 3, 3)) if axes is None else axes
    local = axis_angle_to_matrix(torch.from_numpy(motion.pose).double()).numpy()
    lines, columns = ["HIERARCHY"], [(motion.translation + rest[0]) @ turn.T * scale]

    def write(joint: int) -> None:
        parent = PARENTS[joint]
        before = turn if parent < 0 else axes[parent].T
        offset = np.zeros(3) if parent < 0 else before @ (rest[joint] - rest[parent]) * scale
        columns.append(
            Rotation.from_matrix(before @ local[:, joint] @ axes[joint]).as_euler(order, degrees=True)
        )
        channels = ["Xposition", "Yposition", "Zposition"] if parent < 0 else []
        channels += [f"{axis}rotation" for axis in order]
        lines.append(f"{'ROOT' if parent < 0 else 'JOINT'} {names[joint]}\n{{")
        lines.append("OFFSET {:.8f} {:.8f} {:.8f}".format(*offset))
        lines.append(f"CHANNELS {len(channels)} {' '.join(channels)}")
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint and names[child]]
        for child in children:
            write(child)
        lines.append("}" if children else "End Site\n{\nOFFSET 0 0 0\n}\n}")

    write(0)
    rows = "\n".join(" ".join(f"{value:.8f}" for value in row) for row in np.concatenate(columns, axis=1))
    head = "\n".join(lines)
    return f"{head}\nMOTION\nFrames: {len(motion)}\nFrame Time: {1 / motion.fps:.8f}\n{rows}\n"


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def rest(body) -> np.ndarray:
    """The free body's joints at rest, metres."""
    return body.shape().joints.double().numpy()


@pytest.fixture(scope="session")
def walk() -> Motion:
    return walking()


@pytest.fixture(scope="session")
def to_bvh():
    return bvh_of
