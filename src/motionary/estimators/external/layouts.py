"""What each system's result file looks like: who is in it, and where poses, places and frames are.

The layouts were read from the systems' public code: VIBE `demo.py`, PARE `pare/core/tester.py`, WHAM
`demo.py` and `lib/models/smpl.py`, GVHMR `hmr4d/model/gvhmr/gvhmr_pl_demo.py`, PHALP
`phalp/trackers/PHALP.py` (which 4D-Humans runs), TRAM `lib/models/hmr_vimo.py` and
`lib/pipeline/visualization.py`.
"""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.estimators.external.loading import array_of, listed, name_of, needed, read_content
from motionary.estimators.external.poses import pose_of
from motionary.estimators.external.track import (
    REST_PELVIS_M,
    Axes,
    Track,
    frames_of,
    mean_betas,
    positions_of,
)
from motionary.motion import RATE_NAMES
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle

People = dict[str, dict[Any, Any]]
"""What the file holds of each person, by name; the name is empty where there can be only one."""


def people_by_key(content: Any, path: Path) -> People:
    """A dictionary from person to dictionary, or one person's dictionary alone."""
    if isinstance(content, dict) and content and all(isinstance(value, dict) for value in content.values()):
        return {name_of(key): person for key, person in content.items()}
    if isinstance(content, dict) and "pose" in content:
        return {"": content}
    raise ValueError(f"{path}: expected a dictionary for each person; it holds {listed(content)}.")


# VIBE and PARE: a camera that only scales and shifts.


def weak_perspective_track(person: dict[Any, Any], crop_scale: float) -> Track:
    """VIBE's and PARE's person: pose, betas, orig_cam, frame_ids.

    Args:
        person: Its dictionary.
        crop_scale: How much larger than its box the picture was that the network saw: VIBE's camera leaves it
            out, so that people come out as much too far away.
    """
    pose = pose_of(needed(person, "pose"))
    camera = array_of(person, "orig_cam")
    place = np.zeros((len(pose), 3)) if camera is None else _place(camera, person, len(pose), crop_scale)
    return Track(
        pose,
        place + REST_PELVIS_M["smpl"],
        frames_of("frame_ids", array_of(person, "frame_ids"), len(pose)),
        "camera",
        mean_betas(array_of(person, "betas")),
    )


def _place(
    camera: ndarray, person: dict[Any, Any], num_frames: int, crop_scale: float
) -> Float[ndarray, "T 3"]:
    """SMPL's `transl` before a pinhole camera whose focal length is the picture's diagonal.

    orig_cam is (sx, sy, tx, ty): x in the picture, from -1 to 1, is sx * (X + tx). Where the picture is W
    pixels wide, a metre is sx * W / 2 of them, so a focal length of f pixels puts the person at 2 f / (sx W);
    the picture's sides are to one another as sy to sx.
    """
    if camera.shape != (num_frames, 4):
        raise ValueError(f"orig_cam must be {(num_frames, 4)}; got {camera.shape}")
    if not (np.isfinite(camera).all() and (camera[:, :2] > 0).all()):
        raise ValueError("orig_cam must be finite, its scales positive")
    scale_x, scale_y = camera[:, 0].astype(float), camera[:, 1].astype(float)
    across = camera[:, 2:].astype(float)
    in_crop = array_of(person, "pred_cam")
    if in_crop is not None and in_crop.shape == (num_frames, 3):
        across = in_crop[:, 1:] + (across - in_crop[:, 1:]) / crop_scale
    distance = 2 * np.hypot(1, scale_x / scale_y) / (scale_x * crop_scale)
    return positions_of("orig_cam", np.column_stack([across, distance]), num_frames)


# WHAM: the same person before the camera and in a world that is y up.

MID_HIPS_FROM_PELVIS_M = np.array([0.0, -0.09, -0.01])
"""At rest. WHAM's world positions are those of the middle of its hips."""


def wham_track(person: dict[Any, Any]) -> Track:
    """WHAM's person: pose_world, trans_world, or where they are missing pose, trans; betas, frame_ids."""
    has_world = person.get("pose_world") is not None and person.get("trans_world") is not None
    if has_world:
        pose = pose_of(needed(person, "pose_world"))
        hips = positions_of("trans_world", needed(person, "trans_world"), len(pose))
        R_world_root = axis_angle_to_matrix(torch.from_numpy(pose[:, 0])).numpy()
        pelvis = hips - R_world_root @ MID_HIPS_FROM_PELVIS_M
    else:
        pose = pose_of(needed(person, "pose", "pose_world"))
        pelvis = positions_of("trans", needed(person, "trans"), len(pose)) + REST_PELVIS_M["smpl"]
    frames = frames_of("frame_ids", array_of(person, "frame_ids", "frame_id"), len(pose))
    axes: Axes = "y" if has_world else "camera"
    return Track(pose, pelvis, frames, axes, mean_betas(array_of(person, "betas")))


