from dataclasses import replace

import numpy as np
import torch

from motionary.body.smpl import BodyArrays, BodyModel
from motionary.estimators.attachments import attach
from motionary.estimators.fitting import BodyFit, FitConfig, Target, forward
from motionary.estimators.people import rest_joints
from motionary.estimators.shape import fit_betas


def seen(walk, camera, rest, attachments):
    local, root, _ = walk
    landmarks = attachments.positions(*forward(local, root, rest))
    rays = camera.rays(camera.project(landmarks))
    return Target(rays, landmarks - root[:, None], np.ones(rays.shape[:2]))


def leg_over_torso(rest):
    leg = np.linalg.norm(rest[7] - rest[4]) + np.linalg.norm(rest[4] - rest[1])
    return leg / np.linalg.norm(rest[12] - rest[0])


def test_proportions_are_found_and_size_stays_the_mean(walk, camera, body, rest, attachments):
    """A made-up person with the body's second shape direction, seen walking."""
    true = rest_joints(body, 2.0 * np.eye(10)[2])
    target = seen(walk, camera, true, attach(true))
    local, root, _ = walk
    betas = fit_betas(BodyFit(local, root), target, body, attachments, FitConfig())
    found = leg_over_torso(rest_joints(body, betas))
    before, wanted = leg_over_torso(rest), leg_over_torso(true)
    assert abs(found - wanted) < 0.6 * abs(before - wanted)
    heights = [np.ptp(joints[:, 1]) for joints in (rest, rest_joints(body, betas))]
    assert abs(heights[1] / heights[0] - 1) < 0.05


def test_the_mean_body_is_recognised(walk, camera, body, rest, attachments):
    betas = fit_betas(
        BodyFit(*walk[:2]), seen(walk, camera, rest, attachments), body, attachments, FitConfig()
    )
    assert np.abs(betas).max() < 0.5


def test_a_body_without_shape_gets_zeros(walk, camera, body, rest, attachments):
    stiff = BodyModel(
        replace(
            BodyArrays(**dict(body.named_buffers())),
            joints_shapedirs=torch.zeros(24, 3, 10),
        )
    )
    target = seen(walk, camera, rest, attachments)
    betas = fit_betas(BodyFit(*walk[:2]), target, stiff, attachments, FitConfig())
    np.testing.assert_allclose(betas, 0, atol=1e-6)
