"""How good and how fast is the default video estimator? Run: python benchmarks/estimation.py [--json FILE].

Four synchronised, calibrated cameras of one person balancing and leaning far (Pose2Sim's Demo_SinglePerson,
BSD-3, fetched once from PyPI). Each camera is estimated alone; the reference is the triangulation of all four
cameras' 2D landmarks. It shares the landmark network with what it judges, but not its depth, which is what
single views lack.

The weights of the fit (FitConfig, RootConfig, BEND_RAD) were chosen while looking at this recording, for want
of another with several cameras: expect somewhat larger errors on other people and actions.

Speed: frames per second of the whole path, decoding to motion, against the landmark network alone on the same
threads.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.body.assets import cache_folder, fetch_from_wheel, load_body
from motionary.body.skeleton import JOINT_INDEX
from motionary.estimators.attachments import attach
from motionary.estimators.blazepose import BlazePose, fetch_weights
from motionary.estimators.estimate import PersonEstimate
from motionary.estimators.fitting import forward
from motionary.estimators.landmarks import LANDMARK_INDEX
from motionary.estimators.networks import LANDMARK_INPUT_SIZE, Network
from motionary.estimators.people import rest_joints
from motionary.rotations import axis_angle_to_matrix

REQUIREMENT = "pose2sim==0.10.49"
FOLDER = "Pose2Sim/Demo_SinglePerson"
VIDEOS = {
    f"{FOLDER}/videos/cam01.mp4": "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
    f"{FOLDER}/videos/cam02.mp4": "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
    f"{FOLDER}/videos/cam03.mp4": "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
    f"{FOLDER}/videos/cam04.mp4": "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
}
CALIBRATION = {
    f"{FOLDER}/calibration/Calib.qca.txt": "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5"
}
MAIN_JOINTS = [
    f"{side}_{part}"
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]


@dataclass(frozen=True)
class CalibratedCamera:
    """World to image; millimetres become metres on reading."""

    R_camera_world: Float[ndarray, "3 3"]
    center_m: Float[ndarray, "3"]
    matrix: Float[ndarray, "3 3"]
    distortion: Float[ndarray, "5"]

    def projection(self) -> Float[ndarray, "3 4"]:
        """World to undistorted, normalised image positions."""
        return np.hstack([self.R_camera_world, -(self.R_camera_world @ self.center_m)[:, None]])


@dataclass(frozen=True)
class CameraResult:
    """One camera's estimate against all four."""

    camera: str
    pa_mpjpe_mm: float
    """Mean error of SMPL's joints after the best similarity transform of each frame."""
    pa_points_mm: float
    """The same of the body's points where landmarks sit: SMPL's joints lie up to some centimetres off."""
    mpjpe_mm: float
    """Mean joint error with the hips' middle aligned, in the camera's axes."""
    reprojection_px: float
    """Median distance, in the picture, of the body's joints from the landmarks."""
    stance_slide_mm_s: float
    """Median horizontal speed of standing points of the soles."""
    frames_per_s: float
    """Of the whole path on this video."""
    of_bare: float
    """That, over the frames per second of the landmark network alone, measured just before and after."""
    of_bare_cpu: float
    """The same in CPU time: the network's over the whole path's."""


def read_calibration(path: Path) -> list[CalibratedCamera]:
    """Cameras of a Qualisys calibration file: 1/64 pixels; x right, y up, z towards the viewer."""
    cameras = []
    for node in ElementTree.parse(path).getroot().iter("camera"):
        place = {key: float(value) for key, value in node.find("transform").attrib.items()}
        lens = {key: float(value) for key, value in node.find("intrinsic").attrib.items()}
        rotation = np.array([[place[f"r{row}{column}"] for column in (1, 2, 3)] for row in (1, 2, 3)])
        matrix = np.array(
            [
                [lens["focalLengthU"], 0, lens["centerPointU"]],
                [0, lens["focalLengthV"], lens["centerPointV"]],
                [0, 0, 64],
            ]
        )
        names = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
        distortion = np.array([*(lens[name] for name in names), 0])
        center = np.array([place[axis] for axis in "xyz"]) / 1000
        cameras.append(CalibratedCamera(np.diag([1, -1, -1]) @ rotation, center, matrix / 64, distortion))
    return cameras


