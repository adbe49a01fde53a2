"""Motions performed by the body before a camera: synthetic videos whose true motion is known.

The body stands on the checked floor of `motionary.export` and is seen by a fixed camera that holds the whole
path. What makes real videos hard is put in on purpose: the blur of an open shutter, a lens out of focus,
things that stand in front, and few pixels. The body is a wooden figure without a face, and the room is empty:
errors on such videos say how contenders compare, not how well they do on people.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from motionary.export.camera import Camera, View, stages
from motionary.export.floor import Floor
from motionary.export.mp4 import encode
from motionary.export.render import Renderer
from motionary.export.surface import Surface
from motionary.motion import Motion

BLUR_STEP_PX = 3.0
"""While the shutter is open, pictures are added up so closely that nothing moves farther between them."""
MOST_STEPS = 9
COMPRESSION = 26
"""libx264's constant rate factor, as of videos from the web."""

Picture = UInt8[ndarray, "H W 3"]


@dataclass(frozen=True)
class Shot:
    """How one motion is filmed."""

    size_px: int = 384
    """Width and height while it is drawn."""
    fps: float = 30.0
    azimuth_deg: float = 30.0
    """Where the camera stands: 0 is in front of the person, 90 to their left."""
    elevation_deg: float = 8.0
    fov_deg: float = 40.0
    shutter: float = 0.5
    """Share of a frame's time during which light comes in."""
    defocus_px: float = 0.0
    """Standard deviation."""
    occluders: int = 0
    """Things that stand before the person."""
    shrink: float = 1.0
    """The picture is made so many times smaller in the end."""
    seed: int = 0
    """Chooses what stands where."""


def easy_shot(name: str, seed: int = 0) -> Shot:
    """A clear view from a random side; a clip's name and the seed choose it."""
    rng = _rng(name, seed)
    return Shot(
        azimuth_deg=float(rng.choice([0, 45, 90, 135, 180, 225, 270, 315])),
        elevation_deg=float(rng.uniform(0, 20)),
        fov_deg=float(rng.uniform(30, 55)),
        seed=seed,
    )


def hard_shot(name: str, seed: int = 0) -> Shot:
    """The same view, out of focus, with one or two things in front and half to a quarter of the pixels."""
    rng = _rng(f"{name} hard", seed)
    return replace(
        easy_shot(name, seed),
        defocus_px=float(rng.uniform(0, 2)),
        occluders=int(rng.integers(1, 3)),
        shrink=float(rng.uniform(1.5, 3)),
    )


SHOTS = {"easy": easy_shot, "hard": hard_shot}


def film(motion: Motion, shot: Shot, surface: Surface, renderer: Renderer) -> Iterator[Picture]:
    """Pictures of a motion that stands on the ground, at the shot's frame rate."""
    times_s = np.arange(int(np.floor((len(motion) - 1) / motion.fps * shot.fps + 1e-6)) + 1) / shot.fps
    view = View(shot.azimuth_deg, shot.elevation_deg, shot.fov_deg)
    stage = stages([motion], surface.body, shot.size_px, shot.size_px, view)[0]
    floor = Floor.of(stage)
    things = list(_occluders(shot))
    for time_s, open_s in zip(times_s, _openings(motion, times_s, shot, surface, stage.camera), strict=True):
        seen = surface.vertices(motion.at_times(time_s + open_s, shot.fps))
        light = np.mean([renderer.scene([vertices], surface.faces, floor) for vertices in seen], axis=0)
        yield _developed(light, things, shot)


def film_to(path: Path, motion: Motion, shot: Shot, surface: Surface, renderer: Renderer) -> None:
    """Write the film as .mp4, whole or not at all."""
    encode(film(motion, shot, surface, renderer), path, shot.fps, COMPRESSION)


def pixels(points: Float[ndarray, "*B 3"], camera: Camera) -> Float[ndarray, "*B 2"]:
    """Where a camera sees world points."""
    seen = camera.to_camera(points)
    return seen[..., :2] / seen[..., 2:] * camera.focal_px + np.array(camera.centre_px)


def _rng(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _openings(
    motion: Motion, times_s: Float[ndarray, "N"], shot: Shot, surface: Surface, camera: Camera
) -> Iterator[Float[ndarray, "_"]]:
    """Moments around each frame's own at which light is let in: more where a joint moves far."""
    open_s = shot.shutter / shot.fps
    ends = (motion.at_times(times_s + side * open_s / 2, shot.fps) for side in (-1, 1))
    before, after = (pixels(end.joint_positions(surface.body), camera) for end in ends)
    moved_px = np.linalg.norm(after - before, axis=-1).max(1)
    for count in np.clip(np.ceil(moved_px / BLUR_STEP_PX), 1, MOST_STEPS).astype(int):
        yield (np.arange(count) + 0.5 - count / 2) / count * open_s


def _occluders(shot: Shot) -> Iterator[tuple[slice, slice, Float[ndarray, "3"]]]:
    """Rows, columns and colour of upright things on the floor between camera and person."""
    rng = np.random.default_rng(shot.seed + shot.occluders)
    for _ in range(shot.occluders):
        width, height = rng.uniform(0.08, 0.18) * shot.size_px, rng.uniform(0.25, 0.6) * shot.size_px
        left = rng.uniform(0.25, 0.75) * shot.size_px - width / 2
        rows = slice(int(shot.size_px - height), shot.size_px)
        yield rows, slice(int(left), int(left + width)), rng.uniform(40, 200, 3)


def _developed(
    light: Float[ndarray, "H W 3"], things: list[tuple[slice, slice, Float[ndarray, "3"]]], shot: Shot
) -> Picture:
    """The picture as the camera keeps it."""
    for rows, columns, colour in things:
        light[rows, columns] = colour
    if shot.defocus_px > 0:
        light = cv2.GaussianBlur(light, (0, 0), shot.defocus_px)
    if shot.shrink > 1:
        side = round(shot.size_px / shot.shrink / 2) * 2
        light = cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA)
    return np.clip(light + 0.5, 0, 255).astype(np.uint8)
