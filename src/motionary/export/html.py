"""Motion -> a self-contained web page that plays it, made with viser; nothing is fetched on opening."""

import io
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import viser

from motionary.atomic import write_atomically
from motionary.body.smpl import BodyModel
from motionary.export.render import colours_for
from motionary.export.scene import MOST_FACES, add_floor, add_person, aim, bone_tracks, pose_bones
from motionary.export.surface import Surface
from motionary.grounding import with_feet_on_ground
from motionary.motion import Motion

FASTEST_FPS = 30.0
"""A page plays at most so many frames per second: each is stored as 48 messages."""


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
    motions = [with_feet_on_ground(motion.resample(fps), body) for motion in motions]
    write_atomically(path, _page(motions, fps, Surface.of(body, MOST_FACES)).encode())


def _page(motions: Sequence[Motion], fps: float, surface: Surface) -> str:
    with redirect_stdout(io.StringIO()):  # viser announces its address, which is of no use here
        server = viser.ViserServer(host="127.0.0.1", port=_free_port(), verbose=False)
    try:
        recorder = server.get_scene_serializer()
        add_floor(server)
        aim(server.initial_camera, motions, surface.body)
        colours = colours_for(len(motions))
        people = [
            add_person(server, f"/person_{index}", motion, surface, colours[index])
            for index, motion in enumerate(motions)
        ]
        tracks = [bone_tracks(motion, surface.body) for motion in motions]
        for frame in range(max(map(len, motions))):
            for person, (wxyz, positions) in zip(people, tracks, strict=True):
                if frame < len(wxyz):
                    pose_bones(person, wxyz[frame], positions[frame])
            recorder.insert_sleep(1 / fps)
        return recorder.as_html()
    finally:
        with redirect_stdout(io.StringIO()):
            server.stop()


def _free_port() -> int:
    """A port to start looking from; different for different processes, which may export at the same time."""
    return 20_000 + os.getpid() % 20_000
