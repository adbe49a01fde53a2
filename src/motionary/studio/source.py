"""Where motions come from: files in folders, or models that make them; one or several of a kind."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from motionary.generation import generate
from motionary.models.checkpoint import MODEL_FILE, Model, bundled_names, load_model
from motionary.motion import Motion
from motionary.studio.state import Ask, Performer
from motionary.studio.variation import Sample, walk


@dataclass(frozen=True)
class MotionFolder:
    """The Motion files in a folder and the folders in it."""

    root: Path
    names: tuple[str, ...]
    """Paths relative to root, at least one."""

    @classmethod
    def open(cls, root: Path) -> "MotionFolder":
        """Find the files; none is read yet.

        Raises:
            FileNotFoundError: If there is none.
        """
        names = [
            path.relative_to(root).as_posix()
            for path in sorted(root.rglob("*.npz"))
            if path.resolve().is_relative_to(root.resolve()) and _is_motion(path)
        ]
        if not names:
            raise FileNotFoundError(
                f"No Motion file (.npz) in {root}, and no {MODEL_FILE}: make motions with"
                " `motionary import`, `estimate` or `generate`, or train a model."
            )
        return cls(root, tuple(names))

    def load(self, name: str) -> Motion:
        """Read one of the files.

        Raises:
            FileNotFoundError: If it has gone.
            ValueError: If it is not a readable motion, or its name none of these.
        """
        if name not in self.names:
            raise ValueError(f"No motion {name!r} in {self.root}; its first is {self.names[0]!r}.")
        return Motion.load(self.root / name)


@dataclass(frozen=True)
class Folders:
    """Folders that hold motions under the same names: different estimates of the same videos, say."""

    labels: tuple[str, ...]
    folders: tuple[MotionFolder, ...]
    names: tuple[str, ...]
    """Those that all of them hold."""

    @classmethod
    def of(cls, labels: Sequence[str], folders: Sequence[MotionFolder]) -> "Folders":
        """Keep the names that are common.

        Raises:
            ValueError: If none is.
        """
        common = set(folders[0].names).intersection(*(folder.names for folder in folders[1:]))
        if not common:
            held = "; ".join(f"{folder.root}: {', '.join(folder.names[:3])}" for folder in folders)
            raise ValueError(f"No motion has the same name in all of the folders ({held}).")
        return cls(tuple(labels), tuple(folders), tuple(name for name in folders[0].names if name in common))

    def choose(self, name: str) -> list[Performer]:
        """Each folder's motion of a name."""
        alone = len(self.folders) == 1
        return [
            Performer(folder.load(name), Path(name).stem if alone else label, row)
            for row, (label, folder) in enumerate(zip(self.labels, self.folders, strict=True))
        ]


@dataclass(frozen=True)
class Models:
    """Models that perform the same actions."""

    labels: tuple[str, ...]
    models: tuple[Model, ...]
    actions: tuple[str, ...]
    """Those that all of them know."""

    @classmethod
    def of(cls, labels: Sequence[str], models: Sequence[Model]) -> "Models":
        """Keep the actions that are common.

        Raises:
            ValueError: If none is.
        """
        common = set(models[0].actions).intersection(*(model.actions for model in models[1:]))
        if not common:
            known = "; ".join(
                f"{label}: {', '.join(m.actions[:5])}" for label, m in zip(labels, models, strict=True)
            )
            raise ValueError(f"No action is known to all of the models ({known}).")
        return cls(tuple(labels), tuple(models), tuple(name for name in models[0].actions if name in common))

    def perform(self, ask: Ask) -> list[Performer]:
        """New performances by each model: the same action, number, length and seed."""
        ask = ask.checked(self.actions)
        performers = []
        for row, (label, model) in enumerate(zip(self.labels, self.models, strict=True)):
            motions = generate(model, ask.action, ask.num, seconds=ask.seconds, seed=ask.seed)
            for number, motion in enumerate(motions, start=1):
                caption = self._caption(f"{ask.action} {number}", label)
                performers.append(Performer(motion, caption, row, "generated"))
        return performers

    def walk(self, start: Sample, end: Sample, places: Sequence[float], seconds: float) -> list[Performer]:
        """Each model's performances on the way from one sample to another."""
        Ask(start.action, 1, seconds, start.seed).checked(self.actions)
        Ask(end.action, 1, seconds, end.seed).checked(self.actions)
        return [
            Performer(motion, self._caption(f"{place:.0%}", label), row, "generated")
            for row, (label, model) in enumerate(zip(self.labels, self.models, strict=True))
            for place, motion in zip(places, walk(model, start, end, places, seconds), strict=True)
        ]

    def _caption(self, text: str, label: str) -> str:
        return text if len(self.models) == 1 else f"{label}: {text}"


Source = Models | Folders


def open_source(*sources: str) -> Source:
    """Models, or else folders of motions; what exists on disk goes before the name of a bundled model.

    Raises:
        FileNotFoundError: If one is neither; the message says what was expected.
        ValueError: If a model is damaged or does not generate, or the sources have nothing in common.
    """
    opened = [_open(source) for source in sources]
    labels = _labels(sources)
    models = [one for one in opened if isinstance(one, Model)]
    folders = [one for one in opened if isinstance(one, MotionFolder)]
    if not opened or (models and folders):
        raise ValueError(
            f"Expected models, or folders of motions, not both; got {', '.join(sources) or 'none'}."
        )
    return Models.of(labels, models) if models else Folders.of(labels, folders)


def _open(source: str) -> Model | MotionFolder:
    path = Path(source)
    if path.is_dir() and not (path / MODEL_FILE).is_file():
        return MotionFolder.open(path)
    if path.is_dir() or path.suffix == ".safetensors" or source in bundled_names():
        return load_model(source)
    what = "is not such a file" if path.is_file() else "does not exist"
    raise FileNotFoundError(
        "Expected a folder of motions, a run folder, a .safetensors model or a bundled model"
        f" ({', '.join(bundled_names()) or 'none here'}); {source!r} {what}."
    )


def _labels(sources: Sequence[str]) -> list[str]:
    """The sources' last parts, numbered where they do not tell them apart."""
    tails = [
        Path(source).stem if source.endswith(".safetensors") else Path(source).name for source in sources
    ]
    if len(set(tails)) == len(tails):
        return tails
    return [f"{tail} ({number})" for number, tail in enumerate(tails, start=1)]


def _is_motion(path: Path) -> bool:
    """Whether it looks like one from outside, which is quick for thousands of files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"poses.npy", "trans.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
