"""ACTOR's published data sets -> data sets of Motions."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from rich.progress import track

from motionary.body.assets import load_body
from motionary.datasets.actions import ClipRecord
from motionary.datasets.folder import (
    Dataset,
    clip_path,
    clip_record,
    folder_in_one_piece,
    write_dataset,
)
from motionary.datasets.humanact12 import read_humanact12
from motionary.datasets.ntu13 import read_ntu13
from motionary.datasets.published import PublishedSet, to_motion
from motionary.datasets.splitting import stratified_split, subject_split
from motionary.datasets.uestc import read_uestc

READERS: dict[str, Callable[[Path], PublishedSet]] = {
    "ntu13": read_ntu13,
    "humanact12": read_humanact12,
    "uestc": read_uestc,
}


@dataclass(frozen=True)
class PublishedImport:
    """How a published data set becomes one of ours."""

    fps: float | None = None
    """Frame rate that motions are brought to; their own when None."""
    test_fraction: float = 0.2
    """Share of every action's clips held out where the files do not say who performed."""
    test_subjects: tuple[str, ...] = ()
    """Hold out these people instead of those of the published split."""
    seed: int = 0
    licence: str = "unknown"


def import_published_set(
    source: Path, format: str, out: Path, options: PublishedImport | None = None
) -> Dataset:
    """Read a published data set and write it as ours, whole or not at all.

    Motions are turned upright and set on the ground; labels keep their published order, and clips the split
    by subject that was published for them.

    Args:
        source: Folder of the published files.
        format: Which data set it is, a key of `READERS`.
        out: The data set's folder; it must not exist yet, or be empty.
        options: Frame rate and split; defaults when None.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If out is in use, or a file is not as published or asks to run code.
    """
    if format not in READERS:
        raise ValueError(f"The published data sets are {', '.join(READERS)}; got {format!r}.")
    options = options or PublishedImport()
    with folder_in_one_piece(out) as folder:
        published = READERS[format](source)
        clips = _split(_save_all(published, folder, options.fps), options)
        write_dataset(
            folder,
            clips,
            fps=options.fps or published.fps,
            rejected=published.rejected,
            actions=published.actions,
            provenance={
                "made_by": f"motionary {version('motionary')} import",
                "sources": [source.name],  # not the path: models carry this along
                "format": format,
                "options": asdict(options),
            },
            licence=options.licence,
        )
    return Dataset.load(out)


def _save_all(published: PublishedSet, folder: Path, fps: float | None) -> list[tuple[ClipRecord, bool]]:
    """Records of the clips, and whether their split was published."""
    body, taken = load_body(), set[str]()
    records = []
    rejected = {item.source for item in published.rejected}
    for clip in track(published.clips, description="importing"):
        if clip.name in rejected:
            continue
        action = published.actions[clip.label]
        motion = to_motion(clip, action, published.fps, body).resample(fps or published.fps)
        relative = clip_path(action, clip.name, taken)
        motion.save(folder / relative)
        record = clip_record(motion, relative, action, clip.subject)
        records.append((replace(record, split=clip.split or "train"), clip.split is not None))
    return records


def _split(records: list[tuple[ClipRecord, bool]], options: PublishedImport) -> tuple[ClipRecord, ...]:
    clips = tuple(record for record, _ in records)
    if options.test_subjects:
        return subject_split(clips, options.test_subjects)
    if all(published for _, published in records):
        return clips
    return stratified_split(clips, options.test_fraction, options.seed)
