"""Made-up people, videos and poses for the estimators' tests."""

import copy
import importlib.util
import json
import os
import sys
from collections import defaultdict
from fractions import Fraction
from functools import partial
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


class EstimatorGolden:
    """Golden vectors of VIBE's and PARE's own code: arrays, tolerances and the rule that makes weights."""

    def __init__(self, golden: Path, shared_golden: Path) -> None:
        self.folder = golden / "estimators"
        self._elsewhere = shared_golden
        self.rule = _module(self._file("rule.py"))
        sys.modules.setdefault("rule", self.rule)  # as synth_smpl imports it
        synthetic = _module(self._file("synth_smpl.py"))
        tags = [path for path in (self.folder / "tag.txt", golden / "tag.txt") if path.exists()]
        self.tag = tags[0].read_text().strip() if tags else ""
        self._body_value = synthetic.body_lookup(synthetic.load(self.folder / "assets"))
        self._tolerances = json.loads(self._file("estimators/tolerances.json").read_text())
        self.body = load_body(self.folder / "assets/smpl_synth.npz")
        self.extra = torch.from_numpy(np.load(self.folder / "assets/J_regressor_extra.npy"))

    def _file(self, name: str) -> Path:
        here = self.folder.parent / name
        return here if here.exists() else self._elsewhere / name

    def state(self, keys: str) -> dict[str, torch.Tensor]:
        """The made-up state dict of a list of keys."""
        path = self.folder / "keys" / f"{keys}.txt"
        state = self.rule.state_dict(path, self.tag, self._body_value)
        return {key: torch.as_tensor(np.asarray(value)) for key, value in state.items()}

    def fill(self, module: torch.nn.Module) -> torch.nn.Module:
        """A module with the weights that the rule gives its own names."""
        state = {
            key: torch.from_numpy(self.rule.tensor(key, tuple(value.shape), self.tag))
            for key, value in module.state_dict().items()
        }
        module.load_state_dict(state)
        return module.eval()

    def case(self, name: str) -> dict[str, torch.Tensor]:
        """The arrays of a case, inputs (in_*) included."""
        with np.load(self.folder / f"{name}.npz") as arrays:
            return {
                key: torch.from_numpy(arrays[key]) for key in arrays.files if arrays[key].dtype.kind != "U"
            }

    def check(self, name: str, results: dict[str, torch.Tensor]) -> None:
        """Every array of a case is among the results and within its tolerance."""
        expected = {key for key in self.case(name) if not key.startswith("in_")}
        assert expected - set(results) == set()
        self.check_some(name, {key: results[key] for key in expected})

    def check_some(self, name: str, results: dict[str, torch.Tensor]) -> None:
        """The results are the case's arrays of those names, within tolerance."""
        case = self.case(name)
        for key, value in ((key, case[key]) for key in results):
            got = torch.as_tensor(np.asarray(results[key]))
            assert got.shape == value.shape, (key, got.shape, value.shape)
            atol = self._tolerances[name].get(key, {"atol": 0.0})["atol"]
            largest = float((got.double() - value.double()).abs().max())
            assert largest <= atol, f"{name}.{key} is off by {largest:.2g}, {atol:.0e} allowed"


def _module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def estimator_golden(golden):
    standard = Path(os.environ.get("MOTIONARY_SHARED", Path(__file__).parents[3] / "shared")) / "golden"
    return EstimatorGolden(golden, standard)


class Watch:
    """What modules took in and gave out, call after call, by name."""

    def __init__(self, network: torch.nn.Module, names: list[str]) -> None:
        self.taken, self.given = defaultdict(list), defaultdict(list)
        for name in names:
            network.get_submodule(name).register_forward_hook(partial(self._note, name))

    def _note(self, name, _module, taken, given) -> None:
        self.taken[name].append(copy.deepcopy(taken[0]))  # later steps may write over it
        self.given[name].append(copy.deepcopy(given))


@pytest.fixture(scope="session")
def watch():
    return Watch
