"""Motions out: files for other programs (npz, bvh, glb) and pictures for people (png, mp4, html)."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from motionary.body.smpl import BodyModel
from motionary.export.bone_names import NamePreset
from motionary.motion import Motion

if TYPE_CHECKING:
    from motionary.export.mp4 import FilmConfig

EXPORTERS = {
    ".npz": "motionary.export.amass:write_npz",
    ".bvh": "motionary.export.bvh:write_bvh",
    ".glb": "motionary.export.glb:write_glb",
    ".mp4": "motionary.export.mp4:write_mp4",
    ".png": "motionary.export.figure:write_png",
    ".html": "motionary.export.html:write_html",
    ".trc": "motionary.export.joints:write_trc",
    ".jsonl": "motionary.export.joints:write_jsonl",
}
"""Suffix -> a function of (motion, path, body) that writes the file whole or not at all."""


@dataclass(frozen=True)
class ExportConfig:
    """What other programs want of a motion."""

    root: Literal["moving", "in_place"] = "moving"
    """in_place keeps the person over one spot of the ground, as game engines like it; heights stay."""
    bones: NamePreset = "smpl"
    """Whose bone names a .bvh or .glb bears."""
    unit: Literal["cm", "m"] = "cm"
    """Of a .bvh; a .glb is in metres always."""
    npz: Literal["motionary", "amass"] = "motionary"
    """Of an .npz: our own form, or AMASS's, which the SMPL add-ons of Blender open."""
    film: "FilmConfig | None" = None
    """How an .mp4 is filmed; as `FilmConfig()` says when None."""

    def for_suffix(self, suffix: str) -> dict[str, Any]:
        """The options that the exporter of a suffix takes."""
        options: dict[str, dict[str, Any]] = {
            ".bvh": {"units_per_metre": 100.0 if self.unit == "cm" else 1.0, "bones": self.bones},
            ".glb": {"bones": self.bones},
            ".npz": {"form": self.npz},
            ".mp4": {"config": self.film},
        }
        return options.get(suffix, {})


def export_motion(
    motion: Motion, path: Path | str, body: BodyModel | None = None, config: ExportConfig | None = None
) -> Path:
    """Write a motion in the format that the file's suffix names, whole or not at all.

    Args:
        motion: What to write.
        path: Where; missing folders are made, and the suffix is written in small letters.
        body: Whose skeleton and skin; the free default body when None.
        config: Root motion, bone names and unit.

    Returns:
        The file.

    Raises:
        ValueError: If the suffix is not one of `EXPORTERS`.
    """
    path = Path(path)
    (suffix,) = check_formats([path.suffix])
    path = path.with_suffix(suffix)
    module, _, name = EXPORTERS[suffix].partition(":")
    path.parent.mkdir(parents=True, exist_ok=True)
    if body is None:
        from motionary.body.assets import load_body

        body = load_body()
    config = config or ExportConfig()
    shown = motion.in_place() if config.root == "in_place" else motion
    getattr(importlib.import_module(module), name)(shown, path, body, **config.for_suffix(suffix))
    return path


def export_together(
    motions: Sequence[Motion],
    path: Path | str,
    body: BodyModel | None = None,
    config: ExportConfig | None = None,
    captions: Sequence[str] = (),
) -> Path:
    """Write several motions into one file, whole or not at all.

    Args:
        motions: What to write.
        path: A .glb, where they are animations of one body, or an .mp4, where they play side by side.
        body: Whose skeleton and skin; the free default body when None.
        config: Root motion, bone names, how it is filmed.
        captions: Of an .mp4, one for each motion; their actions when empty.

    Raises:
        ValueError: If the file is neither, there is no motion, the motions' shapes differ in a .glb, or there
            are not as many captions as motions.
    """
    path = Path(path)
    path = path.with_suffix(path.suffix.lower())
    if path.suffix not in (".glb", ".mp4"):
        raise ValueError(f"Only a .glb or .mp4 holds several motions; got {path.name!r}. Export one by one.")
    if captions and len(captions) != len(motions):
        raise ValueError(f"Expected a caption for each of {len(motions)} motions; got {len(captions)}.")
    from motionary.body.assets import load_body
    from motionary.export.glb import export_glb
    from motionary.export.mp4 import Panel, write_film

    config = config or ExportConfig()
    shown = [motion.in_place() if config.root == "in_place" else motion for motion in motions]
    if path.suffix == ".glb":
        export_glb(shown, path, body or load_body(), config.bones)
        return path
    names = captions or [motion.action or "" for motion in shown]
    panels = [Panel((motion,), name) for motion, name in zip(shown, names, strict=True)]
    write_film(panels, path, body or load_body(), config.film)
    return path


def check_formats(formats: Sequence[str]) -> list[str]:
    """Suffixes of formats, such as ".bvh" for "bvh", " BVH" or ".bvh".

    Raises:
        ValueError: If a motion cannot be written in one of them.
    """
    suffixes = [f".{name.strip().lower().removeprefix('.')}" for name in formats]
    for name, suffix in zip(formats, suffixes, strict=True):
        if suffix not in EXPORTERS:
            raise ValueError(
                f"A motion is exported as one of {', '.join(EXPORTERS)}; got {name or 'no suffix'!r}."
            )
    return suffixes
