import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch.testing import assert_close

from motionary.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    axis_angle_to_rotation_6d,
    geodesic_distance,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    matrix_to_quaternion_by_signs,
    matrix_to_rotation_6d,
    quaternion_to_axis_angle,
    quaternion_to_matrix,
    rotation_6d_to_axis_angle,
    rotation_6d_to_matrix,
    rotation_between,
    slerp,
)

BATCHES = [(), (1,), (4,), (2, 3), (0,)]
LAWS = settings(max_examples=60, deadline=None, derandomize=True)

coordinate = st.floats(-1, 1, width=32)
direction = st.tuples(coordinate, coordinate, coordinate).filter(lambda v: math.hypot(*v) > 1e-2)
angle = st.one_of(
    st.floats(0, math.pi),
    st.sampled_from([0.0, 1e-7, 1e-6, 1e-4, math.pi / 2, math.pi - 1e-3, math.pi - 1e-6, math.pi]),
)


@st.composite
def axis_angles(draw):
    """Rotation vectors up to pi, edges included, in float64."""
    axis = torch.tensor(draw(direction), dtype=torch.float64)
    return axis / axis.norm() * draw(angle)


def random_rotations(*batch: int, seed: int = 0) -> torch.Tensor:
    return axis_angle_to_matrix(torch.randn(*batch, 3, generator=torch.Generator().manual_seed(seed)) * 2)


def assert_rotation(matrix: torch.Tensor) -> None:
    identity = torch.eye(3, dtype=matrix.dtype).expand_as(matrix)
    assert_close(matrix @ matrix.mT, identity, atol=1e-5, rtol=0)
    assert_close(
        torch.linalg.det(matrix), torch.ones(matrix.shape[:-2], dtype=matrix.dtype), atol=1e-5, rtol=0
    )


@LAWS
@given(axis_angles())
def test_axis_angle_survives_every_round_trip(vector):
    matrix = axis_angle_to_matrix(vector)
    assert_rotation(matrix)
    for back in (
        matrix_to_axis_angle(matrix),
        quaternion_to_axis_angle(axis_angle_to_quaternion(vector)),
        rotation_6d_to_axis_angle(axis_angle_to_rotation_6d(vector)),
    ):
        # A half turn has two vectors, so the rotations are compared.
        assert_close(axis_angle_to_matrix(back), matrix, atol=1e-7, rtol=0)
        assert back.norm() <= math.pi + 1e-6
        if vector.norm() < 3.1:
            assert_close(back, vector, atol=1e-7, rtol=0)


@LAWS
@given(axis_angles())
def test_agrees_with_scipy(vector):
    expected = Rotation.from_rotvec(vector.numpy())
    assert_close(axis_angle_to_matrix(vector), torch.from_numpy(expected.as_matrix()), atol=1e-9, rtol=0)
    xyzw = torch.from_numpy(expected.as_quat(canonical=False))
    assert_close(axis_angle_to_quaternion(vector), xyzw[[3, 0, 1, 2]], atol=1e-9, rtol=0)


@LAWS
@given(axis_angles())
def test_matrix_to_quaternion_is_exact_in_float32_at_every_angle(vector):
    matrix = axis_angle_to_matrix(vector).float()
    quaternion = matrix_to_quaternion(matrix)
    assert quaternion[0] >= 0
    assert_close(quaternion.norm(), torch.tensor(1.0))
    assert_close(quaternion_to_matrix(quaternion), matrix, atol=2e-6, rtol=0)