# GVHMR: SMPL-X in a world that is y up, and before the camera.


def gvhmr_people(content: Any, path: Path) -> People:
    """The one person it follows."""
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected smpl_params_global; it holds {listed(content)}.")
    return {"": content}


def gvhmr_track(content: dict[Any, Any]) -> Track:
    """GVHMR's person: body_pose, global_orient, transl and betas in smpl_params_global, else in ..._incam."""
    choices: tuple[tuple[str, Axes], ...] = (("smpl_params_global", "y"), ("smpl_params_incam", "camera"))
    for key, axes in choices:
        if isinstance(content.get(key), dict):
            return _split_track(content[key], axes)
    raise ValueError(f"it lacks smpl_params_global; it holds {listed(content)}")


def _split_track(params: dict[Any, Any], axes: Axes) -> Track:
    root = needed(params, "global_orient")
    pose = pose_of(needed(params, "body_pose"), root)
    transl = positions_of("transl", needed(params, "transl"), len(pose))
    betas = mean_betas(array_of(params, "betas"))
    return Track(pose, transl + REST_PELVIS_M["smplx"], np.arange(len(pose)), axes, betas)


# 4D-Humans: PHALP's tracks, one dictionary for each frame of the video.

PHALP_FOCAL, PHALP_PICTURE = 5000.0, 256.0
"""Pixels: of the camera that `camera` is meant for, and the longer side of its picture."""

WIDESCREEN = (9, 16)


def phalp_people(content: Any, path: Path) -> People:
    """Everybody tracked: for each the frames in which they were seen, and where the shots begin."""
    if not isinstance(content, dict) or not all(isinstance(frame, dict) for frame in content.values()):
        raise ValueError(f"{path}: expected a dictionary for each frame; it holds {listed(content)}.")
    people: dict[str, list[dict[str, Any]]] = defaultdict(list)
    cuts = []
    for number, frame in enumerate(content.values()):
        time = int(np.asarray(array_of(frame, "time") if "time" in frame else number).item())
        if array_of(frame, "shot") == 1:
            cuts.append(time)
        for row in _phalp_rows(frame, time, path):
            people[name_of(row.pop("tid"))].append(row)
    return {
        name: {"rows": sorted(rows, key=lambda row: row["time"]), "cuts": tuple(sorted(cuts))}
        for name, rows in people.items()
    }


PHALP_LISTS = ("tid", "smpl", "camera")


def _phalp_rows(frame: dict[Any, Any], time: int, path: Path) -> list[dict[str, Any]]:
    """Entries of those who were seen; PHALP also repeats the last sighting of those who were not."""
    if missing := [key for key in PHALP_LISTS if key not in frame]:
        raise ValueError(f"{path}: frame {time} lacks {', '.join(missing)}; it holds {listed(frame)}.")
    count = len(frame["tid"])
    if short := [key for key in PHALP_LISTS if len(frame[key]) != count]:
        raise ValueError(f"{path}: frame {time} has {count} people but {len(frame[short[0]])} {short[0]}.")
    unseen_for = frame.get("tracked_time") or [0] * count
    sizes = frame.get("size") or [WIDESCREEN] * count
    return [
        {"tid": tid, "smpl": smpl, "camera": camera, "size": size, "time": time}
        for tid, smpl, camera, since, size in zip(
            frame["tid"], frame["smpl"], frame["camera"], unseen_for, sizes, strict=False
        )
        if int(np.asarray(array_of({"": since}, "")).item()) == 0
    ]


def phalp_track(person: dict[Any, Any]) -> Track:
    """4D-Humans' person: in each frame smpl (global_orient, body_pose, betas) and camera."""
    rows = person["rows"]

    def stacked(take: Any) -> ndarray:
        return np.stack([take(row).reshape(-1) for row in rows])

    roots, bodies, betas = (
        stacked(lambda row, key=key: needed(row["smpl"], key))
        for key in ("global_orient", "body_pose", "betas")
    )
    camera = stacked(lambda row: needed(row, "camera"))
    size = stacked(lambda row: needed(row, "size"))[:, :2].astype(float)
    pose = pose_of(bodies, roots)
    place = positions_of("camera", camera, len(pose))
    # Of a picture as long as PHALP's, the focal length is taken to be the diagonal, as for VIBE.
    focal = PHALP_PICTURE * np.hypot(*size.T) / size.max(1)
    place = place * np.column_stack([np.ones((len(pose), 2)), focal / PHALP_FOCAL])
    frames = frames_of("time", np.array([row["time"] for row in rows]), len(pose))
    return Track(
        pose, place + REST_PELVIS_M["smpl"], frames, "camera", mean_betas(betas), cuts=person["cuts"]
    )


# TRAM: people before a camera, and the camera's way.

CAMERA_FILE = "camera.npy"


