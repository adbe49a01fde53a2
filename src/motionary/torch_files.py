"""Other people's torch checkpoints: read without running anything they contain, and put into a network whole.

A checkpoint is a pickle, and a pickle is a program. `torch.load(weights_only=True)` builds tensors and plain
containers alone. Training loops leave more in their files (numpy scalars, settings objects, callbacks): names
that the caller expects become inert stand-ins, any other name is refused.
"""

import io
import mmap
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from motionary.array_files import is_zip
from motionary.documents import reason
from motionary.limits import limits
from motionary.pickles import MOST_EXPANDED_BYTES, check_nesting

TRAINING_LEFTOVERS = (
    r"numpy\.(ndarray|dtype|_?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer))"
    r"|(pytorch_lightning|lightning|lightning_fabric|lightning_utilities|yacs|omegaconf)\..*"
    r"|argparse\.Namespace|collections\.defaultdict|pathlib\..*"
)
"""What training loops are known to save beside the weights, as a pattern of full names."""

PICKLES_OF_OLD_FILES = 5
"""Before torch 1.6: a magic number, a version, facts of the system, the content, names of the storages."""

MOST_NAMES = 64
"""A file that asks for more different names than this is given up."""


class _Number:
    """Stands in for numpy's arrays, numbers and types; nobody reads them."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Settings:
    """Stands in for any other class: its objects become ordered dictionaries, with or without entries."""

    def __new__(cls, *arguments: Any) -> Any:
        return OrderedDict()


def read_torch_file(path: Path | str, inert: str = "") -> Any:
    """What a `torch.save`d file of tensors and plain data holds, old and new format; nothing in it is run.

    Args:
        path: The file.
        inert: Pattern of full names that may occur and are turned into stand-ins that do nothing.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or asks to use any other name.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No checkpoint at {path}.")
    _look_at_before(path)
    stand_ins: dict[str, type] = {}
    while True:
        try:
            content = _load(path, list(stand_ins.values()))
            break
        except pickle.UnpicklingError as error:
            name = _refused_name(error)
            if not name:
                raise ValueError(f"{path} is not a readable checkpoint ({reason(error)}).") from None
            if name in stand_ins or not re.fullmatch(inert, name) or len(stand_ins) >= MOST_NAMES:
                raise ValueError(
                    f"{path} asks to use {name}, which no state dict needs; it was not run. Do not trust it."
                ) from None
            stand_ins[name] = _stand_in(name)
        except Exception as error:  # a damaged archive fails in many ways
            raise ValueError(f"{path} is not a readable checkpoint ({type(error).__name__}).") from None
    _look_at_after(content, path)
    return content


