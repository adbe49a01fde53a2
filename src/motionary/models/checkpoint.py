"""Models on disk: one safetensors file whose JSON header says what the tensors are for."""

import json
import logging
import re
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import save
from torch import Tensor, nn

from motionary.atomic import write_atomically
from motionary.body.assets import default_body
from motionary.documents import check_version, parse_json, record
from motionary.features import half_turn, plant_feet
from motionary.labels import plain
from motionary.models.actor import Actor, ActorConfig
from motionary.models.chaining import chain
from motionary.models.prior import MEAN, REACH, Prior, prior_of_tensors
from motionary.models.tensor_files import check_sizes, read_safetensors

FORMAT_VERSION = 4
"""The newest. Files without what it brought, planted feet and a prior of posteriors with its reach, say 3,
those without a linear way past the transformers 2, those without any prior 1: older versions read them."""
HEADER = "motionary"
"""Key of the header entry that holds our JSON."""
MODEL_FILE = "model.safetensors"
BUNDLED = Path(__file__).resolve().parents[1] / "pretrained"
"""Folder of the models that come with the package, one folder each."""

RESTRICTED = re.compile(r"\bNC\b|non-?commercial|research", re.IGNORECASE)
"""Licences whose terms a user has to know before using what a model makes."""
Config = TypeVar("Config")
Network = TypeVar("Network", bound=nn.Module)

Kind = Literal["actor", "gru", "stgcn"]

FrameName = Literal["world", "camera"]
"""Axes of a model's motions: ours, y up, or a camera's, y down, as in ACTOR's published models."""

Feet = Literal["as_decoded", "planted"]
"""Whether the root takes the path that was decoded, as published, or one on which feet stay put."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and what is needed to use it."""

    kind: Kind
    config: dict[str, Any]
    """Fields of the network's config dataclass."""
    actions: tuple[str, ...]
    """In label order."""
    fps: float
    """Frames per second the network learned at."""
    num_frames: int
    """Frames of the windows it learned from; -1 for whole motions."""
    facing: str
    """forward: motions were turned so that their first frame faces +z; as_recorded: they were not."""
    tensors: dict[str, Tensor]
    """State dict of the network, float32 in memory."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Data set, training settings, versions: whatever tells where it came from."""
    licence: str = "unknown"
    frame: FrameName = "world"
    feet: Feet = "as_decoded"

    def save(self, path: Path | str, precision: Literal["float32", "float16"] = "float32") -> None:
        """Write one .safetensors file, whole or not at all; float16 halves its size.

        Raises:
            ValueError: If a weight is not finite, or too large for float16.
        """
        write_atomically(Path(path), self.to_bytes(precision))

    def to_bytes(self, precision: Literal["float32", "float16"] = "float32") -> bytes:
        """What `save` writes.

        Raises:
            ValueError: As `save`.
        """
        dtype = {"float32": torch.float32, "float16": torch.float16}[precision]
        tensors = {
            name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in self.tensors.items()
        }
        if bad := _not_finite(tensors):
            raise ValueError(f"{bad} is not finite in {precision}; nothing was written.")
        described = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "tensors"}
        if self.feet == "as_decoded":
            del described["feet"]  # which older versions do not know
        header = json.dumps({"format_version": self._format_version(), **described})
        return save(tensors, metadata={HEADER: header})

    def _format_version(self) -> int:
        if self.feet == "planted" or REACH in self.tensors:
            return FORMAT_VERSION
        if self.config.get("window"):
            return 3
        return 2 if MEAN in self.tensors else 1

    @classmethod
    def load(cls, path: Path | str, *kinds: Kind) -> "Checkpoint":
        """Read a checkpoint of one of some kinds.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, of another kind, or of a newer format.
        """
        tensors, header = read_safetensors(Path(path))
        if HEADER not in header:
            raise ValueError(f"{path} holds tensors but is no Motionary model: its header has no {HEADER!r}.")
        try:
            described = parse_json(header[HEADER], "its header")
            check_version(described.pop("format_version"), FORMAT_VERSION)
            described["actions"] = tuple(plain(str(action)) for action in described["actions"])
            floats = {name: t.float() for name, t in tensors.items()}
            checkpoint = record(cls, {**described, "tensors": floats})
            if not checkpoint.fps > 0:
                raise ValueError(f"fps must be positive; got {checkpoint.fps}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is not a readable model: {error}.") from None
        if checkpoint.kind not in kinds:
            expected = " or ".join(map(repr, kinds))
            raise ValueError(f"{path} holds a model of kind {checkpoint.kind!r}; expected {expected}.")
        if bad := _not_finite(tensors):
            raise ValueError(f"{path} is not a usable model: {bad} holds NaN or infinity.")
        return checkpoint

    def network(self, kind: type[Config], make: Callable[[Config], Network]) -> Network:
        """The network that the config describes, with these tensors.

        A file may describe a network that no memory holds: it is made without numbers first, and only with
        them where its shapes are those of the tensors.

        Raises:
            ValueError: If the config is none, or names or shapes differ, naming the first few.
        """
        config = record(kind, self.config)
        check_sizes(self.config, len(self.tensors))
        try:
            with torch.device("meta"):
                self._check_fit(make(config))
            network = make(config)
        except (
            RuntimeError,
            IndexError,
            ZeroDivisionError,
            OverflowError,
        ) as error:  # of sizes that no network has
            reason = str(error).splitlines()[0]
            raise ValueError(f"its config describes no network ({reason})") from None
        network.load_state_dict(self.tensors)
        return network

    def _check_fit(self, network: nn.Module) -> None:
        expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        stored = {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}
        missing, foreign = sorted(expected.keys() - stored.keys()), sorted(stored.keys() - expected.keys())
        reshaped = [
            f"{name} {stored[name]} instead of {shape}"
            for name, shape in expected.items()
            if name in stored and stored[name] != shape
        ]
        for what, names in (("lacks", missing), ("also has", foreign), ("has", reshaped)):
            if names:
                raise ValueError(f"The model does not fit its config: it {what} {', '.join(names[:3])}.")


