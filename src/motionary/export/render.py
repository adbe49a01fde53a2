"""Pictures of bodies: on a floor, frame by frame, or over a photograph."""

import importlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from motionary.export.camera import Camera, Stage
from motionary.export.floor import Floor, composite
from motionary.export.shading import CLAY, PALETTE, Colour

RASTERISERS = {
    "opengl": "motionary.export.opengl:OpenGl",
    "painter": "motionary.export.painter:Painter",
}

NEAR_M = 0.2
PART_STEP_PX = 64


@runtime_checkable
class Rasteriser(Protocol):
    """What draws people; `RASTERISERS` names the choices."""

    most_faces: int
    """Meshes larger than this are slow here."""

    def people(
        self,
        people: Sequence[Float[ndarray, "V 3"]],
        faces: Int[ndarray, "F 3"],
        camera: Camera,
        colours: Sequence[Colour],
    ) -> UInt8[ndarray, "H W 4"]:
        """The people alone on a clear picture, colours multiplied by alpha."""
        ...


class Renderer:
    """Draws people standing on a floor. Get one from `load_renderer`."""

    def __init__(self, rasteriser: Rasteriser) -> None:
        self._rasteriser = rasteriser

    @property
    def most_faces(self) -> int:
        """Meshes larger than this are slow here."""
        return self._rasteriser.most_faces

    def scene(
        self,
        people: Sequence[Float[ndarray, "V 3"]],
        faces: Int[ndarray, "F 3"],
        floor: Floor,
        colours: Sequence[Colour] | None = None,
    ) -> UInt8[ndarray, "H W 3"]:
        """People, world vertices in metres, on a floor; coloured by `colours_for` when None."""
        colours = colours or colours_for(len(people))
        return self._in_front_of(floor.with_shadows(people), people, faces, floor.stage.camera, colours)

    def overlay(
        self,
        image: UInt8[ndarray, "H W 3"],
        people: Sequence[Float[ndarray, "V 3"]],
        faces: Int[ndarray, "F 3"],
        camera: Camera,
        colours: Sequence[Colour] | None = None,
        opacity: float = 0.88,
    ) -> UInt8[ndarray, "H W 3"]:
        """People in front of a photograph taken by the camera."""
        colours = colours or [PALETTE[person % len(PALETTE)] for person in range(len(people))]
        return self._in_front_of(image.copy(), people, faces, camera, colours, opacity)

    def _in_front_of(
        self,
        image: UInt8[ndarray, "H W 3"],
        people: Sequence[Float[ndarray, "V 3"]],
        faces: Int[ndarray, "F 3"],
        camera: Camera,
        colours: Sequence[Colour],
        opacity: float = 1.0,
    ) -> UInt8[ndarray, "H W 3"]:
        """People drawn into the picture, of which only the part they take up is touched."""
        left, top, right, bottom = _taken_up(people, camera)
        if right <= left or bottom <= top:
            return image
        u, v = camera.centre_px
        part = replace(camera, width=right - left, height=bottom - top, centre_px=(u - left, v - top))
        in_front = self._rasteriser.people(people, faces, part, colours)
        if opacity < 1:
            in_front = (in_front * opacity).astype(np.uint8)
        image[top:bottom, left:right] = composite(image[top:bottom, left:right], in_front)
        return image


def load_renderer(rasteriser: str | None = None) -> Renderer:
    """The fastest renderer that works on this machine, or the one that is named.

    Without a name, OpenGL is tried first; where it is missing, the painter takes over with a warning.

    Raises:
        ValueError: If the name is not one of `RASTERISERS`.
    """
    if rasteriser is not None and rasteriser not in RASTERISERS:
        raise ValueError(f"The rasterisers are {', '.join(RASTERISERS)}; got {rasteriser!r}.")
    try:
        return Renderer(_load(rasteriser or "opengl"))
    except Exception as error:  # moderngl raises bare Exception, ImportError, ... for a missing EGL
        if rasteriser is not None:
            raise
        _warn_once(str(error).partition("\n")[0] or type(error).__name__)
        return Renderer(_load("painter"))


def render_frames(
    people: Iterable[Sequence[Float[ndarray, "V 3"]]],
    faces: Int[ndarray, "F 3"],
    stages: Iterable[Stage],
    renderer: Renderer | None = None,
    colours: Sequence[Colour] | None = None,
) -> Iterator[UInt8[ndarray, "H W 3"]]:
    """One picture for each frame.

    Args:
        people: For each frame, the vertices of everyone in it, world metres.
        faces: The mesh they share.
        stages: For each frame, the camera and floor; from `motionary.export.camera.stages`.
        renderer: From `load_renderer`, which is called when None.
        colours: One per person.
    """
    renderer = renderer or load_renderer()
    floor = None
    for everyone, stage in zip(people, stages, strict=False):
        floor = floor.at(stage) if floor else Floor.of(stage)
        yield renderer.scene(everyone, faces, floor, colours)


def render_overlay(
    image: UInt8[ndarray, "H W 3"],
    people: Sequence[Float[ndarray, "V 3"]],
    faces: Int[ndarray, "F 3"],
    focal_px: float | int,
    centre_px: tuple[float | int, float | int],
    renderer: Renderer | None = None,
) -> UInt8[ndarray, "H W 3"]:
    """People drawn over the photograph they were estimated from.

    Args:
        image: The photograph, RGB.
        people: Vertices of each person in the camera's frame: metres, x right, y down, z forward.
        faces: The mesh they share.
        focal_px: Focal length in pixels of the photograph.
        centre_px: Principal point (column, row).
        renderer: From `load_renderer`, which is called when None.
    """
    height, width = image.shape[:2]
    camera = Camera(width, height, float(focal_px), (float(centre_px[0]), float(centre_px[1])))
    return (renderer or load_renderer()).overlay(image, people, faces, camera)


def colours_for(num_people: int) -> list[Colour]:
    """Clay for one person alone, else colours that tell the people apart."""
    return [CLAY] if num_people == 1 else [PALETTE[person % len(PALETTE)] for person in range(num_people)]


def _taken_up(people: Sequence[Float[ndarray, "V 3"]], camera: Camera) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of the picture that people take up, pixels.

    Its sides are multiples of PART_STEP_PX, so that few sizes occur.
    """
    whole = np.array([camera.width, camera.height])
    seen = np.concatenate([camera.to_camera(person) for person in people])
    if seen[:, 2].min() < NEAR_M:  # somebody stands beside the camera, or behind it
        return 0, 0, camera.width, camera.height
    pixels = seen[:, :2].T / seen[:, 2] * camera.focal_px  # long rows make quick work
    low, high = (end + camera.centre_px for end in (pixels.min(1), pixels.max(1)))
    low, high = np.floor(low) - 1, np.ceil(high) + 2
    size = np.ceil((high - low) / PART_STEP_PX) * PART_STEP_PX
    start = np.clip(low, 0, np.maximum(whole - size, 0))
    left, top, right, bottom = np.concatenate([start, np.minimum(start + size, whole)]).astype(int).tolist()
    return left, top, right, bottom


@cache
def _warn_once(reason: str) -> None:
    logging.getLogger(__name__).warning(
        "No off-screen OpenGL (%s): drawing coarser bodies. Debian: apt install libegl1 libgl1-mesa-dri",
        reason,
    )


def _load(name: str) -> Rasteriser:
    module, _, attribute = RASTERISERS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)()