def _look_at_before(path: Path) -> None:
    """Refuse a file that is too large, unpacks to too much, or whose pickle nests too deeply for torch."""
    limits().check_bytes("file_mb", path.stat().st_size, path)
    unpacked = 0
    zipped = is_zip(path)
    with _named(path):
        if zipped:
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(info.file_size for info in archive.infolist())
    limits().check_bytes("unpacked_mb", unpacked, path)
    with _named(path):
        _check_pickles(path, zipped)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say in one line which file it is that is damaged."""
    try:
        yield
    except Exception as error:  # a damaged archive fails in many ways
        raise ValueError(f"{path} is not a readable checkpoint ({reason(error)}).") from None


def _check_pickles(path: Path, zipped: bool) -> None:
    """Refuse pickles that nest too deeply: the first few of an old file, those in an archive of a new one."""
    if not zipped:
        # Of a mapped file no more can be read than there is, whatever a pickle announces.
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for _ in range(PICKLES_OF_OLD_FILES):
                check_nesting(content)
        return
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith("data.pkl"):
                check_nesting(io.BytesIO(archive.read(info)))


def _look_at_after(content: Any, path: Path) -> None:
    """Refuse tensors that stand for many more numbers than their file holds, and those of unusual kinds."""
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list | tuple):
            if id(value) not in seen:
                seen.add(id(value))
                waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, Tensor):
            if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
                raise ValueError(f"{path} holds a tensor that is no plain array of numbers.")
            whole = value.numel() * value.element_size()
            if whole > max(value.untyped_storage().nbytes(), MOST_EXPANDED_BYTES):
                raise ValueError(f"{path} holds a tensor that stands for more numbers than the file has.")


def _load(path: Path, allowed: list[Any]) -> Any:
    with warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
        warnings.simplefilter("ignore")  # torch's remarks on odd pickles; the error says what matters
        return torch.load(path, map_location="cpu", weights_only=True)


def _refused_name(error: Exception) -> str:
    wanted = re.search(r"GLOBAL (\S+)|instantiate (\S+)|[Uu]nsupported class (\S+)", str(error))
    if not wanted and (operation := re.search(r"[Uu]nsupported operand (\S+)", str(error))):
        return f"pickle operation {operation[1]}"
    return next(group for group in wanted.groups() if group) if wanted else ""


def _stand_in(full_name: str) -> type:
    module, _, name = full_name.rpartition(".")
    base = _Number if full_name.startswith("numpy.") else _Settings
    return type(name, (base,), {"__module__": module, "__qualname__": name})


def entry(content: Any, name: str, path: Path | str, what: str) -> dict[str, Tensor]:
    """A state dict that lies in a checkpoint under a name.

    Args:
        content: From `read_torch_file`.
        name: Its key.
        path: Where the checkpoint came from, for the message.
        what: What it should be, such as "a VIBE checkpoint".

    Raises:
        ValueError: If there is none, or it holds anything but tensors by name.
    """
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{path} is not {what}: it has no entry {name!r} with a state dict.")
    if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()):
        raise ValueError(f"{path} is not {what}: its {name!r} must hold tensors by name.")
    return dict(found)


def rename(
    tensors: Mapping[str, Tensor], prefixes: Mapping[str, str], ignored: Callable[[str], bool]
) -> dict[str, Tensor]:
    """A foreign state dict under our own names.

    Args:
        tensors: The state dict.
        prefixes: Theirs -> ours; the longest that fits is exchanged.
        ignored: Whether a key is left out.

    Raises:
        ValueError: If a key that is not ignored has none of the prefixes.
    """
    renamed, foreign = {}, []
    for key, tensor in tensors.items():
        if ignored(key):
            continue
        fitting = [prefix for prefix in prefixes if key.startswith(prefix)]
        if not fitting:
            foreign.append(key)
            continue
        prefix = max(fitting, key=len)
        renamed[prefixes[prefix] + key.removeprefix(prefix)] = tensor
    if foreign:
        raise ValueError(f"it also has {_some(foreign)}.")
    return renamed


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put a whole state dict into a network, strictly.

    Counters of batches seen, which old files lack in places, may be missing: nothing reads them.

    Raises:
        ValueError: If entries are missing, foreign, of another shape or not finite.
    """
    expected = network.state_dict()
    missing = [key for key in expected if key not in tensors and not key.endswith("num_batches_tracked")]
    foreign = [key for key in tensors if key not in expected]
    for what, names in (("lacks", missing), ("also has", foreign)):
        if names:
            raise ValueError(f"it {what} {_some(names)}.")
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape:
            shapes = tuple(expected[key].shape), tuple(tensor.shape)
            raise ValueError(f"{key} must have shape {shapes[0]}; got {shapes[1]}.")
        if not tensor.is_floating_point() and expected[key].is_floating_point():
            raise ValueError(f"{key} must hold real numbers; got {tensor.dtype}.")
        if not tensor.isfinite().all():
            raise ValueError(f"{key} must hold finite numbers.")
    counters = {key: expected[key] for key in expected if key not in tensors}
    network.load_state_dict({**counters, **tensors}, strict=True)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
