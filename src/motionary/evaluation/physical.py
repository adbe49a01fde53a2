"""Numbers about motions as such: sliding, sinking, shaking, bending too far, freezing, doing half of it.

None of them needs a recogniser. Each means something only beside the same number of real motions: captured
feet slide a little too, and people do stand still.

B motions, T frames, A actions. Joints are SMPL's, in metres, y up.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motionary.body.feet import CONTACT_HEIGHT_M, FEET, ground_height
from motionary.body.limits import LIMITED, beyond_limits
from motionary.body.skeleton import PARENTS

LEADING_SHARE = 0.5
"""A joint leads an action if it moves over at least this share of the farthest joint's range."""

FREEZE_SHARE = 0.1
"""A joint slower than this share of its usual speed does not move."""


def foot_skate(
    joints: Float[Tensor, "*B T 24 3"], fps: float, ground_m: Float[Tensor, "*B"]
) -> Float[Tensor, "*B"]:
    """Mean horizontal speed of touching feet, cm/s; NaN if none ever touches the ground.

    A foot touches in the step from t to t+1 if its height above the ground is below 5 cm in both frames:
    sum of |p(t+1) - p(t)| fps over touching steps / their number, p on the ground plane.

    Args:
        joints: Positions, metres.
        fps: Frames per second.
        ground_m: Height of the ground, 0 where motions stand on it; see `ground_height`.

    Source: contact and skating as in Karunratanakul et al. 2023 (GMD, arXiv:2305.12577), which counts
    skating frames; their mean speed says how much.
    """
    feet = joints[..., FEET, :]  # (*B, T, 2, 3)
    low = feet[..., 1] - ground_m[..., None, None] < CONTACT_HEIGHT_M
    touching = low[..., 1:, :] & low[..., :-1, :]
    speed = feet[..., [0, 2]].diff(dim=-3).norm(dim=-1) * fps * 100
    return (speed * touching).sum((-2, -1)) / touching.sum((-2, -1))


def ground_penetration(
    joints: Float[Tensor, "*B T 24 3"], ground_m: Float[Tensor, "*B"]
) -> Float[Tensor, "*B"]:
    """Mean depth of the lower foot below the ground, cm: mean over t of max(0, ground - height(t)).

    Source: Yuan et al. 2023 (PhysDiff, arXiv:2212.02500, section 4.1), with foot joints for the mesh.
    """
    lowest = joints[..., FEET, 1].amin(-1)
    return (ground_m[..., None] - lowest).clamp(min=0).mean(-1) * 100


def jitter(joints: Float[Tensor, "*B T 24 3"], fps: float) -> Float[Tensor, "*B"]:
    """Mean jerk of all joints, m/s^3: mean of |p(t+3) - 3 p(t+2) + 3 p(t+1) - p(t)| fps^3.

    NaN for motions of fewer than four frames.

    Source: Yi et al. 2021 (TransPose, arXiv:2105.04605, section 4), who print it in units of 100 m/s^3.
    """
    return joints.diff(n=3, dim=-3).norm(dim=-1).mean((-2, -1)) * fps**3


def joint_limit_violations(rotations: Float[Tensor, "*B T 24 3 3"]) -> Float[Tensor, "*B"]:
    """Share of the limited joints beyond their limits, over all frames; see `body.limits`.

    Args:
        rotations: Of every joint in its parent's frame, from the rest pose (arms out, palms down).
    """
    return beyond_limits(rotations)[..., LIMITED].float().mean((-2, -1))


def bone_length_variation(joints: Float[Tensor, "*B T 24 3"]) -> Float[Tensor, "*B"]:
    """How much bones change length: standard deviation over time / mean, averaged over the bones.

    Zero for motions of a body model; not for joints that a network places freely.
    """
    bones = joints[..., 1:, :] - joints[..., list(PARENTS[1:]), :]
    lengths = bones.norm(dim=-1)
    return (lengths.std(-2, correction=0) / lengths.mean(-2)).mean(-1)


def over_the_pelvis(joints: Float[Tensor, "*B T 24 3"]) -> Float[Tensor, "*B T 24 3"]:
    """Positions from the point of height zero under (or over) the pelvis of the same frame.

    Travelled distance drops out and heights stay: a jump or a squat is movement, being carried along is not.
    """
    pelvis = joints[..., :1, :]
    return joints - pelvis * pelvis.new_tensor([1.0, 0.0, 1.0])


