"""Training ACTOR on a data set."""

from motionary.training.config import PRESETS, TrainConfig, with_settings
from motionary.training.loop import resume, train

__all__ = ["PRESETS", "TrainConfig", "resume", "train", "with_settings"]
