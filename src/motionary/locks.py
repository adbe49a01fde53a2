"""One process at a time on a folder; the lock goes with the process that holds it, however that ends."""

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

LOCK_NAME = ".motionary.lock"
"""Of the file in a folder that is being worked on, which says who does."""
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""What a file system without locks answers."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make sure that this is the only run that works on a folder, which is made if it is not there.

    Raises:
        ValueError: If another run does; the message says which.
    """
    try:
        with _locked(folder / LOCK_NAME, folder):
            yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # where nothing came of it


@contextmanager
def alone_making(folder: Path) -> Iterator[None]:
    """Make sure that this is the only run that makes a folder, which need not be there yet.

    Raises:
        ValueError: If another run does; the message says which.
    """
    folder = folder.absolute()
    with _locked(folder.with_name(f".{folder.name}{LOCK_NAME}"), folder):
        yield


@contextmanager
def marked_in_use(path: Path) -> Iterator[None]:
    """Mark a file or folder that is being written; `left_behind` tells it from what a killed process left."""
    handle = None
    with suppress(OSError):
        handle = _lock(path, os.O_RDONLY)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def left_behind(path: Path) -> bool:
    """Whether nobody is writing what `marked_in_use` marked."""
    try:
        handle = _lock(path, os.O_RDONLY)
    except OSError:
        return False
    if handle is not None:
        os.close(handle)
    return True


@contextmanager
def _locked(file: Path, what: Path) -> Iterator[None]:
    handle = _lock_of_its_name(file, what)
    if handle is None:
        yield
        return
    try:
        with suppress(OSError):  # a full disk: the lock holds without the name
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(_this_run()).encode())
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def _lock_of_its_name(file: Path, what: Path) -> int | None:
    """A lock of the file that goes by this name now: the last holder removes the file as it leaves."""
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)  # the last holder may have taken it along
        try:
            handle = _lock(file, os.O_RDWR | os.O_CREAT)
        except BlockingIOError:
            raise ValueError(
                f"Another run is working on {what}: {_holder(file)}. Wait for it, or stop it."
            ) from None
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in NO_LOCKS:
                return None
            raise
        if handle is None:
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(file)):
                return handle
        os.close(handle)


def _lock(path: Path, flags: int) -> int | None:
    """Open and lock; None where there are no such locks.

    Raises:
        BlockingIOError: If somebody else holds it.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(path, flags, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _this_run() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
    }


def _holder(file: Path) -> str:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return f"process {told['pid']} on {told['host']}, since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has not told its name yet"
