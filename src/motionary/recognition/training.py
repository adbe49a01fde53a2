"""Training an action recogniser on any data set, so that generated motions can be scored against it.

B batch, T frames, F numbers per joint.
"""

import csv
import io
import json
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from motionary import progress
from motionary.atomic import write_together
from motionary.body.assets import load_body
from motionary.confusion import (
    accuracy,
    accuracy_per_action,
    confusion_matrix,
    report_per_action,
)
from motionary.datasets import ClipBatch, ClipConfig, Clips, Dataset, stratified_split
from motionary.datasets.suspects import LossWatch
from motionary.export.charts import chart_bytes, draw_confusion
from motionary.models.checkpoint import MODEL_FILE
from motionary.models.recognisers import GruConfig, GruRecogniser, Network, Recogniser, RecogniserKind
from motionary.models.stgcn import Stgcn, StgcnConfig
from motionary.recognition.config import RecogniserTrainConfig
from motionary.recognition.variation import vary_joints, vary_rotations
from motionary.recognition.windows import WINDOWS_PER_CLIP, recognise_windows

WATCHED_AT_ONCE = 64
"""Held-out windows that are recognised in one batch; ST-GCN needs a few megabytes for each."""


@dataclass(frozen=True)
class TrainedKind:
    """What is particular to training one kind of recogniser."""

    make: Callable[[int, RecogniserTrainConfig], Network]
    """Network for a number of actions."""
    vary: Callable[[Tensor, Tensor, RecogniserTrainConfig, np.random.Generator], Tensor]
    """Variation of what the network sees, given the mask of real frames."""


def _gru(num_actions: int, config: RecogniserTrainConfig) -> GruRecogniser:
    return GruRecogniser(GruConfig(num_actions, hidden_dim=config.hidden_dim, dropout=config.dropout))


def _stgcn(num_actions: int, config: RecogniserTrainConfig) -> Stgcn:
    return Stgcn(StgcnConfig(num_actions, width=config.hidden_dim, dropout=config.dropout))


KINDS: dict[RecogniserKind, TrainedKind] = {
    "gru": TrainedKind(_gru, vary_joints),
    "stgcn": TrainedKind(_stgcn, vary_rotations),
}


def train_recogniser(dataset: Dataset, out: Path | str, config: RecogniserTrainConfig | None = None) -> Path:
    """Train on the train split, measure on the test split.

    Args:
        dataset: Labelled motions.
        out: Folder that gets `model.safetensors`, `metrics.json` (accuracies and confusion counts on the
            held-out part and the test split), `confusion.png` and `report.md` (every action, on the test
            split if there is one), and `log.csv`.
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
        recogniser = Recogniser(
            KINDS[config.kind].make(len(dataset.actions), config),
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
    watch = LossWatch(train, "Nothing was written.")
    best, best_weights = 0, deepcopy(network.state_dict())
    with progress.stage("training the recogniser", config.epochs, "epoch") as stage:
        for epoch in range(config.epochs):
            batches = clips.epoch(config.batch_size, rng)
            losses, seen = [], []
            for batch in batches:
                losses.append(_step(recogniser, optimizer, schedule, batch, config, rng))
                seen.append(batch.clip.numpy())
            watch.check(epoch + 1, np.array(losses), seen)
            loss, right = watched.measure(network) if watched else (math.nan, math.nan)
            log.append(_Epoch(epoch, float(np.mean(losses)), loss, right))
            if not loss >= log[best].held_out_loss or epoch == 0:
                best, best_weights = epoch, deepcopy(network.state_dict())
            stage.advance(note="" if math.isnan(right) else f"{100 * right:.0f} % of held-out right")
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
        seen = KINDS[config.kind].vary(recogniser.view(batch.features), batch.mask, config, rng)
    recogniser.network.train()
    logits = recogniser.network(seen, batch.mask).logits
    loss = cross_entropy(logits, batch.action, label_smoothing=config.label_smoothing)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(recogniser.network.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return loss.item()


@dataclass(frozen=True)
class _Watched:
    """Fixed windows of the held-out part, ready for the network."""

    seen: Float[Tensor, "B T 24 F"]
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
        return cls(recogniser.view(batch.features), batch.mask, batch.action)

    def measure(self, network: Network) -> tuple[float, float]:
        """Cross-entropy and accuracy."""
        network.eval()
        with torch.inference_mode():
            parts = zip(self.seen.split(WATCHED_AT_ONCE), self.mask.split(WATCHED_AT_ONCE), strict=True)
            logits = torch.cat([network(seen, mask).logits for seen, mask in parts])
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
    contents: dict[str, bytes] = {}
    if metrics[part]:
        title = f"{part.replace('_', '-')} accuracy {100 * metrics[part]['accuracy']:.1f} %"
        confusion = np.array(metrics[part]["confusion"])
        contents["confusion.png"] = chart_bytes(draw_confusion([(title, confusion)], recogniser.actions))
        contents["report.md"] = report_per_action(confusion, recogniser.actions, title).encode()
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(asdict(log[0]))
    rows.writerows([f"{value:.6g}" for value in asdict(epoch).values()] for epoch in log)
    contents["log.csv"] = table.getvalue().encode()
    contents["metrics.json"] = json.dumps(metrics, indent=1).encode()
    contents[MODEL_FILE] = recogniser.checkpoint().to_bytes()
    write_together(out, contents)
    return out / MODEL_FILE