def triangulate(
    cameras: list[CalibratedCamera], landmarks_px: Float[ndarray, "C T K 2"], trust: Float[ndarray, "C T K"]
) -> Float[ndarray, "T K 3"]:
    """World positions seen by all cameras: linear least squares (Hartley and Zisserman 2004, section 12.2).

    Reweighted, so that a camera that disagrees by more than about 10 mrad loses its say.
    """
    seen = np.stack(
        [_undistorted(camera, points) for camera, points in zip(cameras, landmarks_px, strict=True)]
    )
    P = np.stack([camera.projection() for camera in cameras])
    weight = trust.copy()
    for _ in range(6):
        rows = [
            weight[..., None] * (seen[..., k, None] * P[:, None, None, 2] - P[:, None, None, k])
            for k in (0, 1)
        ]
        A = np.moveaxis(np.stack(rows), (0, 1), (2, 3))  # (T, K, 2, C, 4)
        null = np.linalg.svd(A.reshape(*A.shape[:2], -1, 4))[2][..., -1, :]
        points = null[..., :3] / null[..., 3:]
        projected = np.einsum(
            "cij,tkj->ctki", P, np.concatenate([points, np.ones((*points.shape[:2], 1))], -1)
        )
        error = np.linalg.norm(projected[..., :2] / projected[..., 2:] - seen, axis=-1)
        weight = trust / (1 + (error / 0.01) ** 2)
    return points


def _undistorted(camera: CalibratedCamera, points_px: Float[ndarray, "T K 2"]) -> Float[ndarray, "T K 2"]:
    flat = cv2.undistortPoints(points_px.reshape(-1, 1, 2), camera.matrix, camera.distortion)
    return flat.reshape(points_px.shape)


def similarity_error(found: Float[ndarray, "T K 3"], true: Float[ndarray, "T K 3"]) -> Float[ndarray, "T K"]:
    """Distances after each frame's best rotation, scale and shift (Umeyama 1991)."""
    a, b = (points - points.mean(1, keepdims=True) for points in (found, true))
    U, S, Vt = np.linalg.svd(a.swapaxes(1, 2) @ b)
    signs = np.ones_like(S)
    signs[:, 2] = np.sign(np.linalg.det(U @ Vt))
    scale = (S * signs).sum(1) / (a**2).sum((1, 2))
    turned = a @ (U * signs[:, None]) @ Vt
    return np.linalg.norm(scale[:, None, None] * turned - b, axis=-1)


def compare(
    name: str,
    person: PersonEstimate,
    camera: CalibratedCamera,
    reference_m: Float[ndarray, "T K 3"],
    fps: float,
    of_bare: float,
    of_bare_cpu: float,
) -> CameraResult:
    """Errors of one camera's person against the reference."""
    body = load_body()
    joints = person.as_pictured().joint_positions(body)[:, [JOINT_INDEX[joint] for joint in MAIN_JOINTS]]
    found = person.view.to_camera(joints)
    true = reference_m @ camera.R_camera_world.T
    points = person.view.to_camera(landmark_points(person)[:, [LANDMARK_INDEX[j] for j in MAIN_JOINTS]])
    hips = [MAIN_JOINTS.index("left_hip"), MAIN_JOINTS.index("right_hip")]
    centred = [points - points[:, hips].mean(1, keepdims=True) for points in (found, true)]
    seen_px = person.landmarks_px[:, [LANDMARK_INDEX[joint] for joint in MAIN_JOINTS]]
    off_px = np.linalg.norm(person.view.project(joints) - seen_px, axis=-1)
    return CameraResult(
        camera=name,
        pa_mpjpe_mm=1000 * float(similarity_error(found, true).mean()),
        pa_points_mm=1000 * float(similarity_error(points, true).mean()),
        mpjpe_mm=1000 * float(np.linalg.norm(centred[0] - centred[1], axis=-1).mean()),
        reprojection_px=float(np.median(off_px)),
        stance_slide_mm_s=1000 * slide_m_s(person),
        frames_per_s=fps,
        of_bare=of_bare,
        of_bare_cpu=of_bare_cpu,
    )


