"""Recognising windows cut from a data set's clips. N windows, K features."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from motionary.confusion import confusion_matrix
from motionary.datasets import ClipConfig, Clips, Dataset
from motionary.models.checkpoint import MODEL_FILE, find_checkpoint
from motionary.models.recognisers import Recogniser

WINDOWS_PER_CLIP = 4
"""Windows of every held-out or test clip that are scored."""

SCORING_BATCH = 256

RECOGNISER_FILE = "recogniser.safetensors"
"""Name of a recogniser among the files of a bundled model."""


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


def confusion_of(recogniser: Recogniser, dataset: Dataset) -> Int[np.ndarray, "C C"]:
    """How often motions of each action were recognised as which, in the order of the recogniser's labels.

    Raises:
        ValueError: If the data set has no clip, or actions that the recogniser does not know.
    """
    if not dataset.clips:
        raise ValueError(f"{dataset.root} has no motions to recognise.")
    if unknown := [action for action in dataset.actions if action not in recogniser.actions]:
        raise ValueError(
            f"The recogniser knows {', '.join(recogniser.actions)}; {dataset.root} has {', '.join(unknown)}."
        )
    windows = recognise_windows(recogniser, dataset)
    labels = np.array([recogniser.actions.index(action) for action in dataset.actions], np.int64)
    return confusion_matrix(labels[windows.labels], windows.predicted, len(recogniser.actions))
