"""From a body before a camera to a person in a room: which way is up, where feet stand, where the root goes.

The camera is taken to stand still. Camera axes: x right, y up, z towards the viewer. World axes: y up, ground
at 0.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import block_diag, coo_matrix, csr_matrix, diags, eye, kron
from scipy.sparse.linalg import spsolve

from motionary.body.skeleton import JOINT_INDEX
from motionary.motion import gaps
from motionary.rotations import rotation_between

MASS_SHARE = {
    "pelvis": 0.16,
    "spine3": 0.30,
    "head": 0.08,
    "left_hip": 0.06,
    "right_hip": 0.06,
    "left_knee": 0.08,
    "right_knee": 0.08,
    "left_ankle": 0.03,
    "right_ankle": 0.03,
    "left_elbow": 0.06,
    "right_elbow": 0.06,
}
"""Share of the body's mass gathered near each joint (after Winter 2009, table 4.1)."""


@dataclass(frozen=True)
class RootConfig:
    """How feet are found standing, and how far the root may be moved to keep them there."""

    slow_m_s: float = 0.25
    """A point of the sole moving slower than this across the picture may be standing."""
    slow_share: float = 0.25
    """This share of the speed at which the feet move on average is added: standing feet are seen blurred."""
    depth_share: float = 0.9
    """How much speed along the line of sight counts, which is seen less well, the less the further away."""
    depth_share_within_m: float = 4.0
    above_lowest_m: float = 0.12
    """A standing point is no higher above the lowest one."""
    shortest_s: float = 0.1
    across_m: float = 0.03
    """Uncertainty of the root across the line of sight."""
    depth_m: float = 0.25
    """Uncertainty of the root along the line of sight."""
    slide_m: float = 0.003
    """How far a standing point may move from one frame to the next at 30 frames/s."""
    height_m: float = 0.02
    """How far a standing point may be from the ground."""
    acceleration_m_s2: float = 4.0
    """Typical acceleration of the root."""
    steepest_rad: float = 0.9
    """A camera turned further than this from level is not believed."""
    trust_after_s: float = 0.4
    """Standing time at which the feet's opinion of the vertical counts half."""


def standing(
    soles_m: Float[ndarray, "T 4 3"], fps: float, up: Float[ndarray, "3"], config: RootConfig
) -> Bool[ndarray, "T 4"]:
    """Which points of the soles stand: slow across the picture, for a while, and near the lowest one.

    Args:
        soles_m: Positions in camera axes.
        fps: Frames per second.
        up: Unit vector in camera axes.
        config: Thresholds.
    """
    if len(soles_m) < 2:
        return np.ones(soles_m.shape[:2], bool)
    steady = gaussian_filter1d(soles_m, 0.04 * fps, axis=0, mode="nearest")
    steady[..., 2] = gaussian_filter1d(soles_m[..., 2], 0.12 * fps, axis=0, mode="nearest")
    velocity = np.gradient(steady, 1 / fps, axis=0)
    distance = np.maximum(-steady[..., 2], 1)
    velocity[..., 2] *= config.depth_share * np.minimum(config.depth_share_within_m / distance, 1)
    speed = np.linalg.norm(velocity, axis=-1)
    walking = gaussian_filter1d(np.linalg.norm(velocity[..., :2].mean(1), axis=-1), 0.3 * fps, mode="nearest")
    height = soles_m @ up
    low = height < height.min(1, keepdims=True) + config.above_lowest_m
    slow = (speed < config.slow_m_s + config.slow_share * walking[:, None]) & low
    return np.stack([_long_runs(column, config.shortest_s * fps) for column in slow.T], 1)


def upright(
    joints_m: Float[ndarray, "T 24 3"], soles_m: Float[ndarray, "T 4 3"], fps: float, config: RootConfig
) -> Float[ndarray, "3"]:
    """The vertical in camera axes: on average a standing person's mass is above the feet they stand on.

    A camera without roll or tilt is assumed as far as nobody is seen standing.
    """
    level = np.array([0.0, 1.0, 0.0])
    up = level
    names, shares = zip(*MASS_SHARE.items(), strict=True)
    mass = np.einsum("j,tjc->tc", np.array(shares), joints_m[:, [JOINT_INDEX[name] for name in names]])
    for _ in range(2):
        stands = standing(soles_m, fps, up, config)
        some = stands.any(1)
        if not some.any():
            return level
        weight = stands[some].astype(float)[..., None]
        support = (soles_m[some] * weight).sum(1) / weight.sum(1)
        rise = (mass[some] - support).mean(0)
        rise = rise / max(float(np.linalg.norm(rise)), 1e-9)
        if rise @ level < np.cos(config.steepest_rad):
            return level
        seconds = some.sum() / fps
        belief = seconds / (seconds + config.trust_after_s)
        up = belief * rise + (1 - belief) * level
        up = up / np.linalg.norm(up)
    return up


