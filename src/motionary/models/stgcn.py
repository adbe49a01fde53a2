"""ST-GCN, a graph convolutional recogniser of joint rotations (Yan et al. 2018, arXiv:1801.07455).

As ACTOR's evaluation on UESTC uses it (Petrovich et al. 2021, arXiv:2104.05670, section 4.2); its 256
features are what FID, diversity and multimodality are measured in there.

B batch, T frames, J joints, F numbers per joint, P = 3 parts of the graph, D channels, C actions. Masks are
True on real frames, which come first.
"""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyModel
from motionary.features import NUM_FEATURES
from motionary.models.published import read_state
from motionary.models.recognition import Recognition

WIDENINGS = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)
"""Channels of each block, in multiples of the first one's."""
HALVING_BLOCKS = (4, 7)
"""Blocks that keep every second frame."""
TEMPORAL_KERNEL = 9
NUM_PARTS = 3


@dataclass(frozen=True)
class StgcnConfig:
    """Size of a recogniser; the defaults are the published ones."""

    num_actions: int
    """C."""
    num_joints: int = NUM_JOINTS
    """J: 24, or 23 for motions without the root's rotation."""
    num_features: int = NUM_FEATURES
    """F."""
    width: int = 64
    """D of the first block; the features have four times as many."""
    dropout: float = 0.0
    """Chance of dropping a channel's value after each block's convolutions, in training alone."""

    def __post_init__(self) -> None:
        """Refuse skeletons without a graph."""
        if self.num_joints not in (NUM_JOINTS, NUM_JOINTS - 1):
            raise ValueError(f"ST-GCN knows {NUM_JOINTS} joints, or all but the root; got {self.num_joints}.")


