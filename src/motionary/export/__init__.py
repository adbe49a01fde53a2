"""Motions out: files for other programs (npz, bvh, glb) and pictures for people (png, mp4, html)."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from motionary.body.smpl import BodyModel
from motionary.export.bone_names import NamePreset
from motionary.motion import Motion

EXPORTERS = {
    ".npz": "motionary.export:write_npz",
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

    def for_suffix(self, suffix: str) -> dict[str, Any]:
        """The options that the exporter of a suffix takes."""
        if suffix == ".bvh":
            return {"units_per_metre": 100.0 if self.unit == "cm" else 1.0, "bones": self.bones}
        return {"bones": self.bones} if suffix == ".glb" else {}


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
) -> Path:
    """Write several motions as animations of one body in one .glb, whole or not at all.

    Raises:
        ValueError: If the file is no .glb, there is no motion, or the motions' shapes differ.
    """
    path = Path(path)
    if path.suffix.lower() != ".glb":
        raise ValueError(f"Only a .glb holds several motions; got {path.name!r}. Export them one by one.")
    from motionary.body.assets import load_body
    from motionary.export.glb import export_glb

    config = config or ExportConfig()
    shown = [motion.in_place() if config.root == "in_place" else motion for motion in motions]
    export_glb(shown, path, body or load_body(), config.bones)
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


def write_npz(motion: Motion, path: Path, body: BodyModel) -> None:
    """Write an AMASS-style .npz; the body is not part of it."""
    motion.save(path)
