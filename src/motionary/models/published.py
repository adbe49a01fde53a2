"""ACTOR's published checkpoints -> ours, and back.

A published checkpoint is a `torch.save` of a state dict, `checkpoint_0100.pth.tar`, with the training run's
options beside it in `opt.yaml`. Both are read without running anything they contain.

B batch, Z latent size, R repetitions, C classes.
"""

import io
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import torch
import yaml
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motionary.atomic import write_atomically
from motionary.documents import read_yaml
from motionary.labels import PUBLISHED_LABELS
from motionary.models.actor import Actor, ActorConfig, sinusoids
from motionary.models.checkpoint import FrameName, Model
from motionary.models.reference import REFERENCE_TABLES, from_reference, to_reference
from motionary.torch_files import read_torch_file

OPTIONS_FILE = "opt.yaml"
TABLE_TOLERANCE = 1e-3
"""Of the position table's sines, which GPUs round differently at phases up to 5000."""

REQUIRED = {
    "modeltype": "cvae",
    "archiname": "transformer",
    "pose_rep": "rot6d",
    "glob": True,
    "translation": True,
}
"""Options of the architecture and motion representation that this package has."""


@dataclass(frozen=True)
class PublishedOptions:
    """What is used of an `opt.yaml`; the last three are ours, which the published code passes over."""

    dataset: str | None = None
    modeltype: str = "cvae"
    archiname: str = "transformer"
    pose_rep: str = "rot6d"
    glob: bool = True
    translation: bool = True
    latent_dim: int | None = None
    num_layers: int | None = None
    num_frames: int = 60
    actions: tuple[str, ...] | None = None
    fps: float | None = None
    frame: FrameName = "camera"
    """Published models move as the camera saw people: y down."""

    @classmethod
    def read(cls, path: Path | str) -> "PublishedOptions":
        """Read an `opt.yaml`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such file, or describes another model than ours.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No options file at {path}.")
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise ValueError(f"{path} holds no options: expected lines of `name: value`.")
        known = {f.name: content[f.name] for f in fields(cls) if content.get(f.name) is not None}
        _check_options(known, path)
        if "actions" in known:
            known["actions"] = tuple(map(str, known["actions"]))
        return cls(**known)


def _check_options(given: dict[str, Any], path: Path) -> None:
    for name, value in REQUIRED.items():
        if (got := given.get(name, value)) != value:
            raise ValueError(
                f"{path} describes a model with {name} {got!r}; only {name} {value!r} is supported."
            )
    kinds: dict[str, tuple[type, ...]] = {
        "dataset": (str,),
        "actions": (list,),
        "fps": (int, float),
        **dict.fromkeys(("latent_dim", "num_layers", "num_frames"), (int,)),
    }
    for name, allowed in kinds.items():
        if name in given and type(given[name]) not in allowed:
            expected = " or ".join(kind.__name__ for kind in allowed)
            raise ValueError(f"{path}: {name} must be of type {expected}; got {given[name]!r}.")
    if given.get("frame", "world") not in get_args(FrameName):
        raise ValueError(f"{path}: frame must be one of {get_args(FrameName)}; got {given['frame']!r}.")


def import_published(
    path: Path | str,
    options: PublishedOptions | None = None,
    actions: Sequence[str] | None = None,
    fps: float | None = None,
) -> Model:
    """A model from a published checkpoint, `checkpoint_*.pth.tar`.

    Args:
        path: The checkpoint.
        options: Of its training; the paper's when None.
        actions: Names in label order. When None, those of the options' data set where they are known, or
            else action_0, action_1, ...
        fps: Frames per second of its motions; the data set's when None.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, asks to run code, is no ACTOR, or the options do not fit it.
    """
    path, options = Path(path), options or PublishedOptions()
    state = read_state(path)
    try:
        network = _network(state, options)
        names = _action_names(network.config.num_actions, options, actions)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    known = PUBLISHED_LABELS.get(options.dataset or "")
    return Model(
        network=network.eval().requires_grad_(False),
        actions=names,
        fps=fps or options.fps or (known.fps if known else 30.0),
        num_frames=options.num_frames if options.num_frames > 0 else -1,
        facing="as_recorded",
        frame=options.frame,
        provenance={"imported_from": path.name, "dataset": options.dataset},
        licence="as the published checkpoint's",
    )


def export_published(model: Model, path: Path | str) -> Path:
    """Write a model as the published code's checkpoint, with an `opt.yaml` beside it.

    Args:
        model: Any ACTOR of ours.
        path: The checkpoint, `*.pth.tar`, or a folder for it.

    Returns:
        Path of the checkpoint.
    """
    path = Path(path)
    if path.suffix not in (".tar", ".pth", ".pt"):
        path = path / "checkpoint_0000.pth.tar"
    config = model.network.config
    content = io.BytesIO()
    torch.save(OrderedDict(to_reference(model.network.state_dict())), content)
    options = PublishedOptions(
        dataset=model.provenance.get("dataset") if model.frame == "camera" else None,
        latent_dim=config.latent_dim,
        num_layers=config.num_layers,
        num_frames=model.num_frames,
        fps=model.fps,
        frame=model.frame,
    )
    given = {f.name: getattr(options, f.name) for f in fields(options)} | {"actions": list(model.actions)}
    lines = yaml.safe_dump({name: value for name, value in given.items() if value is not None})
    write_atomically(path, content.getvalue())
    write_atomically(path.parent / OPTIONS_FILE, lines.encode())
    return path


def read_state(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a `torch.save`d state dict, by name; nothing in the file is run.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, asks to run code, or holds something else.
    """
    state = read_torch_file(path)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise ValueError(f"{path} holds no state dict: expected tensors by name, as ACTOR saves them.")
    return dict(state)


