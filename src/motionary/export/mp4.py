"""Films of motions: one person, several in one room, or a grid of rooms with captions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import av
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from motionary.atomic import placed_atomically
from motionary.body.smpl import BodyModel
from motionary.export.camera import View, stages
from motionary.export.figure import tile
from motionary.export.lettering import write_text
from motionary.export.render import Renderer, load_renderer, render_frames
from motionary.export.surface import Surface
from motionary.grounding import with_feet_on_ground
from motionary.motion import Motion

TRAVELS_M = 1.6  # a person who moves farther than this would become small under a fixed camera
CAPTION_FRACTION = 0.05


@dataclass(frozen=True)
class FilmConfig:
    """How a motion is filmed."""

    size_px: int = 512
    """Width and height of one panel."""
    camera: Literal["auto", "fixed", "follow"] = "auto"
    """"auto" follows people who travel."""
    view: View = field(default_factory=View)
    quality: int = 20
    """libx264's constant rate factor: lower is better and larger."""
    columns: int | None = None
    """Of a grid; about as many as rows when None."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.size_px < 16:
            raise ValueError(f"A panel has 16 pixels or more; got {self.size_px}.")
        if self.columns is not None and self.columns < 1:
            raise ValueError(f"A grid has at least one column; got {self.columns}.")


@dataclass(frozen=True)
class Panel:
    """One room of a film."""

    motions: tuple[Motion, ...]
    """People who are there together."""
    caption: str = ""


def write_mp4(motion: Motion, path: Path, body: BodyModel, config: FilmConfig | None = None) -> None:
    """Film one motion, captioned with its action, at its own frame rate."""
    write_film([Panel((motion,), motion.action or "")], path, body, config)


def write_film(
    panels: Sequence[Panel],
    path: Path,
    body: BodyModel,
    config: FilmConfig | None = None,
    renderer: Renderer | None = None,
) -> None:
    """Film rooms side by side, people standing on the floor; whoever ends first keeps the last pose.

    Args:
        panels: What happens in each room. The film has the first motion's frame rate; others are resampled.
        path: The .mp4 file.
        body: Everyone's body.
        config: How it is filmed.
        renderer: From `load_renderer`, which is called when None.

    Raises:
        ValueError: If there is nothing to film.
    """
    if not panels or not all(panel.motions for panel in panels):
        raise ValueError("A film needs at least one motion in every panel; got none.")
    config, renderer = config or FilmConfig(), renderer or load_renderer()
    surface = Surface.of(body, renderer.most_faces)
    fps = panels[0].motions[0].fps
    films = [_film_panel(panel, fps, surface, config, renderer) for panel in panels]
    encode(_grid(films, config.columns), path, fps, config.quality)


def encode(
    frames: Iterable[UInt8[ndarray, "H W 3"]], path: Path, fps: float | int, quality: int = 20
) -> None:
    """Write pictures as H.264 in .mp4, whole or not at all; odd sizes grow by a pixel."""
    with (
        placed_atomically(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        rate = Fraction(fps).limit_denominator(1001)  # holds 30000/1001 exactly
        stream = container.add_stream(
            "libx264", rate=rate, options={"crf": str(quality), "preset": "veryfast"}
        )
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            even = np.pad(frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], mode="edge")
            if not stream.codec_context.is_open:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())


def travels(motions: Sequence[Motion]) -> bool:
    """Whether people move about so much that a camera had better follow them."""
    path = np.concatenate([motion.translation[:, [0, 2]] for motion in motions])
    return bool(np.linalg.norm(np.ptp(path, axis=0)) > TRAVELS_M)


def _film_panel(
    panel: Panel, fps: float, surface: Surface, config: FilmConfig, renderer: Renderer
) -> Iterator[UInt8[ndarray, "H W 3"]]:
    motions = [with_feet_on_ground(motion.resample(fps), surface.body) for motion in panel.motions]
    camera = config.camera
    if camera == "auto":
        camera = "follow" if travels(motions) else "fixed"
    size = config.size_px
    seen_from = stages(motions, surface.body, size, size, config.view, camera)
    letters_px = max(10, int(size * CAPTION_FRACTION))
    for image in render_frames(_together(motions, surface), surface.faces, seen_from, renderer):
        if panel.caption:
            band = image[-2 * letters_px :]
            band[:] = write_text(band, panel.caption, (size / 2, letters_px), letters_px)
        yield image


def _together(motions: Sequence[Motion], surface: Surface) -> Iterator[list[ndarray]]:
    """Everyone's vertices, frame by frame."""
    latest: list[ndarray] = [np.empty(0)] * len(motions)
    for frame in zip_longest(*(surface.frames(motion) for motion in motions)):
        latest = [before if now is None else now for before, now in zip(latest, frame, strict=True)]
        yield latest


def _grid(films: Sequence[Iterator[ndarray]], columns: int | None) -> Iterator[UInt8[ndarray, "H W 3"]]:
    latest: list[ndarray] = [np.empty(0)] * len(films)
    for frame in zip_longest(*films):
        latest = [before if now is None else now for before, now in zip(latest, frame, strict=True)]
        yield tile(latest, columns)
