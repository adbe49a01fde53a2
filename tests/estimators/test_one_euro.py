import numpy as np
import pytest
import torch

from motionary.body.joint_sets import set_points
from motionary.estimators.one_euro import PARE_SMOOTHING, VIBE_SMOOTHING, OneEuro
from motionary.rotations import axis_angle_to_matrix, geodesic_distance, matrix_to_axis_angle


def test_smoothing_as_vibe_has_it(estimator_golden):
    case = estimator_golden.case("vibe_smooth_pose")
    pose, betas = case["in_pose"].numpy(), case["in_betas"]

    def on_the_body(filtered):
        posed = estimator_golden.body.shape(betas[: len(filtered)]).pose(
            torch.from_numpy(filtered).unflatten(1, (24, 3))
        )
        return posed, set_points(posed, "vibe", estimator_golden.extra)

    smooth = VIBE_SMOOTHING.elementwise(pose)
    other = OneEuro(min_cutoff=0.01, beta=1.5).elementwise(pose[:6])
    posed, joints = on_the_body(smooth)
    results = {
        "pose_hat": smooth,
        "joints3d": joints,
        "verts": posed.skin(case["in_vert_idx"]),
        "pose_hat_b": other,
        "joints3d_b": on_the_body(other)[1],
        "euro_defaults": OneEuro().elementwise(pose),
        "euro_fast": OneEuro(beta=0.3, d_cutoff=2.0).elementwise(pose),
    }
    estimator_golden.check("vibe_smooth_pose", results)


def test_smoothing_as_pare_has_it(estimator_golden):
    case = estimator_golden.case("pare_geometry")
    smooth = PARE_SMOOTHING.elementwise(case["in_rotmat_seq"].numpy())
    posed = estimator_golden.body.shape(case["in_betas"]).pose(torch.from_numpy(smooth))
    results = {
        "smooth_rotmat": smooth,
        "smooth_verts": posed.skin(case["in_vert_idx"]),
        "smooth_joints": set_points(posed, "vibe", estimator_golden.extra),
    }
    estimator_golden.check_some("pare_geometry", results)


@pytest.fixture
def wobbling():
    """Rotations about changing axes, with noise, through half a turn."""
    rng = np.random.default_rng(3)
    t = np.linspace(0, 4, 80)[:, None, None]
    vectors = t * np.array([[0.9, 0.2, -0.1], [0.1, -0.3, 0.5]]) + rng.normal(0, 0.02, (80, 2, 3))
    return axis_angle_to_matrix(torch.from_numpy(vectors)).numpy()


def test_rotations_stay_rotations(wobbling):
    smooth = torch.from_numpy(VIBE_SMOOTHING.geodesic(wobbling))
    torch.testing.assert_close(smooth @ smooth.mT, torch.eye(3).double().expand_as(smooth))
    assert (torch.linalg.det(smooth) > 0).all()


def test_turning_the_axes_before_or_after_is_the_same(wobbling):
    turn = axis_angle_to_matrix(torch.tensor([0.4, -1.1, 2.0]).double()).numpy()
    smooth = VIBE_SMOOTHING.geodesic(wobbling)
    np.testing.assert_allclose(VIBE_SMOOTHING.geodesic(turn @ wobbling), turn @ smooth, atol=1e-9)
    np.testing.assert_allclose(VIBE_SMOOTHING.geodesic(wobbling @ turn), smooth @ turn, atol=1e-9)


def test_about_a_fixed_axis_it_is_the_filter_on_the_angle():
    angle = 0.8 * np.sin(np.linspace(0, 5, 60))[:, None, None]
    axis = np.array([0.6, 0.0, 0.8])
    rotations = axis_angle_to_matrix(torch.from_numpy(angle * axis)).numpy()
    settings = OneEuro(min_cutoff=0.05, beta=2.0, d_cutoff=0.7, step=0.5)
    smooth = matrix_to_axis_angle(torch.from_numpy(settings.geodesic(rotations))).numpy()
    np.testing.assert_allclose(smooth, settings.elementwise(angle) * axis, atol=1e-6)


def test_nothing_jumps_where_a_rotation_vector_passes_half_a_turn():
    angle = np.linspace(2.6, 3.8, 40)
    rotations = axis_angle_to_matrix(torch.from_numpy(angle[:, None] * np.array([1.0, 0, 0]))).numpy()
    vectors = matrix_to_axis_angle(torch.from_numpy(rotations)).numpy()

    def largest_step(matrices):
        matrices = torch.from_numpy(np.ascontiguousarray(matrices))
        return float(geodesic_distance(matrices[1:], matrices[:-1]).max())

    elementwise = axis_angle_to_matrix(torch.from_numpy(VIBE_SMOOTHING.elementwise(vectors))).numpy()
    assert largest_step(VIBE_SMOOTHING.geodesic(rotations)) < 0.05 < 0.3 < largest_step(elementwise)


def test_noise_at_rest_is_taken_out_and_a_still_pose_is_left_alone():
    rng = np.random.default_rng(0)
    noisy = axis_angle_to_matrix(torch.from_numpy(rng.normal(0, 0.01, (200, 1, 3)))).numpy()
    smooth = VIBE_SMOOTHING.geodesic(noisy)
    spread = [
        np.linalg.norm(matrix_to_axis_angle(torch.from_numpy(x)), axis=-1).std() for x in (noisy, smooth)
    ]
    assert spread[1] < 0.7 * spread[0]
    still = np.repeat(noisy[:1], 10, 0)
    np.testing.assert_allclose(VIBE_SMOOTHING.geodesic(still), still, atol=1e-9)
