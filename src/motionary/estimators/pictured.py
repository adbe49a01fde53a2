"""Where in the picture estimated people are: views.json beside an estimate, to draw over the video."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.documents import parse_json, read_text
from motionary.estimators.fitting import Camera
from motionary.motion import Motion

VIEWS_FILE = "views.json"


@dataclass(frozen=True)
class View:
    """How one person's world and the picture belong together."""

    camera: Camera
    R_world_camera: Float[ndarray, "3 3"]
    """Turns camera axes (x right, y up, z towards the viewer) upright."""
    shift_m: Float[ndarray, "3"]
    """World position = R_world_camera @ camera position - shift."""

    def to_camera(self, world_m: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 3"]:
        """World positions in the camera's frame as OpenCV has it: metres, x right, y down, z forward."""
        return (world_m + self.shift_m) @ self.R_world_camera * np.array([1, -1, -1])

    def project(self, world_m: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 2"]:
        """Image positions of world positions, pixels."""
        return self.camera.project(self.to_camera(world_m) * np.array([1, -1, -1]))


@dataclass(frozen=True)
class Pictured:
    """One person over one unbroken stretch of a video, as the picture has them."""

    person: int
    """Who it is, from 1."""
    motion: Motion
    """Its root follows the picture; `view` takes it there."""
    view: View
    start_s: float
    """When its first frame is shown, seconds after the video's first frame."""

    def frame_at(self, time_s: float) -> int | None:
        """The motion's frame shown at a time of the video; None when the person is not there."""
        return frame_at(self.motion, self.start_s, time_s)


def frame_at(motion: Motion, start_s: float, time_s: float) -> int | None:
    """A motion's frame shown at a time, seconds, when the first is shown at start_s; None outside."""
    frame = round((time_s - start_s) * motion.fps)
    return frame if 0 <= frame < len(motion) else None


def views_content(people: Mapping[int, Pictured]) -> bytes:
    """What views.json says: for each person_<k>.npz the camera, and the root that follows the picture."""
    entries = {str(number): _entry(person) for number, person in people.items()}
    return (json.dumps(entries) + "\n").encode()


def read_pictured(folder: Path) -> list[Pictured]:
    """Everybody in a folder that `save_estimate` wrote, as the picture has them.

    Raises:
        FileNotFoundError: If there is no estimate, or one from before views were kept.
        ValueError: If it is damaged.
    """
    path = folder / VIEWS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"No {VIEWS_FILE} in {folder}: expected a folder that `motionary estimate` wrote; "
            "estimates of versions before it are to be made again."
        )
    try:
        entries = parse_json(read_text(path), "it")
        return [_read_entry(folder / f"person_{int(k)}.npz", entry) for k, entry in entries.items()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} does not go with its estimate ({error}): estimate the video again."
        ) from None


def _entry(person: Pictured) -> dict[str, Any]:
    camera = person.view.camera
    return {
        "person": person.person,
        "start_s": round(person.start_s, 4),
        "focal_px": round(float(camera.focal_px), 3),
        "width": camera.width,
        "height": camera.height,
        "R_world_camera": person.view.R_world_camera.astype(float).round(7).tolist(),
        "shift_m": person.view.shift_m.astype(float).round(5).tolist(),
        "translation_m": person.motion.translation.astype(float).round(4).tolist(),
    }


def _read_entry(path: Path, entry: dict[str, Any]) -> Pictured:
    motion = replace(Motion.load(path), translation=np.array(entry["translation_m"], np.float32))
    camera = Camera(float(entry["focal_px"]), int(entry["width"]), int(entry["height"]))
    R_world_camera = np.array(entry["R_world_camera"], float).reshape(3, 3)
    view = View(camera, R_world_camera, np.array(entry["shift_m"], float).reshape(3))
    return Pictured(int(entry["person"]), motion, view, float(entry["start_s"]))
