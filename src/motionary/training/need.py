"""What a training run takes, told before it begins."""

import torch

from motionary.datasets import Dataset
from motionary.datasets.loading import MOST_IN_MEMORY_BYTES
from motionary.features import NUM_FEATURES, NUM_ROWS
from motionary.motion import resampled_length
from motionary.resources import Need
from motionary.training.config import TrainConfig
from motionary.training.windows import MOST_WINDOWS, WINDOWS_PER_CLIP


def training_need(dataset: Dataset, config: TrainConfig) -> Need:
    """About what a run takes: features held in memory, weights and moments, activations of a batch.

    B batch, T frames, Z latent size. Activations are counted as the published size needs them (0.6 GB for 20
    windows of 60 frames), and on a CPU alone: a GPU has memory of its own. A spectrum begins on the CPU with
    many windows at once (4,096 of 60 frames took 0.7 GB), before the first batch.
    """
    lengths = [resampled_length(clip.num_frames, clip.fps, config.fps) for clip in dataset.clips]
    frames = config.num_frames if config.num_frames > 0 else max(lengths, default=1)
    width, hidden, layers = config.latent_dim, config.ff_dim, config.num_layers
    weights = 4 * layers * (12 * width * width + 4 * width * hidden)
    batch = min(config.batch_size, max(len(lengths), 1))
    features = 4 * NUM_ROWS * NUM_FEATURES * sum(lengths)
    step = 0
    if not torch.cuda.is_available():
        attention = 2 * config.num_heads * (frames + 2)
        step = 8 * batch * (frames + 2) * layers * (14 * width + 4 * hidden + attention)
        step += 80_000 * batch * frames  # the bodies
    begin = 0
    if config.spectrum:
        windows = min(WINDOWS_PER_CLIP * len(lengths), MOST_WINDOWS)
        begin = 5 * 4 * NUM_ROWS * NUM_FEATURES * frames * windows
    return Need(
        memory=min(features, MOST_IN_MEMORY_BYTES) + 8 * sum(lengths) + 5 * weights + max(step, begin),
        disk=2 * 5 * weights,  # the new files are there before the old ones go
    )
