"""How fast a person moves over a clip, with the camera's own movement taken out, and the bursts in it.

Speed is optical flow over the person, less the flow of a camera that moves, in heights of the person per
second: a figure that does not depend on how large the person is shown, nor on the frame rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

Picture = UInt8[ndarray, "h w"]
GRID_HZ = 50.0


@dataclass(frozen=True)
class BurstConfig:
    """What one movement is."""

    smooth_s: float = 0.06
    """Standard deviation of the smoothing over time."""
    quiet: float = 0.35
    """Share of the fastest moment's speed below which a movement is over."""
    still: float = 0.35
    """Heights per second below which nobody moves, however still the rest is."""
    gap_s: float = 0.2
    """Bursts nearer to each other than this are one."""
    shortest_s: float = 0.12
    """Shorter ones are none."""
    least: float = 0.5
    """Nor are those slower, at their fastest, than this share of the fastest."""


@dataclass(frozen=True)
class Burst:
    """One movement. Times are seconds of the clip."""

    start_s: float
    end_s: float
    fastest: float
    """Heights per second."""


@dataclass(frozen=True)
class CameraStep:
    """How the picture moved from one frame to the next, background only."""

    T_now_before: Float[ndarray, "2 3"]
    """Pixels of the small picture."""
    found: bool
    """Whether enough of the background was found again."""


def camera_step(before: Picture, now: Picture, background: UInt8[ndarray, "h w"]) -> CameraStep:
    """Shift, turn and zoom of the background between two pictures; none where too little of it is found.

    Args:
        before: Grey.
        now: Likewise.
        background: Not 0 where nobody is.
    """
    still = CameraStep(np.eye(2, 3), False)
    corners = cv2.goodFeaturesToTrack(before, 120, 0.01, 6, mask=background)
    if corners is None or len(corners) < 8:
        return still
    moved, seen, _ = cv2.calcOpticalFlowPyrLK(
        before, now, corners, corners.copy(), winSize=(15, 15), maxLevel=3
    )
    good = seen[:, 0] == 1
    if good.sum() < 8:
        return still
    matrix, inliers = cv2.estimateAffinePartial2D(
        corners[good], moved[good], method=cv2.RANSAC, ransacReprojThreshold=1.0
    )
    if matrix is None or inliers.sum() < max(6, 0.3 * good.sum()):
        return still
    return CameraStep(matrix, True)


def person_speed_px(
    before: Picture, now: Picture, box_px: Float[ndarray, "4"], T_now_before: Float[ndarray, "2 3"]
) -> float:
    """Mean movement of the fastest quarter of a box, in pixels, less that of the camera.

    Args:
        before: Grey.
        now: Likewise.
        box_px: Left, top, right, bottom.
        T_now_before: Of the camera.
    """
    height, width = now.shape
    steady = cv2.warpAffine(before, T_now_before, (width, height), borderMode=cv2.BORDER_REPLICATE)
    left, top = np.clip(box_px[:2].astype(int), 0, [width - 2, height - 2])
    right, bottom = np.clip(box_px[2:].astype(int) + 1, [left + 2, top + 2], [width, height])
    margin = int(0.25 * (bottom - top)) + 8
    y, x = slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin)
    flow = _flow(steady[y, x], now[y, x])
    inner = flow[top - y.start : bottom - y.start, left - x.start : right - x.start]
    lengths = np.sort(np.linalg.norm(inner, axis=-1).ravel())
    return float(lengths[-max(len(lengths) // 4, 1) :].mean())


def _flow(before: Picture, now: Picture) -> Float[ndarray, "h w 2"]:
    small = min(before.shape)
    if small < 24:  # the method needs some pixels to work on
        scale = 24 / small
        before, now = (cv2.resize(picture, None, fx=scale, fy=scale) for picture in (before, now))
        return cv2.resize(_flow(before, now), None, fx=1 / scale, fy=1 / scale) / scale
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = np.zeros((*now.shape, 2), np.float32)
    return np.asarray(method.calc(np.ascontiguousarray(before), np.ascontiguousarray(now), flow))


def find_bursts(
    times_s: Sequence[float], speeds: Sequence[float], config: BurstConfig
) -> tuple[list[Burst], bool, bool]:
    """The movements in a clip, in order.

    Args:
        times_s: When each speed was measured.
        speeds: Heights per second; NaN where unknown, such as across a cut.
        config: What one movement is.

    Returns:
        The bursts, and whether the first is under way at the start and the last still at the end.
    """
    times, values = np.asarray(times_s, float), np.asarray(speeds, float)
    known = np.isfinite(values)
    if known.sum() < 3:
        return [], False, False
    grid = np.arange(times[0], times[-1] + 0.5 / GRID_HZ, 1 / GRID_HZ)
    speed = gaussian_filter1d(
        np.interp(grid, times[known], values[known]), config.smooth_s * GRID_HZ, mode="nearest"
    )
    over = max(config.quiet * float(speed.max()), config.still)
    moving = np.flatnonzero(np.diff(np.concatenate([[0], (speed > over).astype(int), [0]])))
    spans = [(int(a), int(b)) for a, b in moving.reshape(-1, 2)]
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if joined and (begin - joined[-1][1]) / GRID_HZ < config.gap_s:
            begin = joined.pop()[0]
        joined.append((begin, end))
    bursts = [
        Burst(float(grid[begin]), float(grid[end - 1]), float(speed[begin:end].max()))
        for begin, end in joined
        if (end - begin) / GRID_HZ >= config.shortest_s
        and speed[begin:end].max() >= config.least * speed.max()
    ]
    if not bursts:
        return [], False, False
    return bursts, bool(bursts[0].start_s <= grid[1]), bool(bursts[-1].end_s >= grid[-2])
