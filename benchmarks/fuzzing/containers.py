"""Whole files of arrays and of torch's tensors, as the libraries that they come from write them."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch


def written(name: str, write: Callable[[Path], Any]) -> bytes:
    """What a function writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def npz(**arrays: Any) -> bytes:
    return written("a.npz", lambda path: np.savez(path, **arrays))


def torch_file(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def joblib_file(content: Any, compress: int = 0) -> bytes:
    return written("a.pkl", lambda path: joblib.dump(content, path, compress=compress))
