"""How many spoilt clips are named at import, and how many good ones are by mistake.

python benchmarks/suspects.py DATASET ... [--every N] [--start N] [--json FILE]

Every fault is put into each clip of data sets that were imported well. `right` counts clips that are named
for that very fault, `any` those that are named at all.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from motionary.body.assets import default_body
from motionary.body.skeleton import MIRROR
from motionary.datasets import Dataset
from motionary.mocap.suspicion import suspicions
from motionary.motion import TURN_TO_Y_UP, Motion, turned


def scaled(factor: float) -> Callable[[Motion], Motion]:
    """The path in another unit."""
    return lambda motion: replace(motion, translation=motion.translation * np.float32(factor))


def angles_times(factor: float) -> Callable[[Motion], Motion]:
    """Angles in another unit."""
    return lambda motion: replace(motion, pose=motion.pose * np.float32(factor))


def lifted(height_m: float) -> Callable[[Motion], Motion]:
    """The ground at another height."""
    return lambda motion: replace(motion, translation=motion.translation + np.array([0, height_m, 0], "f4"))


def axes_times(x: int, y: int, z: int) -> Callable[[Motion], Motion]:
    """Rotation vectors with signs changed, as a reflected or half turned frame does."""
    return lambda motion: replace(motion, pose=motion.pose * np.array([x, y, z], np.float32))


def z_up(motion: Motion) -> Motion:
    """Stored z up, read as y up."""
    return turned(motion, TURN_TO_Y_UP["z"].T, default_body())


def sides_exchanged(motion: Motion) -> Motion:
    """Left joints' rotations on the right side, as they are."""
    return replace(motion, pose=motion.pose[:, list(MIRROR)])


def path_mirrored(motion: Motion) -> Motion:
    """The path in left-handed axes, the rotations not."""
    return replace(motion, translation=motion.translation * np.array([-1, 1, 1], np.float32))


def frozen(motion: Motion) -> Motion:
    """The first frame throughout."""
    first = np.zeros(len(motion), int)
    return replace(motion, pose=motion.pose[first], translation=motion.translation[first])


FAULTS: dict[str, tuple[Callable[[Motion], Motion], tuple[str, ...]]] = {
    "path x 100": (scaled(100), ("scale",)),
    "path x 2.54": (scaled(2.54), ("scale",)),
    "path / 2.54": (scaled(1 / 2.54), ("scale",)),
    "path / 100": (scaled(0.01), ("scale",)),
    "z up taken for y up": (z_up, ("axis",)),
    "degrees taken for radians": (angles_times(180 / np.pi), ("degrees",)),
    "radians taken for degrees": (angles_times(np.pi / 180), ("radians",)),
    "left and right exchanged": (sides_exchanged, ("sides",)),
    "rotations reflected in x": (axes_times(1, -1, -1), ("sides",)),
    "rotations reflected in z": (axes_times(-1, -1, 1), ("sides",)),
    "path mirrored, rotations not": (path_mirrored, ("way",)),
    "frozen": (frozen, ("frozen",)),
    "0.3 m above the ground": (lifted(0.3), ("ground",)),
    "0.3 m below the ground": (lifted(-0.3), ("ground",)),
}
"""Fault -> what makes it, and the kinds of suspicion that name it rightly."""


def measure(motions: list[Motion]) -> dict[str, dict[str, object]]:
    """Per fault, and for none: clips, named rightly, named at all, and the kinds."""
    rows: dict[str, dict[str, object]] = {}
    for fault, (spoil, right) in {"none": (lambda motion: motion, ()), **FAULTS}.items():
        kinds = [{item.kind for item in suspicions(spoil(motion), default_body())} for motion in motions]
        rows[fault] = {
            "clips": len(motions),
            "right": sum(bool(found & set(right)) for found in kinds),
            "any": sum(map(bool, kinds)),
            "kinds": dict(Counter(kind for found in kinds for kind in sorted(found))),
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every so manieth clip")
    parser.add_argument("--start", type=int, default=0, help="the first clip taken")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = {}
    for root in arguments.datasets:
        dataset = Dataset.load(root)
        chosen = dataset.clips[arguments.start :: arguments.every]
        results[root.name] = rows = measure([dataset.motion(clip) for clip in chosen])
        print(f"\n{root.name}: {len(chosen)} clips\n\n| fault | named rightly | named at all | kinds |")
        print("|---|---:|---:|---|")
        for fault, row in rows.items():
            print(f"| {fault} | {row['right']} | {row['any']} | {row['kinds']} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