def ranges(joints: Float[Tensor, "*B T 24 3"]) -> Float[Tensor, "*B 24"]:
    """Diagonal, metres, of the box in which each joint moves; see `over_the_pelvis`."""
    placed = over_the_pelvis(joints)
    return (placed.amax(-3) - placed.amin(-3)).norm(dim=-1)


def speeds(joints: Float[Tensor, "*B T 24 3"], fps: float) -> Float[Tensor, "*B S 24"]:
    """Speed of each joint in the T - 1 steps, m/s; see `over_the_pelvis`."""
    return over_the_pelvis(joints).diff(dim=-3).norm(dim=-1) * fps


@dataclass(frozen=True)
class ActionHabits:
    """How real performances of each action move. NaN for actions without one."""

    range_m: Float[Tensor, "A 24"]
    """Mean of `ranges` over the action's performances."""
    speed: Float[Tensor, "A 24"]
    """Mean of `speeds` over the action's performances and their frames, m/s."""

    @classmethod
    def of(
        cls,
        range_m: Float[Tensor, "N 24"],
        speed: Float[Tensor, "N 24"],
        labels: Int[Tensor, "N"],
        num_actions: int,
    ) -> "ActionHabits":
        """Habits from each performance's `ranges` and mean `speeds`."""
        own = [labels == action for action in range(num_actions)]
        return cls(
            torch.stack([range_m[members].mean(0) for members in own]),
            torch.stack([speed[members].mean(0) for members in own]),
        )

    @property
    def leading(self) -> Bool[Tensor, "A 24"]:
        """Joints that should move: those with at least half of the farthest joint's range."""
        return self.range_m >= LEADING_SHARE * self.range_m.amax(1, keepdim=True)


def freeze(
    joints: Float[Tensor, "B T 24 3"], action: Int[Tensor, "B"], fps: float, habits: ActionHabits
) -> Float[Tensor, "B"]:
    """Share of the frames in which the part of the body that should move does not.

    A frame is frozen if every leading joint of the action is slower than a tenth of its mean speed in real
    performances. NaN for actions without real performances and for motions of one frame.
    """
    part = speeds(joints, fps) / habits.speed[action][:, None]
    leading = habits.leading[action][:, None]
    fastest = torch.where(leading, part, torch.zeros_like(part)).amax(-1)  # (B, T - 1)
    frozen = (fastest < FREEZE_SHARE).float().mean(-1)
    return torch.where(_known(habits, action), frozen, torch.nan)


def completeness(
    joints: Float[Tensor, "B T 24 3"], action: Int[Tensor, "B"], habits: ActionHabits
) -> Float[Tensor, "B"]:
    """Range of motion of the action's leading joints relative to real performances, averaged over them.

    1 if they move as far as people do on average, less if the action is only hinted at. NaN for actions
    without real performances.
    """
    part = ranges(joints) / habits.range_m[action]
    leading = habits.leading[action]
    return torch.where(leading, part, torch.zeros_like(part)).sum(-1) / leading.sum(-1)


def _known(habits: ActionHabits, action: Int[Tensor, "B"]) -> Bool[Tensor, "B"]:
    return ~habits.range_m[action, 0].isnan()


@dataclass(frozen=True)
class Measure:
    """How a physical number is shown."""

    heading: str
    scale: float = 1.0
    digits: int = 2


MEASURES = {
    "foot_skate_cm_s": Measure("skate cm/s"),
    "ground_penetration_cm": Measure("sinks cm"),
    "jitter_m_s3": Measure("jerk m/s³", digits=0),
    "joint_limit_violations": Measure("limits %", 100.0),
    "bone_length_variation": Measure("bones %", 100.0),
    "freeze": Measure("freeze %", 100.0, 1),
    "completeness": Measure("complete %", 100.0, 0),
}
"""All physical numbers by the name they have in files."""


def measure(
    joints: Float[Tensor, "B T 24 3"],
    rotations: Float[Tensor, "B T 24 3 3"],
    action: Int[Tensor, "B"],
    fps: float,
    habits: ActionHabits,
) -> Float[Tensor, "B M"]:
    """All numbers of `MEASURES`, in their order; the ground is estimated, as `ground_height` does."""
    ground_m = ground_height(joints)
    columns = (
        foot_skate(joints, fps, ground_m),
        ground_penetration(joints, ground_m),
        jitter(joints, fps),
        joint_limit_violations(rotations),
        bone_length_variation(joints),
        freeze(joints, action, fps, habits),
        completeness(joints, action, habits),
    )
    assert len(columns) == len(MEASURES)
    return torch.stack(columns, dim=1)
