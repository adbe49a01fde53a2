"""Pickles read without running anything they contain.

A pickle is a program. Here numpy arrays, torch tensors, scipy.sparse matrices and chumpy arrays become inert
stand-ins whose numbers are taken out afterwards by `numbers`, and every other name is refused. The arrays of
joblib files, raw bytes after the part of the pickle that announces them, are read too, and so are the objects
that `numpy.save` pickles. A file cannot make the reader take more memory than its own size accounts for, nor
crash it by nesting.
"""

import bz2
import io
import lzma
import math
import mmap
import pickle
import re
import struct
import sys
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy import ndarray

from motionary.array_files import array_after, read_header
from motionary.documents import reason
from motionary.limits import limits, read_bytes


def read_python_2(content: bytes) -> Any:
    """What a pickle written by Python 2 or 3 holds; arrays are stand-ins for `numbers`.

    Raises:
        RefusedError: If it asks to use anything else than arrays and plain data.
        Exception: Of any kind if it is damaged.
    """
    return _Unpickler(content).load()


def read_data_file(path: Path | str) -> Any:
    """What a pickle, a joblib file or a .npy file of arrays holds; arrays are stand-ins for `numbers`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or asks to use anything else than arrays and plain data.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No data file at {path}.")
    content = _decompressed(read_bytes(path), path)
    try:
        if content.startswith(np.lib.format.MAGIC_PREFIX):
            return _npy(content)
        return _Unpickler(content).load()
    except RefusedError as refused:
        raise ValueError(
            f"{path} asks to use {refused}, which no file of arrays needs; it was not run. Do not trust it."
        ) from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise ValueError(f"{path} is not a readable pickle ({reason(error)}).") from None


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
    decompressor, most = make(), limits().unpacked_mb << 20
    try:
        whole = decompressor.decompress(content, most)
    except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
        raise ValueError(f"{path} is compressed and damaged ({error}).") from None
    if not decompressor.eof:
        limits().check_bytes("unpacked_mb", len(whole) + (len(whole) == most), path)
        raise ValueError(f"{path} is compressed and is cut.")
    return whole


def _npy(content: bytes) -> Any:
    """The array of a .npy file, or the only object in it."""
    header = read_header(content)
    if not header.dtype.hasobject:
        return array_after(header, content)
    if header.shape != ():
        raise ValueError(f"it holds an array {header.shape} of objects; expected numbers or one dictionary")
    array = _Unpickler(content[header.length :]).load()
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


_CALLED = {
    "_codecs.encode": _encode,
    "builtins.bytes": _no_bytes,
    "builtins.dict": dict,
    "builtins.set": set,
    "collections.defaultdict": lambda *factory: {},
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


def _shallow(load: Callable[[Any], None]) -> Callable[[Any], None]:
    """A pickle operation that makes a tuple, without ever making one that is nested deeply."""

    def load_shallow(unpickler: Any) -> None:
        load(unpickler)
        if _is_deep(unpickler.stack[-1], DEEPEST_TUPLE):
            raise ValueError("it is nested too deeply")

    return load_shallow


def _is_deep(value: Any, left: int) -> bool:
    return left == 0 or any(_is_deep(part, left - 1) for part in value if type(part) is tuple)


DEEPEST_TUPLE = 32
"""Tuples in tuples: their hashes are taken recursively, in C, without a guard."""
LONGEST_NAME = 500
"""Letters of a module and of what is wanted from it."""


def check_nesting(file: io.BufferedIOBase | mmap.mmap) -> None:
    """Read one pickle from an open file, keep nothing, and refuse one that would crash a reader by nesting.

    Raises:
        Exception: Of any kind if it is damaged or nested too deeply.
    """
    _Hollow(file).load()


class _Unpickler(pickle._Unpickler):
    """Python's own unpickler in Python.

    The one in C reads ahead, over the bytes of joblib's arrays, and takes memory for as many entries of its
    memo as a file names; this one keeps them in a dictionary.
    """

    def __init__(self, content: bytes | io.BufferedIOBase | mmap.mmap) -> None:
        self.content = io.BytesIO(content) if isinstance(content, bytes) else content
        # The byte strings of Python 2 hold the arrays: latin1 keeps every byte.
        super().__init__(self.content, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        _check_length(module, name)
        return _found(module, name)

    def persistent_load(self, pid: Any) -> Any:
        """Refuse what lies outside of the file."""
        raise pickle.UnpicklingError("it refers to something outside of it")

    def load_build(self) -> None:
        """Give an object its state; an array's bytes follow it in the file."""
        if not isinstance(self.stack[-2], StandIn | OrderedDict):  # type: ignore[attr-defined]
            raise RefusedError(f"the state of {type(self.stack[-2]).__name__}")  # type: ignore[attr-defined]
        super().load_build()  # type: ignore[misc]
        value = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(value, StandIn) and value.original == _WRAPPER:
            self.stack[-1] = self._array(value.state)  # type: ignore[attr-defined]

    def load_bytearray8(self) -> None:
        """Read bytes, of which there must be as many as announced."""
        (size,) = struct.unpack("<Q", self.read(8))  # type: ignore[attr-defined]
        if len(content := self.read(min(size, sys.maxsize))) < size:  # type: ignore[attr-defined]
            raise EOFError("it is cut")
        self.append(bytearray(content))  # type: ignore[attr-defined]

    dispatch = {  # noqa: RUF012
        **pickle._Unpickler.dispatch,  # type: ignore[attr-defined]
        pickle.BUILD[0]: load_build,  # type: ignore[dict-item]
        pickle.BYTEARRAY8[0]: load_bytearray8,  # type: ignore[dict-item]
        **{
            code[0]: _shallow(pickle._Unpickler.dispatch[code[0]])  # type: ignore[attr-defined]
            for code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)
        },
    }

    def _array(self, state: dict[str, Any]) -> Any:
        """The array whose bytes come next; one of objects or text is a stand-in, which has no numbers."""
        kind = str(state["dtype"].arguments[0])
        if kind.startswith("O"):
            return _Unpickler(self.content).load()  # such an array is a pickle of its own
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


