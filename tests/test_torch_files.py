"""Foreign checkpoints are read without running anything, and put into a network whole or not at all."""

import os
import pickle
import struct
import sys
import tracemalloc
import types
import zipfile
from argparse import Namespace
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from motionary.torch_files import TRAINING_LEFTOVERS, entry, fill, read_torch_file, rename

WEIGHTS = OrderedDict(weight=torch.arange(6.0).reshape(2, 3), bias=torch.ones(2))


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.fixture
def lightning(monkeypatch):
    """A module of that name with what such training loops save: a settings dictionary and a callback."""
    module = types.ModuleType("pytorch_lightning")
    for name, base in (("AttributeDict", dict), ("ModelCheckpoint", object)):
        made = type(name, (base,), {"__module__": "pytorch_lightning", "__qualname__": name})
        setattr(module, name, made)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", module)
    return module


@pytest.mark.parametrize("zipped", [True, False])
def test_what_training_leaves_behind_does_not_hide_the_weights(tmp_path, lightning, zipped, monkeypatch):
    settings = lightning.AttributeDict(lr=0.1)
    settings.__dict__["frozen"] = True
    content = {
        "state_dict": WEIGHTS,
        "performance": np.float64(56.5),
        "order": np.arange(3),
        "hyper_parameters": settings,
        "options": Namespace(lr=0.1),
        "callbacks": {lightning.ModelCheckpoint: {"best": 1.0}},
    }
    path = tmp_path / "model.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    monkeypatch.delitem(sys.modules, "pytorch_lightning")
    found = entry(read_torch_file(path, TRAINING_LEFTOVERS), "state_dict", path, "a checkpoint")
    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        name: tensor.tolist() for name, tensor in WEIGHTS.items()
    }


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_that_asks_for_anything_else_is_refused_by_name(tmp_path, zipped, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"state_dict": WEIGHTS, "more": _Harm()}
    torch.save(content, "model.ckpt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"mkdir.*|posix") as caught:
        read_torch_file("model.ckpt", TRAINING_LEFTOVERS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "harm").exists()


def test_nothing_is_a_stand_in_unless_the_caller_says_so(tmp_path):
    torch.save({"a": np.float64(1)}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="asks to use numpy"):
        read_torch_file(tmp_path / "model.pt")


OVER_TWO_DISKS = b"PK\6\7" + struct.pack("<LQL", 0, 0, 2) + b"PK\5\6" + bytes(18)
"""The end of an archive in several files, at which zipfile raises where it is only asked what it is."""


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1})[:-3], OVER_TWO_DISKS])
def test_a_damaged_file_is_one_clear_line(tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"is not a readable checkpoint|asks to use pickle operation"):
        read_torch_file(tmp_path / "model.pt")


def test_a_text_that_announces_more_than_the_file_holds_takes_no_memory(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"\x80\x02X" + struct.pack("<I", 3 << 30) + b"short")
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"model\.pt is not a readable checkpoint"):
        read_torch_file(tmp_path / "model.pt")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20


def test_a_cut_archive_is_one_clear_line(tmp_path):
    torch.save(WEIGHTS, tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:400])
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        read_torch_file(tmp_path / "cut.pt")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as other:
        other.writestr("data.txt", "nothing")
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        read_torch_file(tmp_path / "other.pt")


def test_no_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="No checkpoint at"):
        read_torch_file(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [[1], {}, {"model": [1]}, {"model": {}}, {"model": {"a": 1}}])
def test_an_entry_that_is_no_state_dict_is_refused(content):
    with pytest.raises(ValueError, match=r"here\.pt is not a checkpoint"):
        entry(content, "model", "here.pt", "a checkpoint")


def test_the_longest_prefix_is_exchanged_and_a_foreign_key_named():
    tensors = {"a.b.c": torch.ones(1), "a.d": torch.ones(1), "skip.e": torch.ones(1)}
    renamed = rename(tensors, {"a.": "x.", "a.b.": "y."}, ignored=lambda key: key.startswith("skip"))
    assert set(renamed) == {"y.c", "x.d"}
    with pytest.raises(ValueError, match=r"also has skip\.e"):
        rename(tensors, {"a.": "x."}, ignored=lambda key: False)


def test_a_network_is_filled_whole():
    network = nn.Linear(3, 2)
    fill(network, WEIGHTS)
    torch.testing.assert_close(network.weight.data, WEIGHTS["weight"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"bias": None}, "lacks bias"),
        ({"more": torch.ones(1)}, "also has more"),
        ({"bias": torch.ones(3)}, r"bias must have shape \(2,\); got \(3,\)"),
        ({"bias": torch.ones(2, dtype=torch.int64)}, "real numbers"),
        ({"bias": torch.tensor([1.0, float("inf")])}, "finite"),
    ],
)
def test_a_network_is_left_alone_by_what_does_not_fit(change, complaint):
    network = nn.Linear(3, 2)
    before = network.weight.detach().clone()
    tensors = {key: value for key, value in {**WEIGHTS, **change}.items() if value is not None}
    with pytest.raises(ValueError, match=complaint):
        fill(network, tensors)
    torch.testing.assert_close(network.weight.data, before)


def test_counters_of_batches_may_be_missing():
    network = nn.BatchNorm2d(2)
    tensors = {key: value for key, value in network.state_dict().items() if "num_batches" not in key}
    fill(network, {**tensors, "weight": torch.full((2,), 3.0)})
    assert network.weight.tolist() == [3.0, 3.0]
