import numpy as np
import pytest
import torch

from motionary.estimators.fitting import BodyFit, FitConfig, Target, courses, forward, place, refine
from motionary.estimators.ik import pose_from_landmarks
from motionary.rotations import geodesic_distance


def angles_deg(a, b):
    return np.degrees(geodesic_distance(torch.from_numpy(a), torch.from_numpy(b)).numpy())


def test_forward_agrees_with_the_body(walk, body, rest):
    local, root, _ = walk
    _, joints = forward(local, root, rest)
    posed = body.shape().pose(torch.from_numpy(local).float(), torch.from_numpy(root - rest[0]).float())
    np.testing.assert_allclose(joints, posed.joints.numpy(), atol=1e-5)


def test_the_rest_pose_comes_back_from_its_own_landmarks(rest, attachments):
    identity = np.tile(np.eye(3), (2, 24, 1, 1))
    landmarks = attachments.positions(*forward(identity, np.zeros((2, 3)), rest))
    found = pose_from_landmarks(landmarks, rest, attachments)
    assert angles_deg(found, identity).max() < 1e-3


def test_a_known_walk_comes_back_from_its_own_landmarks(walk, rest, attachments):
    """In closed form, up to how the spine and collars share a bend."""
    local, root, landmarks = walk
    found = pose_from_landmarks(landmarks, rest, attachments)
    _, joints = forward(found, root, rest)
    limbs = [1, 2, 4, 5, 7, 8, 18, 19, 20, 21]
    assert np.linalg.norm(joints - forward(local, root, rest)[1], axis=-1).max() < 0.05
    assert np.median(angles_deg(found, local)[:, limbs]) < 3


def test_body_size_and_place_do_not_matter_to_the_closed_form(walk, rest, attachments):
    landmarks = walk[2]
    np.testing.assert_allclose(
        pose_from_landmarks(landmarks, rest, attachments),
        pose_from_landmarks(landmarks * 1.7 + [3.0, -1.0, 2.0], rest, attachments),
        atol=1e-9,
    )


def test_turning_the_landmarks_turns_the_pelvis_alone(walk, rest, attachments):
    landmarks = walk[2]
    c, s = np.cos(0.8), np.sin(0.8)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    plain = pose_from_landmarks(landmarks, rest, attachments)
    turned = pose_from_landmarks(landmarks @ turn.T, rest, attachments)
    np.testing.assert_allclose(turned[:, 0], turn @ plain[:, 0], atol=1e-9)
    np.testing.assert_allclose(turned[:, 1:], plain[:, 1:], atol=1e-9)


def test_the_root_is_recovered_from_its_projection(walk, rest, attachments, camera):
    _, root, landmarks = walk
    rays = camera.rays(camera.project(landmarks))
    found = place(landmarks - root[:, None], rays, np.ones(rays.shape[:2]))
    np.testing.assert_allclose(found, root, atol=1e-4)


def test_rays_undo_projection(camera):
    points = np.array([[0.3, 1.0, -4.0], [-1.0, 0.2, -2.5]])
    np.testing.assert_allclose(
        camera.rays(camera.project(points)), points[:, :2] / -points[:, 2:], atol=1e-12
    )


@pytest.mark.parametrize("noise_m", [0.0, 0.05])
def test_fitting_improves_on_noisy_depth(walk, rest, attachments, camera, noise_m):
    local, root, landmarks = walk
    rng = np.random.default_rng(0)
    world = landmarks - root[:, None]
    world[..., 2] += rng.normal(0, noise_m, world.shape[:2])
    rays, trust = camera.rays(camera.project(landmarks)), np.ones(landmarks.shape[:2])
    first = pose_from_landmarks(world, rest, attachments)
    start = place(attachments.positions(*forward(first, np.zeros_like(root), rest)), rays, trust)
    fit = refine(BodyFit(first, start), Target(rays, world, trust), rest, attachments, FitConfig())
    true = forward(local, root, rest)[1]

    def error_m(joints):
        return np.linalg.norm((joints - joints[:, :1]) - (true - true[:, :1]), axis=-1).mean()

    fitted = forward(fit.local, fit.root_m, rest)
    assert error_m(fitted[1]) < (0.02 if noise_m == 0 else 0.8 * error_m(forward(first, start, rest)[1]))
    seen = camera.project(attachments.positions(*fitted)) - camera.project(landmarks)
    assert np.median(np.linalg.norm(seen, axis=-1)) < 3


def test_knees_and_elbows_stay_hinges_under_noise(walk, rest, attachments, camera):
    _, root, landmarks = walk
    rng = np.random.default_rng(1)
    world = landmarks - root[:, None] + rng.normal(0, 0.06, landmarks.shape)
    rays, trust = camera.rays(camera.project(landmarks)), np.ones(landmarks.shape[:2])
    first = pose_from_landmarks(world, rest, attachments)
    start = place(attachments.positions(*forward(first, np.zeros_like(root), rest)), rays, trust)
    fit = refine(BodyFit(first, start), Target(rays, world, trust), rest, attachments, FitConfig())
    sideways = np.abs(fit.local[:, [4, 5], 0, 0])  # a hinge about x leaves the x axis where it is
    assert np.percentile(sideways, 5) > 0.9


def test_courses_keep_steady_turns_and_pull_in_a_stray_frame(walk):
    steady = walk[0]
    np.testing.assert_allclose(courses(np.tile(steady[:1], (20, 1, 1, 1)), 3.0)[7], steady[0], atol=1e-6)
    stray = steady.copy()
    stray[30, 4] = np.diag([1.0, -1.0, -1.0])
    off = angles_deg(courses(stray, 3.0), steady)
    assert off[30, 4] < 0.3 * angles_deg(stray, steady)[30, 4]
