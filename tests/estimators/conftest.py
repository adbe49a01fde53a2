"""Made-up people, videos and poses for the estimators' tests."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from motionary.body.assets import load_body
from motionary.estimators.attachments import attach
from motionary.estimators.fitting import Camera, forward
from motionary.rotations import axis_angle_to_matrix


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def rest(body):
    return body.joints_template.double().numpy()


@pytest.fixture(scope="session")
def attachments(rest):
    return attach(rest)


@pytest.fixture(scope="session")
def camera():
    return Camera(focal_px=1000.0, width=720, height=1280)


@pytest.fixture(scope="session")
def walk(rest, attachments):
    """A made-up walk: local rotations, root and landmarks in camera axes, 60 frames."""
    t = np.arange(60) / 30
    pose = np.zeros((60, 24, 3))
    swing = np.sin(2 * np.pi * t)
    pose[:, 0, 1] = 0.5  # partly turned away from the camera
    pose[:, 1, 0], pose[:, 2, 0] = -0.4 * swing - 0.1, 0.4 * swing - 0.1
    pose[:, 4, 0], pose[:, 5, 0] = 0.5 + 0.3 * swing, 0.5 - 0.3 * swing
    pose[:, 16, 2], pose[:, 17, 2] = -1.1, 1.1
    pose[:, 18, 1], pose[:, 19, 1] = -0.7 - 0.3 * swing, 0.7 - 0.3 * swing
    pose[:, 3, 0] = 0.1
    local = axis_angle_to_matrix(torch.from_numpy(pose)).numpy()
    root = np.stack([0.3 * t - 0.3, 0.05 * np.cos(4 * np.pi * t), -4 + 0.2 * t], -1)
    R_world, joints = forward(local, root, rest)
    return local, root, attachments.positions(R_world, joints)


def write_video(path: Path, times_s, size=(64, 48), picture=None) -> Path:
    """A video whose frames carry the given times; frame k has brightness 16 + 3 k or is picture(k)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for k, time_s in enumerate(times_s):
            values = picture(k) if picture else np.full((size[1], size[0], 3), (16 + 3 * k) % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def video_writer():
    return write_video
