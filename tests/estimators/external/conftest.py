"""One made-up performance, and the result file that each system would have saved of it.

The person turns and walks in a world that is y up; a level camera two metres from the origin sees them. Every
file is laid out as the system's own code writes it, by joblib, torch and numpy themselves.
"""

from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import torch

from motionary.body.assets import load_body
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle, matrix_to_rotation_6d

SMPL_REST_PELVIS = np.array([-0.0022, -0.2408, 0.0286])
SMPLX_REST_PELVIS = np.array([0.0031, -0.3514, 0.0120])
R_CAMERA_WORLD = np.diag([1.0, -1, -1])
CAMERA_POSITION = np.array([0.2, 1.4, 5.0])
WIDTH, HEIGHT = 1920, 1080
FOCAL = float(np.hypot(WIDTH, HEIGHT))


@dataclass(frozen=True)
class Performance:
    """What really happened: matrices, world y up."""

    rotations: np.ndarray  # (T, 24, 3, 3)
    pelvis: np.ndarray  # (T, 3)
    betas: np.ndarray  # (T, 10)
    frames: np.ndarray  # (T,)

    def __len__(self):
        return len(self.frames)

    @property
    def vectors(self):
        return _vectors(self.rotations)

    @property
    def in_camera(self):
        """The same with root and pelvis in the camera's axes."""
        rotations = self.rotations.copy()
        rotations[:, 0] = R_CAMERA_WORLD @ rotations[:, 0]
        pelvis = (self.pelvis - CAMERA_POSITION) @ R_CAMERA_WORLD.T
        return Performance(rotations, pelvis, self.betas, self.frames)


def _vectors(rotations):
    return matrix_to_axis_angle(torch.from_numpy(rotations)).float().numpy()


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def performance():
    rng = np.random.default_rng(4)
    # Two frames, then three missing, in all 23 of 26.
    frames = np.concatenate([np.arange(5, 15), np.arange(18, 31)])
    time = frames / 25
    vectors = rng.normal(0, 0.15, (1, 24, 3)) + 0.1 * np.sin(time * 3)[:, None, None]
    vectors[:, 0] = np.stack([0 * time, 0.5 + time, 0 * time], -1)
    pelvis = np.stack([0.6 * time, 0.95 + 0.02 * np.sin(9 * time), 0.2 * np.cos(time)], -1)
    betas = np.zeros((len(time), 10)) + rng.normal(0, 0.01, (len(time), 10))
    rotations = axis_angle_to_matrix(torch.from_numpy(vectors)).numpy()
    return Performance(rotations, pelvis, betas, frames)


def smpl_transl(performance):
    return (performance.pelvis - SMPL_REST_PELVIS).astype(np.float32)


def weak_perspective(seen, crop_scale):
    """Box, camera of the crop and of the picture, as a tracker, a network and VIBE's code make them."""
    transl = seen.pelvis - SMPL_REST_PELVIS
    side = np.full(len(seen), 400.0)
    pixels_per_metre = FOCAL / transl[:, 2]
    centre = transl[:, :2] * pixels_per_metre[:, None] + [WIDTH / 2, HEIGHT / 2] + [13, -8]
    scale = pixels_per_metre / (crop_scale * side / 2)
    shift = transl[:, :2] - (centre - [WIDTH / 2, HEIGHT / 2]) / pixels_per_metre[:, None]
    scale_x, scale_y = scale * side / WIDTH, scale * side / HEIGHT
    original = [
        scale_x,
        scale_y,
        (centre[:, 0] - WIDTH / 2) / (WIDTH / 2) / scale_x + shift[:, 0],
        (centre[:, 1] - HEIGHT / 2) / (HEIGHT / 2) / scale_y + shift[:, 1],
    ]
    return {
        "pred_cam": np.column_stack([scale, shift]).astype(np.float32),
        "orig_cam": np.stack(original, -1).astype(np.float32),
        "bboxes": np.column_stack([centre, side, side]),
    }


def vibe_person(performance):
    seen = performance.in_camera
    return {
        **weak_perspective(seen, 1.1),
        "verts": np.zeros((len(seen), 7, 3), np.float32),
        "pose": seen.vectors.reshape(len(seen), 72),
        "betas": seen.betas.astype(np.float32),
        "joints3d": np.zeros((len(seen), 49, 3), np.float32),
        "joints2d": None,
        "joints2d_img_coord": np.zeros((len(seen), 49, 2), np.float32),
        "frame_ids": seen.frames,
    }


def pare_person(performance):
    seen = performance.in_camera
    return {
        **weak_perspective(seen, 1.0),
        "verts": np.zeros((len(seen), 7, 3), np.float32),
        "pose": seen.rotations.astype(np.float32),
        "betas": seen.betas.astype(np.float32),
        "joints3d": np.zeros((len(seen), 49, 3), np.float32),
        "joints2d": None,
        "smpl_joints2d": np.zeros((len(seen), 49, 2), np.float32),
        "frame_ids": seen.frames,
    }


def wham_person(performance, body):
    seen = performance.in_camera
    rest = body.joints_template.numpy()
    hips = rest[1:3].mean(0) - rest[0]
    return {
        "pose": seen.vectors.reshape(-1, 72),
        "trans": smpl_transl(seen),
        "pose_world": performance.vectors.reshape(-1, 72),
        "trans_world": (performance.pelvis + performance.rotations[:, 0] @ hips).astype(np.float32),
        "betas": seen.betas.astype(np.float32),
        "verts": np.zeros((len(seen), 7, 3), np.float32),
        "frame_ids": seen.frames,
    }