class Stgcn(nn.Module):
    """Ten blocks of a convolution over the skeleton and one over time; the mean over both decides."""

    adjacency: Tensor
    """(P, J, J)."""

    def __init__(self, config: StgcnConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("adjacency", skeleton_graph(config.num_joints))
        self.norm = nn.BatchNorm1d(config.num_joints * config.num_features)
        widths = [config.width * widening for widening in WIDENINGS]
        incoming = [config.num_features, *widths[:-1]]
        self.blocks = nn.ModuleList(
            Block(before, after, stride=2 if i in HALVING_BLOCKS else 1, first=i == 0, dropout=config.dropout)
            for i, (before, after) in enumerate(zip(incoming, widths, strict=True))
        )
        self.edge_weights = nn.ParameterList(torch.ones_like(self.adjacency) for _ in self.blocks)
        self.to_logits = nn.Conv2d(widths[-1], config.num_actions, kernel_size=1)

    def forward(self, rotations: Float[Tensor, "B T J F"], mask: Bool[Tensor, "B T"]) -> Recognition:
        """Features and logits of a batch; in evaluation mode padded frames change neither."""
        x = self.norm(rotations.flatten(2).mT)  # (B, J F, T)
        x = x.unflatten(1, rotations.shape[2:]).permute(0, 2, 3, 1)  # (B, F, T, J)
        for block, edge_weights in zip(self.blocks, self.edge_weights, strict=True):
            x = block(x, self.adjacency * edge_weights, mask)
            mask = mask[:, :: block.stride]
        real = mask[:, None, :, None]
        pooled = (x * real).sum((2, 3)) / (real.sum((2, 3)) * x.shape[3])  # (B, D)
        return Recognition(pooled, self.to_logits(pooled[..., None, None]).flatten(1))

    def view(
        self, features: Float[Tensor, "B T 25 6"], skeleton: BodyModel, facing: str
    ) -> Float[Tensor, "B T J 6"]:
        """What it is shown of motions: rotations alone, so that the skeleton does not matter."""
        return rotations_seen(features, facing)[:, :, NUM_JOINTS - self.config.num_joints :]


class Block(nn.Module):
    """Convolution over neighbouring joints, then over time, beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int, first: bool, dropout: float) -> None:
        super().__init__()
        self.stride = stride
        self.to_parts = nn.Conv2d(before, after * NUM_PARTS, kernel_size=1)
        self.norm = nn.BatchNorm2d(after)
        self.over_time = nn.Conv2d(
            after, after, (TEMPORAL_KERNEL, 1), (stride, 1), padding=(TEMPORAL_KERNEL // 2, 0)
        )
        self.last_norm = nn.BatchNorm2d(after)
        self.dropout = nn.Dropout(dropout)
        self.shortcut: nn.Module | None = nn.Identity()
        if first:
            self.shortcut = None
        elif before != after or stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, kernel_size=1, stride=(stride, 1)), nn.BatchNorm2d(after)
            )

    def forward(
        self,
        x: Float[Tensor, "B D T J"],
        graph: Float[Tensor, "P J J"],
        mask: Bool[Tensor, "B T"],
    ) -> Float[Tensor, "B E U J"]:
        """Activations of every joint, at every frame or every second one."""
        parts = self.to_parts(x).unflatten(1, (NUM_PARTS, -1))  # (B, P, E, T, J)
        gathered = torch.einsum("bpetv,pvw->betw", parts, graph)
        # Beyond a motion's end there is nothing, as beyond that of the longest in the batch.
        active = functional.relu(self.norm(gathered)) * mask[:, None, :, None]
        new = self.dropout(self.last_norm(self.over_time(active)))
        return functional.relu(new if self.shortcut is None else new + self.shortcut(x))


def skeleton_graph(num_joints: int) -> Float[Tensor, "P J J"]:
    """Adjacency of SMPL's tree, normalised by column, in three parts: self, outwards or level, inwards.

    An edge's part goes by its ends' distances from joint 0, of which the published code only tells 0 and 1
    from farther: so all but the root's own neighbourhood is level, and ours is the same. Without the root the
    left hip is joint 0, and what hung on the root hangs on nothing.

    Args:
        num_joints: 24, or 23 for all but the root.
    """
    offset = NUM_JOINTS - num_joints
    linked = torch.eye(num_joints)
    for joint, parent in enumerate(PARENTS):
        if parent >= offset:
            linked[joint - offset, parent - offset] = linked[parent - offset, joint - offset] = 1
    distance = torch.where(linked[0] == 1, 1.0, torch.inf)
    distance[0] = 0
    normalised = linked / linked.sum(0)
    itself = torch.eye(num_joints, dtype=torch.bool)
    level_or_outwards = ~itself & (distance[:, None] >= distance)
    inwards = ~itself & (distance[:, None] < distance)
    return torch.stack([normalised * part for part in (itself, level_or_outwards, inwards)])


def rotations_seen(features: Float[Tensor, "B T 25 6"], facing: str) -> Float[Tensor, "B T 24 6"]:
    """The joints' rotations in 6D; if facing is "forward", turned so that frame 0 faces +z."""
    rotations = features[..., :NUM_JOINTS, :]
    if facing != "forward":
        return rotations
    first, second = rotations[:, 0, 0].unflatten(-1, (2, 3)).unbind(1)
    left_z = torch.linalg.cross(first, second)[:, 0]  # of the body's left in frame 0, as for joints
    return turn_rotations(rotations, torch.atan2(left_z, first[:, 0]))


def turn_rotations(
    rotations: Float[Tensor, "B T J 6"], angle_rad: Float[Tensor, "B"]
) -> Float[Tensor, "B T J 6"]:
    """Motions turned about the vertical; positive turns +z towards +x."""
    row_0, row_1 = rotations[:, :, 0].unflatten(-1, (2, 3)).unbind(2)
    row_2 = torch.linalg.cross(row_0, row_1)
    cosine, sine = angle_rad.cos()[:, None, None], angle_rad.sin()[:, None, None]
    root = torch.cat([cosine * row_0 + sine * row_2, row_1], dim=-1)
    return torch.cat([root[:, :, None], rotations[:, :, 1:]], dim=2)


PUBLISHED_NAMES = {
    "A": "adjacency",
    "data_bn.": "norm.",
    "edge_importance.": "edge_weights.",
    "fcn.": "to_logits.",
    "st_gcn_networks.": "blocks.",
    ".gcn.conv.": ".to_parts.",
    ".tcn.0.": ".norm.",
    ".tcn.2.": ".over_time.",
    ".tcn.3.": ".last_norm.",
    ".residual.": ".shortcut.",
}
"""Parts of the names in the published state dict -> ours."""


def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict from the published one."""
    return {_renamed(name): tensor for name, tensor in state.items()}


def to_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published state dict from ours."""
    names = {ours: theirs for theirs, ours in PUBLISHED_NAMES.items()}
    return OrderedDict((_renamed(name, names), tensor) for name, tensor in state.items())


def _renamed(name: str, names: dict[str, str] = PUBLISHED_NAMES) -> str:
    if name in names:
        return names[name]
    for old, new in names.items():
        is_start = not old.startswith(".")
        if (is_start and old.endswith(".") and name.startswith(old)) or (not is_start and old in name):
            name = name.replace(old, new, 1)
    return name


def read_published_stgcn(path: Path | str) -> Stgcn:
    """A recogniser from a published ST-GCN checkpoint (`checkpoint_*.pth.tar`), without running it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, asks to run code, or is no ST-GCN of that form.
    """
    state = from_published(read_state(path))
    try:
        num_joints = state["adjacency"].shape[-1]
        config = StgcnConfig(
            num_actions=len(state["to_logits.bias"]),
            num_joints=num_joints,
            num_features=len(state["norm.bias"]) // num_joints,
            width=len(state["blocks.0.norm.bias"]),
        )
        network = Stgcn(config)
        network.load_state_dict(state, strict=True)
    except (KeyError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no ST-GCN recogniser of ACTOR's ({reason}).") from None
    return network.eval()