class _Hollow(_Unpickler):
    """Gives an object that swallows everything for everything that a pickle asks for."""

    def find_class(self, module: str, name: str) -> Any:
        _check_length(module, name)
        return type("Swallowing", (_Swallowing,), {})

    def persistent_load(self, pid: Any) -> Any:
        return _Swallowing()


def _check_length(module: str, name: str) -> None:
    """Refuse names as none is: torch searches its message about one in the square of its length."""
    if len(module) + len(name) > LONGEST_NAME:
        raise pickle.UnpicklingError(f"it asks for a name of {len(module) + len(name)} letters")


class _Swallowing(StandIn):
    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Of a list."""

    extend = add = update = append


def numbers(value: Any) -> ndarray:
    """The numbers of an array or tensor, or of a stand-in for one, a sparse matrix or a chumpy array.

    Raises:
        ValueError: If it holds none, or they do not fit together.
    """
    try:
        return _numbers(value)
    except Exception as error:  # a made-up stand-in can fail in any way
        raise ValueError(f"it is no array of numbers ({reason(error)})") from None


def _numbers(value: Any) -> ndarray:
    if not isinstance(value, StandIn):
        _check_extent(value)
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
        return _numbers(state["x"])
    if value.original.endswith(".Select"):
        places, shape = _numbers(state["idxs"]), _numbers(state["preferred_shape"])
        return _numbers(state["a"]).ravel()[places].reshape(shape)
    raise ValueError(f"cannot take the numbers out of a {value.original}.")


MOST_EXPANDED_BYTES = 256 << 20
"""Of an array whose file does not hold every number of it: lists that hold one list many times, tensors that
repeat a row, sparse matrices."""


def _check_extent(value: Any) -> None:
    """Refuse nested lists that stand for many more numbers than they hold."""
    count = 1
    while isinstance(value, list | tuple) and value:
        count *= len(value)
        if count * 8 > MOST_EXPANDED_BYTES:
            raise ValueError("its lists stand for too many numbers")
        value = value[0]


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
        if (whole := math.prod(size) * flat.itemsize) > max(loaded.nbytes(), MOST_EXPANDED_BYTES):
            raise ValueError(f"a tensor of {whole} bytes repeats {loaded.nbytes()}")
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
    parts = tuple(_numbers(state[key]) for key in ("data", "indices", "indptr"))
    shape = tuple(_numbers(state["_shape"]).tolist())
    if math.prod(shape) * 8 > MOST_EXPANDED_BYTES:
        raise ValueError(f"a sparse matrix {shape} is too large")
    matrix = makers[class_name[:3]](parts, shape=shape)
    matrix.check_format(full_check=True)
    return matrix.toarray()
