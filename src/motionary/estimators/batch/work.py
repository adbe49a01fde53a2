"""What a worker does with one video: look whether it is done, estimate it, save it with a receipt."""

import hashlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motionary import progress
from motionary.atomic import sweep
from motionary.documents import read_json
from motionary.estimators import Estimator, factory_of, load_estimator, save_estimate
from motionary.estimators.batch.jobs import Job
from motionary.estimators.choosing import choose
from motionary.estimators.pictured import VIEWS_FILE
from motionary.estimators.quality import judged_estimate

ESTIMATE_NAME = "estimate.json"


@dataclass(frozen=True)
class WorkConfig:
    """What every worker of a run needs to know."""

    out: Path
    estimator: str
    options: dict[str, Any]
    person: str
    """Whose motions are kept."""

    def receipt(self, checksum: str) -> dict[str, Any]:
        """What a result is made from, kept beside it: who finds it need not make it again."""
        return {
            "checksum": checksum,
            "estimator": self.estimator,
            "options": self.options,
            "person": self.person,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    checksum: str
    people: int
    """Motions saved; none where it failed."""
    reason: str = ""
    """Why it failed."""


class Work:
    """A worker's estimator, loaded once.

    Whatever a video provokes is that video's outcome. A result that cannot be written is an error of the
    whole run.
    """

    def __init__(self, config: WorkConfig) -> None:
        self.config = config
        self._run = _on_one_thread(config)

    def __call__(self, job: Job) -> Outcome:
        """Estimate one video, unless its result is there already.

        Raises:
            OSError: If the result cannot be written.
        """
        folder = self.config.out / job.folder
        try:
            checksum = sha256(job.path)
        except OSError as error:
            return Outcome("", 0, f"{job.path} cannot be read ({error.strerror}).")
        if people := people_in(folder, self.config.receipt(checksum)):
            return Outcome(checksum, people)
        clear(folder)
        try:
            with progress.hushed():  # many workers would speak at once; who gave the video counts it
                estimate = judged_estimate(choose(self._run(job.path), self.config.person))
        except (ValueError, FileNotFoundError) as error:
            return Outcome(checksum, 0, " ".join(str(error).split()))
        except Exception as error:  # a mistake of the estimator costs this video alone
            return Outcome(checksum, 0, " ".join(f"{type(error).__name__}: {error}".split()))
        save_estimate(estimate, folder, receipt=self.config.receipt(checksum))
        return Outcome(checksum, len(estimate.people))


def _on_one_thread(config: WorkConfig) -> Estimator:
    """The estimator on one thread: workers share the processors, and results must not depend on them."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    takes_threads = "num_threads" in inspect.signature(factory_of(config.estimator)).parameters
    threads = {"num_threads": 1} if takes_threads else {}
    return load_estimator(config.estimator, **threads, **config.options)


def people_in(folder: Path, receipt: dict[str, Any]) -> int:
    """How many motions a folder holds, if its receipt is this one and they are all there; else 0."""
    try:
        found = read_json(folder / ESTIMATE_NAME)
        files = [folder / person["file"] for person in found["people"]]
        return len(files) if found["receipt"] == receipt and all(path.is_file() for path in files) else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def clear(folder: Path) -> None:
    """Remove an earlier result, its receipt first, and what was left half written."""
    (folder / ESTIMATE_NAME).unlink(missing_ok=True)
    for path in (*folder.glob("person_*.npz"), folder / "people.png", folder / VIEWS_FILE):
        path.unlink(missing_ok=True)
    sweep(folder)


def sha256(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
