"""Fitting a body to landmarks: all frames at once by Gauss-Newton, on the picture and the network's 3D.

Per frame: 20 bending joints and the root's position. Jacobians are exact and written out: bending joint j by
a small rotation w (in its parent's axes) moves a point p below it by (R_parent w) x (p - p_j).

Axes: the camera's, turned so that x is right, y up and z towards the viewer; the camera looks along -z.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from motionary.body.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS
from motionary.estimators.attachments import Attachments, moves
from motionary.estimators.landmarks import LANDMARK_NAMES
from motionary.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_to_matrix,
)
from motionary.stretches import frame_by_frame

BENDING = [j for j, name in enumerate(JOINT_NAMES) if not name.endswith(("foot", "hand"))]
"""Joints that are solved for; toes and fingers stay straight."""

SIDED_BONES = (
    ("hip", "shoulder"),
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("wrist", "pinky"),
    ("wrist", "index"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "foot_index"),
    ("heel", "foot_index"),
    ("shoulder", "ear"),
)
MIDDLE_BONES = (
    ("right_hip", "left_hip"),
    ("right_shoulder", "left_shoulder"),
    ("right_ear", "left_ear"),
    ("right_ear", "nose"),
    ("left_ear", "nose"),
)
BONES = MIDDLE_BONES + tuple(
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in SIDED_BONES
)
"""Pairs of landmarks whose difference the network's 3D is believed in: its errors add up along the limbs."""
SOLES = [
    LANDMARK_NAMES.index(f"{side}_{part}") for side in ("left", "right") for part in ("heel", "foot_index")
]
"""The four points that can stand: left heel, left toe, right heel, right toe."""

CHUNK_FRAMES = 50
"""Frames fitted at a time: their matrices stay in the processor's cache."""

