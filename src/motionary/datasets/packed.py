"""All motions of a data set in one memory-mapped file, made from its Motion files and anew as they change.

`packed.safetensors` beside `dataset.json` holds every array of the motions one after the other, and in its
header which Motion file each piece came from, with that file's size, time and number at reading. The Motion
files stay the only truth: the packed file may be deleted, and is never read where they say otherwise.

N frames of all motions, C motions.
"""

import json
import logging
import math
import os
import shutil
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy import ndarray

from motionary.atomic import open_atomically
from motionary.datasets.folder import INDEX_NAME, Dataset
from motionary.documents import parse_json
from motionary.motion import Motion
from motionary.threads import in_order

PACKED_NAME = "packed.safetensors"
FORMAT_VERSION = 1
HEADER = "motionary_packed"
PER_FRAME = tuple(f.name for f in fields(Motion) if f.name not in ("fps", "betas", "action"))
"""A motion's arrays with one row for each frame."""
ARRAYS = (*PER_FRAME, "betas")
"""All that are packed."""
_DTYPES = {"F32": np.dtype("<f4"), "BOOL": np.dtype("bool")}
_READERS = 4
"""Threads that read Motion files: unzipping leaves Python to the others."""


@dataclass(frozen=True)
class Stamp:
    """What tells a changed file from an unchanged one without reading it."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Of a file as it is now.

        Raises:
            FileNotFoundError: If there is none.
        """
        try:
            facts = os.stat(path)
        except OSError:  # missing, or of a name that no file can have
            raise FileNotFoundError(f"No motion file at {path}.") from None
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ino)


@dataclass(frozen=True)
class Piece:
    """Where one motion lies."""

    path: str
    """Of its file, relative to the data set."""
    stamp: Stamp
    start: int
    """Its first row in the arrays."""
    num_frames: int
    fps: float


class PackedMotions:
    """Motions that lie one after the other in a few arrays. Get them from `open_packed`."""

    def __init__(self, pieces: Sequence[Piece], arrays: dict[str, ndarray]) -> None:
        self.pieces = tuple(pieces)
        self.arrays = arrays
        """`PER_FRAME` arrays (N, ...) and `betas` (C, 10), memory-mapped where they come from a file."""
        self._place = {piece.path: place for place, piece in enumerate(self.pieces)}

    def __contains__(self, path: object) -> bool:
        return path in self._place

    def piece(self, path: str) -> Piece:
        """Where the motion of a file lies."""
        return self.pieces[self._place[path]]

    def motion(self, path: str) -> Motion:
        """The motion of a file, without a label."""
        place = self._place[path]
        return replace(self.joined([self.pieces[place]]), betas=self.arrays["betas"][place])

    def joined(self, pieces: Sequence[Piece]) -> Motion:
        """Motions of one rate one after the other, as if they were one; without labels and shapes."""
        rows = [slice(piece.start, piece.start + piece.num_frames) for piece in pieces]
        parts = {name: [self.arrays[name][part] for part in rows] for name in PER_FRAME}
        arrays: dict[str, Any] = {
            name: part[0] if len(part) == 1 else np.concatenate(part) for name, part in parts.items()
        }
        return Motion(fps=pieces[0].fps, **arrays)


def open_packed(dataset: Dataset) -> PackedMotions:
    """The motions of a data set, or of a part of one, from its packed file where that is up to date.

    What changed since is read from the Motion files, and the packed file is written anew, under a temporary
    name: other processes go on with the one they opened. Without `dataset.json`, or where nothing may be
    written, everything is read into memory instead.

    Raises:
        FileNotFoundError: If a Motion file is missing.
        ValueError: If a Motion file is damaged.
    """
    root, path = dataset.root, dataset.root / PACKED_NAME
    stamps = {clip.path: Stamp.of(root / clip.path) for clip in dataset.clips}
    old = _opened(path)
    if all(name in old and old.piece(name).stamp == stamp for name, stamp in stamps.items()):
        return old
    if not (root / INDEX_NAME).is_file():
        return _in_memory(_read(root, stamps, old))
    stamps |= _other_stamps(root, stamps)
    needed = {clip.path for clip in dataset.clips}
    try:
        _write(path, _read(root, stamps, old, needed))
    except OSError as error:
        logging.getLogger(__name__).info("%s is read file by file: %s", root, error)
        return _in_memory(_read(root, stamps, old, needed))
    return _opened(path)


