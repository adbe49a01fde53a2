"""Does a training step get faster with another process? python benchmarks/processes.py [--json [FILE]].

Steps of the `paper` preset over batches of 20 windows: one process with one thread against two processes with
one thread each that share every batch (gloo), taken in turns. Efficiency is the speed-up over two.
"""

import argparse
import multiprocessing
import os
import socket
import statistics
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from reporting import add_json_option, report


def work(pipe: Connection, rank: int, count: int, port: int) -> None:
    """Take a step whenever asked; answer with its seconds."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    from motionary.datasets import ClipBatch, Dataset
    from motionary.training import PRESETS
    from motionary.training.processes import Processes
    from motionary.training.state import Run
    from motionary.training.step import Step

    processes = Processes.join()
    torch.manual_seed(0)
    config = replace(PRESETS["paper"], points="joints")  # the network is what processes share
    run = Run.start(Dataset(Path(), tuple(map(str, range(13))), 30.0, ()), config)
    step = Step(run, processes)
    whole = torch.ones(20, 60, dtype=torch.bool)
    batch = ClipBatch(torch.randn(20, 60, 25, 6), torch.arange(20) % 13, whole, torch.arange(20))
    noise = torch.randn(20, config.latent_dim)
    while pipe.recv():
        start = time.perf_counter()
        step(batch, noise).tolist()
        pipe.send(time.perf_counter() - start)


class Team:
    """Processes that take steps together."""

    def __init__(self, count: int) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        context, self.pipes, self.members = multiprocessing.get_context("spawn"), [], []
        for rank in range(count):
            pipe, other = context.Pipe()
            self.pipes.append(pipe)
            self.members.append(context.Process(target=work, args=(other, rank, count, port), daemon=True))
            self.members[-1].start()

    def seconds(self) -> float:
        """Of one step, until the last is done."""
        for pipe in self.pipes:
            pipe.send(True)
        return max(pipe.recv() for pipe in self.pipes)

    def stop(self) -> None:
        """End the processes."""
        for pipe, member in zip(self.pipes, self.members, strict=True):
            pipe.send(False)
            member.join(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    add_json_option(parser)
    given = parser.parse_args()
    teams = Team(1), Team(2)
    pairs = [tuple(team.seconds() for team in teams) for _ in range(given.pairs + 2)][2:]
    for team in teams:
        team.stop()
    one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
    efficiency = statistics.median(alone / together / 2 for alone, together in pairs)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"one process {one:.3f} s a step, two {two:.3f} s: efficiency {efficiency:.2f}, load {load}")
    report({"one_s": one, "two_s": two, "processes_efficiency": efficiency}, given.json)


if __name__ == "__main__":
    main()
