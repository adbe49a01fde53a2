"""Joint positions for biomechanics and scripts: TRC marker files and JSON lines."""

import json
from pathlib import Path

from motionary.atomic import write_atomically
from motionary.body.skeleton import JOINT_NAMES
from motionary.body.smpl import BodyModel
from motionary.motion import Motion


def write_trc(motion: Motion, path: Path, body: BodyModel) -> None:
    """Write the 24 joints as markers of a TRC file, whole or not at all.

    Metres, y up, as OpenSim expects; frames count from 1.

    Source: OpenSim's documentation of marker (.trc) files.
    """
    positions = motion.joint_positions(body)
    count, rate = len(motion), f"{motion.fps:g}"
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{count}\t{len(JOINT_NAMES)}\tm\t{rate}\t1\t{count}",
        "Frame#\tTime\t" + "\t".join(f"{name}\t\t" for name in JOINT_NAMES).rstrip("\t"),
        "\t\t" + "\t".join(f"{axis}{k}" for k in range(1, len(JOINT_NAMES) + 1) for axis in "XYZ"),
        "",
    ]
    for frame, joints in enumerate(positions):
        values = "\t".join(f"{value:.6f}" for value in joints.ravel())
        lines.append(f"{frame + 1}\t{frame / motion.fps:.6f}\t{values}")
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def write_jsonl(motion: Motion, path: Path, body: BodyModel) -> None:
    """Write one JSON object a frame, whole or not at all.

    Each has `frame` (from 0), `time_s`, `valid`, and `joints_m`: joint name -> x, y, z in metres, y up.
    """
    lines = []
    for frame, joints in enumerate(motion.joint_positions(body)):
        values = {
            name: [round(float(v), 6) for v in joint] for name, joint in zip(JOINT_NAMES, joints, strict=True)
        }
        row = {
            "frame": frame,
            "time_s": round(frame / motion.fps, 6),
            "valid": bool(motion.valid[frame]),
            "joints_m": values,
        }
        lines.append(json.dumps(row))
    write_atomically(path, ("\n".join(lines) + "\n").encode())
