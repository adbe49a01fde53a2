"""A list of clips that a user wrote: which file, from when to when, which action, by whom.

A CSV file with a heading line: `video` or `file`, `action`, and perhaps `start`, `end` and `person` or
`subject`. Times are seconds or [h:]mm:ss; an empty start or end is that of the file. Commas, semicolons and
tabs part the columns; other columns are left alone; lines that start with # are comments.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from motionary.documents import csv_rows, read_text

COLUMNS = {
    "file": ("file", "video"),
    "start": ("start",),
    "end": ("end",),
    "action": ("action",),
    "person": ("person", "subject"),
}
"""What a column means, and the headings it goes by."""
REQUIRED = ("file", "action")
LONGEST_TIME = 24
"""In letters."""


@dataclass(frozen=True)
class ListedClip:
    """One line of a list."""

    file: Path
    """A relative one is taken from the list's folder; whether it exists is not checked."""
    action: str
    start_s: float = 0.0
    end_s: float | None = None
    """None: up to the file's end."""
    person: str | None = None
    """Who performs, as the list calls them."""
    line: int = 0
    """Of the list, counted from 1."""


def read_listing(path: Path | str) -> list[ListedClip]:
    """Read a list of clips.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such list: what is wrong, and on which line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No list of clips at {path}.")
    rows = _rows(read_text(path), path)
    try:
        heading_line, headings = next(rows)
    except StopIteration:
        raise ValueError(
            f"{path} is empty; its first line names the columns: file,start,end,action."
        ) from None
    columns = _columns(headings, f"{path}, line {heading_line}")
    clips = [_clip(dict(zip(columns, cells, strict=False)), path, line) for line, cells in rows]
    if not clips:
        raise ValueError(f"{path} lists no clip: it holds the heading alone.")
    return clips


def _rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of every line that says something."""
    lines = text.splitlines()
    heading = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    delimiter = max(",;\t", key=heading.count)
    spoken = [line if not line.startswith("#") else "" for line in lines]
    for number, cells in csv_rows(spoken, path, delimiter):
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield number, stripped


def _columns(headings: list[str], where: str) -> list[str]:
    """What each column means; an unknown heading means itself, in brackets."""
    meaning = {heading: column for column, names in COLUMNS.items() for heading in names}
    columns = [meaning.get(heading.lower(), f"[{heading}]") for heading in headings]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    missing = [" or ".join(COLUMNS[column]) for column in REQUIRED if column not in columns]
    misspelt = [
        f"{heading} (meant {near[0]}?)"
        for heading, column in zip(headings, columns, strict=True)
        if column not in COLUMNS
        and (near := get_close_matches(heading.lower(), meaning, n=1, cutoff=0.75))
        and meaning[near[0]] not in columns
    ]
    if twice or missing or misspelt:
        raise ValueError(
            f"{where}: the columns are {', '.join(meaning)}; got {', '.join(headings)}"
            + (f"; there is no {', no '.join(missing)}" if missing else "")
            + (f"; twice: {', '.join(twice)}" if twice else "")
            + (f"; unknown: {', '.join(misspelt)}" if misspelt else "")
            + "."
        )
    return columns


def _clip(cells: dict[str, str], path: Path, line: int) -> ListedClip:
    where = f"{path}, line {line}"
    for column in REQUIRED:
        if not cells.get(column):
            raise ValueError(f"{where}: there is no {column}.")
    start_s = _seconds(cells["start"], f"{where}: start") if cells.get("start") else 0.0
    end_s = _seconds(cells["end"], f"{where}: end") if cells.get("end") else None
    if end_s is not None and end_s <= start_s:
        raise ValueError(f"{where}: the end ({cells['end']}) must come after the start ({start_s:g} s).")
    file = path.parent / cells["file"].replace("\\", "/")
    return ListedClip(file, cells["action"], start_s, end_s, cells.get("person") or None, line)


def _seconds(text: str, what: str) -> float:
    """Seconds of `12.5`, `1:02.5` or `0:01:02.5`; a decimal comma is understood."""
    if not re.fullmatch(r"(\d+:)?(\d+:)?\d*[.,]?\d*", text) or not re.search(r"\d", text.split(":")[-1]):
        raise ValueError(f"{what} must be seconds or [h:]mm:ss; got {text!r}.")
    if len(text) > LONGEST_TIME:
        raise ValueError(f"{what} is no time that a recording has.")
    *whole, last = text.replace(",", ".").split(":")
    parts = [*map(int, whole), float(last)]
    if any(part >= 60 for part in parts[1:]):
        raise ValueError(f"{what} has more than 59 minutes or seconds in {text!r}.")
    return math.fsum(part * 60**power for power, part in enumerate(reversed(parts)))