def _other_stamps(root: Path, known: Collection[str]) -> dict[str, Stamp]:
    """Of the other files that the index names: the packed file holds both splits whoever asks first."""
    named = (clip.path for clip in Dataset.load(root).clips)
    return {name: Stamp.of(root / name) for name in named if name not in known and (root / name).is_file()}


def _read(
    root: Path, stamps: dict[str, Stamp], old: PackedMotions, needed: Collection[str] | None = None
) -> Iterator[tuple[Piece, Motion]]:
    """Motions one by one, of the old packed file where it still holds; no damaged ones that nobody needs."""

    def read(name: str) -> Motion | None:
        if name in old and old.piece(name).stamp == stamps[name]:
            return old.motion(name)
        try:
            return Motion.load(root / name)
        except (ValueError, OSError):
            if needed is None or name in needed:
                raise
            return None

    start = 0
    with ThreadPoolExecutor(_READERS) as pool:
        motions = in_order(pool, read, stamps, 2 * _READERS)
        for (name, stamp), motion in zip(stamps.items(), motions, strict=True):
            if motion is not None:
                yield Piece(name, stamp, start, len(motion), motion.fps), motion
                start += len(motion)


def _in_memory(found: Iterable[tuple[Piece, Motion]]) -> PackedMotions:
    pieces, motions = tuple(zip(*found, strict=True)) or ((), ())
    if not motions:
        return PackedMotions((), {})
    arrays = {name: np.concatenate([getattr(motion, name) for motion in motions]) for name in PER_FRAME}
    return PackedMotions(pieces, arrays | {"betas": np.stack([motion.betas for motion in motions])})


def _write(path: Path, found: Iterable[tuple[Piece, Motion]]) -> None:
    """Write the packed file in the safetensors format; no more than a few motions are in memory at a time."""
    with ExitStack() as stack:
        parts = {name: stack.enter_context(TemporaryFile(dir=path.parent)) for name in ARRAYS}
        pieces = []
        for piece, motion in found:
            pieces.append(piece)
            for name, part in parts.items():
                part.write(getattr(motion, name).tobytes())
        header = _header(pieces, motion)
        with open_atomically(path) as file:
            file.write(struct.pack("<Q", len(header)) + header)
            for part in parts.values():
                part.seek(0)
                shutil.copyfileobj(part, file)


def _header(pieces: Sequence[Piece], sample: Motion) -> bytes:
    """Of all pieces' arrays, which are those of the sample but for their lengths."""
    content = {"format_version": FORMAT_VERSION, "pieces": [asdict(piece) for piece in pieces]}
    header: dict[str, Any] = {"__metadata__": {HEADER: json.dumps(content)}}
    num_frames, offset = sum(piece.num_frames for piece in pieces), 0
    for name in ARRAYS:
        array = getattr(sample, name)
        shape = (len(pieces), *array.shape) if name == "betas" else (num_frames, *array.shape[1:])
        size = math.prod(shape) * array.itemsize
        header[name] = {
            "dtype": next(code for code, dtype in _DTYPES.items() if dtype == array.dtype),
            "shape": shape,
            "data_offsets": (offset, offset + size),
        }
        offset += size
    text = json.dumps(header).encode()
    return text + b" " * (-len(text) % 8)


def _opened(path: Path) -> PackedMotions:
    """The packed file as it is; an empty one where it is missing, damaged or of another version."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = parse_json(file.read(min(length, path.stat().st_size)).decode(), path)
            content = parse_json(header.pop("__metadata__")[HEADER], path)
            if content["format_version"] != FORMAT_VERSION or set(header) != set(ARRAYS):
                return PackedMotions((), {})
            pieces = [Piece(**{**piece, "stamp": Stamp(**piece["stamp"])}) for piece in content["pieces"]]
            arrays = {name: _mapped(file, 8 + length, entry) for name, entry in header.items()}
        return PackedMotions(pieces, arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, struct.error):
        return PackedMotions((), {})


def _mapped(file: BinaryIO, first: int, entry: dict[str, Any]) -> ndarray:
    start, _ = entry["data_offsets"]
    # Copy on write: what is done to a motion in memory never reaches the file.
    return np.memmap(file, _DTYPES[entry["dtype"]], "c", first + start, tuple(entry["shape"]))
