"""Training: one plain loop over epochs, resumable to the same loss curve."""

import json
import math
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from motionary.atomic import write_atomically
from motionary.body.assets import load_body
from motionary.datasets import ClipBatch, Clips, Dataset
from motionary.features import features_to_motion
from motionary.models.actor import ActorLoss, actor_loss, sample_latents
from motionary.models.checkpoint import MODEL_FILE, Model
from motionary.training.config import PRESETS, TrainConfig
from motionary.training.journal import Journal
from motionary.training.state import STATE_FILE, Run, seed_epoch

CONFIG_FILE = "config.json"
SAMPLES_FOLDER = "samples"


def train(
    dataset: Dataset, out: Path | str, config: TrainConfig | None = None, *, stop_after: int | None = None
) -> Path:
    """Train ACTOR on a data set's train split, watching its test split.

    Args:
        dataset: Labelled motions.
        out: Folder of the run: model.safetensors, the state to resume from, config.json, metrics.jsonl,
            tensorboard/ and samples/.
        config: The preset `small` when None.
        stop_after: Pause after this many epochs of the run; `resume` goes on.

    Returns:
        Path of the model.

    Raises:
        ValueError: If the folder holds a run already, an action has no training clip, or the loss stops being
            finite.
    """
    out, config = Path(out), config or PRESETS["small"]
    if (out / STATE_FILE).exists() or (out / MODEL_FILE).exists():
        raise ValueError(
            f"{out} holds a run already; go on with `motionary train --resume {out}` or name another."
        )
    _check(dataset)
    write_atomically(out / CONFIG_FILE, json.dumps(config.to_dict(), indent=1).encode())
    return _train(Run.start(dataset, config), out, stop_after)


def resume(out: Path | str, *, epochs: int | None = None, stop_after: int | None = None) -> Path:
    """Go on with a run where it was last saved; on one CPU the losses are those of a run never interrupted.

    Args:
        out: Folder of the run.
        epochs: Length of the run from now on, to make it longer or shorter than planned.
        stop_after: Pause after this many epochs of the run.

    Returns:
        Path of the model.

    Raises:
        FileNotFoundError: If the folder holds no run, or the data set has gone.
        ValueError: If the state is damaged, the data set has changed, or the loss stops being finite.
    """
    return _train(Run.load(Path(out), epochs=epochs), Path(out), stop_after)


def _train(run: Run, out: Path, stop_after: int | None) -> Path:
    config = run.config
    clips = Clips(run.dataset.split("train"), config.clips(), config.augment)
    held_out = Clips(run.dataset.split("test"), config.clips())
    last = min(config.epochs, stop_after or config.epochs)
    saved_s = time.monotonic()
    with torch.random.fork_rng(), Journal(out, run.epoch, config.epochs) as journal:
        while run.epoch < last:
            values = _train_epoch(run, clips)
            run.epoch += 1
            if len(held_out) and _due(run, config.validate_every):
                values |= _validate(run, held_out)
            journal.record(run.epoch, values)
            if _due(run, config.sample_every):
                _save_samples(run, clips, out)
            if run.epoch == last or time.monotonic() - saved_s > config.save_minutes * 60:
                _save(run, out)
                saved_s = time.monotonic()
    return out / MODEL_FILE


def _train_epoch(run: Run, clips: Clips) -> dict[str, float]:
    """One window of every clip; the mean losses."""
    rng = seed_epoch(run.config.seed, run.epoch)
    rate = learning_rate(run.config, run.epoch)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    total = np.zeros(4)
    for batch in clips.epoch(run.config.batch_size, rng, run.config.loader_workers):
        loss = _step(run, batch)
        total += len(batch.clip) / len(clips) * _numbers(loss)
    return {**_named("train", total), "train/learning_rate": rate}


