"""Training an action recogniser on any data set, so that generated motions can be scored against it.

B batch, T frames. The network sees joint positions; see `motionary.models.recognisers`.
"""

import csv
import io
import json
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn.functional import cross_entropy

from motionary.atomic import write_atomically
from motionary.body.assets import load_body
from motionary.body.skeleton import MIRROR
from motionary.confusion import accuracy, accuracy_per_action, confusion_matrix, draw_confusion
from motionary.datasets import ClipBatch, ClipConfig, Clips, Dataset, stratified_split
from motionary.datasets.clips import Facing
from motionary.models.checkpoint import MODEL_FILE, find_checkpoint
from motionary.models.recognisers import GruConfig, GruRecogniser, Recogniser, turn

WINDOWS_PER_CLIP = 4
"""Windows of every held-out or test clip that are scored."""

SCORING_BATCH = 256

RECOGNISER_FILE = "recogniser.safetensors"
"""Name of a recogniser among the files of a bundled model."""


@dataclass(frozen=True)
class RecogniserTrainConfig:
    """How a recogniser is trained. The defaults suit a few hundred clips on a laptop."""

    num_frames: int = 60
    """Frames per window; -1 for whole clips."""
    fps: float = 30.0
    facing: Facing = "forward"
    """forward: motions are turned so that their first frame faces +z before they are looked at."""
    body: str = "free"
    """Body that motions are seen on: free, smpl or a file, as for `load_body`."""
    hidden_dim: int = 128
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
    turn_rad: float = 0.3
    """Motions are turned about the vertical by up to this angle either way."""
    scale: float = 0.1
    """Motions are made larger or smaller by up to this share."""
    sampling: Literal["consecutive", "random_step"] = "consecutive"
    """Of the training windows; scored ones are consecutive frames."""
    tempo: float = 0.25
    """Motions are played faster or slower by a factor of up to e to the power of this."""
    mirror: bool = False
    """Also train on mirror images; wrong for actions that say left or right."""
    seed: int = 0


def train_recogniser(dataset: Dataset, out: Path | str, config: RecogniserTrainConfig | None = None) -> Path:
    """Train on the train split, measure on the test split.

    Args:
        dataset: Labelled motions.
        out: Folder that gets `model.safetensors`, `metrics.json` (accuracies and confusion counts on the
            held-out part and the test split), `confusion.png` and `log.csv`.
        config: Defaults when None.

    Returns:
        Path of the checkpoint; `load_recogniser` takes it or the folder.

    Raises:
        ValueError: If there are fewer than two actions, or an action has no training clip.
    """
    config = config or RecogniserTrainConfig()
    _check(dataset, config)
    out = Path(out)
    train_part, held_out_part = _hold_out(dataset.split("train"), config)
    rest_joints = load_body(config.body).joints_template.clone()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        gru = GruConfig(len(dataset.actions), hidden_dim=config.hidden_dim, dropout=config.dropout)
        recogniser = Recogniser(
            GruRecogniser(gru),
            actions=dataset.actions,
            fps=config.fps,
            num_frames=config.num_frames,
            facing=config.facing,
            rest_joints=rest_joints,
            licence=dataset.licence,
        )
        log = _fit(recogniser, train_part, held_out_part, config)
    metrics = {
        "actions": list(dataset.actions),
        "config": asdict(config),
        "epochs": len(log),
        "held_out": _score(recogniser, held_out_part, config.seed),
        "test": _score(recogniser, dataset.split("test"), config.seed),
    }
    return _write(out, replace(recogniser, provenance=_provenance(dataset, config, metrics)), metrics, log)


def load_recogniser(name_or_path: Path | str) -> Recogniser:
    """A recogniser by its run folder, its .safetensors file or the name of a bundled model.

    Raises:
        FileNotFoundError: If there is none; the message lists the bundled names.
        ValueError: If the file holds something else.
    """
    run_file = Path(name_or_path) / MODEL_FILE
    path = run_file if run_file.is_file() else find_checkpoint(name_or_path, RECOGNISER_FILE)
    return Recogniser.load(path)


@dataclass(frozen=True)
class RecognisedWindows:
    """What a recogniser made of windows cut from a data set's clips. N windows, K features."""

    features: Float[np.ndarray, "N K"]
    labels: Int[np.ndarray, "N"]
    predicted: Int[np.ndarray, "N"]
    lengths: Int[np.ndarray, "N"]
    """Frames."""
    clip: Int[np.ndarray, "N"]
    """Position of each window's clip in the data set."""


