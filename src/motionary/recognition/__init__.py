"""Action recognisers: trained on any data set, loaded by name, shown windows of motions."""

from motionary.recognition.config import TRAIN_CONFIGS, RecogniserTrainConfig
from motionary.recognition.training import train_recogniser
from motionary.recognition.windows import (
    RECOGNISER_FILE,
    RecognisedWindows,
    confusion_of,
    load_recogniser,
    recognise_windows,
)

__all__ = [
    "RECOGNISER_FILE",
    "TRAIN_CONFIGS",
    "RecognisedWindows",
    "RecogniserTrainConfig",
    "confusion_of",
    "load_recogniser",
    "recognise_windows",
    "train_recogniser",
]