def level_camera(up: Float[ndarray, "3"]) -> Float[ndarray, "3 3"]:
    """R_world_camera: the smallest turn that makes up the world's y."""
    return rotation_between(torch.from_numpy(up), torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)).numpy()


def lock_feet(
    root_m: Float[ndarray, "T 3"],
    soles_m: Float[ndarray, "T 4 3"],
    stands: Bool[ndarray, "T 4"],
    sight: Float[ndarray, "T 3"],
    fps: float,
    config: RootConfig,
) -> Float[ndarray, "T 3"]:
    """Move the root, little, so that standing points stay put and the path is smooth.

    One sparse linear least-squares problem over all frames, so nothing lags: stay near the observed root
    (loosely along the line of sight), no movement of standing points from frame to frame, standing points
    near the ground, small acceleration.

    Args:
        root_m: Observed root, world axes.
        soles_m: Points of the soles that go with it.
        stands: Which of them stand.
        sight: Unit vectors from the camera to the person.
        fps: Frames per second.
        config: Weights.
    """
    num_frames = len(root_m)
    if num_frames < 3:
        return root_m
    terms = [_observed(root_m, sight, config), _smooth_path(root_m, fps, config)]
    both = stands[1:] & stands[:-1]
    frame, point = np.nonzero(both)
    if len(frame):
        step = soles_m[frame + 1, point] - soles_m[frame, point]
        rows = np.arange(len(frame))
        ones = np.ones(len(frame))
        D = coo_matrix(
            (np.r_[-ones, ones], (np.r_[rows, rows], np.r_[frame, frame + 1])), (len(frame), num_frames)
        )
        # The correction c obeys c[t+1] - c[t] = -step; the unknown is root + c.
        change = root_m[frame + 1] - root_m[frame] - step
        terms.append((kron(D.tocsr(), eye(3)), change.reshape(-1), 1 / (config.slide_m * 30 / fps)))
        terms.append(_on_ground(root_m, soles_m, stands, config))
    A = sum((weight**2) * (M.T @ M) for M, _, weight in terms)
    b = sum((weight**2) * (M.T @ value) for M, value, weight in terms)
    return spsolve(csr_matrix(A).tocsc(), b).reshape(-1, 3)


def footprints(soles_m: Float[ndarray, "T 4 3"], stands: Bool[ndarray, "T 4"]) -> Float[ndarray, "T 4 3"]:
    """Where each standing point stays: its mean place over each unbroken time of standing."""
    prints = soles_m.copy()
    for point in range(soles_m.shape[1]):
        for start, stop in _runs(stands[:, point]):
            prints[start:stop, point] = soles_m[start:stop, point].mean(0)
    return prints


def _observed(root_m: ndarray, sight: ndarray, config: RootConfig) -> tuple:
    along = sight[:, :, None] * sight[:, None, :]
    weights = (np.eye(3) - along) / config.across_m + along / config.depth_m
    return block_diag(list(weights), format="csr"), np.einsum("tij,tj->ti", weights, root_m).reshape(-1), 1.0


def _smooth_path(root_m: ndarray, fps: float, config: RootConfig) -> tuple:
    n = len(root_m)
    D2 = diags([np.ones(n - 2), -2 * np.ones(n - 2), np.ones(n - 2)], [0, 1, 2], (n - 2, n))
    return kron(D2, eye(3)).tocsr(), np.zeros(3 * (n - 2)), fps**2 / config.acceleration_m_s2


def _on_ground(root_m: ndarray, soles_m: ndarray, stands: ndarray, config: RootConfig) -> tuple:
    ground = np.median(soles_m[..., 1][stands])
    near = stands & (np.abs(soles_m[..., 1] - ground) < 0.15)
    frame, point = np.nonzero(near)
    rows = np.arange(len(frame))
    M = coo_matrix((np.ones(len(frame)), (rows, 3 * frame + 1)), (len(frame), root_m.size)).tocsr()
    value = root_m[frame, 1] + ground - soles_m[frame, point, 1]
    return M, value, 1 / config.height_m


def _long_runs(flags: Bool[ndarray, "T"], shortest: float) -> Bool[ndarray, "T"]:
    kept = flags.copy()
    for start, stop in _runs(flags):
        if stop - start < min(shortest, len(flags)):
            kept[start:stop] = False
    return kept


def _runs(flags: Bool[ndarray, "T"]) -> list[tuple[int, int]]:
    """(start, stop) of each run of True, stop exclusive."""
    return gaps(~flags)
