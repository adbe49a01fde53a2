"""Estimators that other packages bring, under the entry point group `motionary.estimators`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from motionary.estimators.estimate import VideoEstimate

GROUP = "motionary.estimators"


@dataclass(frozen=True)
class Plugin:
    """An estimator of another package, whose mistakes become one line that names it."""

    title: str
    """Name, package and object."""
    run: Callable[[Path], VideoEstimate]

    def __call__(self, video: Path) -> VideoEstimate:
        """Estimate everybody's motion.

        Raises:
            FileNotFoundError: If there is no such video.
            ValueError: If the plug-in fails on the video, or returns something else than a VideoEstimate.
        """
        try:
            estimate = self.run(video)
        except (ValueError, OSError):
            raise  # what the protocol allows
        except Exception as error:
            raise ValueError(f"{self.title} failed on {video}: {_said(error)}.") from error
        if not isinstance(estimate, VideoEstimate):
            raise ValueError(
                f"{self.title} returned a {type(estimate).__name__} for {video}; "
                "a motionary.estimators.VideoEstimate was expected."
            )
        return estimate


def plugin_names() -> list[str]:
    """Names under which installed packages offer estimators; a built-in estimator of the same name wins."""
    return sorted(entry_points(group=GROUP).names)


def load_plugin(name: str, options: Mapping[str, Any]) -> Plugin:
    """The estimator that an installed package offers under a name.

    Raises:
        ValueError: If it cannot be imported or made, or two packages offer it.
        FileNotFoundError: If it says that its weights are missing.
    """
    title = _title(name)
    factory = plugin_factory(name)
    try:
        run = factory(**options)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{title} cannot be loaded: {_said(error)}.") from error
    if not callable(run):
        raise ValueError(f"{title} makes a {type(run).__name__}, which cannot be called with a video's path.")
    return Plugin(title, run)


def plugin_factory(name: str) -> Callable[..., Any]:
    """What makes a plug-in's estimator, not called yet.

    Raises:
        ValueError: If it cannot be imported, or two packages offer it.
    """
    title = _title(name)
    try:
        factory = _point(name).load()
    except Exception as error:
        raise ValueError(f"{title} cannot be loaded: {_said(error)}.") from error
    if not callable(factory):
        raise ValueError(f"{title} is a {type(factory).__name__}; a class or function was expected.")
    return factory


def _point(name: str) -> EntryPoint:
    found = list(entry_points(group=GROUP, name=name))
    if len({point.value for point in found}) > 1:
        owners = " and ".join(sorted(_owner(point) for point in found))
        raise ValueError(f"Several packages offer an estimator {name!r}: {owners}. Uninstall all but one.")
    return found[0]


def _title(name: str) -> str:
    return f"Plug-in estimator {name!r} ({_owner(_point(name))})"


def _owner(point: EntryPoint) -> str:
    package = f"{point.dist.name} {point.dist.version}, " if point.dist else ""
    return f"{package}{point.value}"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".: ")
