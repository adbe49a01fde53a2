"""How recognisers are trained: settings, and their defaults for each kind."""

from dataclasses import dataclass
from typing import Literal

from motionary.datasets.clips import Facing
from motionary.models.recognisers import RecogniserKind


@dataclass(frozen=True)
class RecogniserTrainConfig:
    """How a recogniser is trained. The defaults suit a few hundred clips on a laptop."""

    kind: RecogniserKind = "gru"
    """gru looks at joint positions, stgcn at rotations."""
    num_frames: int = 60
    """Frames per window; -1 for whole clips."""
    fps: float = 30.0
    facing: Facing = "forward"
    """forward: motions are turned so that their first frame faces +z before they are looked at."""
    body: str = "free"
    """Body that motions are seen on: free, smpl or a file, as for `load_body`."""
    hidden_dim: int = 128
    """Hidden units of the GRU; channels of ST-GCN's first block."""
    dropout: float = 0.3
    epochs: int = 100
    """At most; training stops when the held-out part has not improved for `patience` epochs."""
    patience: int = 50
    batch_size: int = 16
    learning_rate: float = 4e-3
    """At its highest; it rises over the first fifth of the epochs and falls to zero at the last."""
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    held_out: float = 0.1
    """Share of every action's training clips that only decides when to stop."""
    noise_m: float = 0.01
    """Standard deviation of the noise added to joint positions, metres."""
    noise_rotation: float = 0.02
    """Standard deviation of the noise added to the numbers of 6D rotations, where those are looked at."""
    rest_rad: float = 0.0
    """Standard deviation of constant turns of every joint, about each axis, where rotations are looked at:
    people and rigs differ in what they call at rest."""
    turn_rad: float = 0.3
    """Motions are turned about the vertical by up to this angle either way."""
    scale: float = 0.1
    """Bodies are made larger or smaller by up to this share, where positions are looked at."""
    sampling: Literal["consecutive", "random_step"] = "consecutive"
    """Of the training windows; scored ones are consecutive frames."""
    tempo: float = 0.25
    """Motions are played faster or slower by a factor of up to e to the power of this."""
    mirror: bool = False
    """Also train on mirror images; wrong for actions that say left or right."""
    seed: int = 0


TRAIN_CONFIGS: dict[RecogniserKind, RecogniserTrainConfig] = {
    "gru": RecogniserTrainConfig(),
    "stgcn": RecogniserTrainConfig(
        kind="stgcn", hidden_dim=32, dropout=0.0, epochs=40, patience=20, learning_rate=1e-3, rest_rad=0.15
    ),
}
"""Defaults of each kind. ST-GCN has half the published width: a quarter of it, after 15 epochs on 149 clips
of HDM05, already names 97 % of windows of 39 others, as the GRU does."""
