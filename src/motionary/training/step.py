"""One step of the optimiser, without waiting for the device: losses stay there until they are asked for.

B batch, T frames, Z latent. On a CPU the parts of a batch are learned from side by side. On a GPU the whole
step is recorded once and replayed as a CUDA graph.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motionary.datasets import ClipBatch
from motionary.datasets.loading import put
from motionary.models.loss import actor_loss
from motionary.threads import SideBySide
from motionary.training.processes import Processes
from motionary.training.state import Run

STEPS_BEFORE_RECORDING = 3
"""So that the optimiser has its state and libraries are warm."""


@dataclass(frozen=True)
class Input:
    """What a step is about, on the device."""

    features: Float[Tensor, "B T 25 6"]
    action: Int[Tensor, "B"]
    mask: Bool[Tensor, "B T"] | None
    """None where all frames are real, so that nothing has to be picked out."""
    noise: Float[Tensor, "B Z"]
    share: Float[Tensor, ""]
    """Of the whole batch's real frames, how many are these."""
    seed: int | None = None
    """Of dropout."""

    def tensors(self) -> list[Tensor]:
        """Those that are there."""
        given = (self.features, self.action, self.mask, self.noise, self.share)
        return [tensor for tensor in given if tensor is not None]


Losses = Float[Tensor, "4"]
"""Features, points, divergence and total; their sums over processes are the whole batch's."""


class Step:
    """Takes steps of a run; make one after the run's state is loaded."""

    def __init__(self, run: Run, processes: Processes) -> None:
        self.run = run
        self.processes = processes
        self.network = processes.wrap(run.network)
        if run.config.compiled:
            self.network.compile()
        self.take: Callable[[Input], Losses] = self.now
        if run.device.type == "cuda" and processes.count == 1:
            self.take = Recorded(self.now)
        alone = run.device.type == "cpu" and processes.count == 1 and not run.config.compiled
        self.num_parts = run.config.step_parts if alone else 1
        self._side_by_side = SideBySide(self.num_parts)

    def __call__(self, batch: ClipBatch, noise: Float[Tensor, "B Z"]) -> Losses:
        """Learn from this process's part of a batch; noise is for the whole batch."""
        rows, share = self.processes.part(batch)
        whole = self.run.config.num_frames > 0  # windows are never padded
        here = Input(
            batch.features[rows],
            batch.action[rows],
            None if whole else batch.mask[rows],
            noise[rows],
            share,
        )
        losses = self.take(_moved(here, self.run.device))
        if self.run.average is not None:
            list(self._side_by_side.map(self.run.average.update_parameters, [self.run.network]))
        return losses

    def now(self, given: Input) -> Losses:
        """Forward, backward, update."""
        self.network.train()
        self.run.optimizer.zero_grad()
        losses = list(self._side_by_side.map(self._learn, self._parts(given)))
        # By one of the same threads: hundreds of small operations, each split over threads, would each wait
        # for one that has lost its core.
        list(self._side_by_side.map(Step._update, [self]))
        return torch.stack(losses).sum(0)

    def _update(self) -> None:
        """Change the weights by their gradients."""
        if self.run.config.clip_norm > 0:
            nn.utils.clip_grad_norm_(self.run.network.parameters(), self.run.config.clip_norm)
        self.run.optimizer.step()

    def _parts(self, given: Input) -> list[Input]:
        """The input in parts of about as many rows, each with a seed of its own."""
        count = min(self.num_parts, len(given.action))
        seeds = torch.randint(2**62, (count,)).tolist() if self.run.device.type == "cpu" else [None]
        if count == 1:
            return [replace(given, seed=seeds[0])]
        parts = zip(*(tensor.chunk(count) for tensor in given.tensors()[:-1]), strict=True)
        frames = torch.ones(given.features.shape[:2]) if given.mask is None else given.mask
        shares = [part.sum() / frames.sum() * given.share for part in frames.chunk(count)]
        return [
            replace(_with(given, [*tensors, share]), seed=seed)
            for tensors, share, seed in zip(parts, shares, seeds, strict=True)
        ]

    def _learn(self, given: Input) -> Losses:
        """Forward and backward, adding to the gradients what these rows have to say."""
        config = self.run.config
        with self._precision():
            output, posterior = self.network(
                given.features, given.action, given.mask, given.noise, given.seed
            )
        posterior = replace(
            posterior, mean=posterior.mean.float(), log_variance=posterior.log_variance.float()
        )
        loss = actor_loss(output.float(), given.features, given.mask, posterior, self.run.points, config.loss)
        features, points = given.share * loss.features, given.share * loss.points
        kl = loss.kl * (given.share > 0)
        weights = config.loss
        total = weights.features * features + weights.points * points + weights.kl * kl
        total = total + weights.velocity * given.share * loss.velocity
        (total * self.processes.count).backward()  # the processes' gradients are averaged
        return torch.stack([features, points, kl, total]).detach()

    def _precision(self) -> AbstractContextManager[None]:
        if self.run.config.precision == "float32":
            return nullcontext()
        return torch.autocast(self.run.device.type, torch.bfloat16)


class Recorded:
    """A step recorded as a CUDA graph the first time an input's shapes come back, then replayed.

    Other shapes, such as those of an epoch's last batch, go their usual way.
    """

    def __init__(self, step: Callable[[Input], Losses]) -> None:
        self._step = step
        self._seen = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._input: Input | None = None
        self._losses: Tensor | None = None

    def __call__(self, given: Input) -> Losses:
        """Take the step."""
        if self._input is None:
            self._input = given
        if not _alike(self._input, given):
            return self._step(given)
        self._seen += 1
        if self._seen <= STEPS_BEFORE_RECORDING:
            return self._aside(given)
        if self._graph is None:
            self._record(given)
        return self._replay(given)

    def _aside(self, given: Input) -> Losses:
        """On a stream of its own, as recording asks for."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            losses = self._step(given)
        torch.cuda.current_stream().wait_stream(stream)
        return losses

    def _record(self, given: Input) -> None:
        """Record without taking the step."""
        self._input = _with(given, [tensor.clone() for tensor in given.tensors()])
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._losses = self._step(self._input)

    def _replay(self, given: Input) -> Losses:
        assert self._graph is not None
        assert self._input is not None
        assert self._losses is not None
        for place, tensor in zip(self._input.tensors(), given.tensors(), strict=True):
            place.copy_(tensor, non_blocking=True)
        self._graph.replay()
        return self._losses.clone()


def _moved(given: Input, device: torch.device) -> Input:
    return _with(given, [put(tensor, device) for tensor in given.tensors()])


def _with(given: Input, tensors: list[Tensor]) -> Input:
    """The input with its tensors replaced, in the order of `Input.tensors`."""
    features, action, *mask, noise, share = tensors
    return Input(features, action, mask[0] if mask else None, noise, share)


def _alike(a: Input, b: Input) -> bool:
    return [tensor.shape for tensor in a.tensors()] == [tensor.shape for tensor in b.tensors()]
