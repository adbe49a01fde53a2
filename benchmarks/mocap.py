"""How faithful retargeted motion capture is: bone directions, feet on the ground, the root's path, speed.

python benchmarks/mocap.py [ARCHIVE_OR_FOLDER ...] [--json FILE] [--workers N]

Without arguments it takes the two archives of $MOTIONARY_SHARED/data.
"""

import argparse
import json
import multiprocessing
import os
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.body.assets import default_body
from motionary.body.skeleton import JOINT_INDEX
from motionary.grounding import foot_vertices
from motionary.mocap import find_recordings, read_motion
from motionary.mocap.joint_names import SIDES, JointMap, match_joints
from motionary.mocap.placement import in_metres_y_up
from motionary.mocap.reading import format_of, read_recording
from motionary.mocap.retarget import retarget
from motionary.motion import Motion

SHARED = Path(os.environ.get("MOTIONARY_SHARED", Path(__file__).resolve().parents[2] / "shared"))
ARCHIVES = (SHARED / "data" / "hdm05_train.tar.xz", SHARED / "data" / "bandai2_train.tar.xz")

LIMB_GROUPS = {
    "thighs": ("hip", "knee"),
    "shins": ("knee", "ankle"),
    "feet": ("ankle", "foot"),
    "upper arms": ("shoulder", "elbow"),
    "forearms": ("elbow", "wrist"),
}
SPINE_GROUPS = {
    "pelvis-chest": ("pelvis", "spine3"),
    "chest-neck": ("spine3", "neck"),
    "neck-head": ("neck", "head"),
}
GROUPS = (*LIMB_GROUPS, *SPINE_GROUPS, "pelvis-neck")

STANDING_SPEED_M_S = 0.25
STANDING_HEIGHT_M = 0.03
"""A source foot stands while its toe base is slower than this and this near to its lowest height."""

SHORTEST_PATH_M = 0.5
"""Root paths shorter than this are left out of the relative error: nobody went anywhere."""


@dataclass(frozen=True)
class Measured:
    """One clip."""

    path: str
    reason: str = ""
    """Why it was rejected."""
    angles_deg: dict[str, list[float]] | None = None
    """Per bone group: angle between source and result at every frame."""
    feet_cm: tuple[float, ...] = ()
    """Distance of a standing foot's lowest vertex from y = 0, per frame and foot."""
    path_error: float | None = None
    """Mean distance from the scaled source path over its length."""
    scale: float = 1.0


def measure(path: Path) -> Measured:
    try:
        motion = read_motion(path)
    except ValueError as error:
        return Measured(str(path), reason=str(error))
    recording = in_metres_y_up(read_recording(path, format_of(path)))
    joints = match_joints(recording)
    source = _at_times(recording.world()[1], recording.fps, motion)
    result = motion.joint_positions(default_body())
    scale = retarget(recording, default_body()).scale
    return Measured(
        str(path),
        angles_deg=_angles(source, result, joints),
        feet_cm=tuple(_feet(source, motion, joints)),
        path_error=_path_error(source[:, joints.trunk[0]] * scale, result[:, 0]),
        scale=scale,
    )


def _at_times(points: Float[ndarray, "S J 3"], fps: float, motion: Motion) -> Float[ndarray, "T J 3"]:
    position = np.minimum(np.arange(len(motion)) / motion.fps * fps, len(points) - 1)
    before = np.floor(position).astype(int)
    t = (position - before)[:, None, None]
    return points[before] * (1 - t) + points[np.minimum(before + 1, len(points) - 1)] * t


def _angles(
    source: Float[ndarray, "T J 3"], result: Float[ndarray, "T 24 3"], joints: JointMap
) -> dict[str, list[float]]:
    places = joints.limbs | {
        "pelvis": joints.trunk[0],
        "spine3": joints.trunk[-1],
        "neck": (*joints.neck, joints.head)[0],
        "head": joints.head,
    }
    bones = {name: [(f"{s}_{a}", f"{s}_{b}") for s in SIDES] for name, (a, b) in LIMB_GROUPS.items()}
    bones |= {name: [pair] for name, pair in SPINE_GROUPS.items()} | {"pelvis-neck": [("pelvis", "neck")]}
    return {
        group: [
            float(angle)
            for a, b in pairs
            if a in places and b in places and places[a] != places[b]
            for angle in _angle(
                source[:, places[b]] - source[:, places[a]],
                result[:, JOINT_INDEX[b]] - result[:, JOINT_INDEX[a]],
            )
        ]
        for group, pairs in bones.items()
    }


