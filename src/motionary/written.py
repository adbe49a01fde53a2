"""Which files a command has finished in a folder, so that the same command need not make them again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from motionary.atomic import told_if_full, write_atomically

WRITTEN_NAME = ".written.jsonl"
"""A line that says what the files are made from, then one for each few files as they are finished."""


class Written:
    """The finished files of a folder that were made from the same."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        """Read the folder's list; one of files that were made from something else is begun anew."""
        self._path = folder / WRITTEN_NAME
        self._names: set[str] = set()
        head = json.dumps({"made_from": about}, sort_keys=True) + "\n"
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        same = [line for line in whole[1:] if _names_in(line)] if whole[:1] == [head] else []
        listed = {name for line in same for name in _names_in(line)}
        self._names = {name for name in listed if (folder / name).is_file()}
        if "".join([head, *same]) != text:  # other files', or a break left half a line
            write_atomically(self._path, "".join([head, *same]).encode())

    def has(self, names: Sequence[str]) -> bool:
        """Whether all of these are finished."""
        return self._names.issuperset(names)

    def forget(self) -> None:
        """Remove the list: all that was asked for is there."""
        self._path.unlink(missing_ok=True)

    def add(self, names: Sequence[str]) -> None:
        """Note files that were just finished.

        Raises:
            DiskFull: If there is no room.
        """
        self._names.update(names)
        with told_if_full(self._path), self._path.open("ab") as file:
            file.write(json.dumps(list(names)).encode() + b"\n")
            file.flush()


def _names_in(line: str) -> list[str]:
    """The names that a line tells; none where it is damaged."""
    try:
        told = json.loads(line)
    except ValueError:
        return []
    return told if isinstance(told, list) and all(isinstance(name, str) for name in told) else []
