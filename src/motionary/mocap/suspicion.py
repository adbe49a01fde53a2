"""What looks wrong in a motion that can be read: units, axes, angles, sides, ground; one sentence for each.

Nothing is mended or refused here: people do odd things, and a suspicion is a reason to look.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray

from motionary.body.assets import default_body
from motionary.body.limits import beyond_limits
from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES
from motionary.body.smpl import BodyModel
from motionary.mocap.reading import FASTEST_M_S
from motionary.motion import Motion

SHORTEST_S, SHORTEST = 0.4, 5
"""Seconds and frames; shorter clips show too little to suspect anything."""

LONGEST = 20_000
"""Frames looked at from the beginning, to bound the memory."""

LARGEST_TURN_RAD = 2 * np.pi
"""A rotation vector longer than a whole turn is no way to write a pose."""

FASTEST_TURN_RAD_S = 25.0
"""A joint that turns faster for half of the time is thrown about by no muscle; a pitcher's arm does for
some hundredths of a second."""

MOST_BEYOND = 4.0
"""Joints out of 24 that are bent beyond their limits on average: fits to markers stay far below."""

STIFF_RAD = 0.06
"""A pose of a person, with arms that are not held out level, has joints turned further (3.4 degrees)."""

STILL_M, STILL_RAD = 0.002, 0.005
"""Somebody who stands still sways further than that within half a second."""

HINGES = {
    "knee": (("left_knee", (0.0, -1.0, 0.0)), ("right_knee", (0.0, -1.0, 0.0))),
    "elbow": (("left_elbow", (1.0, 0.0, 0.0)), ("right_elbow", (-1.0, 0.0, 0.0))),
}
"""Joints, and where the bone after each points at rest; z is forward."""

BENT = 0.9
"""Cosine (26 degrees) below which a hinge is bent enough to show which way."""

LEAST_BENT_S = 0.1
"""So long both sides together must be bent to tell."""

MOST_BACKWARD = 0.6
"""Share of bent frames in which a hinge may look bent the wrong way."""

ARM_UP = 0.5
"""Cosine of an upper arm to the trunk's upward direction from which it is raised."""

UPRIGHT = 0.7
"""Cosine of the trunk to an axis along which it counts as standing."""

STEPS = ((0.1, 0.02), (0.5, 0.008))
"""Seconds of a moment, and how far the hips must move over a standing foot within it to tell by it."""

FLIGHT_M = 0.05
"""A lowest foot higher than that above the clip's low ones is in the air."""

LEAST_STEPS = 8
"""How many such moments tell."""

LIKELY_RATIO = (0.6, 1.7)
"""Of the way of the hips to what the standing foot tells; running adds flight."""

SAME_WAY = 0.5
"""Cosine between the two ways."""

FLOATING_M, SUNK_M = 0.15, -0.12
"""Height of the lowest joint: the foot's is a few centimetres above the sole."""

FLOOR_M = 0.08
"""Around zero, where the lowest joint of somebody on the ground stays."""

LEG_M, MOSTLY = 0.6, 0.5
"""Hips at least so far above the lowest foot are carried by it; they must be in so much of the clip."""

HIPS_M = 3.0
"""Nobody's hips are so high above the ground, save on a trampoline or a rope."""


@dataclass(frozen=True)
class Suspicion:
    """Something that looks wrong."""

    kind: str
    """scale, axis, degrees, radians, jump, sides, way, frozen or ground."""
    text: str
    """What was seen, what people do, what to do about it."""


@dataclass(frozen=True)
class _Seen:
    """A motion on a body."""

    motion: Motion
    rotations: Float[ndarray, "T 24 3 3"]
    R_world: Float[ndarray, "T 24 3 3"]
    points: Float[ndarray, "T 24 3"]

    def joint(self, name: str) -> Float[ndarray, "T 3"]:
        return self.points[:, JOINT_INDEX[name]]

    @property
    def trunk(self) -> Float[ndarray, "T 3"]:
        """Unit direction from the pelvis to the neck."""
        way = self.joint("neck") - self.joint("pelvis")
        return way / np.linalg.norm(way, axis=-1, keepdims=True).clip(1e-9)


