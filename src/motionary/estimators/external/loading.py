"""Whatever a result file holds, read without running anything in it."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from numpy import ndarray

from motionary.array_files import is_zip, read_npz
from motionary.pickles import StandIn, numbers, read_data_file
from motionary.torch_files import read_torch_file


def read_content(path: Path) -> Any:
    """What a pickle, joblib, torch, .npy or .npz file holds: tensors as arrays, or stand-ins for `array_of`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or asks to use anything else than arrays and plain data.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No result file at {path}.")
    if is_zip(path):
        return read_torch_file(path) if _is_of_torch(path) else read_npz(path)
    if path.suffix in (".pt", ".ckpt"):
        return read_torch_file(path)  # of an old torch, or damaged
    return read_data_file(path)


def _is_of_torch(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except Exception as error:  # what looks like an archive can still be damaged in many ways
        raise ValueError(f"{path} is not a readable archive ({type(error).__name__}).") from None


def array_of(person: dict[Any, Any], *names: str) -> ndarray | None:
    """The first of some entries that is there, as an array.

    Raises:
        ValueError: If it is nothing of numbers.
    """
    name = next((name for name in names if person.get(name) is not None), None)
    if name is None:
        return None
    value = person[name]
    try:
        if isinstance(value, torch.Tensor):
            return value.detach().numpy()
        return numbers(value)
    except (ValueError, RuntimeError, TypeError) as error:
        raise ValueError(f"{name} is no array of numbers ({error})") from None


def needed(person: dict[Any, Any], *names: str) -> ndarray:
    """The first of some entries that is there, as an array.

    Raises:
        ValueError: If none is there; the message lists those that are.
    """
    if (array := array_of(person, *names)) is None:
        raise ValueError(f"it lacks {' or '.join(names)}; it holds {listed(person)}")
    return array


def listed(content: Any) -> str:
    """What is in a file, for a message."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    keys = [name_of(key) for key in content]
    return ", ".join(keys[:12]) + (", ..." if len(keys) > 12 else "") or "nothing"


def name_of(key: Any) -> str:
    """A dictionary's key as text: person numbers may be numpy's."""
    return str(numbers(key).item()) if isinstance(key, StandIn) else str(key)
