"""Training ACTOR on a data set."""

from motionary.training.config import PRESETS, TrainConfig, with_settings
from motionary.training.loop import resume, train
from motionary.training.need import training_need

__all__ = ["PRESETS", "TrainConfig", "resume", "train", "training_need", "with_settings"]
