"""Motion, the hub type: one person's SMPL motion, as every stage of the package takes or gives it."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from motionary.array_files import read_npz
from motionary.atomic import write_atomically
from motionary.body.assets import default_body
from motionary.body.skeleton import NUM_JOINTS, mirror_pose
from motionary.body.smpl import BodyModel, PosedBody
from motionary.labels import plain
from motionary.limits import limits
from motionary.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    matrix_to_axis_angle,
    quaternion_to_axis_angle,
    slerp,
)
from motionary.stretches import frame_by_frame

NUM_BETAS = 10

ARRAY_NAMES = ("poses", "trans", "betas", "valid", "trust", "action", "up_axis")
RATE_NAMES = ("mocap_framerate", "mocap_frame_rate", "fps")
"""Names in a file; writers of AMASS files disagree on the second."""

TURN_TO_Y_UP: dict[str, Float[ndarray, "3 3"]] = {
    "x": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""World axes with this one up -> y up."""


@dataclass(frozen=True)
class Motion:
    """One person's motion. World frame: right-handed, y up, metres, the ground at y = 0 where it is known."""

    pose: Float[ndarray, "T 24 3"]
    """Axis-angle in radians, relative to the parent joint, SMPL joint order, pelvis first."""
    translation: Float[ndarray, "T 3"]
    """SMPL's `transl` in metres: the pelvis is at translation + rest pelvis."""
    fps: float
    """Frames per second."""
    betas: Float[ndarray, "10"] = field(default_factory=lambda: np.zeros(NUM_BETAS, np.float32))
    """SMPL shape coefficients."""
    action: str | None = None
    """Label, if known."""
    valid: Bool[ndarray, "T"] = None  # type: ignore[assignment]
    """False where the estimator had no observation, or a failed one; all True when not given."""
    trust: Float[ndarray, "T"] = None  # type: ignore[assignment]
    """How far each frame is to be believed, 0 to 1; 1 where valid and 0 elsewhere when not given."""

    def __post_init__(self) -> None:
        """Check shapes and values, and bring every array to its stated type."""
        if self.valid is None:
            object.__setattr__(self, "valid", np.ones(len(self.pose), bool))
        if self.trust is None:
            object.__setattr__(self, "trust", np.asarray(self.valid, np.float32))
        for name, dtype in (
            ("pose", np.float32),
            ("translation", np.float32),
            ("betas", np.float32),
            ("valid", bool),
            ("trust", np.float32),
        ):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype))
        object.__setattr__(self, "fps", float(self.fps))
        num_frames = len(self.pose)
        if num_frames == 0:
            raise ValueError("A motion needs at least one frame; got none.")
        expected = {
            "pose": (num_frames, NUM_JOINTS, 3),
            "translation": (num_frames, 3),
            "betas": (NUM_BETAS,),
            "valid": (num_frames,),
            "trust": (num_frames,),
        }
        for name, shape in expected.items():
            if (got := getattr(self, name).shape) != shape:
                raise ValueError(f"{name} must have shape {shape} for {num_frames} frames; got {got}.")
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
        if self.trust.min() < 0 or self.trust.max() > 1:
            raise ValueError(f"trust must be 0 to 1; got {self.trust.min():g} to {self.trust.max():g}.")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps must be a positive number; got {self.fps}.")

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return len(self) / self.fps

    def save(self, path: Path | str) -> None:
        """Write an AMASS-style .npz, whole or not at all."""
        path = Path(path)
        if path.suffix != ".npz":
            raise ValueError(f"A motion is saved as .npz; got {path}.")
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            poses=self.pose.reshape(len(self), -1),
            trans=self.translation,
            betas=self.betas,
            mocap_framerate=np.float64(self.fps),
            gender=np.array("neutral"),
            valid=self.valid,
            trust=self.trust,
            action=np.array(self.action or ""),
            up_axis=np.array("y"),  # AMASS files, which say nothing, are z up
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, path: Path | str) -> "Motion":
        """Read a .npz written by `save` or by another AMASS writer (SMPL, SMPL-H or SMPL-X poses).

        Files of `save` say that y is up. AMASS files say nothing, are z up, and are turned as they are read.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is not a readable motion.
        """
        motion, axis = read_as_written(path)
        return motion if axis == "y" else turned(motion, TURN_TO_Y_UP[axis], default_body())

    def crop(self, start: int, stop: int) -> "Motion":
        """Frames start to stop (exclusive)."""
        return replace(
            self,
            pose=self.pose[start:stop],
            translation=self.translation[start:stop],
            valid=self.valid[start:stop],
            trust=self.trust[start:stop],
        )

    def posed(self, body: BodyModel) -> PosedBody:
        """The body in this motion's pose at every frame: `.joints` (T, 24, 3), `.skin()` for vertices."""
        shaped = body.shape(torch.from_numpy(self.betas))
        return shaped.pose(torch.from_numpy(self.pose), torch.from_numpy(self.translation))

    def by_frame(self, body: BodyModel, measure: Callable[[PosedBody], ndarray]) -> ndarray:
        """What is measured of the posed body at every frame, without ever posing it at all frames at once."""
        shaped = body.shape(torch.from_numpy(self.betas))
        return frame_by_frame(
            lambda pose, translation: measure(
                shaped.pose(torch.from_numpy(pose), torch.from_numpy(translation))
            ),
            self.pose,
            self.translation,
        )

    def joint_positions(self, body: BodyModel) -> Float[ndarray, "T 24 3"]:
        """World positions of the joints on a body, in metres."""
        return self.by_frame(body, lambda posed: posed.joints.numpy())

    def vertices(self, body: BodyModel) -> Float[ndarray, "T V 3"]:
        """World positions of a body's vertices, in metres."""
        return self.by_frame(body, lambda posed: posed.skin().numpy())

    def resample(self, fps: float) -> "Motion":
        """The same motion at another frame rate: rotations by slerp, translation linearly; keeps frame 0."""
        if fps == self.fps:
            return self
        if not (np.isfinite(fps) and fps > 0):
            raise ValueError(f"fps must be a positive number; got {fps}.")
        return self.at_times(np.arange(resampled_length(len(self), self.fps, fps)) / fps, fps)

    def at_times(self, times_s: Float[ndarray, "N"], fps: float) -> "Motion":
        """The motion at given times in seconds from its first frame, held at either end."""
        position = np.clip(np.asarray(times_s, np.float64) * self.fps, 0, len(self) - 1)
        position = position.round(6)  # a time that is a frame's own takes that frame alone, valid or not
        before = np.floor(position).astype(int)
        after = np.minimum(before + 1, len(self) - 1)
        t = (position - before).astype(np.float32)
        quaternion = axis_angle_to_quaternion(torch.from_numpy(self.pose))
        fraction = torch.from_numpy(t)[:, None].expand(-1, NUM_JOINTS)
        turned = slerp(quaternion[before], quaternion[after], fraction)
        translation = self.translation[before] * (1 - t[:, None]) + self.translation[after] * t[:, None]
        valid = self.valid[before] & self.valid[np.where(t > 0, after, before)]
        trust = self.trust[before] * (1 - t) + self.trust[after] * t
        return replace(
            self, pose=_shortest(turned), translation=translation, valid=valid, trust=trust, fps=fps
        )

    def mirror(self) -> "Motion":
        """The mirror image: left becomes right, across the x = 0 plane."""
        return replace(
            self, pose=mirror_pose(self.pose), translation=self.translation * np.array([-1, 1, 1], np.float32)
        )

    def turn(self, angle_rad: float) -> "Motion":
        """The motion turned about the vertical through the first pelvis position; positive turns +z to +x."""
        turn = torch.tensor([0.0, angle_rad, 0.0])
        R_turn = axis_angle_to_matrix(turn)
        R_world_pelvis = R_turn @ axis_angle_to_matrix(torch.from_numpy(self.pose[:, 0]))
        pose = self.pose.copy()
        pose[:, 0] = matrix_to_axis_angle(R_world_pelvis).numpy()
        # The rest pelvis cancels because the axis passes through the first pelvis position.
        start = self.translation[0]
        return replace(self, pose=pose, translation=(self.translation - start) @ R_turn.numpy().T + start)

    def on_ground(self, body: BodyModel) -> "Motion":
        """The motion moved vertically so that the body's lowest point touches y = 0.

        The ground is the 5th percentile over frames of the lowest vertex: a few bad frames do not lift
        the rest.
        """
        some_vertices = torch.arange(0, body.num_vertices, 1 + body.num_vertices // 2000)
        lowest_m = self.by_frame(body, lambda posed: posed.skin(some_vertices)[..., 1].amin(-1).numpy())
        ground_m = np.percentile(lowest_m[self.valid] if self.valid.any() else lowest_m, 5)
        return replace(self, translation=self.translation - np.array([0, ground_m, 0], np.float32))

    def in_place(self) -> "Motion":
        """The motion over one spot of the ground: heights stay, the way through the room goes."""
        translation = self.translation.copy()
        translation[:, [0, 2]] = translation[:1, [0, 2]]
        return replace(self, translation=translation)

    def fill_gaps(self, longest_s: float = 0.5) -> "Motion":
        """Replace invalid frames between valid ones by interpolation; `valid` still marks what was filled.

        Gaps longer than longest_s seconds, and frames before the first or after the last valid one, stay as
        they are: `split_gaps` cuts there.
        """
        pose, translation = self.pose.copy(), self.translation.copy()
        for start, stop in gaps(self.valid):
            if start == 0 or stop == len(self) or (stop - start) / self.fps > longest_s:
                continue
            steps = np.arange(1, stop - start + 1, dtype=np.float32) / (stop - start + 1)
            ends = axis_angle_to_quaternion(torch.from_numpy(self.pose[[start - 1, stop]]))
            fraction = torch.from_numpy(steps)[:, None].expand(-1, NUM_JOINTS)
            first, last = (end.expand(len(steps), -1, -1) for end in ends)
            pose[start:stop] = _shortest(slerp(first, last, fraction))
            translation[start:stop] = (
                self.translation[start - 1] * (1 - steps[:, None]) + self.translation[stop] * steps[:, None]
            )
        return replace(self, pose=pose, translation=translation)

    def split_gaps(self, longest_s: float = 0.5) -> list["Motion"]:
        """Pieces between gaps too long to fill, each trimmed to valid ends, with short gaps filled."""
        cuts = [gap for gap in gaps(self.valid) if (gap[1] - gap[0]) / self.fps > longest_s]
        pieces, start = [], 0
        for cut_start, cut_stop in [*cuts, (len(self), len(self))]:
            observed = start + np.flatnonzero(self.valid[start:cut_start])
            if len(observed):
                pieces.append(self.crop(int(observed[0]), int(observed[-1]) + 1).fill_gaps(longest_s))
            start = cut_stop
        return pieces

    def smooth(self, sigma_s: float) -> "Motion":
        """Gaussian smoothing over time, standard deviation sigma_s seconds; symmetric, so without lag."""
        if not (np.isfinite(sigma_s) and sigma_s >= 0):
            raise ValueError(f"sigma_s must be zero or a positive number of seconds; got {sigma_s}.")
        if sigma_s == 0:
            return self
        quaternion = axis_angle_to_quaternion(torch.from_numpy(self.pose)).numpy()
        dots = (quaternion[1:] * quaternion[:-1]).sum(-1, keepdims=True)
        # q and -q are one rotation: keep to one side.
        quaternion[1:] *= np.cumprod(np.where(dots < 0, -1, 1), axis=0)
        smoothed = gaussian_filter1d(quaternion, sigma_s * self.fps, axis=0, mode="nearest")
        smoothed /= np.linalg.norm(smoothed, axis=-1, keepdims=True)
        translation = gaussian_filter1d(self.translation, sigma_s * self.fps, axis=0, mode="nearest")
        return replace(self, pose=_shortest(torch.from_numpy(smoothed)), translation=translation)


def read_as_written(path: Path | str) -> tuple[Motion, str]:
    """A motion in the axes of its file, whatever they are, and which of them is up: x, y or z.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a readable motion.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No motion file at {path}.")
    arrays = read_npz(path, (*ARRAY_NAMES, *RATE_NAMES))
    axis = str(arrays.get("up_axis", "z")).lower()
    if axis not in TURN_TO_Y_UP:
        raise ValueError(f"{path}: up_axis must be one of {', '.join(TURN_TO_Y_UP)}; got {axis[:60]}.")
    return _from_arrays(arrays, path), axis


def turned(motion: Motion, turn: Float[ndarray, "3 3"], body: BodyModel) -> Motion:
    """The motion in turned world axes; the pelvis, which is at translation + rest pelvis, turns with them."""
    R_turn = torch.from_numpy(turn).float()
    pose = torch.from_numpy(motion.pose).clone()
    pose[:, 0] = matrix_to_axis_angle(R_turn @ axis_angle_to_matrix(pose[:, 0]))
    rest_pelvis = body.shape(torch.from_numpy(motion.betas)).joints[0]
    translation = (torch.from_numpy(motion.translation) + rest_pelvis) @ R_turn.T - rest_pelvis
    return replace(motion, pose=pose.numpy(), translation=translation.numpy())


def resampled_length(num_frames: int, fps: float, new_fps: float) -> int:
    """Frames of a motion once it is at another rate."""
    return int(np.floor((num_frames - 1) / fps * new_fps + 1e-6)) + 1


def gaps(valid: Bool[ndarray, "T"]) -> list[tuple[int, int]]:
    """(start, stop) of each run of invalid frames, stop exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], valid, [True]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _shortest(quaternion: Float[torch.Tensor, "*B 4"]) -> Float[ndarray, "*B 3"]:
    """Axis-angle of at most pi, as a numpy array."""
    canonical = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    return quaternion_to_axis_angle(canonical).numpy()


