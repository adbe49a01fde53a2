"""Video -> one motion per person. Each estimator is chosen by name and imported only then."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from motionary.estimators.estimate import PersonEstimate, VideoEstimate, View, save_estimate

__all__ = [
    "ESTIMATORS",
    "Estimator",
    "PersonEstimate",
    "VideoEstimate",
    "View",
    "load_estimator",
    "save_estimate",
]

ESTIMATORS = {
    "blazepose": "motionary.estimators.blazepose:BlazePose",
}
"""Name -> module:factory. A factory takes the estimator's options and returns an Estimator."""


@runtime_checkable
class Estimator(Protocol):
    """Anything that turns a video into people."""

    def __call__(self, video: Path) -> VideoEstimate:
        """Estimate everybody's motion.

        Raises:
            FileNotFoundError: If there is no such video, or the estimator's weights cannot be had.
            ValueError: If the video cannot be read, or shows nobody for long enough.
        """
        ...


def load_estimator(name: str = "blazepose", **options: Any) -> Estimator:
    """An estimator, ready to be called with a video's path.

    Args:
        name: One of ESTIMATORS.
        options: The estimator's own, such as focal_px of blazepose.

    Raises:
        ValueError: If there is no estimator of that name.
        FileNotFoundError: If its weights are missing and cannot be fetched.
    """
    if name not in ESTIMATORS:
        raise ValueError(f"There is no estimator {name!r}; there is {', '.join(sorted(ESTIMATORS))}.")
    module, _, factory = ESTIMATORS[name].partition(":")
    create: Callable[..., Estimator] = getattr(import_module(module), factory)
    return create(**options)
