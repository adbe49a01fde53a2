"""Training an action recogniser on any data set, so that generated motions can be scored against it.

B batch, T frames, F numbers per joint.
"""

import csv
import io
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from motionary import progress
from motionary.atomic import working_in, write_atomically, write_together
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
from motionary.interruption import stopping_where_it_fits
from motionary.models.checkpoint import MODEL_FILE
from motionary.models.recognisers import GruConfig, GruRecogniser, Network, Recogniser, RecogniserKind
from motionary.models.stgcn import Stgcn, StgcnConfig
from motionary.recognition.config import RecogniserTrainConfig
from motionary.recognition.state import STATE_FILE, Epoch, Fit
from motionary.recognition.variation import vary_joints, vary_rotations
from motionary.recognition.windows import WINDOWS_PER_CLIP, recognise_windows

SAVE_MINUTES = 2.0
"""Between snapshots of a training on disk."""
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

    Stopped or killed, the same call goes on where it was.

    Args:
        dataset: Labelled motions.
        out: Folder that gets `model.safetensors`, `metrics.json` (accuracies and confusion counts on the
            held-out part and the test split), `confusion.png` and `report.md` (every action, on the test
            split if there is one), and `log.csv`.
        config: Defaults when None.

    Returns:
        Path of the checkpoint; `load_recogniser` takes it or the folder.

    Raises:
        ValueError: If there are fewer than two actions, an action has no training clip, another run works on
            the folder, it holds an unfinished training of something else, or it is the data set's own.
    """
    config = config or RecogniserTrainConfig()
    dataset.check_apart(Path(out))
    _check(dataset, config)
    with working_in(Path(out)):
        return _train(dataset, Path(out), config)


def _train(dataset: Dataset, out: Path, config: RecogniserTrainConfig) -> Path:
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
        log = _fit(recogniser, train_part, held_out_part, config, out / STATE_FILE)
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


def _fit(
    recogniser: Recogniser, train: Dataset, held_out: Dataset, config: RecogniserTrainConfig, kept: Path
) -> list[Epoch]:
    """Train the network in place, up to the epoch with the lowest held-out loss; returns the log.

    Without a held-out part the last epoch is kept. A training that was stopped goes on from the file `kept`.
    """
    clips = Clips(train, ClipConfig(config.num_frames, config.fps, config.sampling))
    watched = _Watched.cut(recogniser, held_out, config)
    fit = _start(recogniser.network, clips, config, [clip.path for clip in (*train.clips, *held_out.clips)])
    fit.resume(kept)
    watch = LossWatch(train, "Nothing was written.")
    watch.lowest = min((epoch.train_loss for epoch in fit.log), default=math.inf)
    saved_s = time.monotonic()
    with (
        progress.stage("training the recogniser", config.epochs, "epoch") as stage,
        stopping_where_it_fits() as stop,
    ):
        stage.skip(len(fit.log))
        while not fit.is_over(config.epochs, config.patience):
            before = fit.snapshot()
            losses, seen = [], []
            for batch in clips.epoch(config.batch_size, fit.rng):
                losses.append(_step(recogniser, fit, batch, config))
                seen.append(batch.clip.numpy())
                stop.leave_if_asked(partial(write_atomically, kept, before))
            watch.check(len(fit.log) + 1, np.array(losses), seen)
            loss, right = watched.measure(recogniser.network) if watched else (math.nan, math.nan)
            fit.note(Epoch(len(fit.log), float(np.mean(losses)), loss, right))
            stage.advance(note="" if math.isnan(right) else f"{100 * right:.0f} % of held-out right")
            if time.monotonic() - saved_s > SAVE_MINUTES * 60:
                write_atomically(kept, fit.snapshot())
                saved_s = time.monotonic()
    recogniser.network.load_state_dict(fit.best_weights)
    return fit.log


def _start(network: Network, clips: Clips, config: RecogniserTrainConfig, paths: list[str]) -> Fit:
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    steps = config.epochs * math.ceil(len(clips) / config.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, steps, pct_start=0.2)
    rng = np.random.default_rng(config.seed)
    return Fit(network, optimizer, schedule, rng, {"config": asdict(config), "clips": paths})


def _step(recogniser: Recogniser, fit: Fit, batch: ClipBatch, config: RecogniserTrainConfig) -> float:
    """One update; returns the loss."""
    with torch.no_grad():
        seen = KINDS[config.kind].vary(recogniser.view(batch.features), batch.mask, config, fit.rng)
    recogniser.network.train()
    logits = recogniser.network(seen, batch.mask).logits
    loss = cross_entropy(logits, batch.action, label_smoothing=config.label_smoothing)
    fit.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(recogniser.network.parameters(), 1.0)
    fit.optimizer.step()
    fit.schedule.step()
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


def _write(out: Path, recogniser: Recogniser, metrics: dict[str, Any], log: list[Epoch]) -> Path:
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
    (out / STATE_FILE).unlink(missing_ok=True)
    return out / MODEL_FILE
