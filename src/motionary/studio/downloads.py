"""Everyone on the stage as a file: motions as they are, scenes as they stand."""

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from motionary.body.smpl import BodyModel
from motionary.export import export_motion, export_together
from motionary.export.html import export_html
from motionary.export.mp4 import FilmConfig, Panel, write_film
from motionary.motion import Motion
from motionary.studio.state import Performer, arrange

FORMATS = ("npz", "bvh", "glb", "mp4", "html")
FILM = FilmConfig(size_px=720)


@dataclass(frozen=True)
class Download:
    """A file for a browser."""

    name: str
    content: bytes


def make_download(performers: Sequence[Performer], format: str, body: BodyModel) -> Download:
    """The performers in one file.

    An .mp4 and an .html show the scene; a .glb of one body shape holds an animation for each; of the other
    formats there is one file each, in a .zip where there are several.

    Raises:
        ValueError: If the format is unknown or nobody is there.
    """
    if format not in FORMATS:
        raise ValueError(f"The formats are {', '.join(FORMATS)}; got {format!r}.")
    if not performers:
        raise ValueError("Nobody is on the stage; perform or choose something first.")
    motions = [performer.motion for performer in performers]
    names = file_names(performers)
    with tempfile.TemporaryDirectory(prefix="motionary-") as folder:
        path = Path(folder) / f"{names[0] if len(names) == 1 else 'motions'}.{format}"
        if format == "mp4":
            write_film([Panel(tuple(arrange(performers)))], path, body, FILM)
        elif format == "html":
            export_html(arrange(performers), path, body)
        elif format == "glb" and _one_shape(motions):
            export_together(motions, path, body)
        elif len(motions) == 1:
            export_motion(motions[0], path, body)
        else:
            return Download("motions.zip", _zip(motions, [f"{name}.{format}" for name in names], body))
        return Download(path.name, path.read_bytes())


def file_names(performers: Sequence[Performer]) -> list[str]:
    """A different name for everyone's file, from their captions, without suffix."""
    names = [re.sub(r"\W+", "_", performer.caption).strip("_")[:60] or "motion" for performer in performers]
    return [
        name if names.count(name) == 1 else f"{name}_{names[: index + 1].count(name)}"
        for index, name in enumerate(names)
    ]


def _one_shape(motions: Sequence[Motion]) -> bool:
    return all(np.array_equal(motion.betas, motions[0].betas) for motion in motions)


def _zip(motions: Sequence[Motion], names: Sequence[str], body: BodyModel) -> bytes:
    packed = io.BytesIO()
    with (
        tempfile.TemporaryDirectory(prefix="motionary-") as folder,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for motion, name in zip(motions, names, strict=True):
            archive.write(export_motion(motion, Path(folder) / name, body), name)
    return packed.getvalue()
