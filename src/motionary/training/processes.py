"""One training run in several processes, on one machine or many, as torchrun starts them.

Every process makes the same batches, takes its part of each, and adds its gradient to the others': what they
learn is what one process would learn from the whole batches.
"""

import os
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from motionary.datasets import ClipBatch


@dataclass(frozen=True)
class Processes:
    """The processes of a run, seen from one of them."""

    rank: int = 0
    """Number of this one."""
    count: int = 1

    @classmethod
    def join(cls) -> "Processes":
        """Meet the processes that torchrun started with this one; alone without torchrun."""
        count = _told("WORLD_SIZE", 1)
        if count == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(distributed.get_rank(), count)

    @property
    def first(self) -> bool:
        """Whether this one writes files and tells how it goes."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over the processes as they come out of the backward pass."""
        if self.count == 1:
            return network
        return DistributedDataParallel(network, broadcast_buffers=False, gradient_as_bucket_view=True)

    def part(self, batch: ClipBatch) -> tuple[slice, Float[Tensor, ""]]:
        """This process's rows of a batch, and their share of its real frames.

        One that finds no row left takes the first, for a share of nothing: all have to take part.
        """
        rows = slice(self.rank, None, self.count) if self.rank < len(batch.clip) else slice(0, 1)
        share = batch.mask[rows].sum() / batch.mask.sum()
        return rows, share * (self.rank < len(batch.clip))

    def sum(self, values: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """The sum over all processes."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Go on when all are here."""
        if self.count > 1:
            distributed.barrier()


def own_device() -> torch.device:
    """The GPU that torchrun's local rank names, the first one without torchrun; the CPU without a GPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", _told("LOCAL_RANK", 0))
    torch.cuda.set_device(device)
    return device


def _told(name: str, otherwise: int) -> int:
    """A number that torchrun tells its processes."""
    text = os.environ.get(name, str(otherwise))
    if not (text.isdecimal() and len(text) < 10):
        raise ValueError(f"{name}, by which torchrun tells processes apart, must be a number; got {text!r}.")
    return int(text)
