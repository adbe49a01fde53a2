"""What is too much is refused before it begins, saying how much it needs."""

import gc
import platform
import re
import weakref
from pathlib import Path

import pytest

from motionary.cli import main
from motionary.resources import Need, available_memory, free_disk, give_back_memory, peak_memory, told


def refused(capsys, *words) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    return error


def test_what_the_machine_has_is_known(tmp_path):
    assert 1 << 20 < peak_memory() < 1 << 40
    assert 1 << 20 < available_memory() < 1 << 50
    assert free_disk(tmp_path / "not" / "yet") == pytest.approx(free_disk(tmp_path), rel=0.2)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 MB"), (3_400_000, "3 MB"), (2_060_000_000, "2.1 GB"), (4.9e15, "4,900.0 TB")]
)
def test_sizes_are_told_as_people_say_them(number, said):
    assert told(number) == said


def test_enough_is_enough_and_too_much_is_told(tmp_path):
    Need(memory=1000, disk=1000).check("A trifle", tmp_path, "ask for less")
    said = r"about 1,000\.0 TB of memory, and .* are available; 2,000\.0 TB of disk, and .* are free"
    with pytest.raises(ValueError, match=said):
        Need(memory=10**15, disk=2 * 10**15).check("A feat", tmp_path, "ask for less")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--num", 10**9), r"1000000000 motions needs about [\d.,]+ TB of memory.*of disk.*--anyway"),
        (("--frames", 10**7), r"1 motions needs about [\d.,]+ GB of memory"),
        (("--num", 10**9, "--frames", 10**7, "--formats", "npz,mp4"), r"TB of memory.*TB of disk"),
    ],
)
def test_generating_too_much_is_refused_before_it_begins(asked, said, capsys, tmp_path):
    words = ("generate", "hdm05", "--action", "kickLFront", "--out", tmp_path / "out", *asked)
    assert re.search(said, refused(capsys, *words))
    assert list(tmp_path.iterdir()) == []


def test_training_on_too_much_at_once_is_refused_before_it_begins(dataset_of_two, capsys, tmp_path):
    words = ("train", dataset_of_two, "--out", tmp_path / "out", "--set", "num_frames=10000000")
    assert re.search(
        r"This training needs about [\d.,]+ TB of memory.*lower batch_size", refused(capsys, *words)
    )
    assert not (tmp_path / "out").exists()


@pytest.fixture
def dataset_of_two(tmp_path):
    import numpy as np

    from motionary.motion import Motion

    for action in ("walk", "jump"):
        Motion(np.zeros((9, 24, 3)), np.zeros((9, 3)), 30.0, action=action).save(
            tmp_path / "data" / f"{action}.npz"
        )
    return tmp_path / "data"


def test_what_only_refers_to_itself_goes():
    class Ring:
        pass

    ring = Ring()
    ring.itself = ring
    seen = weakref.ref(ring)
    gc.disable()  # or it might be gone by chance
    try:
        del ring
        assert seen() is not None
        give_back_memory()
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_freed_memory_goes_back_to_the_system():
    def held() -> int:
        return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024

    blocks = [bytearray(60_000) for _ in range(3000)]
    del blocks[:-1]  # the last one keeps the heap from shrinking
    before = held()
    give_back_memory()
    assert held() < before - 100
