"""Action recognisers, whose features FID, accuracy, diversity and multimodality are measured in.

The GRU is Action2Motion's (Guo et al. 2020, arXiv:2007.15240), as ACTOR's evaluation uses it
(arXiv:2104.05670, section 4.2); ST-GCN is in `motionary.models.stgcn`. Either, trained, is a `Recogniser`.

B batch, T frames, J joints, H hidden units, K features, C actions, L layers. Masks are True on real frames,
which come first: padding is at the end.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyArrays, BodyModel
from motionary.models.checkpoint import Checkpoint, Kind
from motionary.models.recognition import Recognition
from motionary.models.stgcn import Stgcn, StgcnConfig
from motionary.rotations import axis_angle_to_matrix, rotation_6d_to_matrix
from motionary.torch_files import entry, read_torch_file


@dataclass(frozen=True)
class GruConfig:
    """Size of a recogniser."""

    num_actions: int
    """C."""
    num_joints: int = NUM_JOINTS
    """J."""
    hidden_dim: int = 128
    """H."""
    num_layers: int = 2
    """L."""
    feature_dim: int = 30
    """K."""
    dropout: float = 0.0
    """Chance of dropping a hidden unit between the layers and before the features, in training alone."""


class GruRecogniser(nn.Module):
    """Reads joint positions frame by frame; what it holds at the last real frame decides.

    The original draws a random initial state on every call; ours starts from zero, so equal motions get equal
    features.
    """

    def __init__(self, config: GruConfig) -> None:
        super().__init__()
        self.config = config
        between_layers = config.dropout if config.num_layers > 1 else 0.0
        self.recurrent = nn.GRU(
            config.num_joints * 3,
            config.hidden_dim,
            config.num_layers,
            batch_first=True,
            dropout=between_layers,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.to_features = nn.Linear(config.hidden_dim, config.feature_dim)
        self.to_logits = nn.Linear(config.feature_dim, config.num_actions)

    def forward(
        self,
        joints: Float[Tensor, "B T J 3"],
        mask: Bool[Tensor, "B T"],
        hidden: Float[Tensor, "L B H"] | None = None,
    ) -> Recognition:
        """Features and logits of a batch.

        Args:
            joints: Positions in metres, the root joint of frame 0 at the origin.
            mask: True on real frames, at least one per motion.
            hidden: Initial state; zero when None.
        """
        states, _ = self.recurrent(joints.flatten(-2), hidden)  # (B, T, H)
        last = mask.sum(1) - 1
        state = states[torch.arange(len(states), device=states.device), last]  # (B, H)
        features = torch.tanh(self.to_features(self.dropout(state)))
        return Recognition(features, self.to_logits(features))

    def view(
        self, features: Float[Tensor, "B T 25 6"], skeleton: BodyModel, facing: str
    ) -> Float[Tensor, "B T 24 3"]:
        """What it is shown of motions: joint positions in metres, frame 0's pelvis at the origin."""
        return joints_seen(features, skeleton, facing)


Network = GruRecogniser | Stgcn
RecogniserKind = Literal["gru", "stgcn"]

NETWORKS: dict[Kind, tuple[type, type]] = {
    "gru": (GruConfig, GruRecogniser),
    "stgcn": (StgcnConfig, Stgcn),
}
"""Config and network of each kind of checkpoint."""

REST_JOINTS = "rest_joints"
"""Name of the body's joints among a checkpoint's tensors."""


