"""What became of every video: one file, from which an interrupted run goes on."""

import json
import time
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from motionary.atomic import write_atomically
from motionary.documents import check_version, parse_json, read_text, record
from motionary.estimators.batch.jobs import Job

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1
WRITING_SHARE = 0.05
"""Of the time goes at most into writing the manifest, however long it has become."""

Status = Literal["waiting", "done", "failed"]


@dataclass(frozen=True)
class Entry:
    """One video."""

    video: str
    path: str
    folder: str
    """Of the result, below the manifest's folder."""
    num_bytes: int = 0
    modified_ns: int = 0
    status: Status = "waiting"
    reason: str = ""
    """Why it failed."""
    checksum: str = ""
    """sha256 of the file, hexadecimal."""
    people: int = 0


@dataclass
class Manifest:
    """Every video ever given for one folder of results, by name."""

    out: Path
    estimator: str
    options: dict[str, Any]
    person: str
    """Whose motions are kept."""
    entries: dict[str, Entry] = field(default_factory=dict)
    _due_s: float = 0.0

    @classmethod
    def open(cls, out: Path, estimator: str, options: dict[str, Any], person: str) -> "Manifest":
        """The manifest of a folder of results; an empty one where there is none yet.

        Raises:
            ValueError: If it is damaged, or of another estimator or other options.
        """
        path = out / MANIFEST_NAME
        if not path.exists():
            return cls(out, estimator, options, person)
        try:
            content = parse_json(read_text(path), "it")
            check_version(content["format_version"], FORMAT_VERSION)
            entries = [record(Entry, entry) for entry in content["videos"]]
            before = (content["estimator"], content["options"], content["person"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a readable manifest: {error}. Remove it to look at every video again."
            ) from None
        if before != (estimator, options, person):
            raise ValueError(
                f"{out} holds estimates by {before[0]} (options {before[1]}, person {before[2]}), not by "
                f"{estimator} (options {options}, person {person}); give another --out folder."
            )
        return cls(out, estimator, options, person, {entry.video: entry for entry in entries})

    def add(self, job: Job) -> Entry:
        """The job's entry, waiting if it is new, or if the file is not the one that the entry tells of.

        Raises:
            ValueError: If the entry is of another file, which still exists.
        """
        facts = job.path.stat()
        new = Entry(job.video, str(job.path), job.folder, facts.st_size, facts.st_mtime_ns)
        known = self.entries.get(job.video, new)
        if known.path != new.path and Path(known.path).exists():
            raise ValueError(
                f"{self.out / known.folder} belongs to {known.path}, not {job.path}; "
                "give another --out folder."
            )
        same = (known.num_bytes, known.modified_ns) == (new.num_bytes, new.modified_ns)
        entry = replace(known, path=new.path) if same else replace(new, folder=known.folder)
        self.entries[job.video] = entry
        return entry

    def record(self, entry: Entry) -> None:
        """Note what became of a video. `write` it, at the latest at the end."""
        self.entries[entry.video] = entry
        if time.monotonic() >= self._due_s:
            self.write()

    def write(self) -> None:
        """Write the manifest, whole or not at all."""
        started = time.monotonic()
        content = {
            "format_version": FORMAT_VERSION,
            "made_by": f"motionary {version('motionary')} estimate",
            "estimator": self.estimator,
            "options": self.options,
            "person": self.person,
            "videos": [asdict(self.entries[video]) for video in sorted(self.entries)],
        }
        write_atomically(self.out / MANIFEST_NAME, (json.dumps(content, indent=1) + "\n").encode())
        now = time.monotonic()
        self._due_s = now + (now - started) / WRITING_SHARE
