"""Motion -> a self-contained web page that plays it, made with viser; nothing is fetched on opening."""

import io
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
import viser

from motionary.atomic import write_atomically
from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel
from motionary.export.camera import View, stages
from motionary.export.render import colours_for
from motionary.export.surface import Surface
from motionary.motion import Motion
from motionary.rotations import matrix_to_quaternion

MOST_FACES = 24_000
FASTEST_FPS = 30.0
"""A page plays at most so many frames per second: each is stored as 48 messages."""
DIMMED = 0.75  # viser lights its scenes more brightly than our pictures
IDENTITY = np.array([1.0, 0, 0, 0])


def write_html(motion: Motion, path: Path, body: BodyModel) -> None:
    """Write a page that plays one motion, whole or not at all."""
    export_html([motion], path, body)


def export_html(motions: Sequence[Motion], path: Path, body: BodyModel) -> None:
    """Write a page that plays motions that happen together, each person standing on the floor.

    Raises:
        ValueError: If there is no motion.
    """
    if not motions:
        raise ValueError("A page needs at least one motion; got none.")
    fps = min(max(motion.fps for motion in motions), FASTEST_FPS)
    motions = [motion.resample(fps).on_ground(body) for motion in motions]
    write_atomically(path, _page(motions, fps, Surface.of(body, MOST_FACES)).encode())


def _page(motions: Sequence[Motion], fps: float, surface: Surface) -> str:
    with redirect_stdout(io.StringIO()):  # viser announces its address, which is of no use here
        server = viser.ViserServer(host="127.0.0.1", port=_free_port(), verbose=False)
    try:
        recorder = server.get_scene_serializer()
        _set_stage(server, motions, surface.body)
        colours = colours_for(len(motions))
        people = [
            _add_person(server, f"/person_{index}", motion, surface, colours[index])
            for index, motion in enumerate(motions)
        ]
        tracks = [_bones(motion, surface.body) for motion in motions]
        for frame in range(max(map(len, motions))):
            for person, (wxyz, positions) in zip(people, tracks, strict=True):
                if frame < len(wxyz):
                    _pose(person, wxyz[frame], positions[frame])
            recorder.insert_sleep(1 / fps)
        return recorder.as_html()
    finally:
        with redirect_stdout(io.StringIO()):
            server.stop()


def _set_stage(server: Any, motions: Sequence[Motion], body: BodyModel) -> None:
    """Floor, light and a camera that sees the whole path."""
    view = View(fov_deg=34.0, margin=0.12)
    camera = stages(motions, body, 900, 800, view)[0].camera
    forward = camera.R_camera_world[2]
    server.scene.set_up_direction("+y")
    server.scene.add_grid(
        "/floor",
        plane="xz",
        infinite_grid=True,
        cell_color=(226, 226, 224),
        section_color=(205, 206, 206),
        fade_distance=18.0,
    )
    server.initial_camera.position = camera.position
    server.initial_camera.look_at = camera.position + forward * (camera.position[1] / max(-forward[1], 0.1))
    server.initial_camera.fov = np.radians(view.fov_deg)


def _add_person(
    server: Any, name: str, motion: Motion, surface: Surface, colour: tuple[int, int, int]
) -> Any:
    """The body in its rest pose, to which its skin is bound."""
    shaped = surface.body.shape(torch.from_numpy(motion.betas))
    return server.scene.add_mesh_skinned(
        name,
        shaped.vertices[surface.vertex_ids].numpy(),
        surface.faces,
        bone_wxyzs=np.tile(IDENTITY, (NUM_JOINTS, 1)),
        bone_positions=shaped.joints.numpy(),
        skin_weights=surface.body.weights[surface.vertex_ids].numpy(),
        color=tuple(int(channel * DIMMED) for channel in colour),
    )


def _bones(motion: Motion, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """World quaternions (T, 24, 4), w first, and positions (T, 24, 3) of the joints."""
    posed = motion.posed(body)
    return matrix_to_quaternion(posed.R_world_joint).numpy(), posed.joints.numpy()


def _pose(person: Any, wxyz: np.ndarray, positions: np.ndarray) -> None:
    for bone, orientation, position in zip(person.bones, wxyz, positions, strict=True):
        bone.wxyz = orientation
        bone.position = position


def _free_port() -> int:
    """A port to start looking from; different for different processes, which may export at the same time."""
    return 20_000 + os.getpid() % 20_000