def suspicions(motion: Motion, body: BodyModel) -> list[Suspicion]:
    """All that looks wrong in a motion whose ground is to be at y = 0.

    Args:
        motion: It; y up, metres.
        body: The body that shows it.

    Returns:
        The most telling first; none where nothing looks wrong. Where angles or axes are wrong, what follows
        from them is not told again.
    """
    pose = pose_suspicions(motion, body)
    if _too_short(motion) or any(item.kind in ("degrees", "radians") for item in pose):
        return pose
    seen = _seen(motion, body)
    axis = _axis(seen)
    if axis:
        return [*pose, axis]
    scale = _scale(seen)
    return [*pose, scale] if scale else [*pose, *_found((_way, _ground), seen)]


def pose_suspicions(motion: Motion, body: BodyModel) -> list[Suspicion]:
    """What looks wrong in the pose alone, for estimates, whose place in the room may mean nothing.

    Args:
        motion: It.
        body: The body that shows it.
    """
    if _too_short(motion):
        return []
    if (angles := _degrees(seen := _seen(motion, body))) or (angles := _radians(seen)):
        return [angles]
    return _found((_jump, _sides, _frozen), seen)


def suspect_in_estimate(motion: Motion) -> str | None:
    """What looks wrong in an estimated motion, in words for a data set's index; None where nothing does."""
    return in_words(pose_suspicions(motion, default_body()))


def in_words(found: Sequence[Suspicion]) -> str | None:
    """All of them as a line; None where there is none."""
    return " ".join(item.text[0].upper() + item.text[1:] for item in found) or None


def _found(rules: tuple[Callable[[_Seen], Suspicion | None], ...], seen: _Seen) -> list[Suspicion]:
    return [item for rule in rules if (item := rule(seen))]


def _too_short(motion: Motion) -> bool:
    return len(motion) < max(SHORTEST, SHORTEST_S * motion.fps)


def _seen(motion: Motion, body: BodyModel) -> _Seen:
    motion = motion.crop(0, LONGEST)
    posed = motion.posed(body)
    return _Seen(motion, posed.rotations.numpy(), posed.R_world_joint.numpy(), posed.joints.numpy())


def _degrees(seen: _Seen) -> Suspicion | None:
    largest = float(np.linalg.norm(seen.motion.pose, axis=-1).max())
    relative = seen.rotations[1:, 1:] @ seen.rotations[:-1, 1:].swapaxes(-1, -2)
    cosine = (relative.trace(axis1=-2, axis2=-1) - 1) / 2
    speed = float(np.median(np.arccos(cosine.clip(-1, 1)).max(1))) * seen.motion.fps
    beyond = float(beyond_limits(torch.from_numpy(seen.rotations)).sum(-1).double().mean())
    advice = (
        "Were degrees taken for radians, or rotations read in another order? Convert them and import again."
    )
    if largest > LARGEST_TURN_RAD:
        text = f"a joint is turned by {largest:.0f} rad; a pose needs no more than 3.14. {advice}"
    elif beyond > MOST_BEYOND:
        text = f"{beyond:.0f} joints at a time are bent further than joints go; few ever are. {advice}"
    elif speed > FASTEST_TURN_RAD_S:
        text = f"joints turn at {speed:.0f} rad/s half of the time; people reach 25 for moments. {advice}"
    else:
        return None
    return Suspicion("degrees", text)


def _radians(seen: _Seen) -> Suspicion | None:
    most = float(np.linalg.norm(seen.motion.pose[:, 1:], axis=-1).max())
    if most > STIFF_RAD:
        return None
    return Suspicion(
        "radians",
        f"no joint is ever turned by more than {np.degrees(most):.1f} degrees from the T pose; people lower "
        "their arms. Were radians taken for degrees? Multiply the angles by 57.3 and import again.",
    )


def _jump(seen: _Seen) -> Suspicion | None:
    speed_m_s = np.linalg.norm(np.diff(seen.points, axis=0), axis=-1) * seen.motion.fps
    if speed_m_s.max() <= FASTEST_M_S:
        return None
    frame, joint = np.unravel_index(speed_m_s.argmax(), speed_m_s.shape)
    return Suspicion(
        "jump",
        f"{JOINT_NAMES[joint]} jumps at {speed_m_s.max():.0f} m/s in frame {frame + 2}; people stay below "
        f"{FASTEST_M_S:.0f} m/s. Was the track lost, or another person taken up? Cut it there.",
    )


