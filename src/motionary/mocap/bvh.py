"""Biovision hierarchies (.bvh): any Euler order, three or six channels on any joint, degrees.

Source: M. Meredith and S. Maddock, "Motion Capture File Formats Explained", University of Sheffield, 2001.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.mocap.recording import END, Recording, check_extent, euler_matrices, read_text

MOST_FPS = 1000

# Possessive: a file of white space alone must not be tried in every way to part it.
HEADER = re.compile(
    r"\s*+Frames\s*+:?\s*+(\d{1,18})\s++Frame\s*+Time\s*+:?\s*+(\S++)[ \t]*+(?:\r?\n|$)", re.IGNORECASE
)


@dataclass
class _Hierarchy:
    """What is read so far of the joints."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)


def read_bvh(path: Path) -> Recording:
    """Read a BVH file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is malformed: what is wrong, and where.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No motion file at {path}.")
    text = read_text(path)
    head, *rest = re.split(r"(?im)^[ \t]*+MOTION[ \t]*+$", text, maxsplit=1)
    if "HIERARCHY" not in head.upper():
        raise ValueError(f"{path} is not a BVH file: it does not start with HIERARCHY.")
    if not rest:
        raise ValueError(f"{path} is cut: it has no MOTION block.")
    try:
        tree = _hierarchy(head)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path} has a malformed HIERARCHY ({error or 'it ends too early'}).") from None
    check_extent(1, len(tree.names), path)
    fps, values = _motion(rest[0], sum(map(len, tree.channels)), path)
    check_extent(len(values), len(tree.names), path)
    rotations, positions = _poses(tree, values)
    offsets = np.array(tree.offsets)
    moved = [joint for joint, channels in enumerate(tree.channels) if joint and "xposition" in channels]
    offsets[moved] = np.median(positions[:, moved], axis=0)  # they replace the offset, which may be zero
    return Recording(tuple(tree.names), tuple(tree.parents), offsets, rotations, positions, fps, str(path))


def _hierarchy(text: str) -> _Hierarchy:
    tree, open_joints = _Hierarchy(), [-1]
    lines = iter([line.strip() for line in text.splitlines() if line.strip()])
    for line in re.sub(r"([{}])", r"\n\1\n", "\n".join(lines)).splitlines():
        words = line.split()
        if not words or words[0].upper() in ("HIERARCHY", "{"):
            continue
        match words[0].upper():
            case "ROOT" | "JOINT":
                _open(tree, open_joints, " ".join(words[1:]))
            case "END":
                _open(tree, open_joints, _end_name(tree, open_joints[-1]))
            case "OFFSET":
                tree.offsets[open_joints[-1]] = _offset(words[1:], tree.names[open_joints[-1]])
            case "CHANNELS":
                tree.channels[open_joints[-1]] = _channels(words[1:], tree.names[open_joints[-1]])
            case "}":
                open_joints.pop()
            case _:
                raise ValueError(f"unexpected `{line.strip()[:60]}`")
    if len(open_joints) != 1 or not tree.names:
        raise ValueError("its braces do not close")
    return tree


def _open(tree: _Hierarchy, open_joints: list[int], name: str) -> None:
    if not name:
        raise ValueError("a joint has no name")
    tree.names.append(name)
    tree.parents.append(open_joints[-1])
    tree.offsets.append([0.0, 0.0, 0.0])
    tree.channels.append([])
    open_joints.append(len(tree.names) - 1)


def _end_name(tree: _Hierarchy, joint: int) -> str:
    if joint < 0:
        raise ValueError("an End Site stands outside of any joint")
    return tree.names[joint] + END


def _offset(words: list[str], name: str) -> list[float]:
    offset = [float(word) for word in words]
    if len(offset) != 3 or not np.isfinite(offset).all():
        raise ValueError(f"the OFFSET of {name} is not three finite numbers")
    return offset


def _channels(words: list[str], name: str) -> list[str]:
    channels = [word.lower() for word in words[1:]]
    if int(words[0]) != len(channels):
        raise ValueError(f"{name} announces {words[0]} CHANNELS and names {len(channels)}")
    if unknown := [word for word in channels if not re.fullmatch(r"[xyz](position|rotation)", word)]:
        raise ValueError(f"{name} has an unknown channel {unknown[0]}")
    return channels


def _motion(text: str, num_channels: int, path: Path) -> tuple[float, Float[ndarray, "T C"]]:
    """Frame rate and one row of channel values per frame."""
    header = HEADER.match(text)
    if not header:
        raise ValueError(
            f"{path}: after MOTION come `Frames: N` and `Frame Time: SECONDS`; got `{_start(text)}`."
        )
    num_frames, fps = int(header[1]), _rate(header[2], path)
    words = text[header.end() :].split()
    if len(words) != num_frames * num_channels or num_channels == 0:
        frames = f"{num_frames} frames of {num_channels} channels need {num_frames * num_channels} numbers"
        raise ValueError(
            f"{path}: its motion block is cut or has wrong channels: {frames}; got {len(words)}."
        )
    if num_frames == 0:
        raise ValueError(f"{path} holds no frames.")
    try:
        values = np.array(words, np.float64).reshape(num_frames, num_channels)
    except ValueError as error:
        raise ValueError(
            f"{path}: its motion block holds something that is not a number ({error})."
        ) from None
    if not (finite := np.isfinite(values).all(-1)).all():
        raise ValueError(f"{path}: NaN or infinity in frame {int(np.flatnonzero(~finite)[0]) + 1}.")
    return fps, values


def _rate(printed: str, path: Path) -> float:
    """Frames per second; a whole rate where the printed frame time is its own, rounded."""
    try:
        seconds = float(printed)
    except ValueError:
        seconds = float("nan")
    if not 1 / MOST_FPS <= seconds < 10:
        raise ValueError(f"{path}: Frame Time must be the seconds of one frame; got {printed}.")
    digits = len(printed.partition(".")[2]) if "e" not in printed.lower() else 15
    whole = round(1 / seconds)
    return float(whole) if whole and abs(1 / whole - seconds) <= 0.51 * 10.0**-digits else 1 / seconds


def _start(text: str) -> str:
    return " ".join(text.split())[:60]


def _poses(
    tree: _Hierarchy, values: Float[ndarray, "T C"]
) -> tuple[Float[ndarray, "T J 3 3"], Float[ndarray, "T J 3"]]:
    """Parent-relative rotations and positions of every joint from the channels."""
    rotations = np.broadcast_to(np.eye(3), (len(values), len(tree.names), 3, 3)).copy()
    positions = np.broadcast_to(np.array(tree.offsets), (len(values), len(tree.names), 3)).copy()
    first = 0
    for joint, channels in enumerate(tree.channels):
        columns = values[:, first : first + len(channels)]
        first += len(channels)
        turns = [column for column, name in enumerate(channels) if name.endswith("rotation")]
        axes = "".join(channels[column][0].upper() for column in turns)
        rotations[:, joint] = euler_matrices(columns[:, turns], axes)
        for column, name in enumerate(channels):
            if name.endswith("position"):
                positions[:, joint, "xyz".index(name[0])] = columns[:, column]
    return rotations, positions
