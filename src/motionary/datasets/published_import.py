"""ACTOR's published data sets -> data sets of Motions."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from motionary import progress
from motionary.body.assets import load_body
from motionary.datasets.actions import ClipRecord
from motionary.datasets.checking import Check, Findings, Progress, check_of
from motionary.datasets.folder import (
    Dataset,
    clip_path,
    clip_record,
    folder_in_one_piece,
    write_dataset,
)
from motionary.datasets.humanact12 import check_humanact12, read_humanact12
from motionary.datasets.named import About, NamedImport
from motionary.datasets.ntu13 import check_ntu13, read_ntu13
from motionary.datasets.published import PublishedSet, to_motion
from motionary.datasets.splitting import imported_split
from motionary.datasets.uestc import check_uestc, read_uestc
from motionary.mocap.suspicion import suspect_in_estimate

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
    for clip in progress.each(published.clips, "importing", unit="clip"):
        if clip.name in rejected:
            continue
        action = published.actions[clip.label]
        motion = to_motion(clip, action, published.fps, body).resample(fps or published.fps)
        relative = clip_path(action, clip.name, taken)
        motion.save(folder / relative)
        record = clip_record(motion, relative, action, clip.subject, suspect=suspect_in_estimate(motion))
        records.append((replace(record, split=clip.split or "train"), clip.split is not None))
    return records


def _split(records: list[tuple[ClipRecord, bool]], options: PublishedImport) -> tuple[ClipRecord, ...]:
    clips = tuple(record for record, _ in records)
    if not options.test_subjects and all(published for _, published in records):
        return clips
    return imported_split(clips, options.test_fraction, options.test_subjects, options.seed)


@dataclass(frozen=True)
class PublishedFolder:
    """A data set that ACTOR was published on. A `motionary.datasets.named.NamedSet`."""

    name: str
    about: About
    look: Callable[[Path], Findings]

    def check(self, path: Path, workers: int | None, on_progress: Progress | None) -> Check:
        """Look at every file; see `NamedSet.check`."""
        if not path.exists():
            raise FileNotFoundError(f"No file or folder at {path}. {self.about.layout}")
        return check_of(self.name, path, self.look(path))

    def import_(self, path: Path, out: Path, options: NamedImport) -> Dataset:
        """Make a data set of it; see `NamedSet.import_`."""
        if options.label_pattern:
            raise ValueError(f"{self.name} has labels of its own: give no label pattern.")
        published = PublishedImport(
            options.fps,
            options.test_fraction,
            options.test_subjects,
            options.seed,
            options.licence or self.about.licence,
        )
        return import_published_set(path, self.name, out, published)


NTU13 = PublishedFolder(
    "ntu13",
    About(
        title="NTU RGB+D, 13 actions, poses by VIBE (Action2Motion)",
        page="https://rose1.ntu.edu.sg/dataset/actionRecognition; the poses are no longer given out",
        licence="NTU RGB+D release agreement: non-commercial research, no redistribution",
        layout="The folder `ntu13` of ACTOR's data: ntu_vibe_list.txt and the files that it lists.",
    ),
    check_ntu13,
)
HUMANACT12 = PublishedFolder(
    "humanact12",
    About(
        title="HumanAct12, 12 actions (Action2Motion), as ACTOR distributes it",
        page="https://github.com/Mathux/ACTOR/blob/master/DATASETS.md",
        licence="none stated; research on PHSPD: see its page",
        layout="The folder `HumanAct12Poses` of ACTOR's data: humanact12poses.pkl.",
    ),
    check_humanact12,
)
UESTC = PublishedFolder(
    "uestc",
    About(
        title="UESTC, 40 exercises, poses by VIBE, as ACTOR distributes it",
        page="https://github.com/Mathux/ACTOR/blob/master/DATASETS.md",
        licence="UESTC RGB-D database: non-commercial research; see its page",
        layout="The folder `uestc` of ACTOR's data: vibe_cache_refined.pkl and info/.",
    ),
    check_uestc,
)
