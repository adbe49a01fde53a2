"""SMPL motion -> BVH: the 24-joint skeleton of a body, its rest pose arms out and facing +z, y up."""

import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from motionary.atomic import write_atomically
from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyModel, ShapedBody
from motionary.export.bone_names import NamePreset, bone_names
from motionary.motion import Motion

EULER_ORDER = "ZXY"  # what most BVH files use; R = Rz Rx Ry
CENTIMETRES_PER_METRE = 100.0


def write_bvh(
    motion: Motion,
    path: Path,
    body: BodyModel,
    units_per_metre: float = CENTIMETRES_PER_METRE,
    bones: NamePreset = "smpl",
) -> None:
    """Write a motion as BVH, whole or not at all.

    The root's six channels are the pelvis in the world; other joints have three rotation channels, degrees.

    Args:
        motion: What to write.
        path: The .bvh file.
        body: Whose bone lengths, in the motion's shape.
        units_per_metre: 100 writes centimetres, which most programs expect; 1 writes metres.
        bones: Whose bone names.
    """
    shaped = body.shape(torch.from_numpy(motion.betas))
    hierarchy = _hierarchy(shaped, units_per_metre, bone_names(bones))
    pelvis = motion.translation.astype(np.float64) + shaped.joints[0].double().numpy()
    channels = np.concatenate([pelvis * units_per_metre, _euler_degrees(motion)], axis=1)
    rows = "\n".join(_numbers(row) for row in channels)
    header = f"MOTION\nFrames: {len(motion)}\nFrame Time: {1 / motion.fps:.10f}"
    write_atomically(path, f"{hierarchy}\n{header}\n{rows}\n".encode())


def _depth_first(joint: int = 0) -> list[int]:
    """Joints in the order a BVH file lists them."""
    children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
    return [joint, *(below for child in children for below in _depth_first(child))]


def _euler_degrees(motion: Motion) -> Float[ndarray, "T 72"]:
    """Rotation channels in file order."""
    pose = motion.pose[:, _depth_first()].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: the angles chosen still give the rotation
        angles = Rotation.from_rotvec(pose.reshape(-1, 3)).as_euler(EULER_ORDER, degrees=True)
    return angles.reshape(len(motion), -1)


def _hierarchy(shaped: ShapedBody, units_per_metre: float, names: tuple[str, ...]) -> str:
    joints = shaped.joints.double().numpy() * units_per_metre
    ends = _end_sites(shaped) * units_per_metre

    def block(joint: int, indent: str) -> list[str]:
        root = joint == 0
        # The root's offset is zero, so that readers which add it and readers which do not agree.
        offset = np.zeros(3) if root else joints[joint] - joints[PARENTS[joint]]
        rotations = " ".join(f"{axis}rotation" for axis in EULER_ORDER)
        channels = f"6 Xposition Yposition Zposition {rotations}" if root else f"3 {rotations}"
        inner = indent + "\t"
        lines = [f"{indent}{'ROOT' if root else 'JOINT'} {names[joint]}", f"{indent}{{"]
        lines += [f"{inner}OFFSET {_numbers(offset)}", f"{inner}CHANNELS {channels}"]
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
        for child in children:
            lines += block(child, inner)
        if not children:
            lines += [
                f"{inner}End Site",
                f"{inner}{{",
                f"{inner}\tOFFSET {_numbers(ends[joint])}",
                f"{inner}}}",
            ]
        return [*lines, f"{indent}}}"]

    return "\n".join(["HIERARCHY", *block(0, "")])


def _end_sites(shaped: ShapedBody) -> Float[ndarray, "24 3"]:
    """Where bones of joints without children end, metres from the joint: about the end of the skin."""
    joints, vertices = shaped.joints.double().numpy(), shaped.vertices.double().numpy()
    owner = shaped.model.weights.argmax(-1).numpy()
    ends = (
        joints - joints[list(PARENTS)]
    )  # a joint without skin repeats its bone; the root's entry is never used
    for joint in range(1, NUM_JOINTS):
        owned = vertices[owner == joint]
        if len(owned):
            ends[joint] = 2 * (owned.mean(0) - joints[joint])
    return ends


def _numbers(values: Float[ndarray, "N"]) -> str:
    # Eight decimals keep a file in metres as exact as one in centimetres: a millionth is a micrometre there.
    return " ".join(f"{value:.8f}" for value in values)
