"""Estimated videos -> a data set: which parts of which videos show which action, and by whom."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from motionary.datasets.actions import ClipRecord, Rejected, usual_fps
from motionary.datasets.folder import (
    Dataset,
    check_unused,
    clip_path,
    clip_record,
    folder_in_one_piece,
    write_dataset,
)
from motionary.datasets.listing import read_listing
from motionary.datasets.splitting import stratified_split
from motionary.estimators.batch import Entry, add_video, videos_in
from motionary.estimators.choosing import CHOICES
from motionary.estimators.saved import Stretch, choose_stretches, read_estimate
from motionary.mocap import compiled_label_pattern, label_of
from motionary.mocap.suspicion import suspect_in_estimate


@dataclass(frozen=True)
class EstimatedSet:
    """How estimates become a data set."""

    person: str = "largest"
    """Whose motion a clip is, where the list does not say: largest, central, longest, a number or all."""
    label_pattern: str | None = None
    """Regular expression with (?P<action>...) and perhaps (?P<subject>...); None labels by parent folder."""
    test_fraction: float = 0.2
    seed: int = 0
    licence: str = "unknown"


@dataclass(frozen=True)
class Wanted:
    """Part of a video that is to become a clip, or one for each person or stretch."""

    video: str
    """Its name in the manifest."""
    where: str
    """What the user knows it by: the video, or the list's line."""
    action: str | None
    """None where the label pattern does not match."""
    subject: str | None = None
    person: str | None = None
    """Whose motion; as the data set's options say where None."""
    start_s: float = 0.0
    end_s: float | None = None


def gather(
    sources: Sequence[Path], out: Path, label_pattern: str | None = None
) -> tuple[dict[str, Path], list[Wanted]]:
    """The videos of files, folders and lists of clips (.csv), and what is wanted of them.

    Args:
        sources: Files, folders, lists.
        out: Folder of the results, which is not looked into.
        label_pattern: See `EstimatedSet`; lists tell the action themselves.

    Raises:
        FileNotFoundError: If a source, or a video that a list names, is missing, or a folder holds no video.
        ValueError: If a list is wrong, or two videos have one name; the message names the line.
    """
    pattern = compiled_label_pattern(label_pattern)
    videos: dict[str, Path] = {}
    wanted: list[Wanted] = []
    for source in sources:
        if source.suffix.lower() == ".csv":
            wanted += _listed(source, videos)
            continue
        for video, path in videos_in([source], out).items():
            add_video(videos, video, path)
            found = source / video if source.is_dir() else source
            wanted.append(Wanted(video, video, *label_of(found, source, pattern)))
    return videos, wanted


def _listed(listing: Path, videos: dict[str, Path]) -> Iterator[Wanted]:
    """What a list wants; its videos are added."""
    lines: dict[Wanted, int] = {}
    for clip in read_listing(listing):
        where = f"{listing}, line {clip.line}"
        if not clip.file.is_file():
            raise FileNotFoundError(f"{where}: no video at {clip.file}.")
        inside = clip.file.is_relative_to(listing.parent) and ".." not in clip.file.parts
        video = clip.file.relative_to(listing.parent).as_posix() if inside else clip.file.name
        try:
            add_video(videos, video, clip.file)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        chosen = clip.person is not None and (
            clip.person in (*CHOICES, "all") or (clip.person.isdecimal() and int(clip.person) > 0)
        )
        wanted = Wanted(
            video,
            "",
            clip.action,
            None if chosen else clip.person,
            clip.person if chosen else None,
            clip.start_s,
            clip.end_s,
        )
        if (first := lines.setdefault(wanted, clip.line)) != clip.line:
            raise ValueError(f"{where} says the same as line {first}.")
        yield replace(wanted, where=f"{listing.name}, line {clip.line}: {video}")


def write_estimated(
    wanted: Sequence[Wanted],
    entries: Sequence[Entry],
    estimates: Path,
    out: Path,
    options: EstimatedSet,
    provenance: dict[str, Any],
) -> Dataset:
    """Write what is wanted of estimated videos as a data set, whole or not at all.

    Clips are whole: one for each unbroken stretch of each person wanted. Those of one video, and of copies of
    it, are all held out or all learned from. A data set that this wrote before is replaced.

    Args:
        wanted: What is wanted.
        entries: What became of every video.
        estimates: Folder of the results.
        out: Folder of the data set.
        options: Whose motions, and how they are split.
        provenance: What else there is to say of the estimates.

    Raises:
        ValueError: If out is in use, or nothing of what is wanted is there.
    """
    with folder_in_one_piece(out, may_replace=_made_here) as folder:
        by_name = {entry.video: entry for entry in entries}
        clips = _Clips(estimates, folder, options.person)
        for item in wanted:
            clips.add(item, by_name[item.video])
        if not clips.records:
            reasons = "; ".join(f"{item.source}: {item.reason}" for item in clips.rejected[:3])
            raise ValueError(f"None of {len(wanted)} clips could be had: {reasons}")
        write_dataset(
            folder,
            stratified_split(clips.records, options.test_fraction, options.seed),
            fps=usual_fps(clips.records),
            rejected=clips.rejected,
            provenance={
                "made_by": f"motionary {version('motionary')} estimate",
                **provenance,
                "options": asdict(options),
            },
            licence=options.licence,
        )
    return Dataset.load(out)


def check_target(out: Path) -> None:
    """Raise a ValueError if a data set cannot be written there: before hours of estimating, not after."""
    check_unused(out, may_replace=_made_here)


def _made_here(out: Path) -> bool:
    """Whether a folder holds a data set as `write_estimated` left it."""
    try:
        return str(Dataset.load(out).provenance.get("made_by", "")).endswith(" estimate")
    except (ValueError, OSError):
        return False


@dataclass(frozen=True)
class _Clips:
    """A data set's folder being filled."""

    estimates: Path
    folder: Path
    person: str
    records: list[ClipRecord] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _copies: dict[str, str] = field(default_factory=dict)
    """Checksum -> the first video that has it."""

    def add(self, item: Wanted, entry: Entry) -> None:
        """Save what is wanted of a video, or note why it cannot be had."""
        if item.action is None:
            reason = "the label pattern does not match it"
        elif entry.status != "done":
            reason = entry.reason
        elif not (stretches := self._stretches(item, entry)):
            until = "its end" if item.end_s is None else f"{item.end_s:g} s"
            who = item.person or self.person
            whom = f"person {who} is not" if who.isdecimal() else "nobody is"
            reason = f"{whom} seen from {item.start_s:g} s to {until}"
        else:
            source = self._copies.setdefault(entry.checksum, item.video)
            self.records.extend(self._save(item, item.action, source, stretch) for stretch in stretches)
            return
        self.rejected.append(Rejected(item.where, reason))

    def _stretches(self, item: Wanted, entry: Entry) -> list[Stretch]:
        everybody = read_estimate(self.estimates / entry.folder)
        return choose_stretches(everybody, item.person or self.person, item.start_s, item.end_s)

    def _save(self, item: Wanted, action: str, source: str, stretch: Stretch) -> ClipRecord:
        motion = replace(stretch.motion(), action=action)
        path = clip_path(action, PurePosixPath(item.video).stem, self._taken)
        motion.save(self.folder / path)
        return clip_record(
            motion,
            path,
            action,
            item.subject,
            source=source,
            start_s=stretch.start_s,
            person=stretch.person,
            verdict=stretch.verdict,
            suspect=suspect_in_estimate(motion),
        )
