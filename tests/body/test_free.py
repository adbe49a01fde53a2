import numpy as np
import pytest
import torch
from mannequin import Mannequin

from motionary.body.free import bake_free_body, free_body, free_body_file
from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS
from motionary.body.smpl import BodyModel


@pytest.fixture(scope="module")
def arrays():
    return bake_free_body()


@pytest.fixture(scope="module")
def figure():
    return Mannequin("wooden")


def test_arrays_are_sound(arrays):
    assert arrays.faces.min() == 0
    assert arrays.faces.max() == len(arrays.v_template) - 1
    assert arrays.weights.min() >= 0
    torch.testing.assert_close(arrays.weights.sum(1), torch.ones(len(arrays.weights)))
    for name in ("v_template", "weights", "joints_template", "joints_shapedirs", "shapedirs"):
        assert getattr(arrays, name).dtype == torch.float32
        assert getattr(arrays, name).isfinite().all()


def test_faces_look_outwards(arrays):
    corners = arrays.v_template.double()[arrays.faces]
    volume_m3 = torch.linalg.det(corners).sum() / 6
    assert 0.04 < volume_m3 < 0.12


def test_it_stands_up_faces_z_and_holds_its_arms_out(arrays):
    joint = dict(zip(JOINT_NAMES, arrays.joints_template.numpy(), strict=True))
    assert joint["head"][1] > joint["pelvis"][1] > joint["left_knee"][1] > joint["left_ankle"][1]
    for side, sign in (("left", 1), ("right", -1)):
        reach = joint[f"{side}_wrist"] - joint[f"{side}_shoulder"]
        assert sign * reach[0] > 0.97 * np.linalg.norm(reach)  # a T-pose
        assert joint[f"{side}_foot"][2] > joint[f"{side}_ankle"][2]
        assert 0.05 < np.linalg.norm(joint[f"{side}_hand"] - joint[f"{side}_wrist"]) < 0.12
    height_m = float(arrays.v_template[:, 1].max() - arrays.v_template[:, 1].min())
    assert 1.5 < height_m < 1.9


def test_bones_are_nearly_as_long_on_both_sides(arrays):
    joints = arrays.joints_template
    length = (joints[1:] - joints[list(PARENTS[1:])]).norm(dim=-1)
    other = length[[index - 1 for index in MIRROR[1:]]]
    assert (length - other).abs().max() < 0.025


def test_every_joint_but_those_the_figure_has_no_skin_for_moves_skin(arrays):
    assert {JOINT_NAMES[index] for index in (arrays.weights.sum(0) == 0).nonzero().squeeze(-1)} <= {"spine2"}


def test_posing_it_equals_posing_the_figure(arrays, figure):
    pose = np.random.default_rng(1).normal(0, 0.4, (24, 3)).astype(np.float32)
    pose[22:] = 0
    theirs = figure.rest_pose()
    theirs["pelvis_rotation"], theirs["body_pose"][:] = pose[0], pose[1:22]
    posed = BodyModel(arrays).shape().pose(torch.from_numpy(pose))
    np.testing.assert_allclose(posed.joints[:22], figure.joint_transforms(theirs)[:22, :3, 3], atol=1e-5)
    np.testing.assert_allclose(posed.skin(), figure.vertices(theirs), atol=1e-5)


def test_shaping_it_equals_shaping_the_figure(arrays):
    betas = np.random.default_rng(2).normal(0, 1, 10).astype(np.float32)
    figure = Mannequin("wooden", shape=betas)
    shaped = BodyModel(arrays).shape(torch.from_numpy(betas))
    rest = figure.rest_pose()
    np.testing.assert_allclose(shaped.joints[:22], figure.joint_transforms(rest)[:22, :3, 3], atol=1e-5)
    np.testing.assert_allclose(
        shaped.vertices, figure.vertices(rest), atol=4e-3
    )  # the figure is not quite linear


def test_hands_carry_the_fingers(arrays):
    posed = BodyModel(arrays).shape()
    pose = torch.zeros(24, 3)
    pose[JOINT_INDEX["left_hand"], 1] = 1.0
    moved = (posed.pose(pose).skin() - posed.vertices).norm(dim=-1) > 1e-4
    assert 300 < moved.sum() < len(moved) / 10
    assert posed.vertices[moved, 0].min() > posed.joints[JOINT_INDEX["left_wrist"], 0]


def test_it_is_baked_once_and_again_when_the_file_is_damaged(tmp_path, arrays, monkeypatch):
    baked = []
    monkeypatch.setattr("motionary.body.free.bake_free_body", lambda: baked.append(1) or arrays)
    path = tmp_path / "cache" / free_body_file()
    free_body(path.parent)
    torch.testing.assert_close(free_body(path.parent).weights, arrays.weights)
    assert len(baked) == 1
    for damage in (path.read_bytes()[:1000], b"", b"PK not a zip"):
        path.write_bytes(damage)
        torch.testing.assert_close(free_body(path.parent).faces, arrays.faces)
        free_body(path.parent)
    assert len(baked) == 4
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, arrays, monkeypatch):
    monkeypatch.setattr("motionary.body.free.bake_free_body", lambda: arrays)
    (tmp_path / "file").write_text("in the way")
    assert free_body(tmp_path / "file").faces is arrays.faces
