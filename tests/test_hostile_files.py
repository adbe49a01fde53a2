"""A corpus of hostile files, made here: each is refused by name, and nothing in it is done."""

import builtins
import io
import os
import pickle
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from motionary.array_files import read_npz
from motionary.body.smpl_files import read_smpl
from motionary.datasets import Dataset
from motionary.datasets.archives import as_folder
from motionary.datasets.humanact12 import read_humanact12
from motionary.estimators.external import read_results
from motionary.mocap import read_motion
from motionary.models.checkpoint import load_model
from motionary.models.published import import_published
from motionary.models.recognisers import read_published
from motionary.motion import Motion
from motionary.pickles import numbers, read_data_file
from motionary.torch_files import read_torch_file


class Calls:
    """Pickled, it asks for a call when it is read."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def nested_calls() -> Calls:
    """getattr(__import__("os"), "system")("touch stolen"), as chains of builtins."""
    return Calls(getattr, Calls(__import__, "os"), "system")


TOUCH = "touch stolen"
CALLS = {
    "system": Calls(os.system, TOUCH),
    "eval": Calls(eval, "open('stolen', 'w')"),
    "exec": Calls(exec, "open('stolen', 'w')"),
    "getattr": nested_calls(),
    "__import__": Calls(__import__, "os"),
    "open": Calls(builtins.open, "stolen", "w"),
    "remove": Calls(os.remove, "precious"),
    "Popen": Calls(__import__("subprocess").Popen, ["touch", "stolen"]),
}
PICKLE_READERS = {
    "results": (read_results, "vibe_output.pkl"),
    "smpl": (read_smpl, "SMPL_NEUTRAL.pkl"),
    "data": (read_data_file, "a.pkl"),
    "humanact12": (read_humanact12, "humanact12poses.pkl"),
    "torch": (read_torch_file, "a.pt"),
    "gru": (read_published, "model.tar"),
    "actor": (import_published, "checkpoint_0100.pth.tar"),
    "gvhmr": (read_results, "hmr4d_results.pt"),
}


@pytest.fixture
def there(tmp_path, monkeypatch) -> Path:
    """A working folder with something to lose."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").write_text("here")
    return tmp_path


def assert_refused(read: Callable, path: Path, *words: str) -> None:
    with pytest.raises(ValueError, match=path.name) as error:
        read(path)
    assert type(error.value) is ValueError
    for word in words:
        assert word in str(error.value)
    assert not Path("stolen").exists()
    assert Path("precious").read_text() == "here"


@pytest.mark.parametrize("reader", PICKLE_READERS)
@pytest.mark.parametrize("call", CALLS)
def test_pickles_that_call_something_are_refused_by_its_name(call, reader, there):
    read, name = PICKLE_READERS[reader]
    for protocol in (0, 2, 4):
        (there / name).write_bytes(pickle.dumps({"pose": CALLS[call]}, protocol))
        assert_refused(read, there / name, *([call] if protocol and name.endswith(".pkl") else []))


@pytest.mark.parametrize("reader", ["torch", "gru", "actor", "gvhmr"])
def test_torch_archives_that_call_something_are_refused_by_its_name(reader, there):
    read, name = PICKLE_READERS[reader]
    torch.save({"model": Calls(os.system, TOUCH)}, there / name)
    assert_refused(read, there / name, "system")


def with_pickle(path: Path, content: bytes) -> None:
    """A torch archive with another pickle in it."""
    whole = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, whole)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w") as made:
        for member in archive.namelist():
            made.writestr(member, content if member.endswith("data.pkl") else archive.read(member))