def recognise_windows(
    recogniser: Recogniser,
    dataset: Dataset,
    *,
    per_clip: int = WINDOWS_PER_CLIP,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> RecognisedWindows:
    """Cut windows of the recogniser's length and rate from every clip at random places and recognise them.

    Args:
        recogniser: Its labels must be the data set's.
        dataset: At least one clip.
        per_clip: Windows of each clip; whole clips (num_frames -1) are taken once.
        seed: Chooses where windows start.
        on_progress: Called with the windows done and to do.
    """
    clips = Clips(dataset, ClipConfig(num_frames=recogniser.num_frames, fps=recogniser.fps))
    rng = np.random.default_rng(seed)
    indices = np.tile(np.arange(len(clips)), 1 if recogniser.num_frames == -1 else per_clip)
    parts = []
    for start in range(0, len(indices), SCORING_BATCH):
        batch = clips.batch(indices[start : start + SCORING_BATCH], rng)
        found = recogniser.recognise(batch.features, batch.mask)
        parts.append((found.features, found.logits.argmax(1), batch.action, batch.mask.sum(1), batch.clip))
        on_progress(min(start + SCORING_BATCH, len(indices)), len(indices))
    features, predicted, labels, lengths, clip = (
        torch.cat(part).numpy() for part in zip(*parts, strict=True)
    )
    return RecognisedWindows(features, labels, predicted, lengths, clip)


def _check(dataset: Dataset, config: RecogniserTrainConfig) -> None:
    present = {clip.action for clip in dataset.split("train").clips}
    missing = [action for action in dataset.actions if action not in present]
    if len(dataset.actions) < 2:
        raise ValueError(
            f"A recogniser needs at least two actions; {dataset.root} has {list(dataset.actions)}."
        )
    if missing:
        raise ValueError(
            f"Actions without a clip in the train split of {dataset.root}: {', '.join(missing)}."
        )
    if not 0 <= config.held_out < 1:
        raise ValueError(f"held_out must be at least 0 and below 1; got {config.held_out}.")
    for name in ("epochs", "patience", "batch_size"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1; got {getattr(config, name)}.")


def _hold_out(train: Dataset, config: RecogniserTrainConfig) -> tuple[Dataset, Dataset]:
    """The clips to learn from and those that decide when to stop."""
    halves = replace(train, clips=stratified_split(train.clips, config.held_out, config.seed))
    return halves.split("train"), halves.split("test")


@dataclass(frozen=True)
class _Epoch:
    """One line of the log; NaN without a held-out part."""

    epoch: int
    train_loss: float
    held_out_loss: float
    held_out_accuracy: float


def _fit(
    recogniser: Recogniser, train: Dataset, held_out: Dataset, config: RecogniserTrainConfig
) -> list[_Epoch]:
    """Train the network in place, up to the epoch with the lowest held-out loss; returns the log.

    Without a held-out part the last epoch is kept.
    """
    clips = Clips(train, ClipConfig(config.num_frames, config.fps, config.sampling))
    watched = _Watched.cut(recogniser, held_out, config)
    network = recogniser.network
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    steps = config.epochs * math.ceil(len(clips) / config.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, steps, pct_start=0.2)
    rng = np.random.default_rng(config.seed)
    log: list[_Epoch] = []
    best, best_weights = 0, deepcopy(network.state_dict())
    with _progress() as progress:
        task = progress.add_task("training", total=config.epochs, info="")
        for epoch in range(config.epochs):
            batches = clips.epoch(config.batch_size, rng)
            losses = [_step(recogniser, optimizer, schedule, batch, config, rng) for batch in batches]
            loss, right = watched.measure(network) if watched else (math.nan, math.nan)
            log.append(_Epoch(epoch, float(np.mean(losses)), loss, right))
            if not loss >= log[best].held_out_loss or epoch == 0:
                best, best_weights = epoch, deepcopy(network.state_dict())
            progress.update(task, advance=1, info=f"{100 * right:.0f} % of held-out")
            if epoch - best >= config.patience:
                break
    network.load_state_dict(best_weights)
    return log


def _step(
    recogniser: Recogniser,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batch: ClipBatch,
    config: RecogniserTrainConfig,
    rng: np.random.Generator,
) -> float:
    """One update; returns the loss."""
    with torch.no_grad():
        joints = vary(recogniser.joints(batch.features), batch.mask, config, rng)
    recogniser.network.train()
    logits = recogniser.network(joints, batch.mask).logits
    loss = cross_entropy(logits, batch.action, label_smoothing=config.label_smoothing)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(recogniser.network.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return loss.item()


def vary(
    joints: Float[Tensor, "B T 24 3"],
    mask: Bool[Tensor, "B T"],
    config: RecogniserTrainConfig,
    rng: np.random.Generator,
) -> Float[Tensor, "B T 24 3"]:
    """The motions as others might have performed and recorded them."""
    count = len(joints)
    if config.mirror:
        mirrored = joints[:, :, list(MIRROR)] * torch.tensor([-1.0, 1.0, 1.0])
        joints = torch.where(torch.from_numpy(rng.random(count) < 0.5)[:, None, None, None], mirrored, joints)
    furthest = math.pi if config.facing == "as_recorded" else config.turn_rad
    joints = turn(joints, _uniform(rng, furthest, count))
    joints = at_tempo(joints, mask, _uniform(rng, config.tempo, count).exp())
    joints = joints * (1 + _uniform(rng, config.scale, count))[:, None, None, None]
    noise = rng.standard_normal(joints.shape, dtype=np.float32) * np.float32(config.noise_m)
    return joints + torch.from_numpy(noise)


def at_tempo(
    joints: Float[Tensor, "B T J 3"], mask: Bool[Tensor, "B T"], tempo: Float[Tensor, "B"]
) -> Float[Tensor, "B T J 3"]:
    """Motions played faster (tempo above 1) or slower from their first frame; the last real one is held."""
    last = mask.sum(1, keepdim=True) - 1
    position = torch.minimum(torch.arange(joints.shape[1]) * tempo[:, None], last)
    before = position.floor().long()
    after = torch.minimum(before + 1, last)
    part = (position - before)[..., None, None]
    row = torch.arange(len(joints))[:, None]
    return joints[row, before] * (1 - part) + joints[row, after] * part


def _uniform(rng: np.random.Generator, furthest: float, count: int) -> Float[Tensor, "B"]:
    return torch.from_numpy(rng.uniform(-furthest, furthest, count).astype(np.float32))


@dataclass(frozen=True)
class _Watched:
    """Fixed windows of the held-out part, ready for the network."""

    joints: Float[Tensor, "B T 24 3"]
    mask: Bool[Tensor, "B T"]
    action: Int[Tensor, "B"]

    @classmethod
    def cut(
        cls, recogniser: Recogniser, held_out: Dataset, config: RecogniserTrainConfig
    ) -> "_Watched | None":
        if not held_out.clips:
            return None
        clips = Clips(held_out, ClipConfig(config.num_frames, config.fps))
        indices = np.tile(np.arange(len(clips)), 1 if config.num_frames == -1 else WINDOWS_PER_CLIP)
        batch = clips.batch(indices, np.random.default_rng(config.seed))
        return cls(recogniser.joints(batch.features), batch.mask, batch.action)

    def measure(self, network: GruRecogniser) -> tuple[float, float]:
        """Cross-entropy and accuracy."""
        network.eval()
        with torch.inference_mode():
            logits = network(self.joints, self.mask).logits
        right = (logits.argmax(1) == self.action).float().mean()
        return cross_entropy(logits, self.action).item(), right.item()


def _score(recogniser: Recogniser, dataset: Dataset, seed: int) -> dict[str, Any] | None:
    """Accuracies and confusion counts on a data set; None when it has no clips."""
    if not dataset.clips:
        return None
    windows = recognise_windows(recogniser, dataset, seed=seed)
    confusion = confusion_matrix(windows.labels, windows.predicted, len(recogniser.actions))
    per_action = [None if math.isnan(share) else round(share, 4) for share in accuracy_per_action(confusion)]
    return {
        "clips": len(dataset.clips),
        "windows": len(windows.labels),
        "accuracy": round(accuracy(confusion), 4),
        "accuracy_per_action": dict(zip(recogniser.actions, per_action, strict=True)),
        "confusion": confusion.tolist(),
    }


def _provenance(dataset: Dataset, config: RecogniserTrainConfig, metrics: dict[str, Any]) -> dict[str, Any]:
    shares = {part: metrics[part]["accuracy"] for part in ("held_out", "test") if metrics[part]}
    return {"dataset": dataset.provenance, "training": asdict(config), "accuracy": shares}


def _write(out: Path, recogniser: Recogniser, metrics: dict[str, Any], log: list[_Epoch]) -> Path:
    part = "test" if metrics["test"] else "held_out"
    if metrics[part]:
        title = f"{part.replace('_', '-')} accuracy {100 * metrics[part]['accuracy']:.1f} %"
        picture = draw_confusion(np.array(metrics[part]["confusion"]), recogniser.actions, title)
        write_atomically(out / "confusion.png", picture)
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(asdict(log[0]))
    rows.writerows([f"{value:.6g}" for value in asdict(epoch).values()] for epoch in log)
    write_atomically(out / "log.csv", table.getvalue().encode())
    write_atomically(out / "metrics.json", json.dumps(metrics, indent=1).encode())
    recogniser.save(out / "model.safetensors")
    return out / "model.safetensors"


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[info]}"),
    )
