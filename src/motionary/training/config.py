"""How a network is trained: the settings, and three sets of them that are known to work."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_type_hints

from motionary.datasets import ClipConfig
from motionary.datasets.augmentation import Augmentation
from motionary.datasets.clips import Facing
from motionary.models.actor import ActorConfig
from motionary.models.checkpoint import Feet
from motionary.models.loss import LossWeights
from motionary.models.points import PointSet
from motionary.models.prior import USUAL_REACH, Latents


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training run; the defaults are the paper's (Petrovich et al. 2021, section 4.1)."""

    epochs: int = 2000
    """Passes over the training clips, each giving one window."""
    batch_size: int = 20
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup_epochs: int = 0
    """Epochs over which the learning rate rises to its full value."""
    schedule: Literal["constant", "cosine"] = "constant"
    """cosine lowers the learning rate to a hundredth over the run."""
    clip_norm: float = 0.0
    """Longest gradient, by its norm; 0 lets it be."""
    average_decay: float = 0.0
    """The saved weights are an exponential average over steps with this decay; 0 saves the last weights."""
    loss: LossWeights = field(default_factory=LossWeights)
    latents: Latents = "standard"
    """What the model draws its latents from: N(0, 1), a Gaussian fitted to every action's own, or the
    posteriors of training windows."""
    reach: float = USUAL_REACH
    """How far posteriors are drawn out towards their neighbours. Farther means more varied, and less like
    recordings: few clips want more than many do."""
    feet: Feet = "as_decoded"
    """planted: the model keeps feet where they stand, by moving the root; see `body.feet`."""
    points: PointSet = "vertices"
    """Where on the body the reconstruction is compared."""
    points_travel: bool = False
    """Whether those points move through the room with the root."""
    body: str = "free"
    """free, smpl or a file, as for `load_body`."""

    num_frames: int = 60
    fps: float = 30.0
    sampling: Literal["consecutive", "random_step"] = "consecutive"
    facing: Facing = "as_recorded"
    augment: Augmentation = field(default_factory=Augmentation)
    """How training windows are varied; held-out ones never are."""
    loader_workers: int = 1
    """Threads that cut windows while the network learns; the windows are the same for any number."""

    step_parts: int = 2
    """Parts, 1 or 2, of a batch that a CPU learns from side by side. Their number shows in the last digits of
    the losses, so it is not the number of cores; two gradients add up to the same whichever comes first."""

    latent_dim: int = 256
    ff_dim: int = 1024
    num_layers: int = 8
    num_heads: int = 4
    dropout: float = 0.1
    spectrum: bool = False
    """Whether a window's principal components are a linear way to the latent and back, beside the
    transformers (`models.spectrum`)."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16 lets the network multiply matrices at half the width; losses and weights stay float32."""
    compiled: bool = False
    """Whether torch.compile fuses the network's operations; on a CPU that needs a C++ compiler."""

    seed: int = 0
    validate_every: int = 50
    """Epochs between losses on held-out clips."""
    sample_every: int = 500
    """Epochs between samples of every action, saved as motions."""
    save_minutes: float = 2.0
    """Minutes between checkpoints; the last epoch is always saved."""

    def __post_init__(self) -> None:
        """Check what cannot work."""
        for name in ("epochs", "batch_size", "validate_every", "sample_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name in ("learning_rate", "fps"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive; got {getattr(self, name)}.")
        if not self.save_minutes >= 0:
            raise ValueError(f"save_minutes must not be negative; got {self.save_minutes}.")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay must be in [0, 1); got {self.average_decay}.")
        if self.loader_workers < 0:
            raise ValueError(f"loader_workers must not be negative; got {self.loader_workers}.")
        if not 0 <= self.reach < math.inf:
            raise ValueError(f"reach must be 0 or more; got {self.reach}.")
        if self.step_parts not in (1, 2):
            raise ValueError(f"step_parts must be 1 or 2; got {self.step_parts}.")
        if self.spectrum and self.num_frames < 2:
            raise ValueError(
                f"spectrum needs windows of num_frames >= 2; got {self.num_frames}. Give a length, or "
                "train with the preset small."
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must not be negative, nor 2**63 or more; got {self.seed}.")

    def actor(self, num_actions: int) -> ActorConfig:
        """The network's size."""
        return ActorConfig(
            num_actions,
            self.latent_dim,
            self.ff_dim,
            self.num_layers,
            self.num_heads,
            self.dropout,
            window=self.num_frames if self.spectrum else 0,
        )

    def clips(self) -> ClipConfig:
        """How windows are cut."""
        return ClipConfig(self.num_frames, self.fps, self.sampling, self.facing)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TrainConfig":
        """From what `to_dict` gave."""
        groups = {name: kind(**data[name]) for name, kind in GROUPS.items() if name in data}
        return cls(**{**data, **groups})


GROUPS: dict[str, Any] = {"loss": LossWeights, "augment": Augmentation}
"""Settings that are groups of settings."""


_SMALL = TrainConfig(
    epochs=1000,
    learning_rate=1e-3,
    warmup_epochs=10,
    schedule="cosine",
    clip_norm=1.0,
    average_decay=0.995,
    loss=LossWeights(kl=2e-5),
    points_travel=True,
    feet="planted",
    facing="forward",
    latent_dim=128,
    ff_dim=256,
    num_layers=4,
    dropout=0.0,
)

PRESETS = {
    "paper": TrainConfig(),
    "small": _SMALL,
    "best": replace(
        _SMALL,
        epochs=60,
        learning_rate=5e-4,
        warmup_epochs=2,
        loss=LossWeights(kl=1e-8, velocity=30.0),
        latents="posteriors",
        spectrum=True,
        latent_dim=256,
        ff_dim=512,
        num_layers=2,
    ),
}
"""paper: the published recipe, for a GPU.

best: begins as the best linear autoencoder of the data, which its transformers then refine, and draws between
neighbouring motions of the data. Good from the first epoch on; docs/results.md compares.

small: a tenth of the network, to learn a few hundred clips on a CPU within an hour. Few steps leave the
latents of real motions far from N(0, 1), where generation draws them: a stronger pull there (loss.kl) gives
smoother samples, less varied.
"""


def with_settings(config: TrainConfig, settings: Sequence[str]) -> TrainConfig:
    """A config with some settings changed.

    Args:
        config: What to start from.
        settings: NAME=VALUE each, such as learning_rate=3e-4, loss.kl=1e-4 or augment.mirror=true.

    Raises:
        ValueError: If a name is unknown, or a value does not fit it.
    """
    changed = config.to_dict()
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"A setting is NAME=VALUE; got {setting!r}.")
        group, _, inner = name.partition(".")
        place, key = (changed[group], inner) if group in GROUPS and inner else (changed, name)
        if key not in place or isinstance(place[key], dict):
            raise ValueError(f"No setting {name!r}; {_suggestion(name)}.")
        place[key] = _value(name, place[key], text)
    return TrainConfig.from_dict(changed)


def _suggestion(name: str) -> str:
    known = [f.name for f in fields(TrainConfig) if f.name not in GROUPS]
    known += [f"{group}.{f.name}" for group, kind in GROUPS.items() for f in fields(kind)]
    near = get_close_matches(name, known, n=2)
    return f"did you mean {' or '.join(near)}" if near else f"there are {', '.join(known)}"


def _value(name: str, current: Any, text: str) -> Any:
    """Text as the type that the setting has now."""
    choices = get_args(get_type_hints(TrainConfig).get(name))
    if choices and text not in choices:
        raise ValueError(f"{name} must be {' or '.join(choices)}; got {text!r}.")
    if isinstance(current, str):
        return text
    try:
        return _TRUTH[text.lower()] if isinstance(current, bool) else type(current)(text)
    except (ValueError, KeyError):
        raise ValueError(f"{name} must be {_KINDS[type(current)]}; got {text!r}.") from None


_TRUTH = {"true": True, "false": False}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}
