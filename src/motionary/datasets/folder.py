"""A data set on disk: a folder of Motion files and a `dataset.json` that says what they are."""

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from motionary.atomic import PARTIAL, flushed_together, told_if_full, write_atomically
from motionary.datasets.actions import ClipRecord, Rejected, SplitName
from motionary.datasets.mirroring import mirrored_actions
from motionary.documents import check_version, parse_json, read_text, record
from motionary.labels import file_name, plain, unused_name
from motionary.limits import limits
from motionary.locks import alone_making
from motionary.motion import Motion

FORMAT_VERSION = 2
INDEX_NAME = "dataset.json"
OLD = ".old"
"""Ending of a data set that is about to be replaced."""


@dataclass(frozen=True)
class Dataset:
    """Labelled Motion files. `load` opens one, `write_dataset` makes its index."""

    root: Path
    actions: tuple[str, ...]
    """In label order: the position is the class index."""
    fps: float
    clips: tuple[ClipRecord, ...]
    rejected: tuple[Rejected, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    licence: str = "unknown"
    mirror: dict[str, str] = field(default_factory=dict)
    """Actions whose mirror image shows another one than their names tell; see `mirrored_actions`."""

    def __len__(self) -> int:
        return len(self.clips)

    @classmethod
    def load(cls, root: Path | str) -> "Dataset":
        """Open a data set folder; one without `dataset.json` is read file by file.

        A file's label is the action inside it, or else its parent folder's name.

        Raises:
            FileNotFoundError: If there is no such folder, or no Motion file in it.
            ValueError: If `dataset.json` is damaged or of a newer format.
        """
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f"No data set folder at {root}.")
        index = root / INDEX_NAME
        return _from_index(index) if index.exists() else _from_files(root)

    def split(self, name: SplitName | Literal["all"]) -> "Dataset":
        """Only the clips of one split; labels keep their indices."""
        if name == "all":
            return self
        return replace(self, clips=tuple(clip for clip in self.clips if clip.split == name))

    def motion(self, clip: ClipRecord) -> Motion:
        """Load one clip, labelled as the index says."""
        return replace(Motion.load(self.root / clip.path), action=clip.action)

    def motions(self) -> list[Motion]:
        """Load every clip, in order."""
        return [self.motion(clip) for clip in self.clips]

    def label(self, action: str) -> int:
        """Class index of an action.

        Raises:
            ValueError: If the data set does not know it; the message lists those it knows.
        """
        if action not in self.actions:
            raise ValueError(f"Unknown action {action!r}; this data set has: {', '.join(self.actions)}.")
        return self.actions.index(action)

    def mirrored_actions(self) -> dict[str, str | None]:
        """The action that each one's mirror image shows, by the index or by the names; None for none."""
        return mirrored_actions(self.actions, self.mirror)

    def check_apart(self, out: Path) -> None:
        """Raise a ValueError if results in a folder could replace this data set's files or become clips."""
        check_no_data_set(out)
        root, place = self.root.resolve(), out.resolve()
        if place == root or (root in place.parents and not (root / INDEX_NAME).exists()):
            raise ValueError(
                f"{out} is part of the data set {self.root}; name another folder for the results."
            )

    def summary(self) -> dict[str, Any]:
        """JSON-able facts: clips, seconds and splits per action, what is suspect or rejected and why."""
        rows = []
        mirrored = self.mirrored_actions()
        for action in self.actions:
            clips = [clip for clip in self.clips if clip.action == action]
            durations = [clip.duration_s for clip in clips]
            rows.append(
                {
                    "action": action,
                    "clips": len(clips),
                    "train": sum(clip.split == "train" for clip in clips),
                    "test": sum(clip.split == "test" for clip in clips),
                    "seconds_total": round(sum(durations), 2),
                    "seconds_min": round(min(durations, default=0), 2),
                    "seconds_max": round(max(durations, default=0), 2),
                    "coverage": round(sum(clip.coverage for clip in clips) / max(len(clips), 1), 3),
                    "mirror_image": mirrored[action],
                }
            )
        return {
            "dataset": str(self.root),
            "clips": len(self.clips),
            "fps": self.fps,
            "frame_rates": {
                f"{fps:g}": count for fps, count in Counter(clip.fps for clip in self.clips).items()
            },
            "subjects": sorted({clip.subject for clip in self.clips if clip.subject}),
            "licence": self.licence,
            "provenance": self.provenance,
            "actions": rows,
            "suspect": [{"clip": clip.path, "reason": clip.suspect} for clip in self.clips if clip.suspect],
            "rejected": [asdict(item) for item in self.rejected],
        }


