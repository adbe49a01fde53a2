"""Several processes learn what one learns from the same batches, and may go on as another number."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from motionary.datasets import ClipBatch
from motionary.models.checkpoint import load_model
from motionary.training import TrainConfig, train
from motionary.training.processes import Processes

CONFIG = TrainConfig(
    epochs=2,
    batch_size=4,
    learning_rate=1e-3,
    clip_norm=1.0,
    average_decay=0.5,
    num_frames=10,
    latent_dim=16,
    ff_dim=32,
    num_layers=1,
    num_heads=2,
    dropout=0.0,  # which every process draws for itself
)
SCRIPT = """
import sys
from pathlib import Path
import torch
from motionary.datasets import Dataset
from motionary.training import TrainConfig, resume, train
import json
torch.set_num_threads(1)
data, out, config, stop = sys.argv[1:]
if config == "resume":
    resume(out)
else:
    train(Dataset.load(data), out, TrainConfig.from_dict(json.loads(config)), stop_after=int(stop))
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_together(count: int, *arguments: str) -> None:
    """The script in count processes, with the environment that torchrun gives them."""
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0] * count, "\n".join(errors)


@pytest.mark.parametrize("num_frames", [10, -1])
def test_two_processes_learn_what_one_does_and_one_can_go_on_for_them(num_frames, dataset, tmp_path):
    config = replace(CONFIG, num_frames=num_frames)
    alone, together = tmp_path / "alone", tmp_path / "together"
    train(dataset, alone, config)
    run_together(2, str(dataset.root), str(together), json.dumps(config.to_dict()), "1")
    run_together(1, "", str(together), "resume", "")
    curves = [(run / "metrics.jsonl").read_text().splitlines() for run in (alone, together)]
    assert len(curves[0]) == len(curves[1]) == config.epochs
    for one, two in zip(*(map(json.loads, lines) for lines in curves), strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            assert two[name] == pytest.approx(value, rel=2e-5), name
    # Weights may differ where the gradient is rounding alone: keys' biases, which attention does not see.
    z, label = torch.randn(2, 16), torch.tensor([0, 1])
    decoded = [load_model(run).network.decode(z, label, 10) for run in (alone, together)]
    assert_close(*decoded, atol=1e-4, rtol=1e-3)


def command(count: int, *arguments: str) -> list[str]:
    """`motionary train`, started by torchrun where there are several processes."""
    launcher = [
        "torch.distributed.run",
        "--nproc-per-node",
        str(count),
        "--master-port",
        str(free_port()),
        "-m",
    ]
    return [sys.executable, "-m", *(launcher if count > 1 else []), "motionary", "train", *arguments]


@pytest.mark.slow  # half a minute: five processes start
def test_torchrun_trains_and_another_number_of_processes_goes_on(dataset, tmp_path):
    settings = {
        "batch_size": 4,
        "num_frames": 10,
        "latent_dim": 16,
        "ff_dim": 32,
        "num_layers": 1,
        "num_heads": 2,
        "dropout": 0.0,
        "average_decay": 0.5,
    }
    changes = ["--set", *(f"{name}={value}" for name, value in settings.items())]
    alone, together = str(tmp_path / "alone"), str(tmp_path / "together")
    data = str(dataset.root)
    for count, arguments in [
        (1, (data, "--out", alone, "--preset", "paper", "--epochs", "3", *changes)),
        (2, (data, "--out", together, "--preset", "paper", "--epochs", "2", *changes)),
        (1, ("--resume", together, "--epochs", "3")),
    ]:
        subprocess.run(
            command(count, *arguments), env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300, check=True
        )
    one, two = (
        [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
        for run in (alone, together)
    )
    assert [entry["epoch"] for entry in two] == [1, 2, 3]
    for first, second in zip(one, two, strict=True):
        assert second["train/total"] == pytest.approx(first["train/total"], rel=2e-5)


@pytest.mark.parametrize(("count", "windows"), [(1, 3), (2, 3), (3, 2)])
def test_parts_of_a_batch_hold_every_frame_once(count, windows):
    mask = torch.arange(5) < torch.tensor([[5], [2], [4]])[:windows]
    index = torch.arange(windows)
    batch = ClipBatch(torch.zeros(windows, 5, 25, 6), index, mask, index)
    parts = [Processes(rank, count).part(batch) for rank in range(count)]
    assert sum(share for _, share in parts) == pytest.approx(1)
    taken = [int(row) for rows, share in parts if share for row in index[rows]]
    assert sorted(taken) == index.tolist()
    assert all(len(index[rows]) for rows, _ in parts)


def test_nonsense_from_torchrun_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(ValueError, match="WORLD_SIZE, by which torchrun"):
        Processes.join()
