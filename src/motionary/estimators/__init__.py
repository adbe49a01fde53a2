"""Video -> one motion per person. Each estimator is chosen by name and imported only then.

Other packages add estimators under the entry point group `motionary.estimators` (see `plugins`).
"""

import inspect
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from motionary.estimators.estimate import PersonEstimate, VideoEstimate, View, save_estimate
from motionary.estimators.fitting import Camera
from motionary.estimators.plugins import load_plugin, plugin_factory, plugin_names
from motionary.estimators.video import Video

__all__ = [
    "ESTIMATORS",
    "Camera",
    "Estimator",
    "PersonEstimate",
    "Video",
    "VideoEstimate",
    "View",
    "factory_of",
    "load_estimator",
    "save_estimate",
]

ESTIMATORS = {
    "blazepose": "motionary.estimators.blazepose:BlazePose",
    "vibe": "motionary.estimators.vibe:create_vibe",
    "pare": "motionary.estimators.pare:create_pare",
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
        name: One of ESTIMATORS, or of a plug-in.
        options: The estimator's own, such as focal_px of blazepose.

    Raises:
        ValueError: If there is no estimator of that name, it lacks an option, or its plug-in does not work.
        FileNotFoundError: If its weights are missing and cannot be fetched.
    """
    if name not in ESTIMATORS and name in plugin_names():
        return load_plugin(name, options)
    factory = factory_of(name)
    known = inspect.signature(factory).parameters.values()
    takes = {parameter.name for parameter in known if parameter.kind is parameter.KEYWORD_ONLY}
    unknown = sorted(set(options) - takes)
    if unknown and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
        raise ValueError(f"{name} has no option {unknown[0]!r}; it has {', '.join(sorted(takes))}.")
    return factory(**options)


def factory_of(name: str) -> Callable[..., Estimator]:
    """What makes the estimator of a name, not called yet.

    Raises:
        ValueError: As `load_estimator`.
    """
    if name in ESTIMATORS:
        if name in plugin_names():
            warnings.warn(
                f"The estimator {name!r} is Motionary's own; no plug-in may take its name.", stacklevel=3
            )
        module, _, factory = ESTIMATORS[name].partition(":")
        create: Callable[..., Estimator] = getattr(import_module(module), factory)
        return create
    if name in plugin_names():
        return plugin_factory(name)
    known = ", ".join(sorted({*ESTIMATORS, *plugin_names()}))
    raise ValueError(f"There is no estimator {name!r}; there is {known}.")
