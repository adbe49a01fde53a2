"""One person of a result file, still in the file's own axes, and the Motions that become of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from motionary.body.smpl import BodyModel
from motionary.motion import NUM_BETAS, Motion
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle

Axes = Literal["camera", "y", "z"]
"""A camera's (x right, y down, z away from it), or a world's by what is up."""

R_WORLD: dict[str, Float[ndarray, "3 3"]] = {
    "camera": np.diag([1.0, -1, -1]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""Turns each of them y up. A camera is taken to be level."""

REST_PELVIS_M = {
    "smpl": np.array([-0.0022, -0.2408, 0.0286]),
    "smplx": np.array([0.0031, -0.3514, 0.0120]),
}
"""Where the pelvis of the mean body is before `transl` moves it: translations turn about it, not about 0."""

LONGEST_GAP_S = 0.5
"""A person not seen for longer starts a new motion; shorter gaps are bridged, and marked as not seen."""

FURTHEST_M = 10_000.0


@dataclass(frozen=True)
class Track:
    """One person, checked; one row for every frame in which they were seen."""

    pose: Float[ndarray, "T 24 3"]
    """Rotation vectors; the root's in `axes`."""
    pelvis_m: Float[ndarray, "T 3"]
    """In `axes`."""
    frames: Int[ndarray, "T"]
    """Numbers of the video's frames, growing."""
    axes: Axes
    betas: Float[ndarray, "10"]
    fps: float | None = None
    """Frames per second, where the file tells."""
    cuts: tuple[int, ...] = ()
    """Frames that begin another shot."""

    def motions(self, fps: float, body: BodyModel) -> Iterator[tuple[int, Motion]]:
        """First frame and motion of every stretch without a long gap or a cut: y up, on the ground at y = 0.

        Args:
            fps: Frames per second of the video.
            body: What stands on the ground.
        """
        R = R_WORLD[self.axes]
        root = torch.from_numpy(R).float() @ axis_angle_to_matrix(torch.from_numpy(self.pose[:, 0]))
        pose = np.concatenate([matrix_to_axis_angle(root).numpy()[:, None], self.pose[:, 1:]], axis=1)
        rest_pelvis_m = body.shape(torch.from_numpy(self.betas)).joints[0].numpy()
        translation = (self.pelvis_m @ R.T - rest_pelvis_m).astype(np.float32)
        shot = np.searchsorted(np.array(self.cuts), self.frames, side="right")
        apart = (np.diff(self.frames) - 1 > LONGEST_GAP_S * fps) | (np.diff(shot) > 0)
        for rows in np.split(np.arange(len(self.frames)), np.flatnonzero(apart) + 1):
            first = int(self.frames[rows[0]])
            at = self.frames[rows] - first
            motion = _spread(pose[rows], translation[rows], at, fps, self.betas)
            yield first, motion.on_ground(body)


def _spread(
    pose: Float[ndarray, "N 24 3"],
    translation: Float[ndarray, "N 3"],
    at: Int[ndarray, "N"],
    fps: float,
    betas: Float[ndarray, "10"],
) -> Motion:
    """A motion of all frames up to the last of `at`, those between bridged."""
    valid = np.zeros(at[-1] + 1, bool)
    valid[at] = True
    row = np.cumsum(valid) - 1
    motion = Motion(pose[row], translation[row], fps, betas, valid=valid)
    return motion.fill_gaps(longest_s=np.inf)


def mean_betas(betas: ndarray | None) -> Float[ndarray, "10"]:
    """One shape for the whole track: the mean over its frames of the first ten coefficients.

    Raises:
        ValueError: If they are not finite numbers.
    """
    mean = np.zeros(NUM_BETAS, np.float32)
    if betas is None or betas.size == 0:
        return mean
    if betas.dtype.kind not in "fiu" or not np.isfinite(betas).all():
        raise ValueError("betas must be finite numbers")
    rows = betas.reshape(-1, betas.shape[-1])[:, :NUM_BETAS] if betas.ndim else betas.reshape(1, 1)
    mean[: rows.shape[1]] = rows.mean(0)
    return mean


def positions_of(name: str, positions: ndarray, num_frames: int) -> Float[ndarray, "T 3"]:
    """Positions in metres, checked.

    Raises:
        ValueError: If they are of another number than the frames, not finite, or out of this world.
    """
    if positions.size != num_frames * 3 or positions.shape[-1] != 3 or positions.shape[0] != num_frames:
        raise ValueError(f"{name} must be {(num_frames, 3)}; got {positions.shape}")
    rows = positions.reshape(num_frames, 3).astype(np.float64)
    bad = ~np.isfinite(rows).all(1) | (np.abs(rows) > FURTHEST_M).any(1)
    if bad.any():
        raise ValueError(
            f"{name} must be metres below {FURTHEST_M:.0f}; row {int(bad.argmax())} is {rows[bad][0]}"
        )
    return rows


def frames_of(name: str, frames: ndarray | None, num_frames: int) -> Int[ndarray, "T"]:
    """Frame numbers, checked; 0, 1, 2, ... where the file has none.

    Raises:
        ValueError: If they are of another number than the poses, no whole numbers, or do not grow.
    """
    if frames is None:
        return np.arange(num_frames)
    frames = frames.reshape(-1)
    if len(frames) != num_frames:
        raise ValueError(f"{name} must be {num_frames} numbers, one for each pose; got {len(frames)}")
    if not np.isfinite(frames).all() or (frames != np.round(frames)).any() or (np.diff(frames) <= 0).any():
        raise ValueError(f"{name} must be whole numbers that grow; got {frames[:6].tolist()}...")
    return frames.astype(np.int64)
