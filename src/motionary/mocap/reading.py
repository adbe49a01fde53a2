"""One motion-capture file -> one Motion on the free body, checked, resampled and standing on the ground."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.body.assets import default_body
from motionary.body.skeleton import JOINT_NAMES
from motionary.grounding import with_feet_on_ground
from motionary.limits import limits
from motionary.mocap.amass import read_amass
from motionary.mocap.amc import DEFAULT_FPS, read_amc
from motionary.mocap.bvh import read_bvh
from motionary.mocap.joint_names import match_joints
from motionary.mocap.placement import Axis, Unit, in_metres_y_up
from motionary.mocap.recording import Recording
from motionary.mocap.retarget import retarget
from motionary.motion import Motion

Format = Literal["auto", "bvh", "amc", "amass"]

SUFFIXES: dict[str, str] = {".bvh": "bvh", ".amc": "amc", ".npz": "amass"}

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
"""To say what to do with them."""

FASTEST_M_S = 20.0
"""No joint of a person is faster; a pitcher's hand and a footballer's foot come near."""


def read_motion(
    path: Path | str,
    format: Format = "auto",
    fps: float | None = 30.0,
    action: str | None = None,
    units: Unit = "auto",
    up: Axis = "auto",
    *,
    asf: Path | None = None,
    amc_fps: float = DEFAULT_FPS,
) -> Motion:
    """Read a motion-capture file as a motion of the free body, with its feet on the ground at y = 0.

    Args:
        path: A .bvh, .amc (its .asf skeleton beside it) or AMASS .npz file.
        format: What it is; "auto" goes by the suffix.
        fps: Frames per second of the result; None keeps the file's own.
        action: Label of the result; None keeps the file's own, if any.
        units: Unit of length of a BVH file.
        up: Vertical axis of the file.
        asf: Skeleton of an .amc file, where it does not lie beside it.
        amc_fps: Rate of an .amc file, which does not tell it.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the file is malformed, its skeleton is unknown, or its motion is not possible.
    """
    path = Path(path)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a positive number; got {fps}.")
    kind = format_of(path) if format == "auto" else format
    if kind == "amass":
        motion = read_amass(path, default_body(), up)
        check_motion(motion.joint_positions(default_body()), JOINT_NAMES, motion.fps, str(path))
        motion = _at_rate(motion, fps or motion.fps, path)
    else:
        recording = read_possible(path, kind, units, up, asf=asf, amc_fps=amc_fps)
        try:
            motion = retarget(recording, default_body()).motion
            motion = with_feet_on_ground(_at_rate(motion, fps or motion.fps, path), default_body())
        except ValueError as error:
            raise ValueError(f"{path}: its motion cannot be brought onto a body ({error}).") from None
    return motion if action is None else replace(motion, action=action)


def _at_rate(motion: Motion, fps: float, path: Path) -> Motion:
    """The motion resampled, if that does not take more frames than the limits allow."""
    frames = (len(motion) - 1) * (fps / motion.fps)
    limits().check("frames", int(min(frames, 1e18)), path)
    return motion.resample(fps)


def read_possible(
    path: Path,
    kind: str,
    units: Unit = "auto",
    up: Axis = "auto",
    *,
    asf: Path | None = None,
    amc_fps: float = DEFAULT_FPS,
) -> Recording:
    """Read a .bvh or .amc file, bring it to metres and y up, and refuse what no person can have done.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If it is malformed, its skeleton is unknown, or its motion is not possible.
    """
    recording = in_metres_y_up(read_recording(path, kind, asf, amc_fps), units, up)
    check_recording(recording)
    return recording


def format_of(path: Path) -> str:
    """Name of a file's format by its suffix.

    Raises:
        ValueError: If no format has that suffix.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES:
        raise ValueError(f"{path} is a video: recover its motion with `motionary estimate` first.")
    if (kind := SUFFIXES.get(path.suffix.lower())) is None:
        raise ValueError(
            f"{path}: motion capture is read from {', '.join(SUFFIXES)} files; got {path.suffix}."
        )
    return kind


def read_recording(path: Path, kind: str, asf: Path | None = None, amc_fps: float = DEFAULT_FPS) -> Recording:
    """Read a .bvh or .amc file as it is.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If it is malformed or kind is unknown.
    """
    match kind:
        case "bvh":
            return read_bvh(path)
        case "amc":
            return read_amc(path, asf, amc_fps)
    raise ValueError(f"format must be auto, bvh, amc or amass; got {kind}.")


def check_recording(recording: Recording) -> None:
    """Refuse a recording that no person can have done; see `check_motion`. Lengths are metres."""
    joints = match_joints(recording)
    used = sorted({*joints.limbs.values(), *joints.trunk, *joints.neck, joints.head})
    names = tuple(recording.joints[joint] for joint in used)
    check_motion(recording.world()[1][:, used], names, recording.fps, recording.name)


def check_motion(points_m: Float[ndarray, "T J 3"], joints: tuple[str, ...], fps: float, name: str) -> None:
    """Refuse a motion that no person can have done.

    Args:
        points_m: World positions of joints.
        joints: Their names.
        fps: Frames per second.
        name: The file, for the message.

    Raises:
        ValueError: If it has one frame, or a joint jumps.
    """
    if len(points_m) < 2:
        raise ValueError(f"{name} holds a single frame; a motion needs two or more.")
    speed = np.linalg.norm(np.diff(points_m, axis=0), axis=-1) * fps
    if speed.max() > FASTEST_M_S:
        frame, joint = np.unravel_index(speed.argmax(), speed.shape)
        raise ValueError(
            f"{name}: {joints[joint]} jumps at {speed.max():.0f} m/s in frame {frame + 2}; "
            f"people stay below {FASTEST_M_S:.0f} m/s. Cut or mend the file, or give its units."
        )
