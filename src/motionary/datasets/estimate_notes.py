"""What is known of a person's motion file that an estimator wrote: `estimate.json` beside it tells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motionary.documents import read_json

INDEX_NAME = "estimate.json"


@dataclass(frozen=True)
class Estimated:
    """Where a motion was seen."""

    video: str
    start_s: float
    """In the video."""
    verdict: str | None
    """What the estimator thought of it, where it says."""


def estimated(path: Path) -> Estimated | None:
    """What `estimate.json` in a motion file's folder says of it; None where there is none that names it."""
    index = path.parent / INDEX_NAME
    try:
        content = read_json(index)
        person = next((person for person in content["people"] if person["file"] == path.name), None)
        return None if person is None else _estimated(content["video"], person)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None  # missing, or not of ours


def _estimated(video: dict[str, Any], person: dict[str, Any]) -> Estimated:
    verdict = person.get("quality", {}).get("verdict")
    return Estimated(str(video["name"]), float(person["start_s"]), verdict and str(verdict))
