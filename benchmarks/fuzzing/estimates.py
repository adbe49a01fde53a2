"""Whole results of estimators, other people's and ours."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuzzing.containers import joblib_file, npz, torch_file, written

from motionary.estimators.batch.manifest import MANIFEST_NAME, Entry, Manifest


def person(frames: int = 8) -> dict[str, Any]:
    zeros = np.zeros((frames, 3))
    return {
        "pose": np.zeros((frames, 72)),
        "pose_world": np.zeros((frames, 72)),
        "trans_world": np.ones((frames, 3)),
        "trans": np.ones((frames, 3)),
        "betas": np.zeros((frames, 10), np.float32),
        "orig_cam": np.tile([0.5, 0.9, 0.1, 0.1], (frames, 1)),
        "bboxes": np.full((frames, 4), 200.0),
        "joints3d": np.zeros((frames, 49, 3)),
        "verts": zeros[:, None],
        "frame_ids": np.arange(frames),
    }


def result_seeds() -> list[bytes]:
    everything = person()
    world = ("pose_world", "trans_world")
    vibe = {key: value for key, value in everything.items() if key not in world}
    frame = {
        "time": 0,
        "tid": [1],
        "tracked_time": [0],
        "size": [[480, 640]],
        "camera": [np.array([0.1, 0.2, 30], np.float32)],
        "smpl": [
            {
                "global_orient": np.eye(3)[None],
                "body_pose": np.tile(np.eye(3), (23, 1, 1)),
                "betas": np.zeros(10),
            }
        ],
    }
    phalp = {f"img/{n:03d}.jpg": frame | {"time": n} for n in range(5)}
    pare = vibe | {"pose": np.tile(np.eye(3), (8, 24, 1, 1)), "smpl_joints2d": np.zeros((8, 49, 2))}
    tram = {
        "pred_rotmat": torch.eye(3).repeat(6, 24, 1, 1),
        "pred_shape": torch.zeros(6, 10),
        "pred_trans": torch.ones(6, 1, 3),
        "frame": torch.arange(6),
    }
    part = {
        "body_pose": torch.zeros(7, 63),
        "betas": torch.zeros(7, 10),
        "global_orient": torch.zeros(7, 3),
        "transl": torch.ones(7, 3),
    }
    smplx = {name: array.numpy() for name, array in part.items()}
    gvhmr = {"smpl_params_global": part, "smpl_params_incam": part}
    return [
        *(joblib_file({7: vibe}), joblib_file({1: everything}, 3), joblib_file({1: pare})),
        joblib_file(phalp, 3),
        written("a.npy", lambda path: np.save(path, tram)),  # type: ignore[arg-type]
        *(npz(**smplx), torch_file(gvhmr), torch_file(gvhmr, _use_new_zipfile_serialization=False)),
    ]


def manifest_seed() -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        manifest = Manifest(Path(temporary), "blazepose", {}, "largest")
        manifest.record(Entry("a.mp4", "/videos/a.mp4", "a", 1000, 5))
        manifest.write()
        return (Path(temporary) / MANIFEST_NAME).read_bytes()


ESTIMATE = json.dumps(
    {
        "video": {"name": "a.mp4", "fps": 30.0},
        "people": [
            {
                **{"file": "person_1.npz", "person": 1, "start_s": 0.0, "fps": 30.0, "frames": 12},
                **{"height_px": 200.0, "off_centre_px": 10.0, "quality": {"verdict": "good"}},
            }
        ],
    }
).encode()