def _step(run: Run, batch: ClipBatch) -> ActorLoss:
    """One step of the optimiser."""
    run.network.train()
    batch_here = batch.to(run.device)
    noise = torch.randn(len(batch.clip), run.config.latent_dim, device=run.device)
    mask = None if run.config.num_frames > 0 else batch_here.mask
    output, posterior = run.network(batch_here.features, batch_here.action, mask, noise)
    loss = actor_loss(output, batch_here.features, mask, posterior, run.points, run.config.loss)
    if not loss.total.isfinite():
        records = run.dataset.split("train").clips
        names = ", ".join(records[index].path for index in batch.clip.tolist())
        raise ValueError(
            f"The loss is {loss.total.item()} in epoch {run.epoch + 1}, on {names}: "
            f"lower learning_rate, or look at those clips. The last saved state is kept."
        )
    run.optimizer.zero_grad()
    loss.total.backward()
    if run.config.clip_norm > 0:
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), run.config.clip_norm)
    run.optimizer.step()
    if run.average is not None:
        run.average.update_parameters(run.network)
    return loss


@torch.no_grad()
def _validate(run: Run, clips: Clips) -> dict[str, float]:
    """Losses on one fixed window of every held-out clip, decoded from the mean of its posterior."""
    network = run.result.eval()
    rng = np.random.default_rng(run.config.seed)
    total = np.zeros(4)
    for start in range(0, len(clips), run.config.batch_size):
        indices = range(start, min(start + run.config.batch_size, len(clips)))
        batch = clips.batch(indices, rng).to(run.device)
        noise = torch.zeros(len(indices), run.config.latent_dim, device=run.device)
        output, posterior = network(batch.features, batch.action, batch.mask, noise)
        loss = actor_loss(output, batch.features, batch.mask, posterior, run.points, run.config.loss)
        total += len(indices) / len(clips) * _numbers(loss)
    values = _named("validation", total)
    values["validation/points_mm"] = 1000 * math.sqrt(3 * values["validation/points"])
    return values


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """Rate in an epoch, counted from 0."""
    rate = config.learning_rate * min(1.0, (epoch + 1) / (config.warmup_epochs + 1))
    if config.schedule == "cosine":
        rate *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, epoch / config.epochs)))
    return rate


def _save(run: Run, out: Path) -> None:
    _model(run).save(out / MODEL_FILE)
    run.save(out)


def _model(run: Run) -> Model:
    """The network as users get it."""
    return Model(
        network=run.result.eval(),
        actions=run.dataset.actions,
        fps=run.config.fps,
        num_frames=run.config.num_frames,
        facing=run.config.facing,
        provenance={
            "dataset": run.dataset.root.resolve().name,
            "dataset_provenance": run.dataset.provenance,
            "training_clips": len(run.dataset.split("train")),
            "config": run.config.to_dict(),
            "epochs": run.epoch,
            "motionary": version("motionary"),
            "torch": torch.__version__,
        },
        licence=run.dataset.licence,
    )


def _save_samples(run: Run, clips: Clips, out: Path) -> None:
    """One generated motion of every action; always the same latent, so that epochs compare."""
    network, body = run.result.eval(), load_body()
    z = sample_latents(1, run.config.latent_dim, run.config.seed)
    length = run.config.num_frames if run.config.num_frames > 0 else int(np.median(clips.lengths))
    for label, action in enumerate(clips.actions):
        features = network.decode_action(z, label, length)[0]
        motion = features_to_motion(features, run.config.fps, action).on_ground(body)
        name = action.replace("/", "_")
        motion.save(out / SAMPLES_FOLDER / f"epoch_{run.epoch:05d}" / f"{name}.npz")


def _due(run: Run, every: int) -> bool:
    return run.epoch % every == 0 or run.epoch == run.config.epochs


def _check(dataset: Dataset) -> None:
    shown = {clip.action for clip in dataset.split("train").clips}
    if unseen := [action for action in dataset.actions if action not in shown]:
        raise ValueError(f"No training clip in {dataset.root} shows {', '.join(unseen)}.")


def _numbers(loss: ActorLoss) -> np.ndarray:
    return torch.stack([loss.features, loss.points, loss.kl, loss.total]).detach().cpu().double().numpy()


def _named(part: str, numbers: np.ndarray) -> dict[str, float]:
    names = ("features", "points", "kl", "total")
    return {f"{part}/{name}": float(number) for name, number in zip(names, numbers, strict=True)}