BONE_START, BONE_END = (np.array([LANDMARK_NAMES.index(bone[end]) for bone in BONES]) for end in (0, 1))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion, in pixels; the principal point is the image's centre."""

    focal_px: float
    width: int
    height: int

    def rays(self, image_px: Float[ndarray, "*B 2"]) -> Float[ndarray, "*B 2"]:
        """(x / depth, y / depth) of image positions, y up."""
        return (image_px - np.array([self.width / 2, self.height / 2])) * np.array([1, -1]) / self.focal_px

    def project(self, points_m: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 2"]:
        """Image positions, in pixels, of points in camera axes (x right, y up, z towards the viewer)."""
        depth = np.maximum(-points_m[..., 2:], 1e-3)
        return (
            points_m[..., :2] / depth * self.focal_px * np.array([1, -1])
            + np.array([self.width, self.height]) / 2
        )


@dataclass(frozen=True)
class FitConfig:
    """Standard deviations say how far each source is trusted."""

    image_m: float = 0.02
    """Landmarks across the line of sight, in metres at the person's distance."""
    across_m: float = 0.08
    """The network's 3D, from one end of a bone to the other, across the line of sight."""
    depth_m: float = 0.08
    """The network's 3D along the line of sight."""
    course_rad: float = 0.1
    """Joints about their own course over time, in the later steps."""
    course_s: float = 0.1
    """Standard deviation of the smoothing that gives that course."""
    steps: int = 3
    """Gauss-Newton steps of each frame on its own."""
    course_steps: int = 2
    """Steps after those, each with joints drawn to the course found so far."""
    outlier: float = 2.5
    """Residuals beyond this many standard deviations count linearly (Huber)."""


BEND_RAD = {
    "pelvis": (50.0, 50.0, 50.0),
    "hip": (1.4, 0.5, 0.5),
    "knee": (1.4, 0.11, 0.07),
    "ankle": (0.35, 0.18, 0.18),
    "spine1": (0.2, 0.14, 0.14),
    "spine2": (0.14, 0.14, 0.14),
    "spine3": (0.14, 0.14, 0.14),
    "neck": (0.2, 0.2, 0.2),
    "head": (0.2, 0.2, 0.2),
    "collar": (0.11, 0.14, 0.14),
    "shoulder": (0.7, 1.1, 1.1),
    "elbow": (0.35, 1.4, 0.11),
    "wrist": (0.35, 0.2, 0.35),
}
"""Spread of each joint's rotation vector about zero in everyday motion: knees and elbows are hinges."""


@dataclass(frozen=True)
class BodyFit:
    """A body in camera axes."""

    local: Float[ndarray, "T 24 3 3"]
    """Parent-relative rotations."""
    root_m: Float[ndarray, "T 3"]
    """Position of the pelvis."""


@dataclass(frozen=True)
class Target:
    """What a body is fitted to."""

    rays: Float[ndarray, "T 33 2"]
    world_m: Float[ndarray, "T 33 3"]
    """In camera axes, scaled to the body; only differences count."""
    trust: Float[ndarray, "T 33"]
    """0 to 1."""


def courses(local: Float[ndarray, "T 24 3 3"], sigma_frames: float) -> Float[ndarray, "T 24 3 3"]:
    """The rotations smoothed over time, symmetrically, so that nothing lags."""
    quaternion = frame_by_frame(lambda some: matrix_to_quaternion(torch.from_numpy(some)).numpy(), local)
    turned_over = (quaternion[1:] * quaternion[:-1]).sum(-1, keepdims=True) < 0
    quaternion[1:] *= np.cumprod(np.where(turned_over, -1, 1), axis=0)  # q and -q are one rotation
    smoothed = gaussian_filter1d(quaternion, sigma_frames, axis=0, mode="nearest")
    return frame_by_frame(lambda some: quaternion_to_matrix(torch.from_numpy(some)).numpy(), smoothed)


@dataclass(frozen=True)
class Anchors:
    """Where standing points of the soles stay, and the path of the root that goes with them; camera axes."""

    soles_m: Float[ndarray, "T 4 3"]
    stands: Bool[ndarray, "T 4"]
    root_m: Float[ndarray, "T 3"]
    sole_m: float = 0.004
    """Standard deviation of a standing point from its place."""
    path_m: float = 0.01
    """Standard deviation of the root from its path."""

    def part(self, frames: slice) -> "Anchors":
        """Some frames."""
        return replace(
            self, soles_m=self.soles_m[frames], stands=self.stands[frames], root_m=self.root_m[frames]
        )


def forward(
    local: Float[ndarray, "T 24 3 3"], root_m: Float[ndarray, "T 3"], rest_joints: Float[ndarray, "24 3"]
) -> tuple[Float[ndarray, "T 24 3 3"], Float[ndarray, "T 24 3"]]:
    """World rotations and positions of the joints."""
    R_world, joints = [local[:, 0]], [root_m]
    for joint in range(1, NUM_JOINTS):
        parent = PARENTS[joint]
        joints.append(joints[parent] + R_world[parent] @ (rest_joints[joint] - rest_joints[parent]))
        R_world.append(R_world[parent] @ local[:, joint])
    return np.stack(R_world, 1), np.stack(joints, 1)


def place(
    points_m: Float[ndarray, "T K 3"], rays: Float[ndarray, "T K 2"], trust: Float[ndarray, "T K"]
) -> Float[ndarray, "T 3"]:
    """Where a body with points_m about its root stands if seen along rays: linear least squares per frame.

    Each point gives x + tx = -ray_x (z + tz), and the same for y.
    """
    weight = np.sqrt(trust)[..., None]
    zeros, ones = np.zeros_like(rays[..., 0]), np.ones_like(rays[..., 0])
    rows_x = np.stack([ones, zeros, rays[..., 0]], -1) * weight
    rows_y = np.stack([zeros, ones, rays[..., 1]], -1) * weight
    A = np.concatenate([rows_x, rows_y], 1)
    b = np.concatenate([-points_m[..., k] - rays[..., k] * points_m[..., 2] for k in (0, 1)], 1)
    b *= np.concatenate([weight, weight], 1)[..., 0]
    AtA = A.swapaxes(1, 2) @ A + 1e-6 * np.eye(3)
    root = np.linalg.solve(AtA, A.swapaxes(1, 2) @ b[..., None])[..., 0]
    return np.concatenate([root[:, :2], np.minimum(root[:, 2:], -0.3)], 1)


def refine(
    start: BodyFit,
    target: Target,
    rest_joints: Float[ndarray, "24 3"],
    attachments: Attachments,
    config: FitConfig,
    *,
    course: Float[ndarray, "T 24 3 3"] | None = None,
    anchors: Anchors | None = None,
    threads: int = 1,
) -> BodyFit:
    """Gauss-Newton steps from a first fit, in chunks of frames so that memory stays bounded.

    With a course, joints are drawn to it; with anchors, standing soles are held in place. Several threads fit
    several chunks at a time; what comes out is the same.
    """
    found = BodyFit(np.empty_like(start.local), np.empty_like(start.root_m))

    def fit_chunk(first: int) -> None:
        part = slice(first, first + CHUNK_FRAMES)
        fit = BodyFit(start.local[part], start.root_m[part])
        seen = Target(target.rays[part], target.world_m[part], target.trust[part])
        its_course = course if course is None else course[part]
        its_anchors = anchors and anchors.part(part)
        for _ in range(config.steps):
            fit = _step(fit, seen, rest_joints, attachments, config, its_course, its_anchors)
        found.local[part], found.root_m[part] = fit.local, fit.root_m

    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(fit_chunk, range(0, len(start.root_m), CHUNK_FRAMES)))
    return found


