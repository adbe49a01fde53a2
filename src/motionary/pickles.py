"""Pickles read without running anything they contain.

A pickle is a program. Here numpy arrays, torch tensors, scipy.sparse matrices and chumpy arrays become inert
stand-ins whose numbers are taken out afterwards by `numbers`, and every other name is refused. The arrays of
joblib files, raw bytes after the part of the pickle that announces them, are read too, and so are the objects
that `numpy.save` pickles.
"""

import bz2
import io
import lzma
import pickle
import re
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy import ndarray


def read_python_2(content: bytes) -> Any:
    """What a pickle written by Python 2 or 3 holds; arrays are stand-ins for `numbers`.

    Raises:
        RefusedError: If it asks to use anything else than arrays and plain data.
        Exception: Of any kind if it is damaged.
    """
    # The byte strings of Python 2 hold the arrays: latin1 keeps every byte.
    return _Unpickler(io.BytesIO(content), encoding="latin1").load()


def read_data_file(path: Path | str) -> Any:
    """What a pickle, a joblib file or a .npy file of arrays holds; arrays are stand-ins for `numbers`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or asks to use anything else than arrays and plain data.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No data file at {path}.")
    content = _decompressed(path.read_bytes(), path)
    try:
        if content.startswith(np.lib.format.MAGIC_PREFIX):
            return _npy(content)
        return _JoblibUnpickler(io.BytesIO(content)).load()
    except RefusedError as refused:
        raise ValueError(
            f"{path} asks to use {refused}, which no file of arrays needs; it was not run. Do not trust it."
        ) from None
    except Exception as error:  # a damaged pickle can fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a readable pickle ({reason}).") from None


LARGEST_BYTES = 8 << 30
"""Of a decompressed file: a small one can claim to hold far more than any memory."""

_DECOMPRESSORS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"\x78\x01": zlib.decompressobj,
    b"\x78\x5e": zlib.decompressobj,
    b"\x78\x9c": zlib.decompressobj,
    b"\x78\xda": zlib.decompressobj,
    b"BZh": bz2.BZ2Decompressor,
    b"\x5d\x00": lzma.LZMADecompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
}
"""By the first bytes: gzip, zlib, bzip2, lzma and xz, the compressions that joblib offers but for lz4."""


def _decompressed(content: bytes, path: Path) -> bytes:
    if content.startswith(b'\x04"M\x18'):
        raise ValueError(f"{path} is compressed with lz4; write it anew with joblib.dump(..., compress=3).")
    make = next((make for magic, make in _DECOMPRESSORS.items() if content.startswith(magic)), None)
    if make is None:
        return content
    decompressor = make()
    try:
        whole = decompressor.decompress(content, LARGEST_BYTES)
    except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
        raise ValueError(f"{path} is compressed and damaged ({error}).") from None
    if not decompressor.eof:
        reason = "is cut" if len(whole) < LARGEST_BYTES else f"holds more than {LARGEST_BYTES >> 30} GiB"
        raise ValueError(f"{path} is compressed and {reason}.")
    return whole


def _npy(content: bytes) -> Any:
    """The array of a .npy file, or the only object in it."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(file)
    if not dtype.hasobject:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if shape != ():
        raise ValueError(f"it holds an array {shape} of objects; expected numbers or one dictionary")
    array = _Unpickler(file, encoding="latin1").load()
    return array.state[-1][0]


class RefusedError(Exception):
    """Name of something that a pickle asked for and may not have."""


class StandIn:
    """An object of a class that is not imported: its name, and what the pickle would have given it."""

    original = ""
    state: Any = ()

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _reconstructor(cls: type, base: Any, state: Any) -> Any:
    """Stands in for `copyreg._reconstructor`, by which protocols 0 and 1 make objects."""
    return object.__new__(cls)


