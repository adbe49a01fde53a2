"""The data sets that ACTOR was published on: what their readers give, ACTOR's items of it, and our Motions.

The poses were estimated from video: they are in a camera's axes, x right, y DOWN, z away from it, in metres
and radians. They stay so in `PublishedClip` and `actor_item`; `to_motion` turns them to our world.

T frames, J rows of an item, F numbers in a row, K joints.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel
from motionary.datasets.actions import Rejected, SplitName
from motionary.grounding import with_feet_on_ground
from motionary.motion import Motion
from motionary.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    axis_angle_to_rotation_6d,
    matrix_to_axis_angle,
)

ACTION2MOTION_OF_VIBE = (8, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 21, 24, 38)
"""Places of Action2Motion's 18 joints among VIBE's 49; the middle of the hips is first, and the root."""


@dataclass(frozen=True)
class DataProtocol:
    """Where the readers have a choice between what is right and what was published; see docs/published.md."""

    test_is_train: bool = False
    """NTU13 tests on what it trained on, and HumanAct12 has no test list; ours hold out subjects or clips."""
    least_share: float = 0.0
    """UESTC leaves out training videos shorter than this share of the window; ours holds their last frame."""
    half_turns_by_signs: bool = False
    """UESTC's second camera: the formula that loses the signs of the axis at half turns."""
    cached_translation: bool = False
    """UESTC: take `globtrans_usez.pkl` where it is there, instead of computing it."""


DATA_PROTOCOLS = {
    "motionary": DataProtocol(),
    "actor": DataProtocol(
        test_is_train=True, least_share=0.75, half_turns_by_signs=True, cached_translation=True
    ),
}


@dataclass(frozen=True)
class PublishedClip:
    """One performance as its file has it, in camera axes."""

    name: str
    label: int
    pose: Float[ndarray, "T 24 3"]
    """Axis-angle, in the file's own precision."""
    joints: Float[ndarray, "T K 3"]
    """Metres, the root joint first."""
    subject: str | None = None
    split: SplitName | None = None
    """By subject; None where the subject is not known."""

    def __len__(self) -> int:
        return len(self.pose)


@dataclass(frozen=True)
class PublishedSet:
    """One published data set, in the order of its files."""

    name: str
    actions: tuple[str, ...]
    """In label order."""
    fps: float
    clips: tuple[PublishedClip, ...]
    indices: Callable[[SplitName, int], tuple[int, ...]]
    """Positions in `clips` of a split's clips for windows of so many frames, by the protocol of reading."""
    rejected: tuple[Rejected, ...] = ()

    def __len__(self) -> int:
        return len(self.clips)


Representation = Literal["rot6d", "rotvec", "rotmat", "rotquat", "xyz"]

_ENCODINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "rot6d": axis_angle_to_rotation_6d,
    "rotvec": lambda axis_angle: axis_angle,
    "rotmat": lambda axis_angle: axis_angle_to_matrix(axis_angle).flatten(-2),
    "rotquat": axis_angle_to_quaternion,
}


def actor_item(
    clip: PublishedClip,
    frames: Int[ndarray, "T"],
    representation: Representation = "rot6d",
    *,
    translation: bool = True,
    global_rotation: bool = True,
) -> Float[Tensor, "T J F"]:
    """The item of ACTOR's loader for these frames, in camera axes; theirs is (J, F, T).

    Args:
        clip: What was read.
        frames: Frame numbers, as `ActorFrames.choose` gives them.
        representation: Of the rotations; xyz gives the file's joints instead, whatever the other options.
        translation: Whether the root's way since the first of the frames is the last row.
        global_rotation: Whether the first row is the root's rotation; there is none otherwise.
    """
    if representation == "xyz":
        return torch.from_numpy(clip.joints[frames] - clip.joints[frames[0], 0]).float()
    pose = torch.from_numpy(clip.pose[frames])
    rows = _ENCODINGS[representation](pose if global_rotation else pose[:, 1:]).float()
    if not translation:
        return rows
    travelled = rows.new_zeros(len(rows), 1, rows.shape[-1])
    travelled[:, 0, :3] = torch.from_numpy(clip.joints[frames, 0] - clip.joints[frames[0], 0])
    return torch.cat([rows, travelled], dim=1)


@dataclass(frozen=True)
class ActorBatch:
    """Items padded with zeros to the longest."""

    features: Float[Tensor, "B T J F"]
    labels: Int[Tensor, "B"]
    mask: Bool[Tensor, "B T"]
    """True on an item's frames, also where its last one was repeated."""


def actor_batch(items: Iterable[Float[Tensor, "_ J F"]], labels: Iterable[int]) -> ActorBatch:
    """What the published `collate` makes of items."""
    items = list(items)
    lengths = torch.tensor([len(item) for item in items])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    return ActorBatch(
        torch.nn.utils.rnn.pad_sequence(items, batch_first=True), torch.tensor(list(labels)), mask
    )


def to_motion(clip: PublishedClip, action: str, fps: float, body: BodyModel) -> Motion:
    """The clip in our world: turned by half a turn about x, y up, its feet on the ground at y = 0."""
    R_world_camera = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    R_world_root = R_world_camera @ axis_angle_to_matrix(torch.from_numpy(clip.pose[:, 0]).float())
    pose = clip.pose.astype(np.float32)
    pose[:, 0] = matrix_to_axis_angle(R_world_root).numpy()
    travelled = (clip.joints[:, 0] - clip.joints[0, 0]) * np.array([1, -1, -1])
    return with_feet_on_ground(Motion(pose, travelled, fps, action=action), body)


def poses_of(rows: ndarray, source: str) -> Float[ndarray, "T 24 3"]:
    """Pose rows of 72 as 24 rotation vectors.

    Raises:
        ValueError: If they are of another size, empty or not finite.
    """
    if rows.ndim != 2 or rows.shape[1] != NUM_JOINTS * 3 or len(rows) == 0 or rows.dtype.kind != "f":
        raise ValueError(f"{source}: poses must be (T, 72) numbers; got {rows.shape} of {rows.dtype}.")
    if not np.isfinite(rows).all():
        raise ValueError(f"{source}: poses must be finite.")
    return rows.reshape(len(rows), NUM_JOINTS, 3)


def lists_of(stored: Any, keys: Sequence[str], what: str) -> dict[str, list[Any]]:
    """The lists of a published file, one entry for each motion.

    Raises:
        ValueError: If one is missing, is no list, or has another length.
    """
    entries = {key: stored.get(key) for key in keys} if isinstance(stored, dict) else {}
    lists = {key: found for key, found in entries.items() if isinstance(found, list)}
    if len(lists) < len(keys):
        raise ValueError(f"{what}: it must hold the lists {', '.join(keys)}.")
    counts = {key: len(found) for key, found in lists.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ValueError(f"{what}: expected as many {keys[0]} as {' and '.join(keys[1:])}; got {counts}.")
    return lists


def joints_of(joints: ndarray, num_frames: int, num_joints: int, source: str) -> Float[ndarray, "T K 3"]:
    """Joint positions, checked against their poses.

    Raises:
        ValueError: If they are of another size or not finite.
    """
    expected = (num_frames, num_joints, 3)
    if joints.shape != expected or joints.dtype.kind != "f" or not np.isfinite(joints).all():
        raise ValueError(f"{source}: joints must be {expected} finite numbers; got {joints.shape}.")
    return joints
