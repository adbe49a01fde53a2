import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from motionary.body.skeleton import JOINT_NAMES
from motionary.export.glb import export_glb
from motionary.export.surface import strongest_weights

DTYPES = {pygltflib.FLOAT: "f4", pygltflib.UNSIGNED_BYTE: "u1", pygltflib.UNSIGNED_INT: "u4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """Reads what the specification says, with nothing of the writer's."""

    def __init__(self, path: Path) -> None:
        self.document = pygltflib.GLTF2().load(str(path))
        self.blob = self.document.binary_blob()

    def array(self, index: int) -> np.ndarray:
        accessor = self.document.accessors[index]
        view = self.document.bufferViews[accessor.bufferView]
        width = WIDTHS[accessor.type]
        values = np.frombuffer(
            self.blob, DTYPES[accessor.componentType], accessor.count * width, view.byteOffset
        )
        return values.reshape(accessor.count, width)

    def world_matrices(self, animation: int, frame: int) -> list[np.ndarray]:
        nodes = self.document.nodes
        local = [np.eye(4) for _ in nodes]
        for matrix, node in zip(local, nodes, strict=True):
            matrix[:3, 3] = node.translation or [0, 0, 0]
        played = self.document.animations[animation]
        for channel in played.channels:
            value = self.array(played.samplers[channel.sampler].output)[frame]
            matrix = local[channel.target.node]
            if channel.target.path == "rotation":
                matrix[:3, :3] = Rotation.from_quat(value).as_matrix()
            else:
                matrix[:3, 3] = value
        world = list(local)
        for parent, node in enumerate(nodes):  # parents come first
            for child in node.children or []:
                world[child] = world[parent] @ local[child]
        return world

    def skinned(self, animation: int, frame: int) -> np.ndarray:
        skin = self.document.skins[0]
        world = self.world_matrices(animation, frame)
        inverse_bind = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        moves = np.stack([world[joint] for joint in skin.joints]) @ inverse_bind
        attributes = self.document.meshes[0].primitives[0].attributes
        rest = self.array(attributes.POSITION)
        rest = np.concatenate([rest, np.ones((len(rest), 1))], axis=1)
        joints, weights = self.array(attributes.JOINTS_0), self.array(attributes.WEIGHTS_0)
        blended = (weights[..., None, None] * moves[joints]).sum(1)
        return (blended @ rest[..., None])[:, :3, 0]


@pytest.fixture(scope="module")
def written(motion, body, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("glb") / "dance.glb"
    export_glb([motion, motion.mirror().resample(50.0)], path, body)
    return path


@pytest.mark.parametrize("frame", [0, 7])
def test_a_player_shows_the_bodys_vertices(frame, written, motion, body):
    # The free body has at most four weights a vertex, so nothing is lost but float32 digits.
    np.testing.assert_allclose(Glb(written).skinned(0, frame), motion.vertices(body)[frame], atol=2e-5)


def test_skeleton_animations_and_root_motion(written, motion, body):
    glb = Glb(written)
    assert [glb.document.nodes[joint].name for joint in glb.document.skins[0].joints] == list(JOINT_NAMES)
    assert [animation.name for animation in glb.document.animations] == ["dance 1", "dance 2"]
    for animation, played in zip(
        glb.document.animations, [motion, motion.mirror().resample(50.0)], strict=True
    ):
        assert len(animation.channels) == 25
        times = glb.array(animation.samplers[0].input)
        assert times[-1, 0] == pytest.approx((len(played) - 1) / played.fps)
        pelvis = glb.array(animation.samplers[-1].output)
        np.testing.assert_allclose(pelvis, played.joint_positions(body)[:, 0], atol=1e-6)


def test_quaternions_never_jump_to_the_other_side(written):
    glb = Glb(written)
    for sampler in glb.document.animations[0].samplers[:24]:
        rotation = glb.array(sampler.output)
        np.testing.assert_allclose(np.linalg.norm(rotation, axis=1), 1, atol=1e-6)
        assert ((rotation[1:] * rotation[:-1]).sum(1) > 0).all()


def test_the_material_is_opaque_and_has_no_cutoff(written):
    content = written.read_bytes()
    (material,) = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])["materials"]
    assert material.get("alphaMode", "OPAQUE") == "OPAQUE"
    assert "alphaCutoff" not in material


def test_trimesh_reads_the_mesh(written, body):
    mesh = trimesh.load(written, force="mesh", process=False)
    assert mesh.faces.shape == tuple(body.faces.shape)
    np.testing.assert_allclose(np.ptp(mesh.vertices, 0), np.ptp(body.v_template.numpy(), 0), atol=1e-5)


def test_bodies_of_different_shape_do_not_fit_one_file(motion, body, tmp_path):
    other = replace(motion, betas=np.ones(10, np.float32))
    with pytest.raises(ValueError, match="betas"):
        export_glb([motion, other], tmp_path / "two.glb", body)
    assert not list(tmp_path.iterdir())


def test_strongest_weights_sum_to_one_and_point_unused_places_to_joint_zero():
    weights = np.zeros((2, 24), np.float32)
    weights[0, [3, 4, 5, 6, 7]] = [0.3, 0.25, 0.2, 0.15, 0.1]
    weights[1, 9] = 1
    joints, kept = strongest_weights(weights)
    assert joints.tolist() == [[3, 4, 5, 6], [9, 0, 0, 0]]
    np.testing.assert_allclose(kept.sum(1), 1, rtol=1e-6)
