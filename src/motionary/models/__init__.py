"""Networks and their files."""

from motionary.models.checkpoint import Checkpoint, Model, load_model

__all__ = ["Checkpoint", "Model", "load_model"]
