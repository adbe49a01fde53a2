from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from motionary.body.assets import load_body
from motionary.features import (
    add_trajectory,
    face_forward,
    features_to_joints,
    features_to_motion,
    features_to_vertices,
    heading_rad,
    headings_rad,
    motion_to_features,
)
from motionary.motion import Motion
from motionary.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_rotation_6d,
    geodesic_distance,
    matrix_to_rotation_6d,
    quaternion_to_matrix,
)


def random_motion(frames: int = 5, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    return Motion(
        pose=rng.normal(0, 0.6, (frames, 24, 3)), translation=rng.normal(0, 1, (frames, 3)), fps=30.0
    )


def test_features_are_rotations_and_the_path_from_the_first_frame():
    motion = random_motion()
    features = motion_to_features(motion)
    assert features.shape == (5, 25, 6)
    assert features.dtype == np.float32
    assert_allclose(features[:, :24], axis_angle_to_rotation_6d(torch.from_numpy(motion.pose)))
    assert_allclose(features[:, 24, :3], motion.translation - motion.translation[0])
    assert not features[0, 24].any()
    assert not features[:, 24, 3:].any()


def test_features_forget_only_where_the_motion_starts():
    motion = random_motion()
    back = features_to_motion(motion_to_features(motion), motion.fps, "walk")
    assert (back.fps, back.action) == (30, "walk")
    assert_allclose(back.translation, motion.translation - motion.translation[0], atol=1e-6)
    angle = geodesic_distance(*(axis_angle_to_matrix(torch.from_numpy(m.pose)) for m in (motion, back)))
    assert angle.max() < 1e-3  # radians; acos-free, but float32 rows of a matrix carry 1e-4 near half turns


def test_rotations_that_are_not_orthonormal_become_rotations():
    features = motion_to_features(random_motion())
    stretched = features.copy()
    stretched[:, :24, :3] *= 3
    stretched[:, :24, 3:] += 0.5 * features[:, :24, :3]  # the part along the first row is taken out
    assert_allclose(
        features_to_motion(torch.from_numpy(stretched), 30.0).pose,
        features_to_motion(features, 30.0).pose,
        atol=1e-4,
    )


@pytest.mark.parametrize("angle", [-3.0, -1.0, 0.0, 0.5, 3.1])
def test_turning_a_motion_turns_its_heading(angle):
    still = Motion(pose=np.zeros((3, 24, 3)), translation=np.zeros((3, 3)), fps=30.0)
    assert heading_rad(still) == pytest.approx(0)
    assert heading_rad(still.turn(angle)) == pytest.approx(angle, abs=1e-5)


def test_a_motion_facing_forward_has_heading_zero_and_the_same_shape_over_time():
    motion = random_motion()
    forward = face_forward(motion)
    assert heading_rad(forward) == pytest.approx(0, abs=1e-5)
    assert_allclose(forward.pose[:, 1:], motion.pose[:, 1:])
    change = headings_rad(forward) - (headings_rad(motion) - heading_rad(motion))
    assert_allclose(np.cos(change), 1, atol=1e-5)
    assert_allclose(np.abs(forward.translation[:, 1]), np.abs(motion.translation[:, 1]), atol=1e-6)


@pytest.fixture(scope="module")
def body():
    return load_body()


def test_points_with_their_path_are_those_of_the_motion(body):
    motion = random_motion()
    features = torch.from_numpy(motion_to_features(motion))[None]
    joints = add_trajectory(features_to_joints(features, body), features)[0]
    expected = motion.joint_positions(body)
    assert_allclose(joints, expected - expected[0, 0], atol=2e-5)
    chosen = torch.tensor([0, 7, 999])
    vertices = add_trajectory(features_to_vertices(features, body, vertex_ids=chosen), features)[0]
    assert_allclose(vertices, motion.posed(body).skin(chosen) - motion.translation[0], atol=2e-5)


def test_frames_out_of_the_mask_are_zero_and_change_nothing(body):
    features = torch.stack(
        [torch.from_numpy(motion_to_features(random_motion(seed=seed))) for seed in range(2)]
    )
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    masked, whole = features_to_joints(features, body, mask), features_to_joints(features, body)
    assert_close(masked[mask], whole[mask])
    assert not masked[~mask].any()


# The published code, frame layout (B, joints, features, frames).


@cache
def smpl(folder: Path):
    return load_body(folder / "smpl_synth.npz")


@pytest.fixture(scope="module")
def published(golden):
    """Body, extra regressor, and the arrays of case 1 with features last: (B, T, rows, 6)."""
    folder = golden / "actor"
    arrays = {}
    for name in ("rot2xyz_rot6d", "rot2xyz_variants"):
        stored = {
            key: torch.from_numpy(array) for key, array in np.load(folder / "case1" / f"{name}.npz").items()
        }
        arrays |= {key: a.permute(0, 3, 1, 2).contiguous() if a.ndim == 4 else a for key, a in stored.items()}
    extra = torch.from_numpy(np.load(folder / "smpl_model" / "J_regressor_extra.npy"))
    return smpl(folder / "smpl_model"), extra, arrays


NEAR = {"atol": 2e-6, "rtol": 0}  # five times the published code's own float32 error


def with_path(rotations: torch.Tensor, path: torch.Tensor | None = None) -> torch.Tensor:
    """Features of 24 rotations in 6D and a path (B, T, 3), zero when None."""
    row = torch.zeros(*rotations.shape[:2], 1, 6)
    if path is not None:
        row[..., 0, :3] = path
    return torch.cat([rotations, row], dim=2)


@pytest.mark.parametrize("joint_set", ["smpl", "a2m", "a2mpl", "vibe"])
def test_joint_sets_as_published(published, joint_set):
    body, extra, g = published
    x = g["x_rot6d_glob_trans"]
    joints = features_to_joints(x, body, g["mask"], joint_set, extra_regressor=extra)
    assert_close(joints, g[f"{joint_set}_vertstrans0"], **NEAR)
    assert_close(add_trajectory(joints, x), g[f"{joint_set}_vertstrans1"], **NEAR)


def test_vertices_as_published(published):
    body, _, g = published
    x = g["x_rot6d_glob_trans"]
    vertices = features_to_vertices(x, body, g["mask"], vertex_ids=g["vertex_ids"])
    assert_close(vertices, g["vertices_vertstrans0"], **NEAR)
    assert_close(add_trajectory(vertices, x), g["vertices_vertstrans1"], **NEAR)


def test_no_path_and_no_mask_as_published(published):
    body, _, g = published
    x = with_path(g["x_rot6d_glob_notrans"])
    joints = features_to_joints(x, body, g["mask"])
    assert_close(joints, g["smpl_notrans_vertstrans1"], **NEAR)
    assert_close(add_trajectory(joints, x), joints)
    x = g["x_rot6d_glob_trans"][:1]
    assert_close(add_trajectory(features_to_joints(x, body), x), g["smpl_masknone"], **NEAR)


def test_fixed_global_orientation_as_published(published):
    body, _, g = published
    x = g["x_rot6d_noglob_trans"]
    root = axis_angle_to_rotation_6d(torch.tensor([torch.pi, 0, 0])).expand(*x.shape[:2], 1, 6)
    x = with_path(torch.cat([root, x[:, :, :23]], 2), x[:, :, 23, :3])
    # Which of the path's variants the file holds shows in the joints.
    joints = features_to_joints(x, body, g["mask"])
    vertices = features_to_vertices(x, body, g["mask"], vertex_ids=g["vertex_ids"])
    assert_close(joints, g["smpl_noglob"], **NEAR)
    assert_close(vertices, g["vertices_noglob"], **NEAR)


def test_shapes_as_published(published):
    body, _, g = published
    x, mask = g["x_rot6d_glob_trans"], g["mask"]
    second = torch.zeros(10)
    second[1] = 2
    vertices = features_to_vertices(x, body, mask, second, g["vertex_ids"])
    assert_close(vertices, g["vertices_beta2"], **NEAR)
    betas = torch.zeros(*mask.shape, 10)
    betas[mask] = g["betas_per_frame"]
    assert_close(add_trajectory(features_to_joints(x, body, mask, betas=betas), x), g["smpl_betas"], **NEAR)


TO_MATRIX = {
    "rotvec": axis_angle_to_matrix,
    "rotmat": lambda flat: flat.unflatten(-1, (3, 3)),
    "rotquat": quaternion_to_matrix,
}


@pytest.mark.parametrize("form", TO_MATRIX)
def test_other_forms_of_rotation_as_published(published, form):
    body, _, g = published
    stored = g[f"x_{form}"]
    x = with_path(matrix_to_rotation_6d(TO_MATRIX[form](stored[:, :, :24])), stored[:, :, 24, :3])
    joints = features_to_joints(x, body, g["mask"])
    assert_close(add_trajectory(joints, x), g[f"smpl_{form}"], **NEAR)


def test_rotations_that_are_not_orthonormal_as_published_with_gradients(published, golden_tolerance):
    body, _, g = published

    def close(got, name):
        assert_close(got, g[name], atol=golden_tolerance("case1/rot2xyz_variants", name), rtol=0)

    x = g["x_noisy6d"].clone().requires_grad_()
    joints = add_trajectory(features_to_joints(x, body, g["mask"]), x)
    close(joints, "smpl_noisy6d")
    (gradient,) = torch.autograd.grad(joints.square().sum(), x)
    close(gradient, "grad_sumsq_smpl_noisy6d")
    vertices = features_to_vertices(x, body, g["mask"])
    close(vertices[:, :, g["vertex_ids"]], "vertices_noisy6d")
    (gradient,) = torch.autograd.grad(vertices.square().sum(), x)
    close(gradient, "grad_sumsq_vertices_noisy6d")
