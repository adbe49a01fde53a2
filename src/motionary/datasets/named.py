"""The data sets that go by a name: where each is from, what its files look like, whether they are whole."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

from motionary.datasets.checking import Check, Progress
from motionary.datasets.folder import Dataset

NAMED = {
    "hdm05": "motionary.datasets.hdm05:HDM05",
    "bandai": "motionary.datasets.bandai:BANDAI",
    "amass": "motionary.datasets.amass:AMASS",
    "ntu13": "motionary.datasets.published_import:NTU13",
    "humanact12": "motionary.datasets.published_import:HUMANACT12",
    "uestc": "motionary.datasets.published_import:UESTC",
    "finegym": "motionary.finegym.named:FINEGYM",
}
"""Name -> module:object. The object is a NamedSet."""


@dataclass(frozen=True)
class About:
    """What to know before using a data set."""

    title: str
    page: str
    """Where its owners give it out."""
    licence: str
    """Noted in what is made of it, unless a user says otherwise."""
    layout: str
    """How to lay out what was downloaded."""


@dataclass(frozen=True)
class NamedImport:
    """How a named data set becomes one of ours."""

    fps: float | None = None
    """Frame rate that every clip is brought to; each keeps its own when None."""
    label_pattern: str | None = None
    """Instead of the data set's own, where its labels are in file names."""
    test_fraction: float = 0.2
    test_subjects: tuple[str, ...] = ()
    seed: int = 0
    licence: str | None = None
    """The data set's own when None."""
    workers: int | None = None


@runtime_checkable
class NamedSet(Protocol):
    """A data set that goes by a name."""

    about: About

    def check(self, path: Path, workers: int | None, on_progress: Progress | None) -> Check:
        """Look at every file.

        Raises:
            FileNotFoundError: If there is nothing of the data set at the path.
        """
        ...

    def import_(self, path: Path, out: Path, options: NamedImport) -> Dataset:
        """Make a data set of it, whole or not at all.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If out is in use, or no clip can be read.
        """
        ...


def load_named(name: str) -> NamedSet:
    """A data set by its name.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in NAMED:
        raise ValueError(f"There is no data set called {name!r}; there is {', '.join(NAMED)}.")
    module, _, attribute = NAMED[name].partition(":")
    named: NamedSet = getattr(import_module(module), attribute)
    return named