def _from_arrays(data: dict[str, Any], path: Path) -> Motion:
    missing = {"poses", "trans"} - data.keys()
    if missing:
        raise ValueError(
            f"{path} lacks {sorted(missing)}; a motion file holds poses (T, 72) and trans (T, 3)."
        )
    rate = next((data[name] for name in RATE_NAMES if name in data), None)
    if rate is None:
        raise ValueError(f"{path} has no mocap_framerate; add it in frames per second.")
    limits().check("frames", len(data["trans"]) if data["trans"].ndim else 0, path)
    try:
        betas = np.zeros(NUM_BETAS, np.float32)
        given = np.asarray(data.get("betas", betas), np.float32).reshape(-1)[:NUM_BETAS]
        betas[: len(given)] = given
        label = plain(str(data["action"])) if "action" in data else ""
        valid = np.asarray(data.get("valid", np.ones(len(data["trans"]))), bool)
        return Motion(
            pose=_pose_of_width(np.asarray(data["poses"], np.float32)),
            translation=np.asarray(data["trans"], np.float32),
            fps=float(np.asarray(rate).item()),
            betas=betas,
            action=label or None,
            valid=valid,
            trust=np.asarray(data.get("trust", valid), np.float32),
        )
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{path}: {error}") from None


def _pose_of_width(poses: Float[ndarray, "T D"]) -> Float[ndarray, "T 24 3"]:
    """SMPL pose from SMPL (72), SMPL-H (156) or SMPL-X (165) rows; fingers and face are dropped."""
    if poses.ndim != 2 or poses.shape[1] < 66 or poses.shape[1] % 3:
        raise ValueError(f"poses must be (T, 72), (T, 156) or (T, 165) axis-angle; got {poses.shape}.")
    pose = np.zeros((len(poses), NUM_JOINTS, 3), np.float32)
    num_shared = NUM_JOINTS if poses.shape[1] == 72 else 22  # the two hand joints exist in SMPL alone
    pose[:, :num_shared] = poses[:, : num_shared * 3].reshape(len(poses), num_shared, 3)
    return pose
