"""Reading safetensors files, and the settings of networks in them, that may be anything."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from motionary.limits import limits

SIZES = {"latent_dim", "ff_dim", "num_layers", "num_heads", "num_actions", "hidden_dim", "width"}
"""Settings of networks that take memory."""
LARGEST_SIZE = 1 << 16
"""Of a network, along any of its dimensions."""


def check_sizes(config: Mapping[str, Any], num_tensors: int) -> None:
    """Refuse a config that describes a network of more layers than there are tensors, or of absurd width.

    Raises:
        ValueError: With the setting.
    """
    for name in SIZES & config.keys():
        most = num_tensors if name == "num_layers" else LARGEST_SIZE
        if not isinstance(config[name], int) or not 1 <= config[name] <= most:
            raise ValueError(f"{name} must be a whole number from 1 to {most}; got {config[name]}")


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and header of a safetensors file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no safetensors file.
    """
    if path.is_file():
        limits().check_bytes("file_mb", path.stat().st_size, path)
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_header(path: Path) -> dict[str, str]:
    """The notes of a safetensors file, without its tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no safetensors file.
    """
    with _opened(path) as file:
        return file.metadata() or {}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, and one line about it where it cannot be read."""
    if not path.is_file():
        raise FileNotFoundError(f"No model file at {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error}).") from None
