"""Motions out: files for other programs (npz, bvh, glb) and pictures for people (png, mp4, html)."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from motionary.body.smpl import BodyModel
from motionary.motion import Motion

EXPORTERS = {
    ".npz": "motionary.export:write_npz",
    ".bvh": "motionary.export.bvh:write_bvh",
    ".glb": "motionary.export.glb:write_glb",
    ".mp4": "motionary.export.mp4:write_mp4",
    ".png": "motionary.export.figure:write_png",
    ".html": "motionary.export.html:write_html",
}
"""Suffix -> a function of (motion, path, body) that writes the file whole or not at all."""


def export_motion(motion: Motion, path: Path | str, body: BodyModel | None = None) -> Path:
    """Write a motion in the format that the file's suffix names, whole or not at all.

    Args:
        motion: What to write.
        path: Where; missing folders are made, and the suffix is written in small letters.
        body: Whose skeleton and skin; the free default body when None.

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
    getattr(importlib.import_module(module), name)(motion, path, body)
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
