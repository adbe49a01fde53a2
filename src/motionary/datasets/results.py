"""Result files of other pose estimators -> a data set."""

import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from motionary import progress
from motionary.body.assets import load_body
from motionary.body.smpl import BodyModel
from motionary.datasets.actions import ClipRecord, Rejected, usual_fps
from motionary.datasets.folder import (
    Dataset,
    clip_path,
    clip_record,
    folder_in_one_piece,
    source_name,
    write_dataset,
)
from motionary.datasets.splitting import imported_split
from motionary.estimators.external import DEFAULT_FPS, VideoResult, find_results, read_results
from motionary.estimators.external.layouts import BODY
from motionary.mocap import compiled_label_pattern, label_of
from motionary.mocap.reading import SUFFIXES
from motionary.mocap.suspicion import suspect_in_estimate


@dataclass(frozen=True)
class ResultImport:
    """How result files become a data set."""

    format: str = "auto"
    label_pattern: str | None = None
    """Regular expression with (?P<action>...) and perhaps (?P<subject>...); None labels by parent folder."""
    fps: float | None = None
    """Frame rate of the videos, which few files say; motions of files that do are brought to it."""
    test_fraction: float = 0.2
    test_subjects: tuple[str, ...] = ()
    """Where given, all clips of these subjects are held out instead of a fraction."""
    seed: int = 0
    licence: str = "unknown"


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    """As the index calls it: the source of its clips."""
    action: str | None
    """None where the label pattern does not match."""
    subject: str | None


def import_results(sources: Sequence[Path], out: Path, options: ResultImport) -> Dataset:
    """Read result files and write everybody in them as a data set, whole or not at all.

    Where a file does not say its frame rate and none is given, the data set's provenance says so in
    `fps_assumed`.

    Args:
        sources: Files, or folders searched for them.
        out: The data set's folder; it must not exist yet, or be empty.
        options: Format, labels, frame rate and split.

    Raises:
        FileNotFoundError: If a source is missing or holds no result file.
        ValueError: If out is in use, or nobody could be read.
    """
    files = _labelled(sources, options)
    body = load_body("free")
    with folder_in_one_piece(out) as folder:
        clips: list[ClipRecord] = []
        rejected: list[Rejected] = []
        taken: set[str] = set()
        told = True
        for file in progress.each(files, "importing", unit="file"):
            result = _read(file, options, body)
            if isinstance(result, Rejected):
                rejected.append(result)
                continue
            told = told and result.fps_told
            rejected += [Rejected(file.path.name, reason) for reason in result.dropped]
            _save(result, file, folder, options.fps, clips, rejected, taken)
        if not clips:
            reasons = "; ".join(f"{item.source}: {item.reason}" for item in rejected[:3])
            raise ValueError(f"None of {len(files)} result files could be used: {reasons}")
        write_dataset(
            folder,
            imported_split(clips, options.test_fraction, options.test_subjects, options.seed),
            fps=options.fps or usual_fps(clips),
            rejected=rejected,
            provenance=_provenance(sources, options, told),
            licence=options.licence,
        )
    return Dataset.load(out)


RESULT_SUFFIXES = (".pkl", ".pt", ".npy")
"""Of files that are no motion capture."""


def holds_results(sources: Sequence[Path]) -> bool:
    """Whether the sources are result files, or folders that hold some and no motion capture."""
    return all(_holds_results(source) for source in sources)


def _holds_results(source: Path) -> bool:
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    recordings = [path for path in files if path.suffix.lower() in SUFFIXES]
    if recordings:
        return all(_is_split_npz(path) for path in recordings[:MOST_OPENED])
    return any(path.suffix in RESULT_SUFFIXES for path in files)


MOST_OPENED = 20
"""Files of a folder that are opened to tell what it holds."""


def _is_split_npz(path: Path) -> bool:
    """Whether a file has body and root apart, as SMPL-X's tools write them and AMASS does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except Exception:  # no archive, or one that is damaged in one of many ways
        return False
    return "poses" not in names and not names.isdisjoint(BODY)


def _labelled(sources: Sequence[Path], options: ResultImport) -> list[_File]:
    pattern = compiled_label_pattern(options.label_pattern)
    files = []
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(f"No file or folder at {source}.")
        found = find_results(source, options.format) if source.is_dir() else [source]
        root = source if source.is_dir() else source.parent
        for path in found:
            files.append(_File(path, source_name(path, [root]), *label_of(path, source, pattern)))
    return files


def _read(file: _File, options: ResultImport, body: BodyModel) -> VideoResult | Rejected:
    if file.action is None:
        return Rejected(file.path.name, "the label pattern does not match it")
    try:
        return read_results(file.path, options.format, options.fps, body)
    except (ValueError, OSError) as error:
        return Rejected(file.path.name, str(error))


def _save(
    result: VideoResult,
    file: _File,
    folder: Path,
    fps: float | None,
    clips: list[ClipRecord],
    rejected: list[Rejected],
    taken: set[str],
) -> None:
    """Write every clip of a file; those of one frame are rejected."""
    for clip in result.clips:
        if len(clip.motion) < 2:
            who = f"person {clip.person}, " if clip.person else ""
            rejected.append(Rejected(file.path.name, f"{who}frame {clip.start_frame}: a single frame"))
            continue
        motion = clip.motion.resample(fps or clip.motion.fps)
        action = file.action or ""
        stem = "_".join(filter(None, (file.path.stem, clip.person)))
        relative = clip_path(action, stem, taken)
        motion.save(folder / relative)
        start_s = clip.start_frame / clip.motion.fps
        clips.append(
            clip_record(
                motion,
                relative,
                action,
                file.subject,
                source=file.name,
                start_s=start_s,
                suspect=suspect_in_estimate(motion),
            )
        )


def _provenance(sources: Sequence[Path], options: ResultImport, told: bool) -> dict[str, object]:
    provenance: dict[str, object] = {
        "made_by": f"motionary {version('motionary')} import",
        "sources": [source.name for source in sources],  # not the path: models carry this along
        "options": asdict(options),
    }
    if options.fps is None and not told:
        provenance["fps_assumed"] = DEFAULT_FPS
    return provenance