@LAWS
@given(axis_angles())
def test_the_angle_is_the_distance_from_no_rotation(vector):
    identity = torch.eye(3, dtype=torch.float64)
    assert_close(geodesic_distance(identity, axis_angle_to_matrix(vector)), vector.norm(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("batch", BATCHES)
def test_any_batch_shape_equals_one_at_a_time(batch):
    matrix = random_rotations(*batch)
    chains = [
        matrix_to_axis_angle,
        matrix_to_quaternion,
        matrix_to_quaternion_by_signs,
        matrix_to_rotation_6d,
        lambda m: rotation_6d_to_matrix(matrix_to_rotation_6d(m)),
        lambda m: quaternion_to_matrix(matrix_to_quaternion(m)),
        lambda m: geodesic_distance(m, m.mT),
    ]
    for chain in chains:
        together = chain(matrix)
        assert together.shape[: len(batch)] == batch
        one_by_one = [chain(one) for one in matrix.reshape(-1, 3, 3)]
        if one_by_one:
            assert_close(together.reshape(torch.stack(one_by_one).shape), torch.stack(one_by_one))


def test_the_6d_form_is_the_first_two_rows():
    matrix = random_rotations()
    assert_close(matrix_to_rotation_6d(matrix), torch.cat([matrix[0], matrix[1]]))


def test_the_6d_form_needs_no_orthonormal_rows():
    matrix = random_rotations(5)
    rows = matrix_to_rotation_6d(matrix).unflatten(-1, (2, 3))
    skewed = torch.stack([rows[:, 0] * 2.5, rows[:, 1] * 0.3 + rows[:, 0] * 4], 1).flatten(1)
    assert_close(rotation_6d_to_matrix(skewed), matrix, atol=1e-5, rtol=0)
    assert_rotation(rotation_6d_to_matrix(torch.randn(20, 6)))


def test_the_length_and_sign_of_a_quaternion_do_not_change_its_matrix():
    quaternion = torch.randn(10, 4)
    assert_close(quaternion_to_matrix(quaternion * -3.7), quaternion_to_matrix(quaternion), atol=1e-6, rtol=0)


def test_a_quaternion_with_negative_w_keeps_its_long_way_round():
    short = axis_angle_to_quaternion(torch.tensor([0.0, 1.0, 0.0]))
    assert_close(quaternion_to_axis_angle(-short), torch.tensor([0.0, 1 - 2 * math.pi, 0.0]))


@pytest.mark.parametrize("size", [0.0, 1e-8, 1e-3, 1.0, math.pi])
def test_gradients_are_finite_at_every_angle(size):
    vector = torch.tensor([0.6, 0.0, 0.8]).mul(size).requires_grad_()
    for function in (axis_angle_to_quaternion, axis_angle_to_matrix, axis_angle_to_rotation_6d):
        (gradient,) = torch.autograd.grad(function(vector).square().mul(torch.arange(1, 4)[0]).sum(), vector)
        assert gradient.isfinite().all()


def test_conversions_are_differentiable():
    matrix = random_rotations(3).double()
    d6 = (matrix_to_rotation_6d(matrix) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(rotation_6d_to_axis_angle, d6)
    assert torch.autograd.gradcheck(axis_angle_to_matrix, matrix_to_axis_angle(matrix).requires_grad_())


def test_distance_is_a_metric_that_turning_both_does_not_change():
    a, b, c, turn = (random_rotations(50, seed=seed) for seed in range(4))
    assert_close(geodesic_distance(a, b), geodesic_distance(b, a), atol=1e-5, rtol=0)
    assert (geodesic_distance(a, a) < 1e-3).all()
    assert (geodesic_distance(a, c) <= geodesic_distance(a, b) + geodesic_distance(b, c) + 1e-5).all()
    assert_close(geodesic_distance(turn @ a, turn @ b), geodesic_distance(a, b), atol=1e-5, rtol=0)


@LAWS
@given(axis_angles(), axis_angles(), st.floats(0, 1))
def test_slerp_divides_the_shorter_arc(first, second, fraction):
    a, b = axis_angle_to_quaternion(first), axis_angle_to_quaternion(second)
    between = quaternion_to_matrix(slerp(a, b, fraction))
    whole = geodesic_distance(quaternion_to_matrix(a), quaternion_to_matrix(b))
    assert_close(geodesic_distance(quaternion_to_matrix(a), between), fraction * whole, atol=2e-4, rtol=0)
    assert_close(
        geodesic_distance(between, quaternion_to_matrix(b)), (1 - fraction) * whole, atol=2e-4, rtol=0
    )


def test_slerp_ends_where_it_should_whatever_the_signs():
    a, b = matrix_to_quaternion(random_rotations(2, 30))
    for other in (b, -b):
        assert_close(quaternion_to_matrix(slerp(a, other, 0.0)), quaternion_to_matrix(a), atol=1e-6, rtol=0)
        assert_close(quaternion_to_matrix(slerp(a, other, 1.0)), quaternion_to_matrix(b), atol=1e-6, rtol=0)
    fractions = torch.linspace(0, 1, 30)
    assert_close(slerp(a, b, fractions)[7], slerp(a[7], b[7], float(fractions[7])))


@LAWS
@given(direction, direction, st.sampled_from(["free", "same", "opposite"]))
def test_rotation_between_takes_one_direction_to_the_other(a, b, case):
    a = torch.tensor(a, dtype=torch.float64)
    b = {"free": torch.tensor(b, dtype=torch.float64), "same": 3 * a, "opposite": -0.5 * a}[case]
    R = rotation_between(a, b)
    assert_rotation(R)
    assert_close(R @ (a / a.norm()), b / b.norm(), atol=1e-5, rtol=0)
    angle = torch.atan2(torch.linalg.cross(a, b).norm(), a @ b)
    assert_close(geodesic_distance(torch.eye(3, dtype=torch.float64), R), angle, atol=1e-5, rtol=0)


# The published code's conversions. `rowerr_*` is a row's own float32 error: past 1e-5 it is ill-conditioned.


@pytest.fixture(scope="module")
def published(golden):
    stored = np.load(golden / "actor" / "case2" / "rotation_conversions.npz")
    return {key: torch.from_numpy(array) for key, array in stored.items()}


def by_signs_to_axis_angle(matrix):
    return quaternion_to_axis_angle(matrix_to_quaternion_by_signs(matrix))


@pytest.mark.parametrize(
    ("function", "given_key", "key"),
    [
        (axis_angle_to_quaternion, "aa", "aa_to_quat"),
        (axis_angle_to_matrix, "aa", "aa_to_matrix"),
        (axis_angle_to_rotation_6d, "aa", "aa_to_rot6d"),
        (matrix_to_rotation_6d, "matrix_in", "matrix_to_rot6d"),
        (rotation_6d_to_matrix, "matrix_to_rot6d", "rot6d_back_to_matrix"),
        (quaternion_to_matrix, "quat_in", "quat_to_matrix"),
        (quaternion_to_axis_angle, "quat_in", "quat_to_aa"),
        (rotation_6d_to_matrix, "d6_in", "rot6d_to_matrix"),
        (matrix_to_quaternion_by_signs, "matrix_in", "matrix_to_quat"),
        (by_signs_to_axis_angle, "matrix_in", "matrix_to_aa"),
        (lambda d6: by_signs_to_axis_angle(rotation_6d_to_matrix(d6)), "d6_in", "rot6d_to_matrix_to_aa"),
    ],
)
def test_conversions_as_published(published, function, given_key, key):
    got, expected, error = function(published[given_key]), published[key], published[f"rowerr_{key}"]
    well = error <= 1e-5
    assert well.float().mean() > 0.8
    furthest = (got - expected).abs().flatten(1).amax(1)
    assert (furthest[well] <= 2e-6 + 10 * error[well]).all()


def test_our_quaternions_and_vectors_are_the_published_ones_away_from_no_turn_and_half_turns(published):
    matrix = published["matrix_in"]
    angle = geodesic_distance(torch.eye(3).expand_as(matrix), matrix)
    plain = (angle > 0.1) & (angle < 3.0)
    assert plain.sum() > 50
    # Their square roots of small differences lose half of float32's digits when a component is nearly zero.
    near = {"atol": 1e-3, "rtol": 0}
    assert_close(matrix_to_quaternion(matrix)[plain], published["matrix_to_quat"][plain], **near)
    assert_close(matrix_to_axis_angle(matrix)[plain], published["matrix_to_aa"][plain], **near)
    full = (published["matrix_to_quat"].abs() > 0.05).all(1)
    assert full.sum() > 10
    assert_close(matrix_to_quaternion(matrix)[full], published["matrix_to_quat"][full], atol=5e-6, rtol=0)


def test_our_quaternions_give_the_matrix_back_on_every_published_row(published):
    matrix = published["matrix_in"]
    assert_close(quaternion_to_matrix(matrix_to_quaternion(matrix)), matrix, atol=2e-6, rtol=0)