def write_dataset(
    root: Path,
    clips: Sequence[ClipRecord],
    *,
    fps: float,
    rejected: Sequence[Rejected] = (),
    actions: Sequence[str] | None = None,
    provenance: dict[str, Any] | None = None,
    licence: str = "unknown",
    mirror: dict[str, str] | None = None,
) -> Dataset:
    """Write `dataset.json` for Motion files already in a folder.

    Args:
        root: The folder.
        clips: What it holds.
        fps: Frame rate of the data set.
        rejected: What did not become a clip.
        actions: Order in which the clips' actions are indexed; alphabetical when None.
        provenance: Where it came from.
        licence: Of the recordings.
        mirror: Actions whose mirror image shows another one than their names tell.

    Raises:
        ValueError: If there is no clip.
    """
    if not clips:
        raise ValueError(f"No clip to put in {root}; {len(rejected)} sources were rejected.")
    shown = {clip.action for clip in clips}
    dataset = Dataset(
        root=Path(root),
        actions=tuple(action for action in actions or sorted(shown) if action in shown),
        fps=float(fps),
        clips=tuple(clips),
        rejected=tuple(rejected),
        provenance=provenance or {},
        licence=licence,
        mirror=mirror or {},
    )
    content = {"format_version": FORMAT_VERSION, **asdict(dataset)}
    del content["root"]
    write_atomically(dataset.root / INDEX_NAME, json.dumps(content, indent=1).encode())
    return dataset


def _from_index(index: Path) -> Dataset:
    try:
        content = parse_json(read_text(index), "it")
        check_version(content.pop("format_version"), FORMAT_VERSION)
        clips = tuple(record(ClipRecord, clip) for clip in content.pop("clips"))
        rejected = tuple(record(Rejected, item) for item in content.pop("rejected"))
        actions = tuple(plain(str(action)) for action in content.pop("actions"))
        lists = {"root": index.parent, "actions": actions, "clips": clips, "rejected": rejected}
        dataset = record(Dataset, content | lists)
        if not (dataset.fps > 0 and all(clip.fps > 0 and clip.num_frames > 0 for clip in clips)):
            raise ValueError("every fps and num_frames must be positive")
        limits().check("frames", max((clip.num_frames for clip in clips), default=0), "a clip in it")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{index} is not a readable data set index: {error}.") from None
    unlabelled = sorted({clip.action for clip in clips} - set(dataset.actions))
    outside = [clip.path for clip in clips if not _is_inside(index.parent, clip.path)]
    if unlabelled or outside:
        raise ValueError(
            f"{index} names actions it does not list {unlabelled} or files outside its folder {outside}."
        )
    return dataset


def _is_inside(root: Path, path: str) -> bool:
    """Whether a path that an index names stays in its folder, links followed."""
    try:
        return (root / path).resolve().is_relative_to(root.resolve())
    except (ValueError, OSError, RuntimeError):  # of a name that no file can have, or links in a circle
        return False


