"""Motionary: learns human motion from ordinary videos and performs it again on demand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motionary.body.assets import load_body
    from motionary.estimators import load_estimator
    from motionary.evaluation import evaluate
    from motionary.generation import generate
    from motionary.models import load_model
    from motionary.motion import Motion

_HOME = {
    "Motion": "motionary.motion",
    "load_body": "motionary.body.assets",
    "load_estimator": "motionary.estimators",
    "load_model": "motionary.models",
    "generate": "motionary.generation",
    "evaluate": "motionary.evaluation",
}

__all__ = ["Motion", "evaluate", "generate", "load_body", "load_estimator", "load_model"]


def __getattr__(name: str) -> Any:
    """Import each public name on first use, so that `import motionary` and `motionary --help` are quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'motionary' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