def _angle(a: Float[ndarray, "T 3"], b: Float[ndarray, "T 3"]) -> Float[ndarray, "T"]:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def _feet(source: Float[ndarray, "T J 3"], motion: Motion, joints: JointMap) -> list[float]:
    body, errors = default_body(), []
    for side in SIDES:
        at = source[:, joints.limbs.get(f"{side}_foot", joints.limbs[f"{side}_ankle"])]
        speed = np.linalg.norm(np.gradient(at, axis=0), axis=-1) * motion.fps
        stands = (speed < STANDING_SPEED_M_S) & (at[:, 1] < np.percentile(at[:, 1], 2) + STANDING_HEIGHT_M)
        sole = motion.posed(body).skin(foot_vertices(body, (f"{side}_ankle", f"{side}_foot")))
        errors += (100 * sole[..., 1].amin(-1).abs().numpy()[stands]).tolist()
    return errors


def _path_error(source: Float[ndarray, "T 3"], result: Float[ndarray, "T 3"]) -> float | None:
    length = np.linalg.norm(np.diff(source, axis=0), axis=-1).sum()
    if length < SHORTEST_PATH_M:
        return None
    apart = (result - result.mean(0)) - (source - source.mean(0))
    return float(np.linalg.norm(apart, axis=-1).mean() / length)


def measure_source(source: Path, workers: int) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        folder = source
        if tarfile.is_tarfile(source) if source.is_file() else False:
            folder = Path(temporary)
            with tarfile.open(source) as archive:
                # Ignored before Python 3.11.4.
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(folder)
        paths = find_recordings(folder)
        start = time.perf_counter()
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            clips = list(pool.map(measure, paths, chunksize=4))
        return summary(source.name.partition(".")[0], clips, time.perf_counter() - start)


def summary(name: str, clips: list[Measured], seconds: float) -> dict:
    good = [clip for clip in clips if clip.angles_deg is not None]
    groups = {group: [angle for clip in good for angle in clip.angles_deg[group]] for group in GROUPS}
    groups["limbs"] = [angle for group in LIMB_GROUPS for angle in groups[group]]
    groups["spine"] = [angle for group in SPINE_GROUPS for angle in groups[group]]
    paths = [100 * clip.path_error for clip in good if clip.path_error is not None]
    return {
        "source": name,
        "clips": len(clips),
        "rejected": [{"path": clip.path, "reason": clip.reason} for clip in clips if clip.reason],
        "angles_deg": {group: _spread(angles) for group, angles in groups.items()},
        "foot_to_ground_cm": _spread([error for clip in good for error in clip.feet_cm]),
        "root_path_error_percent": _spread(paths) | {"clips": len(paths)},
        "scale": _spread([clip.scale for clip in good]),
        "clips_per_second_with_measuring": len(clips) / seconds,
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))} if values else {}


def table(result: dict) -> str:
    rows = [f"{result['source']}: {result['clips']} clips, {len(result['rejected'])} rejected"]
    rows += [f"  rejected: {clip['reason']}" for clip in result["rejected"]]
    rows += ["  what                               median     95 %"]
    lines = {f"{group} (degrees)": spread for group, spread in result["angles_deg"].items()}
    lines["standing foot to ground (cm)"] = result["foot_to_ground_cm"]
    lines["root path error (% of its length)"] = result["root_path_error_percent"]
    rows += [
        f"  {name:34s} {spread['median']:6.2f}   {spread['p95']:6.2f}"
        for name, spread in lines.items()
        if spread
    ]
    rows += [f"  {result['clips_per_second_with_measuring']:.1f} clips/s with measuring"]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="*", type=Path, default=ARCHIVES)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    results = []
    for source in arguments.sources:
        results.append(measure_source(source, arguments.workers))
        print(table(results[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
