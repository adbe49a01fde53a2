"""Archives of arrays are read whatever other threads do."""

import io

import numpy as np
import pytest

from motionary.array_files import NpyHeader, array_after, npy_array, read_npz


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "some.npz", poses=np.arange(6.0).reshape(2, 3))
    return tmp_path / "some.npz"


def test_a_parser_disturbed_by_another_thread_is_asked_again(path, monkeypatch):
    """Threads that parse at the same moment fail with just this, once in many thousand times."""
    read, calls = np.lib.format.read_array_header_1_0, []

    def disturbed(*args, **options):
        calls.append(args)
        if len(calls) == 1:
            raise SystemError("AST constructor recursion depth mismatch (before=84, after=72)")
        return read(*args, **options)

    monkeypatch.setattr(np.lib.format, "read_array_header_1_0", disturbed)
    np.testing.assert_array_equal(read_npz(path)["poses"], np.arange(6.0).reshape(2, 3))
    assert len(calls) == 2


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(5, dtype=">f4"),
        np.array("walk"),
        np.array("", "<U0"),
        np.zeros((0, 72), np.float32),
        np.array(120.0),
        np.array([(1, 2.0)], [("frame", "i4"), ("time", "f8")]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_is_read_as_numpy_reads_it(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    ours, theirs = npy_array(buffer.getvalue()), np.load(io.BytesIO(buffer.getvalue()))
    assert (ours.dtype, ours.shape, ours.flags.f_contiguous) == (
        theirs.dtype,
        theirs.shape,
        theirs.flags.f_contiguous,
    )
    assert ours.flags.writeable
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(7,), (-6,), (-2, -3), (2, 2**40), (0, -1)])
def test_a_header_that_announces_another_size_is_refused(shape):
    header = NpyHeader(shape, False, np.dtype(float), 0)
    with pytest.raises(ValueError, match="does not fit into its 48 bytes"):
        array_after(header, np.arange(6.0).tobytes())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["{}U2", [("time", "f8"), ("axis", "{}U2")]], ids=["text", "record"])
def test_letters_that_there_are_not_are_refused(dtype, order):
    dtype = [(n, t.format(order)) for n, t in dtype] if isinstance(dtype, list) else dtype.format(order)
    content = np.zeros(3, dtype).tobytes()
    header = NpyHeader((3,), False, np.dtype(dtype), 0)
    assert array_after(header, content).tobytes() == content
    with pytest.raises(ValueError, match="letters that there are not"):
        array_after(header, content[:-4] + b"\x7f" * 4)