def _sides(seen: _Seen) -> Suspicion | None:
    for hinge, bones in HINGES.items():
        backward = np.concatenate([_forward(seen, joint, np.array(bone)) for joint, bone in bones])
        backward = ~backward if hinge == "elbow" else backward  # an elbow bends forward, a knee back
        if len(backward) > LEAST_BENT_S * seen.motion.fps and backward.mean() > MOST_BACKWARD:
            return Suspicion(
                "sides",
                f"{hinge}s are bent the wrong way in {backward.mean():.0%} of the frames that bend them; "
                "people's do not. Are left and right, or forward and backward, exchanged? Check the names "
                "of the joints and whether the axes are right-handed.",
            )
    if (raised := float(_arms_up(seen).mean())) > 0.9:
        return Suspicion(
            "sides",
            f"both arms are raised in {raised:.0%} of the frames; people lower them. Are left and right "
            "exchanged? Check the names of the joints and whether the axes are right-handed.",
        )
    return None


def _forward(seen: _Seen, joint: str, bone: Float[ndarray, "3"]) -> Bool[ndarray, "_"]:
    """Of the frames in which a hinge is bent, whether it is forward.

    Args:
        seen: The motion.
        joint: The hinge.
        bone: Direction of the bone after it at rest.
    """
    way = seen.rotations[:, JOINT_INDEX[joint]] @ bone
    bent = way @ bone < BENT
    return way[bent, 2] > 0


def _arms_up(seen: _Seen) -> Bool[ndarray, "T"]:
    chest_up = seen.R_world[:, JOINT_INDEX["spine3"], :, 1]
    raised = []
    for side in ("left", "right"):
        arm = seen.joint(f"{side}_elbow") - seen.joint(f"{side}_shoulder")
        raised.append((arm * chest_up).sum(-1) > ARM_UP * np.linalg.norm(arm, axis=-1))
    return raised[0] & raised[1]


def _frozen(seen: _Seen) -> Suspicion | None:
    moved_m = float(np.ptp(seen.points, axis=0).max())
    turned_rad = float(np.ptp(seen.rotations, axis=0).max())
    if moved_m > STILL_M or turned_rad > STILL_RAD:
        return None
    return Suspicion(
        "frozen",
        f"nothing moves by more than {1000 * moved_m:.1f} mm in {seen.motion.duration_s:.1f} s; people who "
        "stand still sway by more. Is it a still pose, or was the capture stopped? Leave it out.",
    )


def _axis(seen: _Seen) -> Suspicion | None:
    """Another axis than y is up: the trunk stands along it, and the feet stand at its zero."""
    along = np.abs(seen.trunk)
    lowest_y = seen.trunk[:, 1] < -UPRIGHT
    if lowest_y.mean() > 0.8:
        return Suspicion(
            "axis",
            f"the head is below the hips in {lowest_y.mean():.0%} of the frames; people stand on their feet. "
            "Does y point down? Turn the file by half a turn about x.",
        )
    upright = (along > UPRIGHT).mean(0)
    axis = 0 if upright[0] > upright[2] else 2
    sign = np.sign(np.median(seen.trunk[:, axis]))
    low, low_y = (seen.points[..., axis] * sign).min(1), seen.points[..., 1].min(1)
    stands = upright[axis] > 0.5 and upright[1] < 0.05 and abs(np.percentile(low, 20)) < 0.5
    walks_on_it = upright[axis] > upright[1] and _is_floor(low) and not _is_floor(low_y)
    if not (stands or walks_on_it):
        return None
    name = "xyz"[axis]
    return Suspicion(
        "axis",
        f"the trunk lies along {name} in {upright[axis]:.0%} of the frames and is upright in "
        f"{upright[1]:.0%}, with the feet at {name} = {np.median(low):.2f} m; people stand. Is {name} up in "
        f"the file? Import it with --up {name}.",
    )