@dataclass(frozen=True)
class Recogniser:
    """A trained network with what it needs to see motions as it did in training."""

    network: Network
    actions: tuple[str, ...]
    fps: float
    num_frames: int
    """Frames of the windows it was trained on; -1 for whole motions."""
    facing: str
    """forward: every motion is turned so that its first frame faces +z before it is looked at."""
    rest_joints: Float[Tensor, "24 3"]
    """Rest-pose joints, metres, of the body all motions are seen on, so that no body file is needed."""
    provenance: dict[str, Any] = field(default_factory=dict)
    licence: str = "unknown"

    @cached_property
    def skeleton(self) -> BodyModel:
        """A body of joints alone."""
        return skeleton_body(self.rest_joints)

    @property
    def kind(self) -> Kind:
        """Which of the networks it is."""
        return next(kind for kind, (_, network) in NETWORKS.items() if isinstance(self.network, network))

    def view(self, features: Float[Tensor, "B T 25 6"]) -> Float[Tensor, "B T 24 F"]:
        """Motions as the network takes them."""
        return self.network.view(features, self.skeleton, self.facing)

    def recognise(
        self, features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"], batch_size: int = 256
    ) -> Recognition:
        """Features and logits of motions in training features, in evaluation mode and without gradients."""
        self.network.eval()
        found: list[Recognition] = []
        with torch.inference_mode():
            for start in range(0, len(features), batch_size):
                part = slice(start, start + batch_size)
                found.append(self.network(self.view(features[part]), mask[part]))
        return Recognition(torch.cat([r.features for r in found]), torch.cat([r.logits for r in found]))

    @property
    def digest(self) -> str:
        """Fingerprint of the weights: features of two recognisers compare only where it is equal."""
        digest = hashlib.sha256(self.rest_joints.numpy().tobytes())
        for tensor in self.network.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path | str) -> None:
        """Write one .safetensors checkpoint of its kind."""
        self.checkpoint().save(path)

    def checkpoint(self) -> Checkpoint:
        """As it is saved."""
        return Checkpoint(
            kind=self.kind,
            config=asdict(self.network.config),
            actions=self.actions,
            fps=self.fps,
            num_frames=self.num_frames,
            facing=self.facing,
            tensors={**self.network.state_dict(), REST_JOINTS: self.rest_joints},
            provenance=self.provenance,
            licence=self.licence,
        )

    @classmethod
    def load(cls, path: Path | str) -> "Recogniser":
        """Read a file written by `save`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged or holds something else.
        """
        checkpoint = Checkpoint.load(path, *NETWORKS)
        try:
            rest_joints = checkpoint.tensors.pop(REST_JOINTS)
            network = checkpoint.network(*NETWORKS[checkpoint.kind])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a usable recogniser: {error}") from None
        return cls(
            network.eval().requires_grad_(False),
            actions=checkpoint.actions,
            fps=checkpoint.fps,
            num_frames=checkpoint.num_frames,
            facing=checkpoint.facing,
            rest_joints=rest_joints,
            provenance=checkpoint.provenance,
            licence=checkpoint.licence,
        )


def skeleton_body(rest_joints: Float[Tensor, "24 3"]) -> BodyModel:
    """A body without skin, for joints alone."""
    nothing = rest_joints.new_zeros
    return BodyModel(
        BodyArrays(
            v_template=nothing(0, 3),
            faces=torch.zeros(0, 3, dtype=torch.int64),
            weights=nothing(0, NUM_JOINTS),
            joints_template=rest_joints,
            joints_shapedirs=nothing(NUM_JOINTS, 3, 10),
            shapedirs=nothing(0, 3, 10),
        )
    )


def joints_seen(
    features: Float[Tensor, "B T 25 6"], skeleton: BodyModel, facing: str
) -> Float[Tensor, "B T 24 3"]:
    """Joint positions in metres; frame 0's pelvis at the origin and, if facing is "forward", facing +z."""
    rotations = rotation_6d_to_matrix(features[..., :NUM_JOINTS, :])
    joints = skeleton.shape().pose(rotations, features[..., NUM_JOINTS, :3]).joints
    joints = joints - joints[:, :1, :1]
    if facing != "forward":
        return joints
    left = rotations[
        :, 0, 0, :, 0
    ]  # the body's left in frame 0, steadier than its front when a person bends over
    return turn(joints, torch.atan2(left[:, 2], left[:, 0]))


def turn(joints: Float[Tensor, "B T J 3"], angle_rad: Float[Tensor, "B"]) -> Float[Tensor, "B T J 3"]:
    """Points turned about the vertical through the origin; positive turns +z towards +x."""
    axis_angle = torch.stack([torch.zeros_like(angle_rad), angle_rad, torch.zeros_like(angle_rad)], -1)
    return joints @ axis_angle_to_matrix(axis_angle).mT[:, None]


PUBLISHED_NAMES = {"linear1": "to_features", "linear2": "to_logits", "recurrent": "recurrent"}
"""Module names in the files of Action2Motion -> ours."""


def read_published(path: Path | str) -> GruRecogniser:
    """A recogniser from one of Action2Motion's files (`action_recognition_model_*.tar`, MIT licence).

    Those were trained on joints with y down (NTU13, HumanAct12) or in units of 20 per metre (CMU mocap).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a recogniser of that form.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No recogniser file at {path}.")
    try:
        state = entry(read_torch_file(path), "model", path, "a GRU recogniser of Action2Motion")
        weights = {_our_name(name): tensor for name, tensor in state.items()}
        config = GruConfig(
            num_actions=len(weights["to_logits.bias"]),
            num_joints=weights["recurrent.weight_ih_l0"].shape[1] // 3,
            hidden_dim=weights["to_features.weight"].shape[1],
            num_layers=sum(name.startswith("recurrent.weight_hh") for name in weights),
            feature_dim=len(weights["to_features.bias"]),
        )
        network = GruRecogniser(config)
        network.load_state_dict(weights, strict=True)
    except Exception as error:  # torch raises many kinds for foreign files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a GRU recogniser of Action2Motion ({reason}).") from None
    return network.eval()


def _our_name(name: str) -> str:
    module, _, parameter = name.partition(".")
    return f"{PUBLISHED_NAMES[module]}.{parameter}"
