"""Numpy's .npz archives, looked at before anything is unpacked: no pickles, no more memory than they hold."""

import io
import math
import sys
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy import ndarray

from motionary.documents import reason
from motionary.limits import limits, read_bytes

LONGEST_HEADER = 1000
"""Letters of an array's header: plain arrays have a tenth of that, and numpy mends bad ones slowly."""
ATTEMPTS = 5

Parsed = TypeVar("Parsed")


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, ndarray]:
    """Arrays of an .npz file by name; those that are pickles are left where they are, unless they are wanted.

    Args:
        path: The file.
        names: Those that are wanted, where they are there; all when None.

    Raises:
        ValueError: If it is no such file, damaged, or holds more than the limits allow.
    """
    content = read_bytes(path)
    with _named(path):
        archive = zipfile.ZipFile(io.BytesIO(content))
        infos = [info for info in archive.infolist() if _is_wanted(info.filename, names)]
    limits().check_bytes("unpacked_mb", sum(info.file_size for info in infos), path)
    with _named(path):
        arrays = {info.filename.removesuffix(".npy"): npy_array(archive.read(info)) for info in infos}
        if names and (pickled := [name for name, array in arrays.items() if array is None]):
            raise ValueError(f"{pickled[0]} holds pickled objects, which are never read")
    return {name: array for name, array in arrays.items() if array is not None}


def is_zip(path: Path) -> bool:
    """Whether a file looks like a zip archive, even a damaged one."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # which it says of some whose end can be found
        return True


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say in one line which file it is that is damaged."""
    try:
        yield
    except Exception as error:  # there are many ways, down to a SyntaxError in numpy's header
        cut = isinstance(error, zipfile.BadZipFile)
        why = "it is no zip archive, or a cut one" if cut else reason(error)
        raise ValueError(f"{path} is not a readable .npz file ({why}).") from None


def _is_wanted(filename: str, names: Collection[str] | None) -> bool:
    return filename.endswith(".npy") and (names is None or filename.removesuffix(".npy") in names)


def npy_array(content: bytes) -> ndarray | None:
    """The array of a .npy file; None where it holds objects, which are pickles.

    Raises:
        ValueError: If its header announces another size than it has.
        Exception: Of any kind if the header is damaged.
    """
    header = read_header(content)
    return None if header.dtype.hasobject else array_after(header, content)


@dataclass(frozen=True)
class NpyHeader:
    """What a .npy file says of the array it holds."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    length: int
    """Bytes before the array."""


def read_header(content: bytes) -> NpyHeader:
    """The header of a .npy file.

    Raises:
        Exception: Of any kind if it is damaged.
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    start = file.tell()
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    read = readers.get(version, np.lib.format.read_array_header_2_0)

    def header() -> NpyHeader:
        file.seek(start)
        described = read(file, max_header_size=LONGEST_HEADER)
        return NpyHeader(*described, file.tell())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's remarks on old headers
        return _patiently(header)


def array_after(header: NpyHeader, content: bytes) -> ndarray:
    """The array of numbers or texts in a .npy file with that header.

    Raises:
        ValueError: If its header announces another size than it has, or its texts hold letters that there
            are not.
    """
    shape, dtype = header.shape, header.dtype
    size = dtype.itemsize * math.prod(shape)
    if not 0 <= size <= len(content) - header.length or min(shape, default=0) < 0:
        raise ValueError(f"an array {shape} of {dtype} does not fit into its {len(content)} bytes")
    order: Literal["C", "F"] = "F" if header.fortran_order else "C"
    array = np.ndarray(shape, dtype, content, header.length, order=order).copy(order)
    if not _is_text_of_letters(array):  # which Python cannot even show
        raise ValueError("its texts hold letters that there are not")
    return array


def _is_text_of_letters(array: ndarray) -> bool:
    """Whether an array, or a field of its records, holds Unicode where it holds text; True of numbers."""
    if array.dtype.names:
        return all(_is_text_of_letters(array[name]) for name in array.dtype.names)
    if array.dtype.kind != "U":
        return True
    letters = array.astype(array.dtype.newbyteorder("=")).reshape(-1).view(np.uint32)
    return bool((letters <= sys.maxunicode).all())


def _patiently(parse: Callable[[], Parsed]) -> Parsed:
    """What parse gives, tried again after a SystemError.

    Numpy has headers parsed by `ast`, whose count of its depth all threads of a Python 3.11 share: of two
    that parse at once one may fail, though nothing is wrong.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return parse()
        except SystemError:
            continue
    return parse()
