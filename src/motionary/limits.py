"""How much a file may hold: bounds that keep a damaged or hostile one from filling memory, disk or time.

They are far above what people have. Each can be set in the environment: MOTIONARY_MAX_ and its name in
capitals, such as MOTIONARY_MAX_FRAMES=5000000.
"""

import os
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

PREFIX = "MOTIONARY_MAX_"
MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The bounds of every reader."""

    file_mb: int = 8192
    """Of a file that is read whole: motions, weights, other systems' results. Videos are streamed, and may be
    longer."""
    text_mb: int = 1024
    """Of a text: BVH, AMC, JSON, YAML, CSV and lists."""
    unpacked_mb: int = 8192
    """Of what a compressed file holds, and of the arrays that a file asks for."""
    archive_mb: int = 65536
    """Of all files unpacked from an archive of recordings."""
    frames: int = 2_000_000
    """Of one motion: four and a half hours at 120 a second."""
    joints: int = 2000
    """Of a skeleton, ends of bones included."""
    picture_px: int = 67_108_864
    """Of a video's picture: twice 8K."""

    def check(self, name: str, amount: int, path: Path | str) -> None:
        """Raise a ValueError if a file at a path holds more than a bound, by its name."""
        if amount > (most := getattr(self, name)):
            what = {"file_mb": "MB", "text_mb": "MB of text", "picture_px": "pixels"}.get(name, name)
            if name in ("unpacked_mb", "archive_mb"):
                what = "MB once unpacked"
            raise ValueError(
                f"{path} holds {amount} {what}, more than {most}; if you trust it, set "
                f"{PREFIX}{name.upper()} to read it."
            )

    def check_bytes(self, name: str, num_bytes: int, path: Path | str) -> None:
        """The same of a number of bytes, for bounds in MB."""
        self.check(name, -(-num_bytes // MB), path)


def limits() -> Limits:
    """The bounds that hold now.

    Raises:
        ValueError: If one in the environment is no positive whole number.
    """
    return _limits(tuple(os.environ.get(PREFIX + field.name.upper()) for field in fields(Limits)))


@cache
def _limits(given: tuple[str | None, ...]) -> Limits:
    found = {}
    for field, text in zip(fields(Limits), given, strict=True):
        if text is None:
            continue
        if not (text.isdecimal() and len(text) < 19 and int(text) > 0):
            raise ValueError(f"{PREFIX}{field.name.upper()} must be a positive whole number; got {text!r}.")
        found[field.name] = int(text)
    return Limits(**found)


def read_bytes(path: Path, bound: str = "file_mb") -> bytes:
    """A file's content, if it is no larger than a bound.

    Raises:
        ValueError: If it is larger, or no plain file.
    """
    if not path.is_file():  # a pipe or a device may never end
        raise ValueError(f"{path} is no plain file.")
    limits().check_bytes(bound, path.stat().st_size, path)
    return path.read_bytes()