DEEP_KEY = b"\x80\x02}(K\x01" + b"\x85" * 1_000_000 + b"K\x02u."
"""A dictionary whose key is a tuple in a tuple in ...: Python's own reader dies of its hash."""
HUGE_MEMO = b"\x80\x02Nr\xff\xff\xff\x3f."
"""An entry of the memo so high that the reader in C takes 16 GB for those below."""
HUGE_BYTES = b"\x80\x05\x96" + struct.pack("<Q", 1 << 36) + b"abc."
MANY_LISTS = (
    b"\x80\x02]q\x00(K\x01K\x01K\x01K\x01e"
    + b"".join(
        b"]("
        + b"h"
        + bytes([n])
        + b"h"
        + bytes([n])
        + b"h"
        + bytes([n])
        + b"h"
        + bytes([n])
        + b"eq"
        + bytes([n + 1])
        for n in range(30)
    )
    + b"."
)
"""Four times a list of four times a list ...: 4^31 numbers in 400 bytes."""


@pytest.mark.parametrize("content", [DEEP_KEY, HUGE_BYTES])
@pytest.mark.parametrize("reader", ["results", "smpl", "data", "humanact12", "torch"])
def test_pickles_that_crash_or_fill_the_memory_are_refused(content, reader, there):
    read, name = PICKLE_READERS[reader]
    (there / name).write_bytes(content)
    assert_refused(read, there / name)


@pytest.mark.parametrize("reader", PICKLE_READERS)
def test_names_as_none_is_are_refused_at_once(reader, there):
    """Torch would search its own message about this one for half a minute."""
    read, name = PICKLE_READERS[reader]
    content = b"\x80\x02ctorch" + b"(" * 40_000 + b"\nstorage\n."
    (there / name).write_bytes(content)
    if name.endswith((".pt", ".tar")):
        with_pickle(there / name, content)
    began_s = time.process_time()
    with pytest.raises(ValueError, match=name) as error:
        read(there / name)
    assert time.process_time() - began_s < 5
    assert len(str(error.value)) < 500 + len(str(there))


def test_torch_archives_that_nest_too_deeply_are_refused(there):
    with_pickle(there / "a.pt", DEEP_KEY)
    assert_refused(read_torch_file, there / "a.pt", "nested too deeply")


def test_high_entries_of_a_pickle_s_memo_take_no_memory(there):
    (there / "a.pkl").write_bytes(HUGE_MEMO)
    assert read_data_file(there / "a.pkl") is None


def test_lists_that_stand_for_more_numbers_than_any_memory_holds_are_refused(there):
    (there / "a.pkl").write_bytes(MANY_LISTS)
    with pytest.raises(ValueError, match="no array of numbers"):
        numbers(read_data_file(there / "a.pkl"))


def test_tensors_that_repeat_a_number_beyond_all_memory_are_refused(there):
    tensor = torch.zeros(1).as_strided((1 << 20, 1 << 20), (0, 0))
    torch.save({"model": tensor}, there / "a.pt")
    assert_refused(read_torch_file, there / "a.pt", "stands for more numbers")


# ---- arrays ----


def npy(shape: str, descr: str = "'<f4'", body: bytes = b"\0" * 64) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


@pytest.mark.parametrize(
    "content",
    [
        npy("(1000000000000, 72)"),
        npy("(4611686018427387904, 4)"),
        npy("(-1, 72)"),
        npy("(" * 3000),
        npy("(1, 72)", "'|O'", pickle.dumps(Calls(os.system, TOUCH))),
        npy("(1, 72)", "'<U99999999'"),
        npy("(1, 72)", "[('a', '|O')]"),
    ],
    ids=["absurd", "overflowing", "negative", "nested", "objects", "text", "fields"],
)
def test_absurd_shapes_and_objects_in_npz_files_are_refused(content, there):
    with zipfile.ZipFile(there / "a.npz", "w") as archive:
        archive.writestr("poses.npy", content)
        archive.writestr("trans.npy", npy("(1, 3)"))
        archive.writestr("fps.npy", npy("()"))
    for read in (Motion.load, read_motion):
        assert_refused(read, there / "a.npz")


