"""Training: one plain loop over epochs, resumable to the same loss curve."""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from motionary.atomic import working_in, write_atomically
from motionary.body.assets import default_body
from motionary.datasets import Clips, Dataset
from motionary.datasets.suspects import LossWatch
from motionary.features import features_to_motion
from motionary.grounding import with_feet_on_ground
from motionary.interruption import Stop, stopping_where_it_fits
from motionary.labels import file_names
from motionary.models.actor import Posterior, sample_latents
from motionary.models.checkpoint import MODEL_FILE, Model
from motionary.models.loss import ActorLoss, actor_loss
from motionary.models.prior import Prior, fit_prior
from motionary.training.config import PRESETS, TrainConfig
from motionary.training.journal import Journal
from motionary.training.processes import Processes
from motionary.training.state import STATE_FILE, Begun, Run, seed_epoch
from motionary.training.step import Step
from motionary.training.windows import standing_windows

CONFIG_FILE = "config.json"
TOTAL = 3
"""Column of the total among a step's losses."""
SAMPLES_FOLDER = "samples"


def train(
    dataset: Dataset, out: Path | str, config: TrainConfig | None = None, *, stop_after: int | None = None
) -> Path:
    """Train ACTOR on a data set's train split, watching its test split.

    Started by torchrun in several processes, they share every batch; the first one writes the files.

    Args:
        dataset: Labelled motions.
        out: Folder of the run: model.safetensors, the state to resume from, config.json, metrics.jsonl,
            tensorboard/ and samples/.
        config: The preset `best` when None.
        stop_after: Pause after this many epochs of the run; `resume` goes on.

    Returns:
        Path of the model.

    Raises:
        ValueError: If the folder holds a run already or is the data set's own, an action has no training
            clip, or the loss stops being finite.
    """
    out, config = Path(out), config or PRESETS["best"]
    dataset.check_apart(out)
    _check_unused(out)
    _check(dataset)
    processes = Processes.join()
    with _alone_in(out, processes):
        if processes.first:
            _check_unused(out)
        run = Run.start(dataset, config)
        if processes.first:
            write_atomically(out / CONFIG_FILE, json.dumps(config.to_dict(), indent=1).encode())
        return _train(run, out, stop_after, processes)


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
    out = Path(out)
    if not (out / STATE_FILE).is_file():
        Run.load(out)  # which says that there is none
    processes = Processes.join()
    with _alone_in(out, processes):
        return _train(Run.load(out, epochs=epochs), out, stop_after, processes)


@contextmanager
def _alone_in(out: Path, processes: Processes) -> Iterator[None]:
    """The first process holds the folder for all."""
    with working_in(out) if processes.first else nullcontext():
        yield


def _check_unused(out: Path) -> None:
    if (out / STATE_FILE).exists() or (out / MODEL_FILE).exists():
        raise ValueError(
            f"{out} holds a run already; go on with `motionary train --resume {out}` or name another."
        )


def _train(run: Run, out: Path, stop_after: int | None, processes: Processes) -> Path:
    config = run.config
    clips = Clips(run.dataset.split("train"), config.clips(), config.augment, run.device)
    held_out = Clips(run.dataset.split("test"), config.clips(), device=run.device)
    last = min(config.epochs, stop_after or config.epochs)
    step = Step(run, processes)
    watch = LossWatch(run.dataset.split("train"), f"The last state that was saved in {out}, if any, is kept.")
    processes.wait()  # none saves before all have looked for an earlier run
    with torch.random.fork_rng(), _journal(run, out, processes) as journal, _stopping(processes) as stop:
        saving = Saving(run, clips, out, stop)
        if run.epoch >= last and processes.first:
            saving.save()  # it may have been killed between its state and its model
        while run.epoch < last:
            values = _train_epoch(run, clips, step, saving, watch)
            run.epoch += 1
            if not processes.first:
                continue
            if len(held_out) and _due(run, config.validate_every):
                values |= _validate(run, held_out)
            journal.record(run.epoch, values)
            if _due(run, config.sample_every):
                _save_samples(run, clips, out)
            if run.epoch == last:
                saving.save()
            else:
                saving.save_if_due()
    processes.wait()
    return out / MODEL_FILE


def _stopping(processes: Processes) -> AbstractContextManager[Stop]:
    """One process can stop after any step; of several none can, as the others would wait for it."""
    return stopping_where_it_fits() if processes.count == 1 else nullcontext(Stop())


