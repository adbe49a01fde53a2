"""A file is whole or not there, whoever is killed and however full the disk is."""

import errno
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from motionary.atomic import (
    DiskFull,
    explained,
    flushed_together,
    open_atomically,
    placed_atomically,
    write_atomically,
)
from motionary.atomic import write_together as write


@pytest.fixture
def little_room():
    """The system lets this process write files of 64 kB at most; Python then hears EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_where_there_is_no_room_the_file_of_before_stays_and_nothing_else(tmp_path, little_room):
    path = tmp_path / "model.safetensors"
    write_atomically(path, b"before")
    said = r"No room for .*model\.safetensors \(file too large\).*free some space"
    with pytest.raises(DiskFull, match=said):
        write_atomically(path, bytes(1 << 17))
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["model.safetensors"]


def test_files_that_belong_together_change_together_or_not_at_all(tmp_path, little_room):
    write(tmp_path, {"a": b"1", "b": b"1", "receipt": b"1"})
    with pytest.raises(DiskFull):
        write(tmp_path, {"a": b"2", "b": bytes(1 << 17), "receipt": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("a", "b", "receipt"), b"1"
    )
    write(tmp_path, {"a": b"3", "receipt": b"3"}, instead_of=["a", "b"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"3", "receipt": b"3"}


def test_the_receipt_goes_first_and_comes_last(tmp_path, monkeypatch):
    write(tmp_path, {"a": b"1", "receipt": b"1"})
    real, seen = os.replace, []

    def watched(source, target):
        seen.append((os.path.basename(target), (tmp_path / "receipt").exists()))
        real(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write(tmp_path, {"a": b"2", "receipt": b"2"})
    assert seen == [("a", False), ("receipt", False)]


@pytest.fixture
def told(monkeypatch):
    """What the system is asked for, in order: to flush a file (its content), a folder or all, to rename."""
    seen, sync, replace = [], os.fsync, os.replace

    def fsync(handle):
        path = os.readlink(f"/proc/self/fd/{handle}")
        seen.append("names" if os.path.isdir(path) else Path(path).read_text())
        sync(handle)

    def renamed(source, target):
        seen.append(f"as {os.path.basename(target)}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "sync", lambda: seen.append("all"))
    return seen


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_content_is_on_the_disk_before_it_takes_its_name_and_the_name_before_anything_after(tmp_path, told):
    write_atomically(tmp_path / "model", b"weights")
    assert told == ["weights", "as model", "names"]
    told.clear()
    write(tmp_path, {"a": b"1", "b": b"2", "receipt": b"3"})
    gone = ["1", "2", "3", "names"]
    assert told == [*gone, "as a", "as b", "names", "as receipt", "names"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_folder_that_nobody_sees_yet_is_flushed_once(tmp_path, told):
    with flushed_together():
        write_atomically(tmp_path / "a", b"1")
        write_atomically(tmp_path / "b", b"2")
    assert told == ["as a", "as b", "all"]
    write_atomically(tmp_path / "c", b"3")
    assert told[3:] == ["3", "as c", "names"]


@pytest.mark.parametrize("way", [open_atomically, placed_atomically])
def test_what_is_interrupted_leaves_nothing(way, tmp_path):
    with pytest.raises(KeyboardInterrupt), way(tmp_path / "clip.npz"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_only_want_of_room_is_explained_as_such(tmp_path):
    other = OSError(errno.EACCES, "Permission denied", "x")
    assert explained(other) is other
    assert explained(ValueError("x")).args == ("x",)
    full = explained(OSError(errno.ENOSPC, "No space left on device", "/disk/log"))
    assert isinstance(full, DiskFull)
    assert "No room for /disk/log (no space left on device)" in str(full)