def tram_people(content: Any, path: Path) -> People:
    """The one person of a hps_track file, with the camera of its video, which lies a folder above."""
    if not isinstance(content, dict) or "pred_trans" not in content:
        raise ValueError(f"{path}: expected pred_rotmat, pred_trans and frame; it holds {listed(content)}.")
    found = [folder / CAMERA_FILE for folder in path.resolve().parents[:2]]
    camera = next((read_content(file) for file in found if file.is_file()), None)
    return {"": {**content, "camera": camera}}


def tram_track(person: dict[Any, Any]) -> Track:
    """TRAM's person: pred_rotmat (or pred_pose), pred_shape, pred_trans, frame."""
    pose = pose_of(needed(person, "pred_rotmat", "pred_pose"), six_d="columns")
    frames = frames_of("frame", array_of(person, "frame"), len(pose))
    pelvis = positions_of("pred_trans", needed(person, "pred_trans"), len(pose)) + REST_PELVIS_M["smpl"]
    axes: Axes = "camera"
    if isinstance(person["camera"], dict):
        R, t, axes = _tram_camera(person["camera"], frames)
        pelvis = np.einsum("tij,tj->ti", R, pelvis) + t
        root = torch.from_numpy(R).float() @ axis_angle_to_matrix(torch.from_numpy(pose[:, 0]))
        pose = np.concatenate([matrix_to_axis_angle(root).numpy()[:, None], pose[:, 1:]], axis=1)
    return Track(pose, pelvis, frames, axes, mean_betas(array_of(person, "pred_shape")))


def _tram_camera(
    camera: dict[Any, Any], frames: ndarray
) -> tuple[Float[ndarray, "T 3 3"], Float[ndarray, "T 3"], Axes]:
    """Camera to world at some frames: a level world where the file has one, else the first camera's axes."""
    levelled = camera.get("world_cam_R") is not None
    prefix = "world" if levelled else "pred"
    R, t = (needed(camera, f"{prefix}_cam_{part}").astype(np.float64) for part in "RT")
    if R.shape[1:] != (3, 3) or t.shape != (len(R), 3) or not np.isfinite(R).all():
        raise ValueError(f"{CAMERA_FILE} must hold a rotation and a position for each frame; got {R.shape}")
    if frames[-1] >= len(R) or frames[0] < 0:
        raise ValueError(f"{CAMERA_FILE} has {len(R)} frames, the person is in frame {frames[-1]}")
    return R[frames], positions_of(f"{prefix}_cam_T", t, len(t))[frames], "y" if levelled else "camera"


# SMPL-X and its relatives in .npz: the whole pose, or root and body apart.

WHOLE, BODY = ("poses", "fullpose", "pose"), ("body_pose", "pose_body")
ROOT = ("global_orient", "root_orient")
PLACE = ("trans", "transl", "translation")


def smplx_people(content: Any, path: Path) -> People:
    """The one person of the file."""
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected poses and trans; it holds {listed(content)}.")
    return {"": content}


def smplx_track(content: dict[Any, Any]) -> Track:
    """A person in `poses`, or in `global_orient` and `body_pose`; `trans` or `transl`; `betas`; a rate."""
    whole = array_of(content, *WHOLE)
    given = needed(content, *BODY, *WHOLE) if whole is None else whole
    pose = pose_of(given, array_of(content, *ROOT))
    place = positions_of("trans", needed(content, *PLACE), len(pose))
    numbers_given = int(np.prod(given.shape[1:]))
    family = "smpl" if numbers_given in SMPL_WIDTHS else "smplx"
    rate = array_of(content, *RATE_NAMES)
    return Track(
        pose,
        place + REST_PELVIS_M[family],
        np.arange(len(pose)),
        _axes(content, pose),
        mean_betas(array_of(content, "betas")),
        None if rate is None else float(rate.item()),
    )


SMPL_WIDTHS = frozenset({count * width for count in (23, 24, 52) for width in (3, 6, 9)})
"""Numbers in a frame of SMPL and SMPL-H, whose rest pelvis is elsewhere than SMPL-X's."""


def _axes(content: dict[Any, Any], pose: Float[ndarray, "T 24 3"]) -> Axes:
    """What the file says, else which way trunks point on average."""
    told = str(content["up_axis"]).lower() if "up_axis" in content else None
    if told is not None:
        if told not in ("y", "z"):
            raise ValueError(f"up_axis must be y or z; got {told}")
        return "y" if told == "y" else "z"
    trunk = axis_angle_to_matrix(torch.from_numpy(pose[:, 0]))[..., 1].mean(0)
    if trunk[1].abs() > trunk[2].abs():
        return "y" if trunk[1] > 0 else "camera"
    return "z"


vibe_track = partial(weak_perspective_track, crop_scale=1.1)
pare_track = partial(weak_perspective_track, crop_scale=1.0)