def _encode(text: str, encoding: str) -> bytes:
    """Stands in for `_codecs.encode`, by which Python 3 writes bytes in old protocols: always latin1."""
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Stands in for `bytes`, which old protocols call for the empty ones."""
    return b""


def _plain_dict(*factory: Any) -> dict:
    """Stands in for `collections.defaultdict`."""
    return {}


_CALLED = {
    "_codecs.encode": _encode,
    "builtins.bytes": _no_bytes,
    "builtins.dict": dict,
    "builtins.set": set,
    "collections.defaultdict": _plain_dict,
    "collections.OrderedDict": OrderedDict,
    "copyreg._reconstructor": _reconstructor,
}
"""What reading a pickle may call; chumpy arrays remember some sets."""

_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
"""Announces an array whose bytes follow."""

_INERT = re.compile(
    r"numpy\.(ndarray|dtype)|numpy\._?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)"
    r"|torch\._utils\._rebuild_tensor(_v2)?|torch\.storage\._load_from_bytes"
    r"|chumpy\..*|scipy\.sparse\..*|builtins\.object|" + re.escape(_WRAPPER)
)
"""What gets a stand-in."""


_NAMES_OF_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def _found(module: str, name: str) -> Any:
    full_name = f"{_NAMES_OF_PYTHON_2.get(module, module)}.{name}"
    if full_name in _CALLED:
        return _CALLED[full_name]
    if _INERT.fullmatch(full_name):
        return type("StandIn", (StandIn,), {"original": full_name})
    raise RefusedError(full_name)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name)


class _JoblibUnpickler(pickle._Unpickler):
    """Python's own unpickler in Python, because the one in C reads ahead, over the arrays' bytes."""

    def __init__(self, content: io.BytesIO) -> None:
        self.content = content
        super().__init__(content, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name)

    def load_build(self) -> None:
        """Give an object its state; an array's bytes follow it in the file."""
        super().load_build()  # type: ignore[misc]
        value = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(value, StandIn) and value.original == _WRAPPER:
            self.stack[-1] = self._array(value.state)  # type: ignore[attr-defined]

    dispatch = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}  # type: ignore[attr-defined, dict-item]  # noqa: RUF012

    def _array(self, state: dict[str, Any]) -> Any:
        """The array whose bytes come next; one of objects or text is a stand-in, which has no numbers."""
        kind = str(state["dtype"].arguments[0])
        if kind.startswith("O"):
            return _JoblibUnpickler(self.content).load()  # such an array is a pickle of its own
        if state.get("numpy_array_alignment_bytes") is not None:
            self.content.read(self.content.read(1)[0])  # the first byte counts the padding
        if text := re.fullmatch(r"([SU])(\d{1,6})", kind):
            size = int(text[2]) * (4 if text[1] == "U" else 1)
            self.content.read(int(np.prod(state["shape"], dtype=np.int64)) * size)
            return type("StandIn", (StandIn,), {"original": "numpy.text"})()
        dtype = _dtype(state["dtype"])
        count = int(np.prod(state["shape"], dtype=np.int64))
        raw = self.content.read(count * dtype.itemsize)
        return np.frombuffer(bytearray(raw), dtype).reshape(state["shape"], order=state["order"])


def numbers(value: Any) -> ndarray:
    """The numbers of an array or tensor, or of a stand-in for one, a sparse matrix or a chumpy array."""
    if not isinstance(value, StandIn):
        return np.asarray(value)
    package = value.original.partition(".")[0]
    if package == "numpy":
        return _numpy_array(value)
    if package == "torch":
        return _torch_tensor(value)
    # Objects with __slots__ pickle a pair of dictionaries.
    parts = value.state if isinstance(value.state, tuple) else (value.state,)
    state = {key: content for part in parts if part for key, content in part.items()}
    if package == "scipy":
        return _dense(value.original.rpartition(".")[2], state)
    if "x" in state:
        return numbers(state["x"])
    if value.original.endswith(".Select"):
        return numbers(state["a"]).ravel()[numbers(state["idxs"])].reshape(numbers(state["preferred_shape"]))
    raise ValueError(f"cannot take the numbers out of a {value.original}.")


def _numpy_array(value: StandIn) -> ndarray:
    """An array from what numpy pickles of it, by whichever of its three ways."""
    shape: Any = ()
    order: Any = "C"
    match value.original.rpartition(".")[2], value.arguments, value.state:
        case "_reconstruct", _, (_, shape, dtype, is_fortran, content):
            order = "F" if is_fortran else "C"
        case "_frombuffer", (content, dtype, shape, order), _:
            pass
        case "scalar", (dtype, content), _:
            pass
        case _:
            raise ValueError(f"cannot take the numbers out of a {value.original}.")
    numpy_type = _dtype(dtype)
    raw = content.encode("latin1") if isinstance(content, str) else bytearray(content)
    return np.frombuffer(raw, numpy_type).reshape(shape, order=order)


def _torch_tensor(value: StandIn) -> ndarray:
    """A tensor from what torch pickles of it: its storage, saved as a file of its own, and how to walk it."""
    import torch  # not needed by the other pickles

    storage, offset, size, stride, *_ = value.arguments
    (content,) = storage.arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's own files use its deprecated storages
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        flat = torch.empty(0, dtype=loaded.dtype)
        return flat.set_(loaded.untyped(), offset, size, stride).numpy()


def _dtype(value: StandIn) -> np.dtype:
    """A type of numbers: nothing that holds objects, fields or pointers."""
    name = value.arguments[0]
    if not re.fullmatch(r"[fiub][1248]", name):
        raise ValueError(f"arrays must hold numbers; got numpy type {name}.")
    byte_order = value.state[1] if value.state else "="
    return np.dtype(name).newbyteorder(byte_order)


def _dense(class_name: str, state: dict[str, Any]) -> ndarray:
    """Dense form of a pickled csc or csr matrix."""
    makers = {"csc": scipy.sparse.csc_array, "csr": scipy.sparse.csr_array}
    if class_name[:3] not in makers:
        raise ValueError(f"sparse matrices are read in csc or csr form; got {class_name}.")
    parts = tuple(numbers(state[key]) for key in ("data", "indices", "indptr"))
    matrix = makers[class_name[:3]](parts, shape=tuple(numbers(state["_shape"]).tolist()))
    matrix.check_format(full_check=True)
    return matrix.toarray()
