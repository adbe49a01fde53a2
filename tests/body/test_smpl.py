import json
from functools import cache
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motionary.body.assets import load_body
from motionary.body.joint_sets import POINT_VERTICES, set_points
from motionary.body.skeleton import PARENTS
from motionary.rotations import axis_angle_to_matrix

BATCHES = [(), (3,), (2, 3)]


def random_pose(*batch: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*batch, 24, 3, generator=torch.Generator().manual_seed(seed)) * 0.5


@pytest.mark.parametrize("batch", BATCHES)
def test_any_batch_shape_equals_one_at_a_time(body, batch):
    pose, translation = random_pose(*batch), torch.randn(*batch, 3)
    posed = body(pose, translation)
    assert posed.joints.shape == (*batch, 24, 3)
    assert posed.skin().shape == (*batch, body.num_vertices, 3)
    one_pose, one_translation = pose.reshape(-1, 24, 3)[-1], translation.reshape(-1, 3)[-1]
    assert_close(posed.joints.reshape(-1, 24, 3)[-1], body(one_pose, one_translation).joints)
    assert_close(posed.skin().reshape(-1, body.num_vertices, 3)[-1], body(one_pose, one_translation).skin())


@pytest.mark.parametrize(
    ("shape_batch", "pose_batch"), [((3,), (3,)), ((), (3,)), ((1,), (3,)), ((2, 1), (2, 3))]
)
def test_shapes_broadcast_against_poses(body, shape_batch, pose_batch):
    betas, pose = torch.randn(*shape_batch, 10), random_pose(*pose_batch)
    posed = body.shape(betas).pose(pose)
    everywhere = body.shape(betas.expand(*pose_batch, 10)).pose(pose)
    assert_close(posed.joints, everywhere.joints)
    assert_close(posed.skin(), everywhere.skin())


def test_the_rest_pose_is_the_template(body):
    posed = body(torch.zeros(24, 3))
    assert_close(posed.joints, body.joints_template)
    assert_close(posed.skin(), body.v_template, atol=1e-6, rtol=0)


def test_zero_betas_are_the_mean_shape(body):
    assert_close(body.shape(torch.zeros(10)).vertices, body.shape().vertices)


def test_axis_angle_equals_matrices(body):
    pose = random_pose(2)
    assert_close(body(pose).skin(), body(axis_angle_to_matrix(pose)).skin())


@pytest.mark.parametrize("batch", BATCHES)
def test_turning_the_root_turns_every_point(body, batch):
    pose, turn = random_pose(*batch), torch.tensor([0.3, -1.2, 0.7])
    matrices = axis_angle_to_matrix(pose)
    R_turn = axis_angle_to_matrix(turn)
    turned = torch.cat([R_turn @ matrices[..., :1, :, :], matrices[..., 1:, :, :]], dim=-3)
    pelvis = body.joints_template[0]
    before, after = body(matrices), body(turned)
    assert_close(after.joints - pelvis, (before.joints - pelvis) @ R_turn.mT, atol=1e-5, rtol=0)
    assert_close(after.skin() - pelvis, (before.skin() - pelvis) @ R_turn.mT, atol=1e-5, rtol=0)


def test_translation_moves_every_point_alike(body):
    pose, step = random_pose(4), torch.randn(4, 3)
    assert_close(body(pose, step).skin(), body(pose).skin() + step[:, None], atol=1e-5, rtol=0)


def test_bones_keep_their_lengths(body):
    def lengths(joints):
        return (joints[..., 1:, :] - joints[..., list(PARENTS[1:]), :]).norm(dim=-1)

    assert_close(lengths(body(random_pose(5)).joints), lengths(body.joints_template).expand(5, -1))


def test_chosen_vertices_equal_those_of_the_whole_skin(body):
    posed, chosen = body(random_pose(2)), torch.tensor([5, 0, 59, 5])
    assert_close(posed.skin(chosen), posed.skin()[:, chosen])