def phalp_frames(performance, tid=1):
    """One dictionary for each frame of the video; on missing ones the last sighting is repeated."""
    seen = performance.in_camera
    frames = {}
    row = -1
    for number in range(32):
        found = np.flatnonzero(seen.frames == number)
        row = int(found[0]) if len(found) else row
        present = row >= 0
        camera = (seen.pelvis - SMPL_REST_PELVIS)[row] * [1, 1, 5000 / 256 * WIDTH / FOCAL]
        frames[f"_DEMO/video/img/{number:06d}.jpg"] = {
            "time": number,
            "shot": 0,
            "frame_path": f"_DEMO/video/img/{number:06d}.jpg",
            "tracked_ids": [tid] * len(found),
            "tracked_bbox": [np.array([1.0, 2, 3, 4])] * len(found),
            "tid": [tid] * present,
            "bbox": [np.array([1.0, 2, 3, 4])] * present,
            "tracked_time": [0 if len(found) else 1] * present,
            "size": [[HEIGHT, WIDTH]] * present,
            "camera": [camera.astype(np.float32)] * present,
            "smpl": [
                {
                    "global_orient": seen.rotations[row, :1].astype(np.float32),
                    "body_pose": seen.rotations[row, 1:].astype(np.float32),
                    "betas": seen.betas[row].astype(np.float32),
                }
            ]
            * present,
            "mask": [[{"size": [HEIGHT, WIDTH], "counts": "abc"}]] * present,
        }
    return frames


def gvhmr_content(performance):
    def params(one, axes_pelvis):
        return {
            "body_pose": torch.from_numpy(one.vectors[:, 1:22].reshape(-1, 63)),
            "betas": torch.from_numpy(one.betas).float(),
            "global_orient": torch.from_numpy(one.vectors[:, 0]),
            "transl": torch.from_numpy(axes_pelvis - SMPLX_REST_PELVIS).float(),
        }

    seen = performance.in_camera
    return {
        "smpl_params_global": params(performance, performance.pelvis),
        "smpl_params_incam": params(seen, seen.pelvis),
        "K_fullimg": torch.eye(3).repeat(len(seen), 1, 1),
        "net_outputs": {"pred_x": torch.zeros(1, 3), "static_conf_logits": None},
    }


def tram_files(performance, folder):
    """hps/hps_track_0.npy and camera.npy, of a camera that turns and walks."""
    angle = np.linspace(0, 0.6, 32)
    way = np.stack([np.zeros(32), angle, np.zeros(32)], -1)
    R_first_camera = axis_angle_to_matrix(torch.from_numpy(way)).numpy()
    t_first_camera = np.stack([angle, 0 * angle, -angle], -1)
    seen = performance.in_camera  # the first camera's axes are TRAM's world
    R, t = R_first_camera[seen.frames], t_first_camera[seen.frames]
    rotations = seen.rotations.copy()
    rotations[:, 0] = R.transpose(0, 2, 1) @ rotations[:, 0]
    transl = np.einsum("tji,tj->ti", R, seen.pelvis - t) - SMPL_REST_PELVIS
    columns = torch.from_numpy(rotations).mT
    person = {
        "pred_cam": torch.zeros(len(seen), 3),
        "pred_pose": matrix_to_rotation_6d(columns).reshape(-1, 144).float(),
        "pred_shape": torch.from_numpy(seen.betas).float(),
        "pred_rotmat": torch.from_numpy(rotations).float(),
        "pred_trans": torch.from_numpy(transl).float()[:, None],
        "frame": torch.from_numpy(seen.frames),
    }
    (folder / "hps").mkdir(parents=True)
    np.save(folder / "hps/hps_track_0.npy", person)
    camera = {"pred_cam_R": R_first_camera.astype(np.float32), "pred_cam_T": t_first_camera}
    np.save(folder / "camera.npy", {**camera, "img_focal": np.float64(1000), "img_center": np.zeros(2)})
    return folder / "hps/hps_track_0.npy"


def smplx_arrays(performance):
    return {
        "global_orient": performance.vectors[:, 0],
        "body_pose": performance.vectors[:, 1:22].reshape(-1, 63),
        "transl": (performance.pelvis - SMPLX_REST_PELVIS).astype(np.float32),
        "betas": performance.betas.mean(0),
        "mocap_frame_rate": np.float64(25),
        "gender": np.array("neutral"),
    }


@pytest.fixture(scope="session")
def made(performance):
    """What each system would have saved, for tests to change before they write it."""
    return SimpleNamespace(
        vibe_person=lambda: vibe_person(performance),
        phalp_frames=lambda: phalp_frames(performance),
        gvhmr_content=lambda: gvhmr_content(performance),
        smplx_arrays=lambda: smplx_arrays(performance),
    )


@pytest.fixture
def save(performance, body, tmp_path):
    """Function from a format's name to the file that the system saves."""

    def saved(format):
        people = {"vibe": vibe_person, "pare": pare_person}
        path = tmp_path / {"gvhmr": "hmr4d_results.pt", "smplx": "motion.npz"}.get(
            format, f"{format}_output.pkl"
        )
        match format:
            case "vibe" | "pare":
                joblib.dump({7: people[format](performance)}, path)
            case "wham":
                results = defaultdict(dict)
                results[np.int64(7)].update(wham_person(performance, body))
                joblib.dump(results, path)
            case "4dhumans":
                joblib.dump(phalp_frames(performance), path, compress=3)
            case "gvhmr":
                torch.save(gvhmr_content(performance), path)
            case "tram":
                return tram_files(performance, tmp_path / "seq")
            case "smplx":
                np.savez(path, **smplx_arrays(performance))
        return path

    return saved
