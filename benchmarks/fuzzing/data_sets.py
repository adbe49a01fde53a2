"""Whole data sets, archives of recordings, and lists of clips."""

import io
import json
import pickle
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from fuzzing.containers import joblib_file
from fuzzing.recordings import a_motion

from motionary.datasets import write_dataset
from motionary.datasets.folder import clip_record
from motionary.datasets.packed import open_packed


@cache
def data_set() -> dict[str, bytes]:
    """A data set's files, with those of a training run on it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        motion = a_motion()
        clips = []
        for action in ("run", "walk"):
            motion.save(folder / f"{action}.npz")
            clips.append(clip_record(motion, f"{action}.npz", action, "P1", source="a.bvh"))
        dataset = write_dataset(folder, clips, fps=30.0, provenance={"made_by": "fuzzing"}, licence="CC0")
        open_packed(dataset)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def archive_seeds(kind: str) -> list[bytes]:
    files = {"set/one.bvh": b"one" * 50, "set/two.bvh": bytes(3000)}
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return [buffer.getvalue()]


def ntu_seeds() -> list[bytes]:
    people = {1: {"pose": np.zeros((6, 72)), "joints3d": np.zeros((6, 49, 3))}}
    return [joblib_file(people), joblib_file(people, 3)]


def humanact_seeds() -> list[bytes]:
    clips = {"poses": [np.zeros((6, 72))] * 2, "joints3D": [np.zeros((6, 24, 3))] * 2, "y": [0, 11]}
    return [pickle.dumps(clips, 2), pickle.dumps(clips, 4)]


def uestc_seeds() -> list[bytes]:
    clips = {
        "pose": [np.zeros((6, 72))] * 2,
        "joints3d": [np.zeros((6, 49, 3))] * 2,
        "orig_cam": [np.full((6, 4), 0.5)] * 2,
    }
    return [pickle.dumps(clips, 4), joblib_file(clips)]


UESTC_INFO = {
    "info/names.txt": b"a0_d0_p001_c1_color.avi\na1_d0_p002_c1_color.avi\n",
    "info/action_classes.txt": b"".join(b"action %d\n" % n for n in range(40)),
    "info/num_frames_min.txt": b"6\n6\n",
}


ELEMENTS = b"0LtLS9wROrk_E_002407_002435_A_0003_0005 4\n0LtLS9wROrk_E_002407_002435_A_0006_0008 7\n"


CATEGORIES = b"Clabel:4; set:1; Glabel:5; (VT) round-off, flic-flac on\n"


TIMES = json.dumps(
    {
        "0LtLS9wROrk": {
            "E_002407_002435": {
                "event": 1,
                "timestamps": [[2407.32, 2435.28]],
                "segments": {"A_0003_0005": {"stages": 1, "timestamps": [[3.45, 5.64]]}},
            }
        }
    }
).encode()


LISTING = b"file,start,end,action,person\na.bvh,0:01,2.5,walk,P1\n# no\nb.bvh,,,run,P2\n"