@dataclass(frozen=True)
class Model:
    """A trained ACTOR, ready to generate."""

    network: Actor
    """In evaluation mode."""
    actions: tuple[str, ...]
    fps: float
    num_frames: int
    facing: str
    provenance: dict[str, Any]
    licence: str
    frame: FrameName = "world"
    """What the network's own features are in."""
    prior: Prior | None = None
    """What latents are drawn from; N(0, 1) when None, as published."""
    feet: Feet = "as_decoded"

    def decode(
        self, noise: Float[Tensor, "B Z"], action: Int[Tensor, "B"], frames: Bool[Tensor, "B T"] | int
    ) -> Float[Tensor, "B T 25 6"]:
        """The motions that standard normal noise stands for, y up.

        Args:
            noise: As `sample_latents` draws it.
            action: Class indices.
            frames: As for `perform`.
        """
        return self.perform(self.latents(noise, action), action, frames)

    def perform(
        self, z: Float[Tensor, "B Z"], action: Int[Tensor, "B"], frames: Bool[Tensor, "B T"] | int
    ) -> Float[Tensor, "B T 25 6"]:
        """The motions of latents, y up whatever the network was trained on.

        Args:
            z: Latents.
            action: Class indices.
            frames: How many, or a mask of those that are real; the others are zero. A network that knows
                windows of one length goes on after it with another performance, and so on.
        """
        mask = None if isinstance(frames, int) else frames
        num_frames, window = (
            frames if isinstance(frames, int) else frames.shape[1],
            self.network.config.window,
        )
        if not 0 < window < num_frames:
            features = self._window(z, action, frames)
        else:
            features = self._chained(z, action, num_frames)
            features = features if mask is None else features * mask[..., None, None]
        return features if self.feet == "as_decoded" else plant_feet(features, mask, self.fps)

    def _window(
        self, z: Float[Tensor, "B Z"], action: Int[Tensor, "B"], frames: Bool[Tensor, "B T"] | int
    ) -> Float[Tensor, "B T 25 6"]:
        features = self.network.decode(z, action, frames)
        return half_turn(features) if self.frame == "camera" else features

    def _chained(
        self, z: Float[Tensor, "B Z"], action: Int[Tensor, "B"], num_frames: int
    ) -> Float[Tensor, "B T 25 6"]:
        """What comes after a latent's own window depends on the latent alone."""
        window, rest_joints = self.network.config.window, default_body().joints_template.to(z)
        chained = []
        for own, label, first in zip(z, action, self._window(z, action, window), strict=True):
            generator = torch.Generator().manual_seed(zlib.crc32(own.cpu().numpy().tobytes()))

            def draw(count: int, label: Tensor = label, generator: torch.Generator = generator) -> Tensor:
                noise = torch.randn(count, z.shape[1], generator=generator).to(z.device)
                labels = label.expand(count)
                return self._window(self.latents(noise, labels), labels, window)

            chained.append(chain(first, num_frames, draw, rest_joints))
        return torch.stack(chained)

    def latents(self, noise: Float[Tensor, "B Z"], action: Int[Tensor, "B"]) -> Float[Tensor, "B Z"]:
        """The latents of those actions that standard normal noise stands for."""
        return noise if self.prior is None else self.prior.place(noise, action)

    @torch.no_grad()
    def decode_action(
        self, noise: Float[Tensor, "B Z"], action: int, num_frames: int
    ) -> Float[Tensor, "B T 25 6"]:
        """`decode` for one action and length, to the CPU; the network must be in evaluation mode."""
        assert not self.network.training
        noise = noise.to(self.network.decoder.action_bias.device)
        label = torch.full((len(noise),), action, device=noise.device)
        return self.decode(noise, label, num_frames).cpu()

    def action_index(self, action: str) -> int:
        """Class index of an action.

        Raises:
            ValueError: If the model does not know it; the message lists those it knows.
        """
        if action not in self.actions:
            raise ValueError(f"Unknown action {action!r}; this model knows: {', '.join(self.actions)}.")
        return self.actions.index(action)

    def save(self, path: Path | str, precision: Literal["float32", "float16"] = "float32") -> None:
        """Write it as a checkpoint that `load_model` reads."""
        Checkpoint(
            kind="actor",
            config=_written(self.network.config),
            actions=self.actions,
            fps=self.fps,
            num_frames=self.num_frames,
            facing=self.facing,
            tensors=self.network.state_dict() | (self.prior.tensors() if self.prior else {}),
            provenance=self.provenance,
            licence=self.licence,
            frame=self.frame,
            feet=self.feet,
        ).save(path, precision)


