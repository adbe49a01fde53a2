"""Archives as they were downloaded, read without unpacking them by hand."""

import lzma
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from motionary.atomic import DiskFull, told_if_full
from motionary.limits import limits

ARCHIVE_SUFFIXES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")


DAMAGES = (
    *(tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, struct.error),
    *(NotImplementedError, RuntimeError, OverflowError, UnicodeDecodeError, IndexError, TypeError),
)
"""What the standard library raises for damaged, encrypted and strangely compressed archives."""


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is an archive that `as_folder` opens."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES) and path.is_file()


@contextmanager
def as_folder(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """A folder as it is; an archive's files with these suffixes in a temporary folder of the archive's name.

    Raises:
        FileNotFoundError: If there is neither.
        ValueError: If the archive is damaged, or a name in it leads out of the folder.
    """
    if not is_archive(path):
        if not path.exists():
            raise FileNotFoundError(f"No file or folder at {path}.")
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="motionary-") as temporary:
        folder = Path(temporary) / path.name.partition(".")[0]
        folder.mkdir()
        try:
            with told_if_full(folder):
                _unpack(path, folder, suffixes)
        except DiskFull:
            raise
        except DAMAGES as error:
            reason = str(error) or type(error).__name__
            raise ValueError(f"{path} is a damaged or cut archive ({reason}).") from None
        yield folder


def _unpack(path: Path, folder: Path, suffixes: tuple[str, ...]) -> None:
    done = 0
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.filename.lower().endswith(suffixes):
                    with archive.open(info) as content:
                        done += _write(content, info.file_size, folder, info.filename, path, done)
        return
    with tarfile.open(path, "r|*") as tar:
        for member in tar:
            # Links and devices are never wanted, whatever they are called.
            if member.isreg() and member.name.lower().endswith(suffixes):
                file = tar.extractfile(member)
                assert file is not None, "a regular file has content"
                done += _write(file, member.size, folder, member.name, path, done)


def _write(content: Any, size: int, folder: Path, name: str, archive: Path, done: int) -> int:
    """Write one file of an archive, after so many bytes of others, from an open one; its size."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] in ("/", "..") or ".." in parts or ":" in parts[0]:
        raise ValueError(f"{archive} holds {name!r}, which leads out of its folder; do not trust it.")
    limits().check_bytes("archive_mb", done + size, archive)
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)
    return size
