"""The table of result formats, and reading a file by it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from motionary.body.assets import default_body
from motionary.body.smpl import BodyModel
from motionary.documents import reason
from motionary.estimators.external import layouts
from motionary.estimators.external.layouts import People
from motionary.estimators.external.loading import listed, read_content
from motionary.estimators.external.track import Track
from motionary.motion import Motion

DEFAULT_FPS = 30.0
"""Of results that do not tell, as most do not: the rate of the video is then to be given."""


@dataclass(frozen=True)
class ResultFormat:
    """How one system saves what it estimated."""

    title: str
    page: str
    """Where the system comes from."""
    files: tuple[str, ...]
    """What its files are called in a folder; the first pattern that any file has."""
    marks: Callable[[Any], bool]
    """Whether a file's content looks like it."""
    people: Callable[[Any, Path], People]
    track: Callable[[dict[Any, Any]], Track]


def _some_person_has(content: Any, *keys: str) -> bool:
    people = content.values() if isinstance(content, dict) else ()
    person = next(iter(people), None)
    return isinstance(person, dict) and all(key in person for key in keys)


def _is_pare(content: Any) -> bool:
    return _some_person_has(content, "pose", "smpl_joints2d")


RESULTS: dict[str, ResultFormat] = {
    "wham": ResultFormat(
        "WHAM (Shin et al. 2024)",
        "https://github.com/yohanshin/WHAM",
        ("wham_output*.pkl", "*.pkl"),
        lambda content: _some_person_has(content, "pose", "pose_world"),
        layouts.people_by_key,
        layouts.wham_track,
    ),
    "pare": ResultFormat(
        "PARE (Kocabas et al. 2021)",
        "https://github.com/mkocabas/PARE",
        ("pare_output*.pkl", "*.pkl"),
        _is_pare,
        layouts.people_by_key,
        layouts.pare_track,
    ),
    "vibe": ResultFormat(
        "VIBE (Kocabas et al. 2020)",
        "https://github.com/mkocabas/VIBE",
        ("vibe_output*.pkl", "*.pkl"),
        lambda content: _some_person_has(content, "pose", "orig_cam") and not _is_pare(content),
        layouts.people_by_key,
        layouts.vibe_track,
    ),
    "4dhumans": ResultFormat(
        "4D-Humans (Goel et al. 2023), tracked by PHALP",
        "https://github.com/shubham-goel/4D-Humans",
        ("*.pkl",),
        lambda content: _some_person_has(content, "tid", "smpl"),
        layouts.phalp_people,
        layouts.phalp_track,
    ),
    "gvhmr": ResultFormat(
        "GVHMR (Shen et al. 2024)",
        "https://github.com/zju3dv/GVHMR",
        ("hmr4d_results*.pt", "*.pt"),
        lambda content: (
            isinstance(content, dict)
            and not content.keys().isdisjoint({"smpl_params_global", "smpl_params_incam"})
        ),
        layouts.gvhmr_people,
        layouts.gvhmr_track,
    ),
    "tram": ResultFormat(
        "TRAM (Wang et al. 2024)",
        "https://github.com/yufu-wang/tram",
        ("hps_track*.npy", "*.npy"),
        lambda content: isinstance(content, dict) and {"pred_trans", "pred_shape"} <= content.keys(),
        layouts.tram_people,
        layouts.tram_track,
    ),
    "smplx": ResultFormat(
        "SMPL-X, SMPL-H or SMPL parameters in .npz",
        "https://smpl-x.is.tue.mpg.de",
        ("*.npz",),
        lambda content: (
            isinstance(content, dict)
            and not content.keys().isdisjoint(layouts.BODY + layouts.WHOLE)
            and not content.keys().isdisjoint(layouts.PLACE)
        ),
        layouts.smplx_people,
        layouts.smplx_track,
    ),
}
"""By name; where a file could be of several, the first one that its content marks."""


@dataclass(frozen=True)
class ResultClip:
    """One person over one stretch of a video."""

    person: str
    """As the file names them; empty where it can hold only one."""
    start_frame: int
    motion: Motion


@dataclass(frozen=True)
class VideoResult:
    """What one result file gives."""

    format: str
    clips: tuple[ResultClip, ...]
    dropped: tuple[str, ...] = ()
    """Who could not be read, and why."""
    fps_told: bool = False
    """Whether the file says its frame rate."""


def read_results(
    path: Path | str, format: str = "auto", fps: float | None = None, body: BodyModel | None = None
) -> VideoResult:
    """Read everybody in another system's result file: y up, feet on the ground, gaps marked.

    Args:
        path: The file.
        format: One of `RESULTS`; "auto" tells it from the content.
        fps: Frames per second of the video, for files that do not tell; `DEFAULT_FPS` when None.
        body: What stands on the ground; the free one when None.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another format, damaged, asks to run code, or nobody in it can be read.
    """
    path = Path(path)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a positive number; got {fps}.")
    if format not in ("auto", *RESULTS):
        raise ValueError(f"The result formats are auto, {', '.join(RESULTS)}; got {format!r}.")
    content = read_content(path)
    name = format if format != "auto" else _told_by_content(content, path)
    clips: list[ResultClip] = []
    dropped: list[str] = []
    told = []
    body = body or default_body()
    for person, stored in _people(RESULTS[name], content, path).items():
        try:
            track = _track(RESULTS[name], stored)
            motions = list(track.motions(track.fps or fps or DEFAULT_FPS, body))
        except ValueError as error:
            dropped.append(f"{f'person {person}: ' if person else ''}{error}")
            continue
        told.append(track.fps is not None)
        clips += [ResultClip(person, start, motion) for start, motion in motions]
    if not clips:
        reason = dropped[0] if dropped else "it holds nobody"
        raise ValueError(f"{path} is no readable result of {RESULTS[name].title}: {reason}.")
    return VideoResult(name, tuple(clips), tuple(dropped), all(told))


def _people(format: ResultFormat, content: Any, path: Path) -> People:
    try:
        return format.people(content, path)
    except Exception as error:  # there are more ways to be laid out wrongly than to check for
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path} is not laid out as {format.title} does it ({reason(error)}).") from None


def _track(format: ResultFormat, person: dict[Any, Any]) -> Track:
    try:
        return format.track(person)
    except ValueError:
        raise
    except Exception as error:  # as above
        raise ValueError(f"not laid out as {format.title} does it ({reason(error)})") from None


def _told_by_content(content: Any, path: Path) -> str:
    for name, known in RESULTS.items():
        if known.marks(content):
            return name
    raise ValueError(
        f"{path} is no result that is known ({', '.join(RESULTS)}); it holds {listed(content)}. "
        "Give its format."
    )


def find_results(folder: Path, format: str) -> list[Path]:
    """The result files of one format, or with "auto" of every format that names them its own way, sorted.

    Raises:
        FileNotFoundError: If there is none.
    """
    auto = format == "auto"
    patterns = [known.files[0] for known in RESULTS.values()] if auto else RESULTS[format].files
    found: set[Path] = set()
    for pattern in patterns:
        if auto or not found:
            found.update(path for path in folder.rglob(pattern) if path.is_file())
    if not found:
        raise FileNotFoundError(f"{folder} holds no result files; looked for {', '.join(patterns)}.")
    return sorted(found)
