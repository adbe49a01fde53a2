import numpy as np
import pytest
import torch

from motionary.body.assets import load_body
from motionary.body.joint_sets import FIRST_EXTRA, JOINT_SETS, NUM_EXTRA, POINT_VERTICES, set_points


def test_sets_index_the_54_points():
    assert len(set(POINT_VERTICES)) == 21
    for joint_set in JOINT_SETS.values():
        assert max(joint_set.points) < FIRST_EXTRA + NUM_EXTRA == 54
        assert 0 <= joint_set.root < len(joint_set.points)


def test_sets_are_those_published(golden):
    published = np.load(golden / "actor" / "case1" / "joint_indices.npz")
    for name, joint_set in JOINT_SETS.items():
        assert published[name].tolist() == list(joint_set.points)
    chosen = [JOINT_SETS["vibe"].points[index] for index in published["action2motion_joints"]]
    assert chosen == list(JOINT_SETS["a2m"].points)


def test_every_set_is_measured_from_the_pelvis():
    assert [JOINT_SETS[name].points[JOINT_SETS[name].root] for name in JOINT_SETS] == [0, 0, 0, 0]


def test_the_smpl_set_needs_no_smpl_body(body):
    posed = body(torch.zeros(2, 24, 3))
    torch.testing.assert_close(set_points(posed, "smpl"), posed.joints)


def test_what_does_not_fit_is_named(body):
    posed = body(torch.zeros(24, 3))
    with pytest.raises(ValueError, match=r"6890 vertices; this body has 60"):
        set_points(posed, "a2m")
    with pytest.raises(ValueError, match="smpl, vibe, a2m, a2mpl"):
        set_points(posed, "coco")


def test_a_set_with_regressed_points_needs_the_regressor(golden):
    smpl = load_body(golden / "actor" / "smpl_model" / "smpl_synth.npz")
    with pytest.raises(ValueError, match="extra_regressor"):
        set_points(smpl(torch.zeros(24, 3)), "vibe")
