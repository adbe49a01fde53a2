"""VIBE: people's motion from a video, crop by crop and through time (Kocabas et al. 2020, arXiv:1912.05656).

SPIN's network turns every crop into features, a recurrent network relates them over time, and a regressor
turns those into a body, in three rounds of correction. A discriminator of motions is here for training.
N clips, T frames, F = 2048 features, U hidden units, H x W pixels. The modules bear the names of the
published files.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motionary.body.assets import get_asset
from motionary.estimators.crop_estimator import CropConfig, CropEstimator, Publication
from motionary.estimators.crops import CropBodies
from motionary.estimators.one_euro import VIBE_SMOOTHING
from motionary.estimators.resnet import ResNet50
from motionary.estimators.spin_rotations import VIBE_EPS, columns_6d_to_matrix, matrix_to_spin_axis_angle
from motionary.torch_files import TRAINING_LEFTOVERS, entry, fill, read_torch_file, rename

NUM_FEATURES = 2048
NUM_POSE, NUM_SHAPE, NUM_CAMERA = 144, 10, 3
CROP_SCALE = 1.1
"""VIBE crops this many times a person's box."""
SPIN_FILE, VIBE_FILE = "spin_model_checkpoint.pth.tar", "vibe_model.pth.tar"
"""Names in the cache."""
CLIP_FRAMES = 450
"""The published demo starts anew after as many frames."""

BACKBONE_KEYS = {key: f"backbone.{key}" for key in ("conv1.", "bn1.", *(f"layer{k}." for k in (1, 2, 3, 4)))}
REGRESSOR_KEYS = {
    key: f"regressor.{key}"
    for key in ("fc1.", "fc2.", "decpose.", "decshape.", "deccam.", "init_pose", "init_shape", "init_cam")
}
SPIN_KEYS = BACKBONE_KEYS | REGRESSOR_KEYS
"""SPIN's file -> `Hmr`."""
VIBE_KEYS = {"encoder.": "encoder.", "regressor.": "regressor."}
"""VIBE's file -> `Vibe`; the backbone is SPIN's."""


class Regressor(nn.Module):
    """Features to a body by iterative error feedback: three corrections of a mean body, no activations."""

    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor
    rounds = 3

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(NUM_FEATURES + NUM_POSE + NUM_SHAPE + NUM_CAMERA, 1024)
        self.drop1 = nn.Dropout()
        self.fc2 = nn.Linear(1024, 1024)
        self.drop2 = nn.Dropout()
        self.decpose = nn.Linear(1024, NUM_POSE)
        self.decshape = nn.Linear(1024, NUM_SHAPE)
        self.deccam = nn.Linear(1024, NUM_CAMERA)
        for layer in (self.decpose, self.decshape, self.deccam):
            nn.init.xavier_uniform_(layer.weight, gain=0.01)
        for name, size in (("pose", NUM_POSE), ("shape", NUM_SHAPE), ("cam", NUM_CAMERA)):
            self.register_buffer(f"init_{name}", torch.zeros(1, size))

    def forward(self, features: Float[Tensor, "*B F"]) -> CropBodies:
        """One body for each row of features."""
        batch = features.shape[:-1]
        pose, shape, camera = (
            start[0].expand(*batch, -1) for start in (self.init_pose, self.init_shape, self.init_cam)
        )
        for _ in range(self.rounds):
            hidden = self.drop1(self.fc1(torch.cat([features, pose, shape, camera], -1)))
            hidden = self.drop2(self.fc2(hidden))
            pose = pose + self.decpose(hidden)
            shape = shape + self.decshape(hidden)
            camera = camera + self.deccam(hidden)
        return CropBodies(columns_6d_to_matrix(pose.unflatten(-1, (24, 6)), VIBE_EPS), shape, camera)


class Hmr(nn.Module):
    """SPIN's network: one crop, one body (Kolotouros et al. 2019, arXiv:1909.12828)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet50()
        self.regressor = Regressor()

    def features(self, crops: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N F"]:
        """What VIBE takes of it."""
        return self.backbone(crops).mean((-2, -1))

    def forward(self, crops: Float[Tensor, "N 3 H W"]) -> CropBodies:
        """A body for each crop by itself."""
        return self.regressor(self.features(crops))


@dataclass(frozen=True)
class EncoderConfig:
    """The temporal encoder's form; the published one by default."""

    num_layers: int = 2
    hidden: int = 1024
    """U."""
    bidirectional: bool = False
    add_linear: bool = True
    """Bring the hidden state back to F features; always so when bidirectional."""
    residual: bool = True
    """Add the features that came in, where the sizes agree."""


