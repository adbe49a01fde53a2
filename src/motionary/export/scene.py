"""People in a viser scene: floor, camera, skinned bodies and their bones; for pages and for live servers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import viser
from jaxtyping import Float
from numpy import ndarray

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel
from motionary.export.camera import View, stages
from motionary.export.surface import Surface
from motionary.motion import Motion
from motionary.rotations import matrix_to_quaternion

MOST_FACES = 24_000
"""Of one body: more would make pages large and browsers slow."""
DIMMED = 0.75  # viser lights its scenes more brightly than our pictures
IDENTITY = np.array([1.0, 0, 0, 0])


def add_floor(server: viser.ViserServer, name: str = "/floor") -> None:
    """Make y point up and lay an endless grid, a scene node of that name, at y = 0."""
    server.scene.set_up_direction("+y")
    server.scene.add_grid(
        name,
        plane="xz",
        infinite_grid=True,
        cell_color=(226, 226, 224),
        section_color=(205, 206, 206),
        fade_distance=60.0,
        shadow_opacity=0.4,
    )


def aim(camera: Any, motions: Sequence[Motion], body: BodyModel, aspect: float = 1.25) -> None:
    """Turn a camera so that it sees the whole path of motions that happen together.

    Args:
        camera: The server's `initial_camera`, or the camera of one client.
        motions: At least one; the first is seen obliquely from its front. Several are seen less so, from
            higher up and afar: people who stand behind others then show between them.
        body: Whose joints are kept in the picture.
        aspect: Width of the picture by its height.
    """
    view = (
        View(fov_deg=34.0, margin=0.12) if len(motions) == 1 else View(24.0, 23.0, fov_deg=20.0, margin=0.1)
    )
    stage = stages(motions, body, round(800 * aspect), 800, view)[0].camera
    forward = stage.R_camera_world[2]
    camera.position = stage.position
    camera.look_at = stage.position + forward * (stage.position[1] / max(-forward[1], 0.1))
    camera.fov = np.radians(view.fov_deg)


def add_person(
    server: viser.ViserServer, name: str, motion: Motion, surface: Surface, colour: tuple[int, int, int]
) -> viser.MeshSkinnedHandle:
    """Add a motion's body in its rest pose, to which its skin is bound.

    Args:
        server: Whose scene.
        name: Of the node, such as /person_0.
        motion: Whose betas shape the body.
        surface: The body's mesh.
        colour: RGB, 0 to 255.
    """
    shaped = surface.body.shape(torch.from_numpy(motion.betas))
    return server.scene.add_mesh_skinned(
        name,
        shaped.vertices[surface.vertex_ids].numpy(),
        surface.faces,
        bone_wxyzs=np.tile(IDENTITY, (NUM_JOINTS, 1)),
        bone_positions=shaped.joints.numpy(),
        skin_weights=surface.body.weights[surface.vertex_ids].numpy(),
        color=(np.array(colour) * DIMMED).astype(np.uint8),
    )


def bone_tracks(motion: Motion, body: BodyModel) -> tuple[Float[ndarray, "T 24 4"], Float[ndarray, "T 24 3"]]:
    """World quaternions, w first, and positions in metres of the joints at every frame."""
    posed = motion.posed(body)
    return matrix_to_quaternion(posed.R_world_joint).numpy(), posed.joints.numpy()


def pose_bones(
    person: viser.MeshSkinnedHandle, wxyz: Float[ndarray, "24 4"], positions: Float[ndarray, "24 3"]
) -> None:
    """Put a person's bones where one frame of `bone_tracks` has them."""
    for bone, orientation, position in zip(person.bones, wxyz, positions, strict=True):
        bone.wxyz = orientation
        bone.position = position
