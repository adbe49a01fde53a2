"""PARE: a body from one crop, each joint from the parts of the picture that show it.

One branch tells the body's parts apart, another holds features; every joint's rotation comes from the
features under its own part (Kocabas et al. 2021, arXiv:2104.08527). N crops, C channels, maps of 56 x 56.
The modules bear the names of the published files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from motionary.body.assets import get_asset
from motionary.documents import read_yaml
from motionary.estimators.crop_estimator import CropConfig, CropEstimator, Publication
from motionary.estimators.crops import CropBodies
from motionary.estimators.hrnet import HrNet32
from motionary.estimators.one_euro import PARE_SMOOTHING
from motionary.estimators.resnet import ResNet50
from motionary.estimators.spin_rotations import SPIN_EPS, columns_6d_to_matrix
from motionary.torch_files import TRAINING_LEFTOVERS, entry, fill, read_torch_file, rename

NUM_JOINTS = 24
CROP_SCALE = 1.0
SHAPE_FEATURES = 64
CHECKPOINT_FILE, CONFIG_FILE = "pare_checkpoint.ckpt", "pare_config.yaml"
"""Names in the cache."""
BACKBONES = ("hrnet_w32-conv", "hrnet_w32-interp", "resnet50")

KEYS = {"model.backbone.": "backbone.", "model.head.": "head."}
"""Published file -> `Pare`."""


@dataclass(frozen=True)
class PareConfig:
    """What is read of a published configuration; defaults are those of its code, not of its weights."""

    backbone: str = "resnet50"
    num_deconv_layers: int = 3
    num_deconv_filters: int = 256
    """C."""
    part_segmentation: bool = False
    """Parts are told apart by segmentation, with the background as a 25th; else by 24 heat maps."""
    part_attention: bool = False
    """Features are averaged over each part; else read at each heat map's centre."""
    mean_camera_and_shape: bool = False
    """Camera and shape are corrections of the mean ones. Weights do not tell."""
    mean_pose: bool = False
    """The same for the pose. Weights do not tell."""

    @classmethod
    def read(cls, path: Path | str) -> "PareConfig":
        """Read a published configuration, such as `pare_w_3dpw_config.yaml`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such file, or asks for a form of the network that is not here.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No configuration at {path}.")
        content = read_yaml(path)
        sections = content if isinstance(content, dict) else {}
        if not isinstance(sections.get("PARE"), dict):
            raise ValueError(f"{path} is no configuration of PARE: it has no section PARE.")
        data = sections.get("DATASET") or {}
        return cls._of(sections["PARE"], data if isinstance(data, dict) else {}, path)

    @classmethod
    def _of(cls, given: dict[str, Any], data: dict[str, Any], path: Path) -> "PareConfig":
        for name, only in ONLY.items():
            got = given.get(name, only)
            if got != only and (got, only) != ("None", None):  # as some write nothing in YAML
                raise ValueError(f"{path} sets PARE.{name} to {got!r}; only {only!r} is supported.")
        backbone, heat_maps = given.get("BACKBONE", cls.backbone), data.get("USE_HEATMAPS", "")
        if backbone not in BACKBONES:
            raise ValueError(
                f"{path}: PARE.BACKBONE must be one of {', '.join(BACKBONES)}; got {backbone!r}."
            )
        if heat_maps not in ("", None, "part_segm"):
            raise ValueError(f"{path}: DATASET.USE_HEATMAPS must be '' or part_segm; got {heat_maps!r}.")
        layers, filters = (given.get(name, default) for name, default in SIZES.items())
        if not all(type(size) is int and 0 < size <= 4096 for size in (layers, filters)):
            raise ValueError(f"{path}: PARE.{' and PARE.'.join(SIZES)} must be positive whole numbers.")
        switches = {name: given.get(name, False) for name in SWITCHES}
        if not all(type(value) is bool for value in switches.values()):
            raise ValueError(f"{path}: {', '.join(SWITCHES)} must be True or False.")
        chosen = {field: switches[name] for name, field in SWITCHES.items()}
        return cls(backbone, layers, filters, heat_maps == "part_segm", **chosen)


SIZES = {"NUM_DECONV_LAYERS": 3, "NUM_DECONV_FILTERS": 256}
SWITCHES = {
    "USE_KEYPOINT_ATTENTION": "part_attention",
    "USE_MEAN_CAMSHAPE": "mean_camera_and_shape",
    "USE_MEAN_POSE": "mean_pose",
}
ONLY = {
    "NUM_JOINTS": NUM_JOINTS,
    "NUM_FEATURES_SMPL": SHAPE_FEATURES,
    "KEYPOINT_ATTENTION_ACT": "softmax",
    "USE_SCALE_KEYPOINT_ATTENTION": False,
    "USE_ATTENTION": False,
    "USE_SELF_ATTENTION": False,
    "USE_SOFT_ATTENTION": False,
    "USE_COATTENTION": False,
    "USE_POSTCONV_KEYPOINT_ATTENTION": False,
    "USE_KEYPOINT_FEATURES_FOR_SMPL_REGRESSION": False,
    "USE_FINAL_NONLOCAL": None,
    "USE_BRANCH_NONLOCAL": None,
    "USE_HMR_REGRESSION": False,
    "USE_UPSAMPLING": False,
    "USE_RESNET_CONV_HRNET": False,
    "USE_POS_ENC": False,
    "ITERATIVE_REGRESSION": False,
    "NUM_BRANCH_ITERATION": 0,
    "BRANCH_DEEPER": False,
    "POSE_MLP_NUM_LAYERS": 1,
    "SHAPE_MLP_NUM_LAYERS": 1,
}
"""Settings that change what is computed, with the one value that is computed here."""


class PerJoint(nn.Module):
    """A linear map of its own for each joint, without bias."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out, channels, NUM_JOINTS, 1, 1))

    def forward(self, features: Float[Tensor, "N C 24"]) -> Float[Tensor, "N out 24"]:
        """Joint j's features through joint j's map."""
        return torch.einsum("ocj,ncj->noj", self.weight[0, ..., 0, 0], features)


