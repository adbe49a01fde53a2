"""Motion -> .npz: our own form, or that of AMASS as the SMPL add-ons of Blender open it."""

import io
import math
from pathlib import Path
from typing import Literal

import numpy as np

from motionary.atomic import write_atomically
from motionary.body.smpl import BodyModel
from motionary.motion import TURN_TO_Y_UP, Motion, turned

NpzForm = Literal["motionary", "amass"]

SMPLX_JOINTS = 55
NUM_SHARED = 22
"""Joints that SMPL and SMPL-X have in common; SMPL's two hands have no counterpart."""
ADD_ON_FPS = 30
"""The rate at which the add-ons keyframe unless told otherwise."""


def write_npz(motion: Motion, path: Path, body: BodyModel, form: NpzForm = "motionary") -> None:
    """Write SMPL parameters, whole or not at all.

    Args:
        motion: What to write.
        path: The .npz file.
        body: Around whose rest pelvis AMASS's axes are turned; not part of the file.
        form: "motionary" is `Motion.save`'s: SMPL's 24 joints, y up. "amass" is SMPL-X's 55 joints, face
            and fingers zero, z up, at a multiple of 30 frames/s.

    The add-ons ask for `trans`, `gender`, `mocap_framerate`, `betas` and `poses` of all of SMPL-X's joints,
    cut the rate to a whole number, refuse less than 30 and keep every n-th frame of more.

    Source: `OP_LoadAvatar` in meshcapade_addon/operators.py, github.com/Meshcapade/SMPL_blender_addon;
    `SMPLXAddAnimation` of the SMPL-X add-on (J. Tesch, MPI).
    """
    if form == "motionary":
        motion.save(path)
        return
    motion = motion.resample(float(ADD_ON_FPS * max(1, math.ceil(motion.fps / ADD_ON_FPS - 0.01))))
    upright = turned(motion, TURN_TO_Y_UP["z"].T, body)
    poses = np.zeros((len(motion), SMPLX_JOINTS, 3), np.float32)
    poses[:, :NUM_SHARED] = upright.pose[:, :NUM_SHARED]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        poses=poses.reshape(len(motion), -1),
        trans=upright.translation,
        betas=motion.betas,
        mocap_framerate=np.float64(motion.fps),
        gender=np.array("neutral"),
        valid=motion.valid,
        trust=motion.trust,
        action=np.array(motion.action or ""),
        up_axis=np.array("z"),
    )
    write_atomically(path, buffer.getvalue())