@dataclass
class Saving:
    """Saves a run every few minutes, and before it stops."""

    run: Run
    clips: Clips
    out: Path
    stop: Stop
    saved_s: float = field(default_factory=time.monotonic)

    def save(self) -> None:
        """Write the state, then the model; `resume` writes the model where only the state came through."""
        self.run.save(self.out)
        _model(self.run, self.clips).save(self.out / MODEL_FILE)
        self.saved_s = time.monotonic()

    def save_if_due(self, check: Callable[[], object] = lambda: None) -> None:
        """Save if it was long ago, or somebody wants the run to stop, which it then does.

        Args:
            check: Called before.

        Raises:
            KeyboardInterrupt: If the run is to stop.
        """

        def save() -> None:
            check()
            self.save()

        if time.monotonic() - self.saved_s > self.run.config.save_minutes * 60:
            save()
        self.stop.leave_if_asked(save)


def _train_epoch(run: Run, clips: Clips, step: Step, saving: Saving, watch: LossWatch) -> dict[str, float]:
    """One window of every clip, or of those that were left where the epoch was saved; the mean losses."""
    rng, noise = seed_epoch(run.config.seed, run.epoch, step.processes.rank)
    rate = learning_rate(run.config, run.epoch)
    run.set_learning_rate(rate)
    draws = clips.draws(run.config.batch_size, rng)
    seen = [indices for indices, _ in draws]
    noises = (noise.standard_normal((len(batch), run.config.latent_dim), np.float32) for batch in seen)
    losses: list[Tensor] = []
    if run.begun:
        losses = list(run.begun.losses.to(run.device))
        run.begun.resume_dropout(run.device)

    def check() -> None:
        watch.check(run.epoch + 1, torch.stack(losses).double().cpu().numpy()[:, TOTAL], seen)
        run.begun = Begun.now(losses, run.device)

    to_come = draws[len(losses) :]
    for _ in losses:
        next(noises)
    for batch in clips.batches(to_come, run.config.loader_workers):
        losses.append(step(batch, torch.from_numpy(next(noises))))
        if step.processes.count == 1 and len(losses) < len(draws):
            saving.save_if_due(check)
    run.begun = None
    numbers = step.processes.sum(torch.stack(losses)).double().cpu().numpy()
    watch.check(run.epoch + 1, numbers[:, TOTAL], seen)
    total = np.array([len(batch) for batch in seen]) / len(clips) @ numbers
    return {**_named("train", total), "train/learning_rate": rate}


@torch.no_grad()
def _validate(run: Run, clips: Clips) -> dict[str, float]:
    """Losses on one fixed window of every held-out clip, decoded from the mean of its posterior."""
    network = run.result.eval()
    rng = np.random.default_rng(run.config.seed)
    total = np.zeros(4)
    for start in range(0, len(clips), run.config.batch_size):
        indices = range(start, min(start + run.config.batch_size, len(clips)))
        batch = clips.batch(indices, rng)
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


def _journal(run: Run, out: Path, processes: Processes) -> AbstractContextManager[Any]:
    """The run's log, kept by the first process alone."""
    return Journal(out, run.epoch, run.config.epochs) if processes.first else nullcontext()


def _model(run: Run, clips: Clips) -> Model:
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
        prior=_prior(run, clips) if run.config.latents != "standard" else None,
        feet=run.config.feet,
    )


@torch.no_grad()
def _prior(run: Run, clips: Clips) -> Prior:
    """Where the latents of training windows lie."""
    network, parts = run.result.eval(), []
    for batch in standing_windows(clips, run.config.seed):
        posterior = network.encode(batch.features, batch.action, batch.mask)
        parts.append((posterior.mean.cpu(), posterior.log_variance.cpu(), batch.action.cpu()))
    mean, log_variance, action = (torch.cat(part) for part in zip(*parts, strict=True))
    posterior = Posterior(mean, log_variance)
    config, num_actions = run.config, len(run.dataset.actions)
    return fit_prior(config.latents, posterior, action, num_actions, config.reach)


def _save_samples(run: Run, clips: Clips, out: Path) -> None:
    """One generated motion of every action; always the same latent, so that epochs compare."""
    model, body = _model(run, clips), default_body()
    z = sample_latents(1, run.config.latent_dim, run.config.seed)
    length = run.config.num_frames if run.config.num_frames > 0 else int(np.median(clips.lengths))
    names, folder = file_names(clips.actions), out / SAMPLES_FOLDER / f"epoch_{run.epoch:05d}"
    for label, action in enumerate(clips.actions):
        features = model.decode_action(z, label, length)[0]
        motion = features_to_motion(features, run.config.fps, action)
        with_feet_on_ground(motion, body).save(folder / f"{names[action]}.npz")


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