class Head(nn.Module):
    """A feature map to a body."""

    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor
    temperature: Tensor

    def __init__(self, channels: int, config: PareConfig) -> None:
        super().__init__()
        self.config, filters = config, config.num_deconv_filters
        self.keypoint_deconv_layers = _branch(channels, config)
        self.smpl_deconv_layers = _branch(channels, config)
        self.keypoint_final_layer = nn.Conv2d(filters, NUM_JOINTS + config.part_segmentation, 1)
        self.smpl_final_layer = nn.Conv2d(filters, SHAPE_FEATURES, 1)
        self.pose_mlp = PerJoint(filters, 6)
        self.shape_mlp = nn.Linear(SHAPE_FEATURES * NUM_JOINTS, 10)
        self.cam_mlp = nn.Linear(SHAPE_FEATURES * NUM_JOINTS, 3)
        self.register_buffer("temperature", torch.tensor(1.0))
        for name, size in (("pose", 6 * NUM_JOINTS), ("shape", 10), ("cam", 3)):
            self.register_buffer(f"init_{name}", torch.zeros(1, size))

    def forward(self, features: Float[Tensor, "N C h w"]) -> CropBodies:
        """One body for each map."""
        parts = self.keypoint_final_layer(self.keypoint_deconv_layers(features))
        detail = self.smpl_deconv_layers(features)
        coarse = self.smpl_final_layer(detail)
        pose_features, shape_features = self._per_joint(parts, detail, coarse)
        pose = self.pose_mlp(pose_features)
        shape = self.shape_mlp(shape_features.flatten(1))  # channel by channel, joints within
        camera = self.cam_mlp(shape_features.flatten(1))
        if self.config.mean_pose:
            # As published: the mean is stored joint by joint and added as if it were component by component.
            pose = pose + self.init_pose.reshape(1, 6, NUM_JOINTS)
        if self.config.mean_camera_and_shape:
            shape, camera = shape + self.init_shape, camera + self.init_cam
        return CropBodies(columns_6d_to_matrix(pose.mT, SPIN_EPS), shape, camera)

    def _per_joint(self, parts: Tensor, *maps: Tensor) -> list[Tensor]:
        """Each map's features of each joint, (N, C, 24)."""
        if not self.config.part_attention:
            points = soft_argmax(parts[:, -NUM_JOINTS:], self.temperature)
            return [sample(x, points) for x in maps]
        weights = attention(parts)
        return [x.flatten(2) @ weights.flatten(2).mT for x in maps]


def attention(parts: Float[Tensor, "N P h w"]) -> Float[Tensor, "N 24 h w"]:
    """Where each joint looks: a softmax over positions; a background, which comes first, takes no part."""
    return parts[:, -NUM_JOINTS:].flatten(2).softmax(-1).unflatten(-1, parts.shape[-2:])


def soft_argmax(heat: Float[Tensor, "N K h w"], temperature: Float[Tensor, ""]) -> Float[Tensor, "N K 2"]:
    """Expected position under the softmax of a heat map, x and y as in `coordinates`."""
    share = (heat.flatten(2) * temperature).softmax(-1).unflatten(-1, heat.shape[-2:])
    return torch.einsum("nkhw,chw->nkc", share, coordinates(heat.shape[-2], heat.shape[-1], heat.device))


def hard_argmax(heat: Float[Tensor, "N K h w"]) -> tuple[Float[Tensor, "N K 2"], Float[Tensor, "N K 1"]]:
    """Position, as in `coordinates`, and value of a heat map's maximum; its first pixel if not positive."""
    value, index = heat.flatten(2).max(-1, keepdim=True)
    places = coordinates(heat.shape[-2], heat.shape[-1], heat.device).flatten(1).T
    return places[(index * (value > 0)).squeeze(-1)], value


