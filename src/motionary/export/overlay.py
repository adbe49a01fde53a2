"""Estimated people drawn over the video they were estimated from."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from motionary.body.smpl import BodyModel
from motionary.estimators.pictured import Pictured
from motionary.estimators.video import Frame, Video
from motionary.export.camera import Camera
from motionary.export.mp4 import encode
from motionary.export.render import Renderer, load_renderer
from motionary.export.shading import PALETTE
from motionary.export.surface import Surface


def write_overlay(
    video: Path,
    people: Sequence[Pictured],
    path: Path,
    body: BodyModel,
    renderer: Renderer | None = None,
) -> None:
    """Film a video with everybody's estimated body over it, whole or not at all; without its sound.

    Args:
        video: What the people were estimated from.
        people: From `read_pictured`, or `PersonEstimate.pictured`.
        path: The .mp4 file, at the motions' frame rate.
        body: Everyone's body.
        renderer: From `load_renderer`, which is called when None.

    Raises:
        FileNotFoundError: If there is no such video.
        ValueError: If nobody is given, the file's name is not .mp4, or the pictures are of another size.
    """
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"An overlay is written as .mp4; got {path.name!r}.")
    if not people:
        raise ValueError("An overlay needs at least one person; got none.")
    renderer = renderer or load_renderer()
    surface = Surface.of(body, renderer.most_faces)
    fps = people[0].motion.fps
    pictures = (
        draw_people(frame.rgb(), time_s, people, surface, renderer)
        for time_s, frame in _steadily(Video(video).frames(), fps)
    )
    encode(pictures, path, fps)


def draw_people(
    image: UInt8[ndarray, "H W 3"],
    time_s: float,
    people: Iterable[Pictured],
    surface: Surface,
    renderer: Renderer,
) -> UInt8[ndarray, "H W 3"]:
    """A video's frame with everybody's estimated body drawn where the picture has them.

    Raises:
        ValueError: If the picture is not as large as the one that was estimated from.
    """
    bodies, colours, focal_px = [], [], 0.0
    for person in people:
        index = person.frame_at(time_s)
        if index is None:
            continue
        camera = person.view.camera
        if (camera.height, camera.width) != image.shape[:2]:
            raise ValueError(
                f"The estimate is of pictures of {camera.width} x {camera.height} pixels; this video has "
                f"{image.shape[1]} x {image.shape[0]}. Give the video that was estimated from."
            )
        world_m = surface.vertices(person.motion.crop(index, index + 1))[0]
        bodies.append(person.view.to_camera(world_m).astype(np.float32))
        colours.append(PALETTE[(person.person - 1) % len(PALETTE)])
        focal_px = camera.focal_px  # one camera filmed them all
    if not bodies:
        return image
    height, width = image.shape[:2]
    # Estimators count positions from the first pixel's edge, pictures from its centre.
    lens = Camera(width, height, focal_px, ((width - 1) / 2, (height - 1) / 2))
    return renderer.overlay(image, bodies, surface.faces, lens, colours)


def _steadily(frames: Iterable[Frame], fps: float) -> Iterator[tuple[float, Frame]]:
    """Frames at a constant rate, each with its time: repeated or left out where the video's rate varies."""
    shown = 0
    for frame in frames:
        while shown / fps <= frame.time_s + 0.5 / fps:
            yield frame.time_s, frame
            shown += 1