def _network(state: dict[str, Tensor], options: PublishedOptions) -> Actor:
    """A network of the size that the tensors have, filled with them."""
    missing = [key for key in ("encoder.muQuery", "encoder.skelEmbedding.weight") if key not in state]
    layers = [re.fullmatch(r"encoder\.seqTransEncoder\.layers\.(\d+)\.linear1\.weight", key) for key in state]
    numbers = [int(found[1]) for found in layers if found]
    if missing or not numbers:
        lacking = (missing or ["encoder.seqTransEncoder.layers.0.linear1.weight"])[0]
        raise ValueError(f"it is no ACTOR transformer (cvae_transformer): it lacks {lacking}.")
    num_actions, latent_dim = state["encoder.muQuery"].shape
    config = ActorConfig(
        num_actions=num_actions,
        latent_dim=latent_dim,
        ff_dim=len(state[f"encoder.seqTransEncoder.layers.{numbers[0]}.linear1.weight"]),
        num_layers=max(numbers) + 1,
    )
    for name in ("latent_dim", "num_layers"):
        if (wanted := getattr(options, name)) not in (None, got := getattr(config, name)):
            raise ValueError(f"the options say {name} {wanted}, the weights have {got}.")
    network = Actor(config)
    _check_entries(state, network)
    network.load_state_dict(
        from_reference({name: tensor.float() for name, tensor in state.items()}), strict=True
    )
    return network


def _check_entries(state: dict[str, Tensor], network: Actor) -> None:
    expected = to_reference(network.state_dict())
    missing = [name for name in expected if name not in state and name not in REFERENCE_TABLES]
    foreign = [name for name in state if name not in expected]
    for what, names in (("lacks", missing), ("also has", foreign)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"it is no whole ACTOR checkpoint: it {what} {', '.join(names[:3])}{more}.")
    for name, tensor in state.items():
        shape = tuple(expected[name].shape)
        if name in REFERENCE_TABLES:
            shape = (len(tensor), *shape[1:])  # constant, and only read from its start
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}; got {tuple(tensor.shape)}.")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ValueError(f"{name} must hold finite numbers.")
    for name in REFERENCE_TABLES:
        if name in state:
            table = sinusoids(len(state[name]), network.config.latent_dim, torch.device("cpu"))
            if not torch.allclose(state[name][:, 0].float(), table, rtol=0, atol=TABLE_TOLERANCE):
                raise ValueError(f"{name} is not the sinusoidal table that ACTOR computes.")


def _action_names(
    num_actions: int, options: PublishedOptions, actions: Sequence[str] | None
) -> tuple[str, ...]:
    known = PUBLISHED_LABELS.get(options.dataset or "")
    if known and known.num_actions != num_actions:
        raise ValueError(
            f"{options.dataset} has {known.num_actions} actions, the weights are for {num_actions}."
        )
    names = tuple(actions or options.actions or (known and known.actions) or ())
    if not names:
        return tuple(f"action_{label}" for label in range(num_actions))
    if len(names) != num_actions:
        raise ValueError(f"expected the names of its {num_actions} actions; got {len(names)}.")
    if len(set(names)) != num_actions:
        raise ValueError("the names of its actions must differ from one another.")
    return names


Noise = Literal["random", "same", "interpolate"]


@dataclass(frozen=True)
class PublishedLatents:
    """What ACTOR's `generate` hands its decoder for R repetitions of C classes; the class changes fastest."""

    z: Float[Tensor, "B Z"]
    labels: Int[Tensor, "B"]
    lengths: Int[Tensor, "B"]
    """Frames."""

    @property
    def mask(self) -> Bool[Tensor, "B T"]:
        """True on real frames."""
        return torch.arange(int(self.lengths.max())) < self.lengths[:, None]


def published_latents(
    labels: Int[Tensor, "C"],
    lengths: Int[Tensor, "*R C"],
    repetitions: int,
    latent_dim: int,
    generator: torch.Generator,
    *,
    same_action: Noise = "random",
    different_action: Literal["random", "same"] = "random",
    scale: float = 1.0,
) -> PublishedLatents:
    """Latents as the published code draws them.

    Args:
        labels: One class per column of the result.
        lengths: Frames of each class, for all repetitions or for each.
        repetitions: How often each class is performed.
        latent_dim: Z.
        generator: With the seed that `torch.manual_seed` would get, the published draws come out.
        same_action: Of one class's repetitions: independent, all the same, or one latent times -1 ... 1.
        different_action: Of different classes in one repetition: independent, or the same.
        scale: Multiplies every latent.
    """
    num_classes = len(labels)
    drawn_repetitions = repetitions if same_action == "random" else 1
    drawn_classes = num_classes if different_action == "random" else 1
    z = torch.randn(drawn_repetitions * drawn_classes, latent_dim, generator=generator)
    z = z.view(drawn_repetitions, drawn_classes, latent_dim).expand(repetitions, num_classes, -1)
    if same_action == "interpolate":
        z = z * torch.linspace(-1, 1, repetitions)[:, None, None]
    return PublishedLatents(
        z=scale * z.flatten(0, 1),
        labels=labels.repeat(repetitions),
        lengths=lengths.expand(repetitions, num_classes).flatten(),
    )
