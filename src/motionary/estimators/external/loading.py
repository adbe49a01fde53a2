"""Whatever a result file holds, read without running anything in it."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from motionary.pickles import StandIn, numbers, read_data_file


def read_content(path: Path) -> Any:
    """What a pickle, joblib, torch, .npy or .npz file holds: tensors as arrays, or stand-ins for `array_of`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or asks to use anything else than arrays and plain data.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No result file at {path}.")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            is_torch = any(name.endswith("data.pkl") for name in archive.namelist())
        return _torch(path) if is_torch else _npz(path)
    if path.suffix in (".pt", ".ckpt"):
        return _torch(path)  # of an old torch, or damaged
    return read_data_file(path)


def _torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} is not a readable torch file of tensors and plain data ({reason[:120]})."
        ) from None


def _npz(path: Path) -> dict[str, ndarray]:
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                try:
                    arrays[name] = file[name]
                except ValueError as error:
                    if "Object arrays" not in str(error):  # those are pickles, and left where they are
                        raise
    except Exception as error:  # a damaged file can fail in any way, down to numpy's header
        raise ValueError(f"{path} is not a readable .npz file ({type(error).__name__}).") from None
    return arrays


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
    except Exception as error:  # a made-up stand-in can fail in any way
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