def landmark_points(person: PersonEstimate) -> Float[ndarray, "T 33 3"]:
    """Where the landmarks sit on the estimated body, in the world."""
    motion = person.as_pictured()
    rest = rest_joints(load_body(), motion.betas)
    local = axis_angle_to_matrix(torch.from_numpy(motion.pose).double()).numpy()
    return attach(rest).positions(*forward(local, motion.translation + rest[0], rest))


def slide_m_s(person: PersonEstimate) -> float:
    """Median horizontal speed of ankles and feet (SMPL's toe joints) while their heel or toe stands."""
    joints = person.motion.joint_positions(load_body())
    feet = joints[
        :, [JOINT_INDEX[joint] for joint in ("left_ankle", "left_foot", "right_ankle", "right_foot")]
    ]
    speed = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * person.motion.fps
    stands = person.standing[1:] & person.standing[:-1]
    return float(np.median(speed[stands])) if stands.any() else float("nan")


def network_frames_per_s(threads: int, rounds: int = 60) -> tuple[float, float]:
    """Frames per second, and seconds of CPU a frame, of the landmark network alone on random pictures."""
    network = Network(fetch_weights()["pose_landmark_full"], threads)
    picture = np.random.default_rng(0).random((1, LANDMARK_INPUT_SIZE, LANDMARK_INPUT_SIZE, 3), np.float32)
    start, start_cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        network(picture)
    return rounds / (time.perf_counter() - start), (time.process_time() - start_cpu) / rounds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    files = fetch_from_wheel(REQUIREMENT, VIDEOS | CALIBRATION, cache_folder() / "pose2sim-single")
    cameras = read_calibration(files[next(iter(CALIBRATION))])
    estimator = BlazePose(num_threads=options.threads)
    people, rates, shares = [], [], []
    bare = [network_frames_per_s(options.threads)]
    for video in VIDEOS:
        start, start_cpu = time.perf_counter(), time.process_time()
        estimate = estimator(files[video])
        rates.append(estimate.video.frames / (time.perf_counter() - start))
        cpu = (time.process_time() - start_cpu) / estimate.video.frames
        people.append(estimate.people[1])
        bare.append(network_frames_per_s(options.threads))  # beside each video: other load comes and goes
        rate, bare_cpu = np.mean(bare[-2:], axis=0)
        shares.append((rates[-1] / rate, bare_cpu / cpu))
    landmarks = np.stack([person.landmarks_px for person in people])
    trust = np.stack([person.visibility for person in people])
    reference = triangulate(cameras, landmarks, trust)[:, [LANDMARK_INDEX[joint] for joint in MAIN_JOINTS]]
    results = [
        compare(Path(video).stem, person, camera, reference, rate, *share)
        for video, person, camera, rate, share in zip(VIDEOS, people, cameras, rates, shares, strict=True)
    ]
    report(results)
    if options.json:
        content = {"cameras": [asdict(result) for result in results], "landmark_network": bare}
        options.json.write_text(json.dumps(content, indent=2) + "\n")


def report(results: list[CameraResult]) -> None:
    heads = ("PA-MPJPE mm", "of points", "MPJPE mm", "off px", "slide mm/s", "frames/s", "of bare", "in CPU")
    widths = (12, 10, 9, 7, 11, 9, 8, 7)
    print(f"{'camera':8}", *(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True)))
    for r in results:
        print(
            f"{r.camera:8} {r.pa_mpjpe_mm:12.1f} {r.pa_points_mm:10.1f} {r.mpjpe_mm:9.1f} "
            f"{r.reprojection_px:7.1f} {r.stance_slide_mm_s:11.1f} {r.frames_per_s:9.1f} "
            f"{r.of_bare:8.0%} {r.of_bare_cpu:7.0%}"
        )
    mean = [
        np.mean([getattr(r, field) for r in results])
        for field in ("pa_mpjpe_mm", "pa_points_mm", "mpjpe_mm", "frames_per_s")
    ]
    print(
        f"mean: PA-MPJPE {mean[0]:.1f} mm (of points {mean[1]:.1f}), MPJPE {mean[2]:.1f} mm, "
        f"{mean[3]:.1f} frames/s"
    )


if __name__ == "__main__":
    main()
