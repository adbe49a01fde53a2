"""A strip of pictures from a video that shows who is who, and when each of them was seen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from motionary.estimators.regions import Region
from motionary.estimators.video import Frame

MOST = 12
"""Pictures kept of a video at most."""
HEIGHT_PX = 270
COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Told apart by the colour-blind too (Okabe and Ito 2008)."""
BAR_PX = 18


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a whole frame."""

    time_s: float
    rgb: UInt8[ndarray, "H W 3"]
    scale: float
    """Thumbnail pixels per pixel of the video."""


class Thumbnails:
    """Keeps a few pictures of a video, evenly spread over however long it turns out to be.

    Attributes:
        kept: The pictures, in order of time.
    """

    def __init__(self, expected_frames: int) -> None:
        self.kept: list[Thumbnail] = []
        self._every = max(expected_frames // MOST + 1, 1)

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, passed on."""
        for count, frame in enumerate(frames):
            if count % self._every == 0 and len(self.kept) == MOST:
                self.kept, self._every = self.kept[::2], 2 * self._every
            if count % self._every == 0:
                self.kept.append(_thumbnail(frame))
            yield frame


def who_is_who(
    thumbnails: Sequence[Thumbnail], boxes_px: dict[int, list[tuple[float, ndarray]]], duration_s: float
) -> UInt8[ndarray, "H W 3"]:
    """Pictures side by side with a numbered box around each person; below, when each of them was seen.

    Args:
        thumbnails: The pictures, in order of time; at least one.
        boxes_px: By person, the times and boxes (left, top, right, bottom) of the frames they were seen in.
        duration_s: Of the video.
    """
    half_step_s = duration_s / max(len(thumbnails), 1) / 2
    pictures = []
    for thumbnail in thumbnails:
        picture = thumbnail.rgb.copy()
        for person, sightings in boxes_px.items():
            if not sightings:  # all of somebody's frames may have failed
                continue
            time_s, box = min(sightings, key=lambda seen: abs(seen[0] - thumbnail.time_s))
            if abs(time_s - thumbnail.time_s) <= min(half_step_s, 0.05):
                _draw_box(picture, box * thumbnail.scale, person)
        _write(picture, f"{thumbnail.time_s:.2f} s", (4, 14), (255, 255, 255))
        pictures.append(picture)
    strip = np.concatenate(pictures, axis=1)
    bars = [_bar(person, sightings, duration_s, strip.shape[1]) for person, sightings in boxes_px.items()]
    return np.concatenate([strip, *bars])


def colour_of(person: int) -> tuple[int, int, int]:
    """The colour a person is drawn in, from 1 on."""
    return COLOURS[(person - 1) % len(COLOURS)]


def _thumbnail(frame: Frame) -> Thumbnail:
    width, height = frame.size
    scale = HEIGHT_PX / height
    side = 2 * (int(max(width, height) * scale) // 2)
    square = frame.crop(Region.whole_image(width, height).T_image_crop(side), side, black_border=True)
    scale = side / max(width, height)
    left, top = (round((side - length * scale) / 2) for length in (width, height))
    shown = square[top : top + round(height * scale), left : left + round(width * scale)]
    return Thumbnail(frame.time_s, shown.copy(), scale)


def _draw_box(picture: UInt8[ndarray, "H W 3"], box: ndarray, person: int) -> None:
    left, top, right, bottom = (round(float(value)) for value in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour_of(person), 2)
    cv2.rectangle(picture, (left, top), (left + 14, top + 16), colour_of(person), -1)
    _write(picture, str(person), (left + 2, top + 13), (0, 0, 0))


def _bar(person: int, sightings: list[tuple[float, ndarray]], duration_s: float, width: int) -> ndarray:
    bar = np.full((BAR_PX, width, 3), 245, np.uint8)
    steps_s = np.diff([time_s for time_s, _ in sightings])
    step_px = max(round(float(np.median(steps_s)) / duration_s * width) if len(steps_s) else 1, 1)
    for time_s, _ in sightings:
        start = round(time_s / duration_s * width)
        bar[3:-3, start : start + step_px] = colour_of(person)
    _write(bar, str(person), (4, 14), (0, 0, 0))
    return bar


def _write(picture: ndarray, text: str, at_px: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, at_px, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