class TemporalEncoder(nn.Module):
    """Features of frames to features that know their neighbours in time."""

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or EncoderConfig()
        self.gru = nn.GRU(
            NUM_FEATURES,
            self.config.hidden,
            self.config.num_layers,
            batch_first=True,
            bidirectional=self.config.bidirectional,
        )
        width = self.config.hidden * (2 if self.config.bidirectional else 1)
        linear = self.config.add_linear or self.config.bidirectional
        self.linear = nn.Linear(width, NUM_FEATURES) if linear else None

    def forward(
        self, features: Float[Tensor, "N T F"], state: Float[Tensor, "L N U"] | None = None
    ) -> tuple[Float[Tensor, "N T G"], Float[Tensor, "L N U"]]:
        """Encoded features, and the state in which the next frames of the same clips find the network."""
        y, state = self.gru(features, state)
        if self.linear is not None:
            y = self.linear(y.relu())
        if self.config.residual and y.shape[-1] == features.shape[-1]:
            y = y + features
        return y, state


class Vibe(Hmr):
    """The whole network."""

    crop_scale = CROP_SCALE

    def __init__(self) -> None:
        super().__init__()
        self.encoder = TemporalEncoder()

    def forward(self, crops: Float[Tensor, "N T 3 H W"]) -> CropBodies:
        """Bodies of N clips."""
        features = self.features(crops.flatten(0, 1)).unflatten(0, crops.shape[:2])
        return self.from_features(features)

    def from_features(self, features: Float[Tensor, "N T F"]) -> CropBodies:
        """Bodies from features of crops, as training uses them: computed once, with crops of 1.3 boxes."""
        return self.regressor(self.encoder(features)[0])

    def follow(
        self, crops: Float[Tensor, "T 3 H W"], memory: Float[Tensor, "L 1 U"] | None
    ) -> tuple[CropBodies, Float[Tensor, "L 1 U"]]:
        """The next frames of one person; in parts or at once gives the same."""
        encoded, memory = self.encoder(self.features(crops)[None], memory)
        return self.regressor(encoded[0]), memory


def theta(bodies: CropBodies) -> Float[Tensor, "*B 85"]:
    """Bodies as VIBE writes them: camera 3, axis-angle pose 72, shape 10."""
    pose = matrix_to_spin_axis_angle(bodies.rotations).flatten(-2)
    return torch.cat([bodies.camera, pose, bodies.betas], -1)


def load_hmr(path: Path | str) -> Hmr:
    """SPIN's network from `spin_model_checkpoint.pth.tar`; errors as for `load_vibe`."""
    return _filled(Hmr(), _spin_tensors(path), path)  # type: ignore[return-value]


def load_vibe(spin_path: Path | str, vibe_path: Path | str) -> Vibe:
    """VIBE from its two published files, ready to be used.

    Args:
        spin_path: `spin_model_checkpoint.pth.tar`: the backbone.
        vibe_path: `vibe_model_wo_3dpw.pth.tar` or `vibe_model_w_3dpw.pth.tar`: the rest.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, asks to run code, or is not whole and of this network alone.
    """
    return _filled(Vibe(), _spin_tensors(spin_path) | vibe_tensors(vibe_path), vibe_path)  # type: ignore[return-value]


def check_spin(path: Path | str) -> None:
    """Check `spin_model_checkpoint.pth.tar`; errors as for `load_vibe`."""
    load_hmr(path)


def check_vibe(path: Path | str) -> None:
    """Check `vibe_model_w(o)_3dpw.pth.tar` by itself; errors as for `load_vibe`."""
    network = nn.Module()
    network.encoder, network.regressor = TemporalEncoder(), Regressor()
    _filled(network, vibe_tensors(path), path)


def vibe_tensors(path: Path | str) -> dict[str, Tensor]:
    """What VIBE's file adds to SPIN's, by our names."""
    return _renamed(path, "gen_state_dict", "a VIBE checkpoint", VIBE_KEYS)


def _spin_tensors(path: Path | str) -> dict[str, Tensor]:
    return _renamed(path, "model", "SPIN's checkpoint", SPIN_KEYS)


def _renamed(path: Path | str, name: str, what: str, keys: dict[str, str]) -> dict[str, Tensor]:
    tensors = entry(read_torch_file(path, TRAINING_LEFTOVERS), name, path, what)
    try:
        return rename(tensors, keys, ignored=_of_a_body)
    except ValueError as error:
        raise ValueError(f"{path} is not {what}: {error}") from None


def _of_a_body(key: str) -> bool:
    """Licensed arrays of a SMPL model that training saved along: the user's own body is used."""
    return re.search(r"(^|\.)smpl\.", key) is not None


def _filled(network: nn.Module, tensors: dict[str, Tensor], path: Path | str) -> nn.Module:
    try:
        fill(network, tensors)
    except ValueError as error:
        raise ValueError(f"{path} is not whole, or of another network: {error}") from None
    return network.eval().requires_grad_(False)