@contextmanager
def one_thread() -> Iterator[None]:
    """For fitting: its matrices are small and many; more of torch's threads cost more than they save."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _step(
    fit: BodyFit,
    target: Target,
    rest_joints: ndarray,
    attachments: Attachments,
    config: FitConfig,
    course: ndarray | None,
    anchors: Anchors | None,
) -> BodyFit:
    R_world, joints = forward(fit.local, fit.root_m, rest_joints)
    points = attachments.positions(R_world, joints)
    J_bend = bending_jacobian(R_world, joints, points, attachments)  # (T, 33, 3, P)
    H, g = normal_equations(fit, points, J_bend, target, config)
    if course is not None:
        _add_course(H, g, fit.local, course, config.course_rad)
    if anchors is not None:
        _add_anchors(H, g, J_bend, points, fit.root_m, anchors)
    H += 1e-3 * np.eye(H.shape[-1])
    factor = torch.linalg.cholesky(torch.from_numpy(H))  # positive definite, so half the work of solve
    delta = -torch.cholesky_solve(torch.from_numpy(g)[..., None], factor)[..., 0].numpy()
    bend = np.clip(delta[:, :-3].reshape(len(delta), -1, 3), -0.6, 0.6)
    local = fit.local.copy()
    local[:, BENDING] = axis_angle_to_matrix(torch.from_numpy(bend)).numpy() @ local[:, BENDING]
    root = fit.root_m + delta[:, -3:]
    return BodyFit(local, np.concatenate([root[:, :2], np.minimum(root[:, 2:], -0.3)], 1))


def normal_equations(
    fit: BodyFit,
    points: Float[ndarray, "T 33 3"],
    moved: Float[ndarray, "T 33 3 P"],
    target: Target,
    config: FitConfig,
) -> tuple[Float[ndarray, "T Q Q"], Float[ndarray, "T Q"]]:
    """Gauss-Newton matrix and gradient of each frame, data and everyday pose together.

    Args:
        fit: Where the terms are linearised.
        points: Its landmarks.
        moved: How they move with P parameters, the bending joints' first; Q = P + 3 with the root's position
            last.
        target: What is fitted.
        config: Trust in each source.
    """
    J = np.empty((len(points), 2 * points.shape[1] + 3 * len(BONES), moved.shape[-1] + 3), np.float32)
    r, first = np.empty((*J.shape[:2], 1), np.float32), 0
    for jacobian, residual, sigma, trust in (
        _image_term(points, moved, target, config),
        _bone_term(points, moved, target, config),
    ):
        weight = trust[..., None] / sigma**2 * _huber(residual / sigma, config.outlier)
        weight = np.sqrt(weight).astype(np.float32)[..., None]
        rows = slice(first, first := first + residual[0].size)
        np.multiply(jacobian, weight, out=J[:, rows].reshape(jacobian.shape))
        r[:, rows] = (residual[..., None] * weight).reshape(len(points), -1, 1)
    # torch's batched products: numpy's would start all threads anew for every frame.
    Jt, residuals = torch.from_numpy(J).mT, torch.from_numpy(r)
    H, g = (Jt @ Jt.mT).double().numpy(), (Jt @ residuals)[..., 0].double().numpy()
    _add_prior(H, g, fit.local)
    return H, g


def bending_jacobian(
    R_world: Float[ndarray, "T 24 3 3"],
    joints: Float[ndarray, "T 24 3"],
    points: Float[ndarray, "T 33 3"],
    attachments: Attachments,
) -> Float[ndarray, "T 33 3 P"]:
    """How the landmarks move as the bending joints turn, three axes each in their parents' frames."""
    parents = np.array(PARENTS)[BENDING]
    R_parent = R_world[:, parents].astype(np.float32)  # Jacobians need no more, and take half the time
    R_parent[:, 0] = np.eye(3)
    arm = (points[:, :, None, :] - joints[:, None, BENDING, :]).astype(np.float32)
    arm *= moves()[attachments.joints][:, BENDING][None, :, :, None]
    axes = R_parent.swapaxes(1, 2).reshape(len(points), 1, 3, -1)
    arms = np.repeat(arm.swapaxes(2, 3), 3, axis=-1)  # one for each of a joint's three axes
    lever = np.empty_like(arms)
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):  # of the cross product of axis and arm
        lever[:, :, a] = axes[:, :, b] * arms[:, :, c] - axes[:, :, c] * arms[:, :, b]
    return lever


