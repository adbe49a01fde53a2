"""`motionary export` and `overlay`: motions as files for other programs, and over their videos."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from motionary.commands.speaking import Answer


@dataclass(frozen=True)
class Film:
    """Of an .mp4."""

    camera: Literal["auto", "fixed", "follow"] = "auto"
    """auto follows people who travel."""
    size_px: int = 512
    """Width and height of each motion's panel."""
    captions: tuple[str, ...] = ()
    """One for each motion; their actions when not given."""
    columns: int | None = None
    """Of the grid of several motions; about as many as rows when not given."""


_FILM = Film()


def export(
    motion: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    root: Literal["moving", "in_place"] = "moving",
    bones: Literal["smpl", "mixamo", "unreal", "vrm"] = "smpl",
    unit: Literal["cm", "m"] = "cm",
    npz: Literal["motionary", "amass"] = "motionary",
    film: Annotated[Film, arg(name="")] = _FILM,
) -> Answer:
    """Write a motion in another format, chosen by the suffix of OUT.

    Args:
        motion: A .npz motion; several for one .glb, or one .mp4 that plays them side by side.
        out: File to write: .npz, .bvh, .glb, .mp4, .png, .html, .trc or .jsonl.
        root: in_place keeps the person over one spot of the ground.
        bones: Whose bone names a .bvh or .glb bears.
        unit: Of a .bvh.
        npz: Form of an .npz; amass is what the SMPL add-ons of Blender open.
        film: Of an .mp4.
    """
    from motionary.export import ExportConfig, export_motion, export_together
    from motionary.export.mp4 import FilmConfig
    from motionary.motion import Motion

    if not motion:
        raise ValueError("Expected a .npz motion; none was given.")
    filmed = FilmConfig(size_px=film.size_px, camera=film.camera, columns=film.columns)
    config = ExportConfig(root, bones, unit, npz, filmed)
    motions = [Motion.load(path) for path in motion]
    if len(motions) > 1 or film.captions:
        written = export_together(motions, out, config=config, captions=film.captions)
    else:
        written = export_motion(motions[0], out, config=config)
    return Answer.of_file("file", written)


def overlay(video: Positional[Path], estimate: Positional[Path], /, *, out: Path) -> Answer:
    """Draw estimated people over the video they were estimated from.

    Args:
        video: The video.
        estimate: The folder that `motionary estimate` made of it.
        out: File to write: .mp4.
    """
    from motionary.body.assets import load_body
    from motionary.estimators.pictured import read_pictured
    from motionary.export.overlay import write_overlay

    write_overlay(video, read_pictured(estimate), out, load_body())
    return Answer.of_file("film", out)
