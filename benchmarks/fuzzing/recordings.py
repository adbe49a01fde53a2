"""Whole recordings: motions, motion capture and videos."""

from functools import cache
from pathlib import Path

import av
import numpy as np
from fuzzing.containers import npz, written

from motionary.body.assets import load_body
from motionary.export.bvh import write_bvh
from motionary.motion import Motion


@cache
def a_motion(frames: int = 12) -> Motion:
    t = np.linspace(0, 3, frames)
    pose = np.zeros((frames, 24, 3), np.float32)
    pose[:, [1, 2, 4, 5, 16, 17], 0] = 0.4 * np.sin(t[:, None] + np.arange(6))
    pose[:, [16, 17], 2] = [-1.1, 1.1]
    translation = np.stack([0.1 * t, 1 + 0 * t, 0.2 * t], -1)
    return Motion(pose, translation, 30.0, action="walk")


def motion_seeds() -> list[bytes]:
    motion = a_motion()
    amass = npz(
        poses=np.zeros((9, 156)), trans=np.ones((9, 3)), mocap_framerate=np.array(60.0), betas=np.zeros(16)
    )
    return [written("a.npz", motion.save), amass]


def bvh_seeds() -> list[bytes]:
    return [written("a.bvh", lambda path: write_bvh(a_motion(), path, load_body()))]


ASF = """:version 1.10
:name a
:units
  mass 1.0
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
"""


BONES = {
    "lhipjoint": ("root", "0.7 -0.7 0.1", 2.0, ""),
    "lfemur": ("lhipjoint", "0.1 -1 0", 7.0, "rx ry rz"),
    "ltibia": ("lfemur", "0.1 -1 0", 7.5, "rx"),
    "lfoot": ("ltibia", "0 -0.2 1", 2.0, "rx rz"),
    "rhipjoint": ("root", "-0.7 -0.7 0.1", 2.0, ""),
    "rfemur": ("rhipjoint", "-0.1 -1 0", 7.0, "rx ry rz"),
    "rtibia": ("rfemur", "-0.1 -1 0", 7.5, "rx"),
    "rfoot": ("rtibia", "0 -0.2 1", 2.0, "rx rz"),
    "lowerback": ("root", "0 1 0", 2.0, "rx ry rz"),
    "upperback": ("lowerback", "0 1 0", 2.0, "rx ry rz"),
    "lowerneck": ("upperback", "0 1 0", 1.5, "rx ry rz"),
    "head": ("lowerneck", "0 1 0", 1.5, "rx ry rz"),
    "lclavicle": ("upperback", "0.8 0.4 0", 3.0, "ry rz"),
    "lhumerus": ("lclavicle", "1 0 0", 5.0, "rx ry rz"),
    "lradius": ("lhumerus", "1 0 0", 3.5, "rx"),
    "lwrist": ("lradius", "1 0 0", 2.0, "ry"),
    "rclavicle": ("upperback", "-0.8 0.4 0", 3.0, "ry rz"),
    "rhumerus": ("rclavicle", "-1 0 0", 5.0, "rx ry rz"),
    "rradius": ("rhumerus", "-1 0 0", 3.5, "rx"),
    "rwrist": ("rradius", "-1 0 0", 2.0, "ry"),
}
"""Parent, direction, length and degrees of freedom."""


@cache
def acclaim() -> tuple[bytes, bytes]:
    lines = [ASF]
    for number, (name, (_, direction, length, dof)) in enumerate(BONES.items(), 1):
        lines.append(f"  begin\n    id {number}\n    name {name}\n    direction {direction}\n")
        lines.append(f"    length {length}\n    axis 0 0 0 XYZ\n" + (f"    dof {dof}\n" if dof else ""))
        lines.append("  end\n")
    lines.append(":hierarchy\n  begin\n")
    for parent in ("root", *BONES):
        if children := [name for name, (of, *_) in BONES.items() if of == parent]:
            lines.append(f"    {parent} {' '.join(children)}\n")
    frames = ["#!OML\n:FULLY-SPECIFIED\n:DEGREES\n"]
    for frame in range(1, 7):
        frames.append(f"{frame}\nroot 0 18 {0.1 * frame:g} 0 {frame} 0\n")
        frames += [f"{n} {' '.join('1.5' for _ in dof.split())}\n" for n, (*_, dof) in BONES.items() if dof]
    return "".join([*lines, "  end\n"]).encode(), "".join(frames).encode()


def video(codec: str, suffix: str) -> bytes:
    def write(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(6):
                picture = np.full((48, 64, 3), 40 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode(None))

    return written(f"a{suffix}", write)