def _image_term(points: ndarray, J_bend: ndarray, target: Target, config: FitConfig) -> tuple:
    depth = np.maximum(-points[..., 2:], 0.2)
    distance = depth.mean(1, keepdims=True)
    ray = points[..., :2] / depth
    residual = (ray - target.rays) * distance
    scale, slant = (values[..., None].astype(np.float32) for values in (distance / depth, ray))
    root = np.broadcast_to(np.eye(3, dtype=np.float32), (*points.shape[:2], 3, 3))
    moved = np.concatenate([J_bend, root], -1)
    jacobian = scale * (moved[:, :, :2] + slant * moved[:, :, 2:])
    return jacobian, residual, np.full(2, config.image_m), target.trust


def _bone_term(points: ndarray, J_bend: ndarray, target: Target, config: FitConfig) -> tuple:
    offset = points - target.world_m
    residual = offset[:, BONE_END] - offset[:, BONE_START]
    jacobian = J_bend[:, BONE_END] - J_bend[:, BONE_START]
    padded = np.concatenate([jacobian, np.zeros((*residual.shape, 3), np.float32)], -1)
    trust = np.minimum(target.trust[:, BONE_END], target.trust[:, BONE_START])
    return padded, residual, np.array([config.across_m, config.across_m, config.depth_m]), trust


def _add_prior(H: ndarray, g: ndarray, local: ndarray) -> None:
    bent = matrix_to_axis_angle(torch.from_numpy(local[:, BENDING])).numpy().reshape(len(local), -1)
    spread = np.concatenate([BEND_RAD[JOINT_NAMES[j].split("_")[-1]] for j in BENDING])
    index = np.arange(len(spread))
    H[:, index, index] += spread**-2
    g[:, index] += spread**-2 * bent


def _add_course(H: ndarray, g: ndarray, local: ndarray, course: ndarray, spread_rad: float) -> None:
    off = torch.from_numpy(local[:, BENDING] @ course[:, BENDING].swapaxes(-1, -2))
    residual = matrix_to_axis_angle(off).numpy().reshape(len(local), -1)
    index = np.arange(residual.shape[1])
    H[:, index, index] += spread_rad**-2
    g[:, index] += residual * spread_rad**-2


def _add_anchors(
    H: ndarray, g: ndarray, J_bend: ndarray, points: ndarray, root_m: ndarray, anchors: Anchors
) -> None:
    moved = np.broadcast_to(np.eye(3), (len(points), len(SOLES), 3, 3))
    J = np.concatenate([J_bend[:, SOLES], moved], -1) * (anchors.stands / anchors.sole_m)[..., None, None]
    r = (points[:, SOLES] - anchors.soles_m) * (anchors.stands / anchors.sole_m)[..., None]
    rows = torch.from_numpy(J.reshape(len(points), -1, J.shape[-1]))
    H += (rows.mT @ rows).numpy()
    g += (rows.mT @ torch.from_numpy(r.reshape(len(points), -1, 1)))[..., 0].numpy()
    H[:, [-3, -2, -1], [-3, -2, -1]] += anchors.path_m**-2
    g[:, -3:] += (root_m - anchors.root_m) * anchors.path_m**-2


def _huber(residual: ndarray, limit: float) -> ndarray:
    size = np.maximum(np.linalg.norm(residual, axis=-1, keepdims=True), 1e-9)
    return np.minimum(1, limit / size)