def test_a_body_without_corrections_skins_its_template(precise):
    precise.posedirs = None
    pose = random_pose().double()
    posed = precise(pose)
    affine = torch.cat([posed.R_world_joint, posed.joints[:, :, None]], -1)  # joint frame -> world
    local = precise.v_template[:, None] - precise.joints_template  # (V, 24, 3)
    by_joint = torch.einsum("jab,vjb->vja", affine[..., :3], local) + affine[..., 3]
    assert_close(posed.skin(), (precise.weights[..., None] * by_joint).sum(1))


def test_joints_and_skin_are_differentiable(precise):
    def points(pose, translation, betas):
        posed = precise(pose, translation, betas)
        return posed.joints[::5], posed.skin(torch.tensor([1, 30]))

    inputs = (random_pose().double(), torch.randn(3).double(), torch.randn(10).double())
    assert torch.autograd.gradcheck(points, [value.requires_grad_() for value in inputs])


def test_gradients_are_finite_in_the_rest_pose(body):
    pose = torch.zeros(2, 24, 3, requires_grad=True)
    body(pose).skin().square().sum().backward()
    assert pose.grad.isfinite().all()
    assert pose.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(24, 4), (23, 3), (72,), (2, 24, 3, 2)])
def test_a_pose_of_another_shape_is_refused(body, shape, monkeypatch):
    monkeypatch.setattr(
        jaxtyping.config, "jaxtyping_disable", True
    )  # as for users, who run without shape checks
    with pytest.raises(ValueError, match=r"\(\.\.\., 24, 3\)"):
        body.shape().pose(torch.zeros(shape))


@cache
def golden_body(folder: Path):
    return load_body(folder / "smpl_synth.npz")


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(array) for key, array in np.load(path).items()}


@pytest.mark.parametrize("form", ["axis_angle", "matrices"])
def test_smpl_as_published(golden, form):
    body = golden_body(golden / "actor" / "smpl_model")
    g = tensors(golden / "actor" / "case1" / "smpl_forward.npz")
    if form == "axis_angle":
        pose, prefix = torch.cat([g["global_orient"], g["body_pose"]], 1).reshape(-1, 24, 3), ""
    else:
        pose, prefix = g["rotmat_input"], "rm_"
    posed = body(pose, g["transl"], g["betas"])
    # Five times the published code's own float32 error, per golden/actor/README.md.
    near = {"atol": 3e-6, "rtol": 0}
    assert_close(posed.joints, g[f"{prefix}joints24"], **near)
    joints45 = torch.cat([posed.joints, posed.skin(torch.tensor(POINT_VERTICES))], 1)
    assert_close(joints45, g[f"{prefix}joints45"], **near)
    assert_close(posed.skin(g["vertex_ids"]), g[f"{prefix}vertices_subset"], **near)
    if form == "axis_angle":
        assert_close(posed.skin().mean(1), g["vertices_mean"], atol=2e-6, rtol=0)
        assert_close(posed.skin().std(1), g["vertices_std"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("form", ["axis_angle", "matrices"])
def test_the_49_joint_layer_as_published(golden, form):
    folder = golden / "estimators"
    body = golden_body(folder / "assets")
    extra = torch.from_numpy(np.load(folder / "assets" / "J_regressor_extra.npy"))
    g = tensors(folder / "smpl_layer.npz")
    suffix = "" if form == "axis_angle" else "_rotmat"
    pose = g["in_pose"].reshape(-1, 24, 3) if form == "axis_angle" else g["in_rotmat"]
    posed = body(pose, betas=g["in_betas"])
    results = {
        f"joints49{suffix}": set_points(posed, "vibe", extra),
        f"verts{suffix}": posed.skin(g["in_vert_idx"]),
    }
    if form == "axis_angle":
        results["joints45"] = torch.cat([posed.joints, posed.skin(torch.tensor(POINT_VERTICES))], 1)
    tolerances = json.loads((folder / "tolerances.json").read_text())["smpl_layer"]
    for name, points in results.items():
        assert_close(points, g[name], atol=tolerances[name]["atol"], rtol=0)