def create_vibe(
    *,
    spin_path: Path | str | None = None,
    vibe_path: Path | str | None = None,
    protocol: str = "motionary",
    smoothing: str | None = None,
    device: str = "auto",
    batch_size: int = 16,
    num_threads: int = 2,
    **options: Any,
) -> CropEstimator:
    """The estimator "vibe".

    Args:
        spin_path: See `load_vibe`; what was put in place by `motionary assets set vibe FILE` when None.
        vibe_path: The same.
        protocol: See `CropConfig`, as the next three.
        smoothing: Of rotations over time.
        device: Where torch computes.
        batch_size: Crops at a time.
        num_threads: Of BlazePose, which finds the people; torch keeps its own.
        options: More of `CropEstimator` and of BlazePose.

    Raises:
        FileNotFoundError: If weights are missing; says which, where they come from and their licence.
        ValueError: If weights are not VIBE's, or an option is wrong.
    """
    config = CropConfig(protocol, smoothing, device, batch_size)
    if spin_path is None or vibe_path is None:
        folder = get_asset("vibe")
        spin_path, vibe_path = spin_path or folder / SPIN_FILE, vibe_path or folder / VIBE_FILE
    publication = Publication("vibe", VIBE_SMOOTHING, smooths_matrices=False, clip_frames=CLIP_FRAMES)
    network = load_vibe(spin_path, vibe_path)
    return CropEstimator(network, publication, config, num_threads=num_threads, **options)


def sort_files(file: Path) -> dict[str, Path]:
    """Check one of the two published files: its name in the cache -> the file. Errors as for `load_vibe`."""
    content = read_torch_file(file, TRAINING_LEFTOVERS)
    names = set(content) if isinstance(content, dict) else set()
    del content
    if "gen_state_dict" in names:
        check_vibe(file)
        return {VIBE_FILE: file}
    if "model" in names:
        check_spin(file)
        return {SPIN_FILE: file}
    raise ValueError(
        f"{file} is none of VIBE's files: expected spin_model_checkpoint.pth.tar, with an entry 'model', or "
        "vibe_model_w_3dpw.pth.tar, with an entry 'gen_state_dict'."
    )


# ---- for training ----


class Attention(nn.Module):
    """A weight for each frame, and the mean of the frames so weighted."""

    def __init__(self, hidden: int, dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for out in (hidden, hidden, 1):
            linear = nn.Linear(hidden, out)
            nn.init.uniform_(linear.weight, -0.1, 0.1)
            nn.init.constant_(linear.bias, 0.01)
            layers += [linear, nn.Tanh(), nn.Dropout(dropout)]
        self.attention = nn.Sequential(*layers[:-1])

    def forward(self, y: Float[Tensor, "N T U"]) -> tuple[Float[Tensor, "N U"], Float[Tensor, "N T"]]:
        """The mean and the weights."""
        weights = self.attention(y).squeeze(-1).softmax(-1)
        return (weights[..., None] * y).sum(1), weights


Pooling = Literal["attention", "concat", "last"]


class MotionDiscriminator(nn.Module):
    """Scores how real a motion is: 1 for real, 0 for made up.

    Args:
        pooling: How frames become one vector: attention (published), the mean beside the maximum, the last.
        hidden: U.
        num_layers: Of the recurrent network.
    """

    def __init__(self, pooling: Pooling = "attention", hidden: int = 1024, num_layers: int = 2) -> None:
        super().__init__()
        self.pooling = pooling
        self.gru = nn.GRU(69, hidden, num_layers, batch_first=True)
        self.attention = Attention(hidden) if pooling == "attention" else None
        self.fc = nn.Linear(2 * hidden if pooling == "concat" else hidden, 1)

    def forward(self, pose: Float[Tensor, "N T 69"]) -> Float[Tensor, "N 1"]:
        """Scores of axis-angle poses without the root: `theta(bodies)[..., 6:75]`."""
        y = self.gru(pose)[0]
        if self.attention is not None:
            return self.fc(self.attention(y)[0])
        if self.pooling == "concat":
            y = y.relu()
            return self.fc(torch.cat([y.mean(1), y.amax(1)], -1))
        return self.fc(y[:, -1])


def generator_loss(scores: Float[Tensor, "N *one"]) -> Float[Tensor, ""]:
    """How far made-up motions are from passing for real (Mao et al. 2017, arXiv:1611.04076)."""
    return ((scores - 1) ** 2).sum() / len(scores)


def discriminator_loss(
    fake: Float[Tensor, "N *one"], real: Float[Tensor, "M *one"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """What remains of telling them apart: the term of the real motions and that of the made-up ones."""
    return generator_loss(real), (fake**2).sum() / len(fake)