def test_an_archive_that_unpacks_to_more_than_is_allowed_is_refused_before(there, monkeypatch):
    monkeypatch.setenv("MOTIONARY_MAX_UNPACKED_MB", "4")
    with zipfile.ZipFile(there / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("poses.npy", npy("(1000000, 72)", body=bytes(16 << 20)))
    assert (there / "a.npz").stat().st_size < 32 << 10
    assert_refused(Motion.load, there / "a.npz", "once unpacked", "MOTIONARY_MAX_UNPACKED_MB")
    (there / "a.pkl").write_bytes(zlib.compress(bytes(16 << 20)))
    assert_refused(read_data_file, there / "a.pkl", "once unpacked")
    whole = io.BytesIO()
    torch.save({"a": torch.zeros(4 << 20)}, whole)
    with (
        zipfile.ZipFile(whole) as archive,
        zipfile.ZipFile(there / "a.pt", "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for member in archive.namelist():
            made.writestr(member, archive.read(member))
    assert_refused(read_torch_file, there / "a.pt", "once unpacked")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(value, there):
    poses, trans = np.zeros((3, 72)), np.zeros((3, 3))
    trans[1, 1] = value
    np.savez(there / "a.npz", poses=poses, trans=trans, mocap_framerate=30.0)
    assert_refused(Motion.load, there / "a.npz", "finite")


def test_the_other_byte_order_gives_the_same_numbers(there):
    poses = np.random.default_rng(0).normal(size=(4, 72))
    for order in "<>":
        given = poses.astype(f"{order}f8")
        np.savez(there / "a.npz", poses=given, trans=np.zeros((4, 3), f"{order}f4"), fps=30.0, up_axis="y")
        np.testing.assert_allclose(Motion.load(there / "a.npz").pose.reshape(4, 72), poses, rtol=1e-6)
        (there / "a.pkl").write_bytes(pickle.dumps(given))
        np.testing.assert_array_equal(numbers(read_data_file(there / "a.pkl")), poses)
        np.testing.assert_array_equal(read_npz(there / "a.npz", ("poses",))["poses"], poses)


# ---- archives, models, data sets ----


def test_links_devices_and_names_that_lead_out_leave_nothing(there):
    (there / "secret.bvh").write_text("secret")
    for kind, target in (
        (tarfile.SYMTYPE, "../secret.bvh"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.CHRTYPE, ""),
    ):
        with tarfile.open(there / "a.tar", "w") as archive:
            member = tarfile.TarInfo("a.bvh")
            member.type, member.linkname = kind, target
            archive.addfile(member)
        with as_folder(there / "a.tar", (".bvh",)) as folder:
            assert not list(folder.iterdir())
    with zipfile.ZipFile(there / "a.zip", "w") as zipped:
        zipped.writestr("../../stolen.bvh", "x")
    with pytest.raises(ValueError, match=r"a\.zip holds .*leads out"), as_folder(there / "a.zip", (".bvh",)):
        pass


@pytest.mark.parametrize("path", ["../precious", "/etc/passwd", "link/precious"])
def test_a_data_set_names_no_file_outside_of_its_folder(path, there):
    folder = there / "set"
    folder.mkdir()
    (folder / "link").symlink_to(there)
    clip = f'{{"path": "{path}", "action": "a", "num_frames": 1, "fps": 30}}'
    index = f'{{"format_version": 2, "actions": ["a"], "fps": 30, "clips": [{clip}], "rejected": []}}'
    (folder / "dataset.json").write_text(index)
    assert_refused(lambda at: Dataset.load(at.parent), folder / "dataset.json", "outside its folder")


@pytest.mark.parametrize(("name", "value"), [("num_layers", 10**9), ("latent_dim", 2**40), ("ff_dim", 2**31)])
def test_a_model_that_describes_more_than_it_holds_is_refused(name, value, there):
    from safetensors.torch import save

    config = {"num_actions": 1, "latent_dim": 8, "ff_dim": 8, "num_layers": 1, "num_heads": 2} | {name: value}
    import json

    header = {"format_version": 1, "kind": "actor", "config": config, "actions": ["a"], "fps": 30.0}
    header |= {"num_frames": 8, "facing": "forward"}
    content = save({"a": torch.zeros(1)}, metadata={"motionary": json.dumps(header)})
    (there / "model.safetensors").write_bytes(content)
    assert_refused(load_model, there / "model.safetensors", name)
