"""Data sets made from others: split anew, merged, relabelled, filtered.

The result is a new folder, whole or not there, or the index of the data set itself where that is asked for.
Its provenance tells what was done, with which options, from what; the provenance of that lies inside it.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from motionary.datasets.actions import ClipRecord, Rejected, usual_fps
from motionary.datasets.folder import (
    INDEX_NAME,
    Dataset,
    clip_path,
    folder_in_one_piece,
    write_dataset,
)
from motionary.datasets.splitting import source_of


@dataclass(frozen=True)
class Edit:
    """What becomes of a data set's clips."""

    step: str
    """What is done, as the command is called."""
    options: dict[str, Any]
    clips: tuple[ClipRecord, ...]
    """Those that stay, as they shall be; their paths still tell them."""
    dropped: tuple[Rejected, ...] = ()
    """Those that go, and why."""
    actions: tuple[str, ...] | None = None
    """In label order; the data set's own when None."""
    mirror: dict[str, str] | None = None
    """The data set's own when None."""


def write_edited(dataset: Dataset, edit: Edit, out: Path | None) -> Dataset:
    """Carry out an edit.

    Args:
        dataset: What is edited; its Motion files are never touched.
        edit: What becomes of it.
        out: Folder of the result, which gets copies of the Motion files; None changes the index of the data
            set itself, and nothing else: files of dropped clips stay where they are.

    Raises:
        ValueError: If no clip is left, or out is in use.
    """
    if not edit.clips:
        some = "; ".join(f"{item.source}: {item.reason}" for item in edit.dropped[:3])
        raise ValueError(f"No clip of {dataset.root} would be left: {some}")
    if out is None:
        return _write_index(dataset.root, dataset, edit, edit.clips)
    with folder_in_one_piece(out) as folder:
        _write_index(folder, dataset, edit, _copied(dataset, edit.clips, folder, set()))
    return Dataset.load(out)


def merge(datasets: Sequence[Dataset], out: Path) -> Dataset:
    """One data set of several.

    Actions keep the order of the first data set; those that only others have follow. Clips keep their
    splits; where a recording is held out in one data set and learned from in another, all of it is learned
    from. A motion that several hold is taken once.

    Raises:
        ValueError: If there are fewer than two, out is in use, or a motion is labelled differently.
    """
    if len(datasets) < 2:
        raise ValueError(f"Merging takes two data sets or more; got {len(datasets)}.")
    actions = tuple(dict.fromkeys(action for dataset in datasets for action in dataset.actions))
    seen: dict[str, tuple[str, str]] = {}
    clips: list[ClipRecord] = []
    rejected = [item for dataset in datasets for item in dataset.rejected]
    with folder_in_one_piece(out) as folder:
        taken: set[str] = set()
        for dataset in datasets:
            new, doubles = _not_seen_yet(dataset, seen)
            rejected += doubles
            clips += _copied(dataset, new, folder, taken)
        together = _with_sources_on_one_side(clips)
        moved = sum(a.split != b.split for a, b in zip(clips, together, strict=True))
        write_dataset(
            folder,
            together,
            fps=usual_fps(together),
            rejected=rejected,
            actions=actions,
            provenance={
                "made_by": f"motionary {version('motionary')} dataset merge",
                "from": [_origin(dataset) for dataset in datasets],
                "clips": len(together),
                "moved_to_train": moved,
            },
            licence=" AND ".join(dict.fromkeys(dataset.licence for dataset in datasets)),
            mirror={old: new for dataset in datasets for old, new in dataset.mirror.items()},
        )
    return Dataset.load(out)


def _write_index(folder: Path, dataset: Dataset, edit: Edit, clips: Sequence[ClipRecord]) -> Dataset:
    shown = {clip.action for clip in clips}
    mirror = dataset.mirror if edit.mirror is None else edit.mirror
    return write_dataset(
        folder,
        clips,
        fps=usual_fps(clips),
        rejected=[*dataset.rejected, *edit.dropped],
        actions=edit.actions or dataset.actions,
        provenance={
            "made_by": f"motionary {version('motionary')} dataset {edit.step}",
            "options": edit.options,
            "from": [_origin(dataset)],
            "clips": len(clips),
            "dropped": len(edit.dropped),
        },
        licence=dataset.licence,
        mirror={old: new for old, new in mirror.items() if {old, new} <= shown},
    )


def _origin(dataset: Dataset) -> dict[str, Any]:
    """What a data set was, for the provenance of another; not its path, as models carry this along."""
    index = dataset.root / INDEX_NAME
    return {
        "name": dataset.root.resolve().name,
        "clips": len(dataset.clips),
        "index_sha256": hashlib.sha256(index.read_bytes()).hexdigest() if index.is_file() else None,
        "provenance": dataset.provenance,
    }


def _copied(
    dataset: Dataset, clips: Sequence[ClipRecord], folder: Path, taken: set[str]
) -> tuple[ClipRecord, ...]:
    """Copy Motion files into the folders of their actions; files that say another action are written anew."""
    labels = {clip.path: clip.action for clip in dataset.clips}
    copies = []
    for clip in clips:
        relative = clip_path(clip.action, Path(clip.path).stem, taken)
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        if labels[clip.path] == clip.action:
            shutil.copy2(dataset.root / clip.path, folder / relative)
        else:
            replace(dataset.motion(clip), action=clip.action).save(folder / relative)
        copies.append(replace(clip, path=relative))
    return tuple(copies)


def _not_seen_yet(
    dataset: Dataset, seen: dict[str, tuple[str, str]]
) -> tuple[list[ClipRecord], list[Rejected]]:
    """Clips whose files differ from all before; notes them as seen."""
    new, doubles = [], []
    for clip in dataset.clips:
        here = f"{dataset.root.name}/{clip.path}"
        digest = hashlib.sha256((dataset.root / clip.path).read_bytes()).hexdigest()
        where, action = seen.setdefault(digest, (here, clip.action))
        if where == here:
            new.append(clip)
        elif action == clip.action:
            doubles.append(Rejected(here, f"the same motion as {where}"))
        else:
            raise ValueError(
                f"{here} is the motion of {where}, but one is labelled {clip.action} and the other {action}: "
                "relabel one of them first."
            )
    return new, doubles


def _with_sources_on_one_side(clips: Sequence[ClipRecord]) -> list[ClipRecord]:
    learned_from = {source_of(clip) for clip in clips if clip.split == "train"}
    return [replace(clip, split="train") if source_of(clip) in learned_from else clip for clip in clips]