def _scale(seen: _Seen) -> Suspicion | None:
    hips_m = float(np.median(seen.joint("pelvis")[:, 1]))
    gone, told = _steps(seen, np.inf)  # in the air ratios rise a little; heights depend on the unit
    if len(gone) >= LEAST_STEPS:
        ratio = float(np.median(_length(gone) / _length(told)))
        if not LIKELY_RATIO[0] < ratio < LIKELY_RATIO[1]:
            return Suspicion(
                "scale",
                f"the hips go {ratio:.2g} times as far as the legs carry them; people's go as far. Is the "
                f"path in another unit than metres? Multiply it by {1 / max(ratio, 1e-3):.2g} and import "
                "again.",
            )
    if abs(hips_m) <= HIPS_M:
        return None
    return Suspicion(
        "scale",
        f"the hips are {hips_m:.3g} m above the ground; people's stay below {HIPS_M:g} m. Is the path in "
        "another unit than metres, or the ground not at 0? Give the unit, or move it, and import again.",
    )


def _way(seen: _Seen) -> Suspicion | None:
    gone, told = _steps(seen, FLIGHT_M)
    if len(gone) < LEAST_STEPS:
        return None
    cosine = float(np.median((gone * told).sum(-1) / (_length(gone) * _length(told)).clip(1e-9)))
    if cosine > SAME_WAY:
        return None
    return Suspicion(
        "way",
        f"the hips go {np.degrees(np.arccos(np.clip(cosine, -1, 1))):.0f} degrees off the way that the legs "
        "carry them; people's feet do not slide. Are the path's axes exchanged or left-handed? Put path and "
        "rotations into the same right-handed axes.",
    )


def _ground(seen: _Seen) -> Suspicion | None:
    lowest = seen.points[..., 1].min(1)
    height_m = float(np.percentile(lowest, 5))
    if height_m > FLOATING_M:
        seen_text = f"the lowest joint stays {height_m:.2f} m above the ground; people touch it"
    elif (height_m := float(np.median(lowest))) < SUNK_M:
        seen_text = f"the lowest joint is {-height_m:.2f} m below the ground; people stand on it"
    else:
        return None
    return Suspicion(
        "ground",
        f"{seen_text}. Is the floor at another height, or the length unit wrong? Move it by "
        f"{-height_m:.2f} m (`Motion.on_ground`), or give the unit.",
    )


def _is_floor(lowest_m: Float[ndarray, "T"]) -> bool:
    """Whether the lowest joint is at zero and stays there, as feet on the ground do."""
    low, middle, high = np.percentile(lowest_m, [20, 50, 80])
    return bool(abs(middle) < FLOOR_M and high - low < FLOOR_M)


def _steps(seen: _Seen, flight_m: float) -> tuple[Float[ndarray, "N 3"], Float[ndarray, "N 3"]]:
    """Ways of the hips within moments, in metres: as they are, and as the lowest foot tells if it stands.

    Only of somebody mostly upright, whose lowest foot is no more than flight_m above the clip's low ones; of
    slow movement, where moments are too short to tell, longer ones are taken.
    """
    for moment_s, least_m in STEPS:
        gone, told = _steps_within(seen, max(1, round(moment_s * seen.motion.fps)), least_m, flight_m)
        if len(gone) >= LEAST_STEPS:
            break
    return gone, told


def _steps_within(
    seen: _Seen, lag: int, least_m: float, flight_m: float
) -> tuple[Float[ndarray, "N 3"], Float[ndarray, "N 3"]]:
    pelvis = seen.joint("pelvis").astype(np.float64)
    feet = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("foot", "ankle")]
    below = seen.points[:, feet] - pelvis[:, None]
    lowest = below[..., 1].argmin(1)
    low = below[..., 1].min(1)
    height = pelvis[:, 1] + low
    standing = (seen.trunk[:, 1] > UPRIGHT) & (low < -LEG_M)
    if standing.mean() < MOSTLY:
        return pelvis[:0], pelvis[:0]
    standing &= height < np.percentile(height, 20) + flight_m
    same = np.flatnonzero((lowest[lag:] == lowest[:-lag]) & standing[lag:] & standing[:-lag])
    told = below[same, lowest[same]] - below[same + lag, lowest[same]]
    far = _length(told) > least_m
    return (pelvis[same + lag] - pelvis[same])[far], told[far]


def _length(vectors: Float[ndarray, "N 3"]) -> Float[ndarray, "N"]:
    return np.linalg.norm(vectors, axis=-1)
