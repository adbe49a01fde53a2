"""How ACTOR and its judges learn where an experiment trains many of them: for a number of steps."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from motionary.datasets import Dataset
from motionary.models.recognisers import Recogniser
from motionary.recognition import RecogniserTrainConfig, load_recogniser, train_recogniser
from motionary.training import PRESETS, train


@dataclass(frozen=True)
class Recipe:
    """How long, and from what windows."""

    actor_steps: int = 350
    """Of ACTOR's preset `best`, whatever the number of clips."""
    judge_steps: int = 200
    """Of a GRU."""
    frames: int = 20
    """Of a window."""
    fps: float = 10.0


def epochs_for(steps: int, clips: int, batch_size: int) -> int:
    """Passes over the clips that come to a number of steps, or little more."""
    return math.ceil(steps / math.ceil(clips / batch_size))


def train_actor(dataset: Dataset, out: Path, recipe: Recipe, seed: int) -> Path:
    """ACTOR on a train split, unless the folder holds it already; the model's path."""
    model = out / "model.safetensors"
    if model.is_file():
        return model
    epochs = epochs_for(recipe.actor_steps, len(dataset.split("train")), PRESETS["best"].batch_size)
    config = replace(
        PRESETS["best"],
        epochs=epochs,
        warmup_epochs=max(1, epochs // 100),
        num_frames=recipe.frames,
        fps=recipe.fps,
        average_decay=1 - 10 / recipe.actor_steps,  # the preset's would remember the first of so few steps
        sample_every=epochs,
        validate_every=epochs,
        save_minutes=1e6,  # so that a model is one of the last epoch
        seed=seed,
    )
    return train(dataset, out, config)


def train_judge(dataset: Dataset, out: Path, recipe: Recipe, seed: int) -> Recogniser:
    """A recogniser from all clips of a train split, as it is after the last step."""
    if not (out / "model.safetensors").is_file():
        clips = len(dataset.split("train"))
        epochs = epochs_for(recipe.judge_steps, clips, RecogniserTrainConfig.batch_size)
        config = RecogniserTrainConfig(
            num_frames=recipe.frames, fps=recipe.fps, epochs=epochs, patience=epochs, held_out=0.0, seed=seed
        )
        train_recogniser(dataset, out, config)
    return load_recogniser(out)