def _from_files(root: Path) -> Dataset:
    clips, rejected = [], []
    for path in sorted(root.rglob("*.npz")):
        relative = path.relative_to(root).as_posix()
        try:
            motion = Motion.load(path)
        except ValueError as error:
            rejected.append(Rejected(relative, str(error)))
            continue
        clips.append(clip_record(motion, relative, motion.action or path.parent.name))
    if not clips:
        raise FileNotFoundError(
            f"No Motion file (.npz) in {root}; make some with `motionary import` or `estimate`."
        )
    return Dataset(
        root=root,
        actions=tuple(sorted({clip.action for clip in clips})),
        fps=clips[0].fps,
        clips=tuple(clips),
        rejected=tuple(rejected),
    )


@contextmanager
def folder_in_one_piece(
    out: Path, *, may_replace: Callable[[Path], bool] = lambda _: False
) -> Iterator[Path]:
    """A temporary folder beside out that takes its place when all went well, and is removed when not.

    Args:
        out: The folder.
        may_replace: Says whether what is there may go.

    Raises:
        ValueError: If out is in use, or another run is making it.
        DiskFull: If there is no room for it.
    """
    check_unused(out, may_replace=may_replace)
    with alone_making(out), told_if_full(out):
        for left in _left_by_a_killed_run(out):
            _put_back(left, out)
        check_unused(out, may_replace=may_replace)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=PARTIAL))
        folder.chmod(0o755)
        try:
            with flushed_together():
                yield folder
            if out.exists():
                out.replace(folder.with_name(f"{folder.name}{OLD}"))
            folder.replace(out)
        finally:
            _put_back(folder, out)


def _put_back(folder: Path, out: Path) -> None:
    """Remove a temporary folder; what it was to replace comes back where it did not."""
    old = folder.with_name(f"{folder.name}{OLD}")
    if old.exists() and not out.exists():
        old.replace(out)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _left_by_a_killed_run(out: Path) -> list[Path]:
    """Temporary folders beside out, by their first names."""
    name = re.compile(rf"(\.{re.escape(out.name)}\.[a-z0-9_]{{8}}{re.escape(PARTIAL)})({re.escape(OLD)})?")
    found = (name.fullmatch(path.name) for path in out.parent.iterdir())
    return sorted({out.with_name(match[1]) for match in found if match})


def check_unused(out: Path, *, may_replace: Callable[[Path], bool] = lambda _: False) -> None:
    """Raise a ValueError if a folder is in use, unless what is there may go."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not may_replace(out):
        raise ValueError(f"{out} is already in use; name a new folder for the data set, or remove it first.")


def check_no_data_set(out: Path) -> None:
    """Raise a ValueError if results in a folder could replace a data set's files."""
    if (out / INDEX_NAME).exists():
        raise ValueError(f"{out} is a data set; name another folder for the results.")


def clip_path(action: str, stem: str, taken: set[str]) -> str:
    """Where a clip goes in a data set; a path not taken yet, which it then is."""
    return unused_name(f"{file_name(action)}/{file_name(stem)}", taken) + ".npz"


def source_name(path: Path, roots: Sequence[Path]) -> str:
    """What a recording is called in an index: from the last folder that was imported down; never absolute."""
    inside = [root for root in roots if path.is_relative_to(root)]
    if not inside:
        return path.name
    root = min(inside, key=lambda root: len(root.parts))
    return (Path(root.resolve().name) / path.relative_to(root)).as_posix()


def clip_record(
    motion: Motion,
    path: str,
    action: str,
    subject: str | None = None,
    *,
    source: str | None = None,
    start_s: float = 0.0,
    person: int | None = None,
    verdict: str | None = None,
    suspect: str | None = None,
) -> ClipRecord:
    """The index entry of a Motion file at a path relative to its data set; see `ClipRecord`."""
    return ClipRecord(
        path=path,
        action=action,
        num_frames=len(motion),
        fps=motion.fps,
        subject=subject,
        coverage=round(float(motion.valid.mean()), 4),
        source=source,
        start_s=round(start_s, 4),
        person=person,
        trust=round(float(motion.trust.mean()), 4),
        verdict=verdict,
        suspect=suspect,
    )
