"""Labelled motions on disk, and the clips cut from them for learning."""

from motionary.datasets.actions import ClipRecord, Rejected
from motionary.datasets.clips import ClipBatch, ClipConfig, Clips
from motionary.datasets.folder import Dataset, write_dataset
from motionary.datasets.splitting import stratified_split

__all__ = [
    "ClipBatch",
    "ClipConfig",
    "ClipRecord",
    "Clips",
    "Dataset",
    "Rejected",
    "stratified_split",
    "write_dataset",
]
