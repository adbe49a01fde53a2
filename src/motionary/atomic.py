"""Files that are either whole or not there, whoever is killed, the disk full or the power gone."""

import errno
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from motionary.locks import alone_in, left_behind, marked_in_use

PARTIAL = ".partial"
"""Ending of what is still being written: .<name>.<eight letters>.partial"""
_LEFT = re.compile(r"\..+\.[a-z0-9_]{8}\.partial")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system answers where there is no room: on the disk, for this user, for this process."""
REFUSALS = {
    errno.EEXIST: "is there already and no folder; name another place",
    errno.ENOTDIR: "lies in what is no folder; name another place",
    errno.EISDIR: "is a folder; name a file",
    errno.ENAMETOOLONG: "is too long a name; give a shorter one",
    errno.EROFS: "is on a disk that may only be read; name another place",
    errno.EACCES: "may not be read or written by this user; name another place, or have that changed",
    errno.EPERM: "may not be read or written by this user; name another place, or have that changed",
}
"""What the system answers where a path does not fit what is to be done with it."""

NO_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
"""What a file system answers that keeps nothing back, or cannot be asked."""
_LATER: ContextVar[bool] = ContextVar("later", default=False)
"""Whether somebody flushes everything in a while."""


class DiskFull(OSError):
    """There was no room for a file; what was there before is as it was."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name in its folder, then rename: no half-written file is ever seen.

    Raises:
        DiskFull: If there is no room for it.
    """
    with open_atomically(path) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A temporary file to write into, which takes its name when all went well and goes away when not.

    Raises:
        DiskFull: If there is no room for it.
    """
    with placed_atomically(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def placed_atomically(path: Path) -> Iterator[Path]:
    """A temporary file, closed, which takes its name when all went well and goes away when not.

    Raises:
        DiskFull: If there is no room for it.
    """
    with told_if_full(path), _partial(path) as temporary:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)


def write_together(folder: Path, contents: Mapping[str, bytes], instead_of: Iterable[str] = ()) -> None:
    """Write files that belong together: where the last is there, the others are those it was written with.

    Args:
        folder: Where they go; earlier files of these names are replaced.
        contents: By name.
        instead_of: Names of earlier files that go as these come, unless they are among them.

    Raises:
        DiskFull: If there is no room for all of them; then nothing has changed.
    """
    *_, receipt = contents
    with told_if_full(folder / receipt), ExitStack() as stack:
        written = {}
        for name, content in contents.items():
            written[name] = stack.enter_context(_partial(folder / name))
            written[name].write_bytes(content)
            _flush(written[name])
        for name in (receipt, *instead_of):
            (folder / name).unlink(missing_ok=True)
        _flush(folder)
        for name, temporary in written.items():
            if name == receipt:
                _flush(folder)
            os.replace(temporary, folder / name)
        _flush(folder)


@contextmanager
def flushed_together() -> Iterator[None]:
    """Flush what is written within once, at the end: for a folder that nobody sees before it is whole."""
    token = _LATER.set(True)
    try:
        yield
        if sys.platform != "win32":
            os.sync()
    finally:
        _LATER.reset(token)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written in a folder and those below."""
    for path in folder.rglob(f".*{PARTIAL}"):
        if _LEFT.fullmatch(path.name) and path.is_file() and left_behind(path):
            path.unlink(missing_ok=True)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work on a folder alone, without what killed processes left half written in it.

    Raises:
        ValueError: If another run works on it; the message says which.
    """
    with alone_in(folder):
        sweep(folder)
        yield


@contextmanager
def told_if_full(path: Path) -> Iterator[None]:
    """Say in one line that there is no room for a file, where that is what goes wrong.

    Raises:
        DiskFull: Instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        if (told := explained(error, path)) is error:
            raise
        raise told from None


def explained(error: Exception, path: Path | None = None) -> Exception:
    """A `DiskFull` for an error that says so in the system's words; any other error as it is."""
    if not isinstance(error, OSError) or isinstance(error, DiskFull) or error.errno not in FULL:
        return error
    full = DiskFull(
        f"No room for {path or error.filename or 'a file'} ({os.strerror(error.errno).lower()}). What was "
        "finished before is kept: free some space and run the command again."
    )
    full.errno = error.errno
    return full


def in_words(error: Exception) -> str:
    """What the system's refusal of a file means for who named it; the message of any other error."""
    if not isinstance(error, OSError) or error.errno not in REFUSALS:
        return str(error)
    return f"{error.filename2 or error.filename or 'A file'} {REFUSALS[error.errno]}."


def _flush(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk before anything that comes after."""
    if _LATER.get() or (sys.platform == "win32" and path.is_dir()):
        return
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise
    finally:
        os.close(handle)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """A temporary file beside a path; removed unless it was renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
    os.close(handle)
    temporary = Path(name)
    try:
        with marked_in_use(temporary):
            os.chmod(temporary, 0o644)
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)
