"""Bodies to choose from stand where the motion puts them."""

import numpy as np
import pytest
import torch

from motionary.body.assets import load_body
from motionary.studio.figures import COARSE_FACES, FREE, STICKS, figure_names, label_of, load_figure


def test_sticks_reach_from_joint_to_joint_in_any_pose_and_shape(make_motion):
    body, free = load_figure(STICKS).body, load_body()
    motion = make_motion(6, 0.3)
    assert np.allclose(motion.joint_positions(body), motion.joint_positions(free), atol=1e-5)
    tall = body.shape(torch.eye(10)[0] * 2)
    ends = tall.vertices.reshape(-1, 6, 3)
    assert torch.allclose(ends[:, 5], tall.joints[1:], atol=1e-5)
    triangles = body.v_template[body.faces]
    outwards = torch.linalg.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    middles = body.v_template.reshape(-1, 6, 3)[:, 1:5].mean(1).repeat_interleave(8, 0)
    assert ((triangles.mean(1) - middles) * outwards).sum(-1).min() > 0


def test_many_people_get_coarse_meshes():
    figure = load_figure(FREE)
    assert len(figure.surface(12).faces) <= COARSE_FACES < len(figure.surface(1).faces)


def test_a_body_of_the_users_is_offered_first_and_its_path_not_shown(tmp_path):
    own = str(tmp_path / "mine.pkl")
    assert figure_names(own)[:2] == (own, FREE)
    assert label_of(own) == "mine"
    with pytest.raises(FileNotFoundError):
        load_figure(own)
