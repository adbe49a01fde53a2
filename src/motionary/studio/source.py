"""Where motions come from: files in a folder, or a model that makes them."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from motionary.models.checkpoint import MODEL_FILE, Model, bundled_names, load_model
from motionary.motion import Motion

APART_M = 1.3
"""Between people side by side: arms out, they do not touch much."""


@dataclass(frozen=True)
class MotionFolder:
    """The Motion files in a folder and the folders in it."""

    root: Path
    names: tuple[str, ...]
    """Paths relative to root, at least one."""

    @classmethod
    def open(cls, root: Path) -> "MotionFolder":
        """Find the files; none is read yet.

        Raises:
            FileNotFoundError: If there is none.
        """
        names = [
            path.relative_to(root).as_posix() for path in sorted(root.rglob("*.npz")) if _is_motion(path)
        ]
        if not names:
            raise FileNotFoundError(
                f"No Motion file (.npz) in {root}, and no {MODEL_FILE}: make motions with"
                " `motionary import`, `estimate` or `generate`, or train a model."
            )
        return cls(root, tuple(names))

    def load(self, name: str) -> Motion:
        """Read one of the files.

        Raises:
            FileNotFoundError: If it has gone.
            ValueError: If it is not a readable motion, or its name none of these.
        """
        if name not in self.names:
            raise ValueError(f"No motion {name!r} in {self.root}; its first is {self.names[0]!r}.")
        return Motion.load(self.root / name)


def open_source(source: str) -> Model | MotionFolder:
    """A model, or else a folder of motions; what exists on disk goes before the name of a bundled model.

    Raises:
        FileNotFoundError: If it is neither; the message says what was expected.
        ValueError: If the model is damaged or does not generate.
    """
    path = Path(source)
    if path.is_dir() and not (path / MODEL_FILE).is_file():
        return MotionFolder.open(path)
    if path.is_dir() or path.suffix == ".safetensors" or source in bundled_names():
        return load_model(source)
    what = "is not such a file" if path.is_file() else "does not exist"
    raise FileNotFoundError(
        "Expected a folder of motions, a run folder, a .safetensors model or a bundled model"
        f" ({', '.join(bundled_names()) or 'none here'}); {source!r} {what}."
    )


def side_by_side(motions: Sequence[Motion]) -> list[Motion]:
    """The motions moved along x, so that their first frames stand in a row about x = 0, all at z = 0."""
    middle = (len(motions) - 1) / 2
    return [
        replace(motion, translation=motion.translation - motion.translation[0] * [1, 0, 1] + [place, 0, 0])
        for motion, place in zip(motions, (np.arange(len(motions)) - middle) * APART_M, strict=True)
    ]


def _is_motion(path: Path) -> bool:
    """Whether it looks like one from outside, which is quick for thousands of files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"poses.npy", "trans.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