def load_model(name_or_path: str | Path) -> Model:
    """Load a trained ACTOR; a licence that allows research only is named in the log.

    Args:
        name_or_path: A run folder, a .safetensors file, or the name of a bundled model.

    Raises:
        FileNotFoundError: If it is none of them; the message lists the bundled names.
        ValueError: If the file is damaged, newer, or no ACTOR.
    """
    path = find_checkpoint(name_or_path)
    checkpoint = Checkpoint.load(path, "actor")
    try:
        prior = prior_of_tensors(checkpoint.tensors, len(checkpoint.actions))
        network = checkpoint.network(ActorConfig, Actor)
        if network.config.num_actions != len(checkpoint.actions):
            raise ValueError(
                f"it has {network.config.num_actions} labels and {len(checkpoint.actions)} names"
            )
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a usable model: {str(error).rstrip('.')}.") from None
    if RESTRICTED.search(checkpoint.licence):
        logging.getLogger(__name__).warning(
            "The model %s and what it makes are licensed: %s", name_or_path, checkpoint.licence
        )
    return Model(
        network=network.eval().requires_grad_(False),
        actions=checkpoint.actions,
        fps=checkpoint.fps,
        num_frames=checkpoint.num_frames,
        facing=checkpoint.facing,
        provenance=checkpoint.provenance,
        licence=checkpoint.licence,
        frame=checkpoint.frame,
        prior=prior,
        feet=checkpoint.feet,
    )


def find_checkpoint(name_or_path: str | Path, file: str = MODEL_FILE) -> Path:
    """Path of a checkpoint: the file itself, the one in a run folder, or a bundled one by name.

    Args:
        name_or_path: A path or a name; a path that exists wins.
        file: Name of the file in a folder.

    Raises:
        FileNotFoundError: If there is none; the message lists the bundled names.
    """
    path = Path(name_or_path)
    for candidate in (path, path / file, BUNDLED / path / file):
        if candidate.is_file():
            return candidate
    if path.is_dir():
        raise FileNotFoundError(f"{path} holds no {file}: it is no finished run.")
    names = ", ".join(bundled_names(file)) or "none"
    raise FileNotFoundError(
        f"No model {str(name_or_path)!r}: neither a file, a run folder nor bundled ({names})."
    )


def bundled_names(file: str = MODEL_FILE) -> tuple[str, ...]:
    """Names of the models that come with the package."""
    return tuple(sorted(path.parent.name for path in BUNDLED.glob(f"*/{file}")))


def _written(config: ActorConfig) -> dict[str, Any]:
    """Its settings, less those that older versions do not know and that are at their default."""
    return {name: value for name, value in asdict(config).items() if name != "window" or value}


def _not_finite(tensors: dict[str, Tensor]) -> str | None:
    """Name of the first tensor that holds NaN or infinity."""
    return next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)
