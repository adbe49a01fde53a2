"""Named data sets of motion capture files whose names say who does what."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from motionary.datasets.archives import as_folder, is_archive
from motionary.datasets.checking import Check, Problem, Progress, check_of
from motionary.datasets.folder import Dataset
from motionary.datasets.named import About, NamedImport
from motionary.datasets.recordings import RecordingImport, import_data_set
from motionary.mocap import compiled_label_pattern, find_recordings, label_of
from motionary.mocap.parallel import map_in_processes
from motionary.mocap.reading import SUFFIXES, Format, read_motion, read_possible

ALONGSIDE = (".asf",)
"""Suffixes of files that recordings need."""


@dataclass(frozen=True)
class RecordedSet:
    """A data set of recordings, told apart by their names. A `motionary.datasets.named.NamedSet`."""

    name: str
    about: About
    format: Format
    label_pattern: str
    """With the groups `action` and perhaps `subject`; a file that it does not match is none of the set's."""
    not_clips: str = r"(?!)"
    """Files with a recording's suffix that are none, and no mistake."""

    def check(self, path: Path, workers: int | None, on_progress: Progress | None) -> Check:
        """Read every recording; see `NamedSet.check`."""
        problems: list[Problem] = []
        good = []
        with self._folder(path) as folder:
            pattern = compiled_label_pattern(self.label_pattern)
            found = find_recordings(folder, self.format)
            labels = {file: label_of(file, folder, pattern) for file in found}
            named = [file for file, (action, _) in labels.items() if action and not self._is_no_clip(file)]
            for file in sorted(set(found) - set(named)):
                reason = f"its name is none of {self.name}'s"
                problems.append(Problem(_relative(file, folder), "ignored", reason))
            jobs = [(file, self.format) for file in named]
            for file, problem in zip(named, map_in_processes(_problem, jobs, workers), strict=True):
                if problem is None:
                    action, subject = labels[file]
                    good.append((action or "", subject))
                else:
                    problems.append(_told_from(problem, file, folder))
                if on_progress:
                    on_progress(len(good) + len(problems), len(found))
        return check_of(self.name, path, (good, problems))

    def import_(self, path: Path, out: Path, options: NamedImport) -> Dataset:
        """Make a data set of it; see `NamedSet.import_`."""
        with self._folder(path) as folder:
            recordings = RecordingImport(
                self.format,
                options.label_pattern or self._pattern_for(folder),
                options.fps,
                options.test_fraction,
                options.test_subjects,
                options.seed,
                options.licence or self.about.licence,
            )
            return import_data_set([folder], out, recordings, workers=options.workers)

    def _is_no_clip(self, file: Path) -> bool:
        return re.search(self.not_clips, file.name) is not None

    def _pattern_for(self, folder: Path) -> str | None:
        """None, so that folders give labels, where no file below the folder lies as the pattern wants."""
        pattern = compiled_label_pattern(self.label_pattern)
        files = find_recordings(folder, self.format)
        fits = any(label_of(file, folder, pattern)[0] for file in files)
        if not fits and self.format != "amass":
            raise FileNotFoundError(f"{folder} holds no recording of {self.name}. {self.about.layout}")
        return self.label_pattern if fits else None

    @contextmanager
    def _folder(self, path: Path) -> Iterator[Path]:
        suffixes = tuple(suffix for suffix, kind in SUFFIXES.items() if kind == self.format)
        with as_folder(path, (*suffixes, *ALONGSIDE)) as folder:
            try:
                find_recordings(folder, self.format)
            except FileNotFoundError:
                archives = (
                    [file.name for file in path.rglob("*") if is_archive(file)] if path.is_dir() else []
                )
                hint = f" Give the archive itself: {archives[0]}." if archives else ""
                raise FileNotFoundError(
                    f"{path} holds no {', '.join(suffixes)} file of {self.name}.{hint} {self.about.layout}"
                ) from None
            yield folder


def _relative(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix() if folder.is_dir() else file.name


def _told_from(problem: Problem, file: Path, folder: Path) -> Problem:
    """The problem as seen from the folder that was checked, which may be a temporary one."""
    name = _relative(file, folder)
    reason = problem.reason.replace(f"{folder}/", "").removeprefix(f"{name}: ").removeprefix(f"{name} ")
    return Problem(name, problem.kind, reason)


def _problem(job: tuple[Path, Format]) -> Problem | None:
    """What is wrong with one recording."""
    path, format = job
    try:
        if format == "amass":
            read_motion(path, format)
        else:
            read_possible(path, format)
    except FileNotFoundError as error:
        return Problem(str(path), "missing", str(error))
    except Exception as error:  # whatever a damaged file provokes
        return Problem(str(path), "damaged", str(error) or type(error).__name__)
    return None
