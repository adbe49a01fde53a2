"""Files of arrays give their numbers and run nothing."""

import io
import os
import pickle
import zlib
from collections import defaultdict

import joblib
import numpy as np
import pytest
import torch

from motionary.pickles import numbers, read_data_file


class Wrapper:
    """What joblib puts in a file where an array's bytes follow."""


Wrapper.__module__, Wrapper.__qualname__, Wrapper.__name__ = (
    "joblib.numpy_pickle",
    "NumpyArrayWrapper",
    "NumpyArrayWrapper",
)


class JoblibPickler(pickle._Pickler):
    """Writes arrays as joblib's uncompressed files have them."""

    def __init__(self, file, aligned: bool) -> None:
        self.file, self.aligned = file, aligned
        super().__init__(file, protocol=4)

    def save(self, obj, save_persistent_id=True):
        if not isinstance(obj, np.ndarray):
            return super().save(obj, save_persistent_id)
        wrapper = Wrapper()
        order = "F" if obj.flags.f_contiguous and not obj.flags.c_contiguous else "C"
        wrapper.__dict__.update(
            subclass=np.ndarray, shape=obj.shape, order=order, dtype=obj.dtype, allow_mmap=True
        )
        if self.aligned:
            wrapper.numpy_array_alignment_bytes = 16
        super().save(wrapper, save_persistent_id)
        self.framer.commit_frame(force=True)
        if self.aligned:
            padding = 16 - (self.file.tell() + 1) % 16
            self.file.write(bytes([padding]) + b"\xff" * padding)
        self.file.write(obj.tobytes(order))

    def save_global(self, obj, name=None):
        if obj is Wrapper:  # not importable, and need not be
            self.save("joblib.numpy_pickle")
            self.save("NumpyArrayWrapper")
            return self.write(pickle.STACK_GLOBAL) and None
        return super().save_global(obj, name)

    dispatch = {**pickle._Pickler.dispatch, type: save_global}  # noqa: RUF012


def joblib_file(path, content, aligned=False):
    buffer = io.BytesIO()
    JoblibPickler(buffer, aligned).dump(content)
    path.write_bytes(buffer.getvalue())
    return path


ARRAYS = {
    "poses": np.arange(12, dtype=np.float32).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.zeros((0, 3)),
    "scalar": np.array(7),
}


@pytest.mark.parametrize("aligned", [False, True])
def test_arrays_of_joblib_files_come_out_whole(aligned, tmp_path):
    read = read_data_file(joblib_file(tmp_path / "a.pkl", {1: ARRAYS, "after": [1, "x"]}, aligned))
    assert read["after"] == [1, "x"]
    for name, array in ARRAYS.items():
        got = numbers(read[1][name])
        assert got.dtype == array.dtype
        np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_plain_pickles_come_out_whole(protocol, tmp_path):
    (tmp_path / "a.pkl").write_bytes(
        pickle.dumps({"poses": [*ARRAYS.values()], "y": [np.int64(3)]}, protocol)
    )
    read = read_data_file(tmp_path / "a.pkl")
    for got, array in zip(read["poses"], ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(numbers(got), array)
    assert int(numbers(read["y"][0])) == 3


class Malicious:
    def __reduce__(self):
        return os.system, ("touch stolen",)


@pytest.mark.parametrize("payload", [Malicious(), ARRAYS | {"x": Malicious()}])
def test_what_asks_to_run_code_is_refused_by_name(payload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "plain.pkl", tmp_path / "joblib.pkl"):
        path.write_bytes(pickle.dumps(payload))
        with pytest.raises(ValueError, match=r"plain\.pkl|joblib\.pkl") as error:
            read_data_file(path)
        assert "system" in str(error.value)
    joblib_file(tmp_path / "joblib.pkl", payload)
    with pytest.raises(ValueError, match="system, which no file of arrays needs"):
        read_data_file(tmp_path / "joblib.pkl")
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_files_of_joblib_itself_come_out_whole(compress, tmp_path):
    people = defaultdict(dict)
    people[np.int64(3)] |= ARRAYS
    joblib.dump(people, tmp_path / "a.pkl", compress=compress)
    ((number, read),) = read_data_file(tmp_path / "a.pkl").items()
    assert int(numbers(number)) == 3
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(numbers(read[name]), array)


def test_arrays_of_objects_and_text_do_not_spoil_the_others(tmp_path):
    content = {"objects": np.array([{1}, None], object), "text": np.array(["walk", "é"]), "array": np.eye(2)}
    joblib.dump(content, tmp_path / "a.pkl", compress=3)
    read = read_data_file(tmp_path / "a.pkl")
    np.testing.assert_array_equal(numbers(read["array"]), np.eye(2))
    for name in ("objects", "text"):
        with pytest.raises(ValueError, match=r"numbers"):
            numbers(read[name])


def test_objects_in_joblib_s_arrays_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    joblib.dump({"x": np.array([Malicious()], object)}, tmp_path / "a.pkl")
    with pytest.raises(ValueError, match="system, which no file of arrays needs"):
        read_data_file(tmp_path / "a.pkl")
    assert not (tmp_path / "stolen").exists()


def test_a_file_that_claims_to_hold_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MOTIONARY_MAX_UNPACKED_MB", "1")
    (tmp_path / "a.pkl").write_bytes(zlib.compress(b"\0" * (2 << 20)))
    with pytest.raises(ValueError, match="holds 2 MB once unpacked, more than 1"):
        read_data_file(tmp_path / "a.pkl")


def test_tensors_and_objects_of_npy_files_come_out_whole(tmp_path):
    tensor = torch.arange(12.0).reshape(3, 4).T[1:]  # neither contiguous nor at its storage's start
    np.save(tmp_path / "a.npy", {"tensor": tensor, "array": np.arange(3)})
    read = read_data_file(tmp_path / "a.npy")
    np.testing.assert_array_equal(numbers(read["tensor"]), tensor.numpy())
    np.testing.assert_array_equal(numbers(read["array"]), np.arange(3))
    np.save(tmp_path / "b.npy", np.eye(2))
    np.testing.assert_array_equal(read_data_file(tmp_path / "b.npy"), np.eye(2))


def test_objects_of_npy_files_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "a.npy", {"x": Malicious()}, allow_pickle=True)
    with pytest.raises(ValueError, match="system, which no file of arrays needs"):
        read_data_file(tmp_path / "a.npy")
    assert not (tmp_path / "stolen").exists()


def test_arrays_of_objects_are_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(np.array([{}], object)))
    with pytest.raises(ValueError, match="hold numbers"):
        numbers(read_data_file(tmp_path / "a.pkl"))


def test_damaged_files_are_named(tmp_path):
    whole = joblib_file(tmp_path / "a.pkl", ARRAYS).read_bytes()
    for content, message in [
        (zlib.compress(whole)[:-20], "compressed and is cut"),
        (zlib.compress(whole)[:2] + b"\xff" * 40, "compressed and damaged"),
        (b'\x04"M\x18' + whole, "lz4"),
        (whole[:150], "not a readable pickle"),
        (whole[:-8], "not a readable pickle"),
        (b"", "not a readable pickle"),
        (b"hello", "not a readable pickle"),
    ]:
        (tmp_path / "b.pkl").write_bytes(content)
        with pytest.raises(ValueError, match=message) as error:
            read_data_file(tmp_path / "b.pkl")
        assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError, match="No data file"):
        read_data_file(tmp_path / "missing.pkl")
