"""Recording: a skeleton and its motion as a motion-capture file tells them, before any retargeting."""

import codecs
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.limits import limits, read_bytes

END = "_end"
"""Suffix of the joints that stand for the ends of last bones (end sites); they never turn."""

BYTES_PER_JOINT = 8 * (9 + 3)
"""Of one frame: a rotation and a position."""

MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, and the encodings that they announce."""


@dataclass(frozen=True)
class Recording:
    """T frames of J joints in the file's own units and axes. Parents come before their children."""

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    """Index of each joint's parent; -1 for the root."""
    offsets: Float[ndarray, "J 3"]
    """Position of each joint in its parent's frame at rest."""
    rotations: Float[ndarray, "T J 3 3"]
    """Parent-relative."""
    positions: Float[ndarray, "T J 3"]
    """In the parent's frame; the offsets again where the file does not move them."""
    fps: float
    name: str
    """The file, for messages."""
    metres_per_unit: float | None = None
    """Where the file tells its unit."""

    def __len__(self) -> int:
        return len(self.rotations)

    def world(self) -> tuple[Float[ndarray, "T J 3 3"], Float[ndarray, "T J 3"]]:
        """World rotation and position of every joint by forward kinematics."""
        R_world, points = np.empty_like(self.rotations), np.empty_like(self.positions)
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                R_world[:, joint], points[:, joint] = self.rotations[:, joint], self.positions[:, joint]
                continue
            R_world[:, joint] = R_world[:, parent] @ self.rotations[:, joint]
            step = R_world[:, parent] @ self.positions[:, joint, :, None]
            points[:, joint] = points[:, parent] + step[..., 0]
        return R_world, points

    def rest_points(self) -> Float[ndarray, "J 3"]:
        """Joint positions with every rotation zero and the root at the origin."""
        points = np.zeros_like(self.offsets)
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                points[joint] = points[parent] + self.offsets[joint]
        return points

    def turned(self, turn: Float[ndarray, "3 3"]) -> "Recording":
        """The recording in other world axes: every root turned, so its rest pose keeps the file's axes."""
        rotations, positions = self.rotations.copy(), self.positions.copy()
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                rotations[:, joint] = turn @ rotations[:, joint]
                positions[:, joint] = positions[:, joint] @ turn.T
        return replace(self, rotations=rotations, positions=positions)

    def scaled(self, factor: float) -> "Recording":
        """The recording with every length multiplied."""
        return replace(self, offsets=self.offsets * factor, positions=self.positions * factor)

    def children(self, joint: int) -> list[int]:
        """Joints that hang on this one, ends included."""
        return [child for child, parent in enumerate(self.parents) if parent == joint]

    def path(self, ancestor: int, joint: int) -> list[int]:
        """Joints from ancestor down to joint, both included; empty where it is no ancestor."""
        path = [joint]
        while path[-1] != ancestor:
            if self.parents[path[-1]] < 0:
                return []
            path.append(self.parents[path[-1]])
        return path[::-1]

    def path_length(self, ancestor: int, joint: int) -> float:
        """Length at rest of the bones from ancestor down to joint."""
        return float(sum(np.linalg.norm(self.offsets[step]) for step in self.path(ancestor, joint)[1:]))


def read_text(path: Path) -> str:
    """Text of a motion capture file: Latin-1, as old tools write it, unless a mark says otherwise."""
    content = read_bytes(path, "text_mb")
    encoding = next((name for mark, name in MARKED if content.startswith(mark)), "latin-1")
    text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_extent(num_frames: int, num_joints: int, path: Path) -> None:
    """Refuse a recording that is larger than the limits allow, before memory is taken for it.

    Raises:
        ValueError: With the bound that it exceeds.
    """
    limits().check("frames", num_frames, path)
    limits().check("joints", num_joints, path)
    limits().check_bytes("unpacked_mb", num_frames * num_joints * BYTES_PER_JOINT, path)


def euler_matrices(degrees: Float[ndarray, "*B D"], axes: str) -> Float[ndarray, "*B 3 3"]:
    """Rotation matrix of three angles; the first axis is the leftmost factor, as BVH lists its channels.

    Args:
        degrees: One angle per axis.
        axes: Such as "ZXY": R = Rz(first) Rx(second) Ry(third). Axes may repeat or be fewer than three.
    """
    result = np.broadcast_to(np.eye(3), (*degrees.shape[:-1], 3, 3))
    for column, axis in enumerate(axes):
        result = result @ _axis_matrices(np.asarray(np.deg2rad(degrees[..., column])), "XYZ".index(axis))
    return result


def _axis_matrices(angles: Float[ndarray, "*B"], axis: int) -> Float[ndarray, "*B 3 3"]:
    matrices = np.zeros((*angles.shape, 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrices[..., axis, axis] = 1
    matrices[..., first, first] = matrices[..., second, second] = np.cos(angles)
    matrices[..., second, first] = np.sin(angles)
    matrices[..., first, second] = -matrices[..., second, first]
    return matrices