def coordinates(height: int, width: int, device: torch.device | None = None) -> Float[Tensor, "2 h w"]:
    """Maps of x and y, -1 to 1 from the first pixel's centre to the last one's."""
    y, x = (torch.linspace(-1, 1, size, device=device) for size in (height, width))
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def sample(features: Float[Tensor, "N C h w"], points: Float[Tensor, "N K 2"]) -> Float[Tensor, "N C K"]:
    """Features at points, bilinear, zero outside; -1 and 1 are the centres of the first and last pixels."""
    return grid_sample(features, points[:, :, None], mode="bilinear", align_corners=True)[..., 0]


def _branch(channels: int, config: PareConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(config.num_deconv_layers):
        filters = config.num_deconv_filters
        if config.backbone == "resnet50":  # a small map is brought to full size
            layers.append(nn.ConvTranspose2d(channels, filters, 4, 2, 1, bias=False))
        else:
            layers.append(nn.Conv2d(channels, filters, 3, 1, 1, bias=False))
        layers += [nn.BatchNorm2d(filters), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers)


class Pare(nn.Module):
    """The whole network."""

    crop_scale = CROP_SCALE

    def __init__(self, config: PareConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone: HrNet32 | ResNet50
        if config.backbone == "resnet50":
            self.backbone = ResNet50()
        else:
            self.backbone = HrNet32(convolved=config.backbone == "hrnet_w32-conv")
        self.head = Head(self.backbone.num_features, config)

    def forward(self, crops: Float[Tensor, "N 3 H W"]) -> CropBodies:
        """A body for each crop by itself."""
        return self.head(self.backbone(crops))

    def follow(self, crops: Float[Tensor, "N 3 H W"], memory: None) -> tuple[CropBodies, None]:
        """The next frames of one person; nothing is handed from frame to frame."""
        return self(crops), None


def config_beside(checkpoint: Path | str) -> Path:
    """The configuration beside a checkpoint: `pare_config.yaml` for `pare_checkpoint.ckpt`.

    Raises:
        FileNotFoundError: If it is not there.
    """
    checkpoint = Path(checkpoint)
    expected = checkpoint.with_name(checkpoint.stem.removesuffix("checkpoint").rstrip("_") + "_config.yaml")
    if not expected.is_file():
        raise FileNotFoundError(
            f"No {expected.name} beside {checkpoint}. The weights do not tell all of the network: put the "
            "configuration that was published with them there (pare_w_3dpw_config.yaml for "
            "pare_w_3dpw_checkpoint.ckpt, pare_config.yaml for pare_checkpoint.ckpt)."
        )
    return expected


def load_pare(checkpoint: Path | str, config: Path | str | None = None) -> Pare:
    """PARE from its published file, ready to be used.

    Args:
        checkpoint: `pare_w_3dpw_checkpoint.ckpt` or `pare_checkpoint.ckpt`.
        config: Its configuration; the one beside it when None.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, asks to run code, or is not whole and of this network alone.
    """
    what = "a PARE checkpoint"
    tensors = entry(read_torch_file(checkpoint, TRAINING_LEFTOVERS), "state_dict", checkpoint, what)
    config = config or config_beside(checkpoint)
    network = Pare(PareConfig.read(config))
    try:
        fill(network, rename(tensors, KEYS, ignored=_of_training))
    except ValueError as error:
        raise ValueError(f"{checkpoint} is not {what} as {config} describes it: {error}") from None
    return network.eval().requires_grad_(False)


def _of_training(key: str) -> bool:
    """What belongs to the training program, or to the licensed body that it used."""
    return not key.startswith("model.") or key.startswith("model.smpl.")


def create_pare(
    *,
    checkpoint: Path | str | None = None,
    config: Path | str | None = None,
    protocol: str = "motionary",
    smoothing: str | None = None,
    device: str = "auto",
    batch_size: int = 16,
    num_threads: int = 2,
    **options: Any,
) -> CropEstimator:
    """The estimator "pare".

    Args:
        checkpoint: See `load_pare`; what was put in place by `motionary assets set pare FILE` when None.
        config: Its configuration; the one beside it when None.
        protocol: See `CropConfig`, as the next three.
        smoothing: Of rotations over time.
        device: Where torch computes.
        batch_size: Crops at a time.
        num_threads: Of BlazePose, which finds the people; torch keeps its own.
        options: More of `CropEstimator` and of BlazePose.

    Raises:
        FileNotFoundError: If weights are missing; says which, where they come from and their licence.
        ValueError: If weights are not PARE's, or an option is wrong.
    """
    run = CropConfig(protocol, smoothing, device, batch_size)
    network = load_pare(checkpoint or get_asset("pare") / CHECKPOINT_FILE, config)
    publication = Publication("pare", PARE_SMOOTHING, smooths_matrices=True)
    return CropEstimator(network, publication, run, num_threads=num_threads, **options)


def sort_files(file: Path) -> dict[str, Path]:
    """Check the published file and its configuration: names in the cache -> files. Errors as `load_pare`."""
    load_pare(file)
    return {CHECKPOINT_FILE: file, CONFIG_FILE: config_beside(file)}
