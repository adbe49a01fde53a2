"""Body shape from many frames at once: the betas that the landmarks of a whole track agree on."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyModel
from motionary.estimators.attachments import Attachments
from motionary.estimators.fitting import (
    BodyFit,
    FitConfig,
    Target,
    bending_jacobian,
    forward,
    normal_equations,
)

MOST_FRAMES = 60
"""Frames looked at, spread evenly over the track."""

WORTH_FRAMES = 3
"""A whole track tells as much as this many independent frames: its errors are alike from frame to frame."""

LARGEST_BETA = 2.5


def fit_betas(
    fit: BodyFit, target: Target, body: BodyModel, attachments: Attachments, config: FitConfig
) -> Float[ndarray, "10"]:
    """One Gauss-Newton step in the betas, shared by all frames, with every frame's pose eliminated.

    The prior is SMPL's: betas are standard normal among people. One camera cannot see size: it stays mean.

    Args:
        fit: A fit of the body in its mean shape.
        target: What it was fitted to.
        body: The body; one whose joints do not depend on its betas gives zeros.
        attachments: Where the landmarks sit on it.
        config: Trust in each source.
    """
    frames = np.unique(np.linspace(0, len(fit.root_m) - 1, MOST_FRAMES).astype(int))
    fit = BodyFit(fit.local[frames], fit.root_m[frames])
    target = Target(target.rays[frames], target.world_m[frames], target.trust[frames])
    R_world, joints = forward(fit.local, fit.root_m, body.joints_template.double().numpy())
    points = attachments.positions(R_world, joints)
    bend = bending_jacobian(R_world, joints, points, attachments)
    by_shape = _shape_jacobian(R_world, body.joints_shapedirs.double().numpy())[:, attachments.joints]
    H, g = normal_equations(
        fit, points, np.concatenate([bend, by_shape.astype(bend.dtype)], -1), target, config
    )
    num_betas = by_shape.shape[-1]
    shape = np.arange(bend.shape[-1], bend.shape[-1] + num_betas)
    pose = np.setdiff1d(np.arange(H.shape[-1]), shape)
    H_pp = H[:, pose[:, None], pose] + 1e-3 * np.eye(len(pose))
    H_sp = H[:, shape[:, None], pose]
    solved = np.linalg.solve(H_pp, np.concatenate([H_sp.swapaxes(1, 2), g[:, pose, None]], -1))
    reduced = (H[:, shape[:, None], shape] - H_sp @ solved[..., :-1]).mean(0)
    slope = (g[:, shape] - (H_sp @ solved[..., -1:])[..., 0]).mean(0)
    betas = -np.linalg.solve(WORTH_FRAMES * reduced + np.eye(num_betas), WORTH_FRAMES * slope)
    return _of_mean_size(np.clip(betas, -LARGEST_BETA, LARGEST_BETA), body)


def _of_mean_size(betas: Float[ndarray, "10"], body: BodyModel) -> Float[ndarray, "10"]:
    """The betas with the first, size, set so that the bones are in sum as long as the mean body's."""
    template, directions = body.joints_template.double().numpy(), body.joints_shapedirs.double().numpy()
    parents = np.array(PARENTS[1:])

    def size(betas: ndarray) -> float:
        joints = template + directions @ betas
        return float(np.linalg.norm(joints[1:] - joints[parents], axis=-1).sum())

    unit = np.eye(len(betas))[0]
    per_unit = (size(unit) - size(-unit)) / 2
    if abs(per_unit) < 1e-6:
        return betas
    for _ in range(3):
        betas = betas - unit * (size(betas) - size(0 * betas)) / per_unit
    return betas


def _shape_jacobian(
    R_world: Float[ndarray, "T 24 3 3"], shapedirs: Float[ndarray, "24 3 K"]
) -> Float[ndarray, "T 24 3 K"]:
    """How joints move with the betas, the pelvis held."""
    moved = [np.zeros((len(R_world), *shapedirs.shape[1:]))]
    for joint in range(1, NUM_JOINTS):
        parent = PARENTS[joint]
        moved.append(moved[parent] + R_world[:, parent] @ (shapedirs[joint] - shapedirs[parent]))
    return np.stack(moved, 1)
