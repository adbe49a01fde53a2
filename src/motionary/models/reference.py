"""Names of ACTOR's parameters in the published implementation, and ours."""

import torch
from torch import Tensor

from motionary.models.actor import sinusoids

REFERENCE_NAMES = {
    "encoder.mean_token": "encoder.muQuery",
    "encoder.variance_token": "encoder.sigmaQuery",
    "encoder.embed.": "encoder.skelEmbedding.",
    "encoder.layers.": "encoder.seqTransEncoder.layers.",
    "decoder.action_bias": "decoder.actionBiases",
    "decoder.layers.": "decoder.seqTransDecoder.layers.",
    "decoder.head.": "decoder.finallayer.",
}
"""Prefixes of our parameter names and of the published implementation's; what follows them is the same."""

REFERENCE_TABLES = ("encoder.sequence_pos_encoder.pe", "decoder.sequence_pos_encoder.pe")
"""Constant position tables, (5000, 1, Z), that the published state dict also holds."""


def from_reference(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict from the published implementation's; its position tables are constant and left out.

    Raises:
        ValueError: If a name belongs to no part of ACTOR.
    """
    kept = {name: tensor for name, tensor in state.items() if name not in REFERENCE_TABLES}
    return _renamed(kept, {theirs: ours for ours, theirs in REFERENCE_NAMES.items()})


def to_reference(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published implementation's state dict from ours, position tables included."""
    width = state["decoder.head.weight"].shape[1]
    table = sinusoids(5000, width, torch.device("cpu"))[:, None]
    return _renamed(state, REFERENCE_NAMES) | {name: table.clone() for name in REFERENCE_TABLES}


def _renamed(state: dict[str, Tensor], prefixes: dict[str, str]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in state.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
        if prefix is None:
            raise ValueError(f"{name} is no parameter of ACTOR; names start with {', '.join(prefixes)}.")
        renamed[prefixes[prefix] + name.removeprefix(prefix)] = tensor
    return renamed
