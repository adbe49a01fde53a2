"""Dropout (Srivastava et al. 2014) that spends little on random numbers.

On a CPU torch draws one number for every entry from a serial generator: in ACTOR's step of 38 million entries
that takes as long as a third of the network. Sixteen bits decide as well, so there one 64-bit number serves
four entries.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from motionary.models.activation import thinned_gelu_
from motionary.models.attention import thinned_attention
from motionary.models.joining import thinned_add_norm
from motionary.products import worthwhile

LEVELS = 1 << 16
"""Values of the sixteen bits; probabilities are multiples of 1 / LEVELS."""


class Dropout(nn.Module):
    """Silences entries at random while training."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.given = probability

    def begin(self, device: torch.device, seed: int | None = None) -> "Silencer":
        """Start a pass through a network; outside training nothing falls silent in it.

        Args:
            device: Where the pass takes place.
            seed: Decides what falls silent on a CPU; drawn from torch's global stream when None.
        """
        probability = self.given if self.training else 0.0
        if probability == 0 or device.type != "cpu":
            return Silencer(probability, None)
        return Silencer(probability, np.random.SFC64(int(torch.randint(2**62, ())) if seed is None else seed))


@dataclass(frozen=True)
class Silencer:
    """What falls silent in one pass; the layers that follow one another share one."""

    probability: float
    """Share of the entries."""
    bits: np.random.SFC64 | None
    """Decides; None leaves it to torch, as on a GPU, or when nothing is to be decided."""

    def thin(self, x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """The entries that are left, scaled so that the expected value stays."""
        return x * self.mask(x) if self.bits else functional.dropout(x, self.probability)

    def thin_gelu(self, x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """`thin` of a layer's GELU; x itself, where nobody else looks at it, may be written over."""
        if not self._loops(x):
            return self.thin(functional.gelu(x))
        assert self.bits
        return thinned_gelu_(x, self.probability, int(self.bits.random_raw()))

    def add(self, x: Float[Tensor, "*#S"], change: Float[Tensor, "*#S"]) -> Float[Tensor, "*#S"]:
        """A change added to x, after dropout."""
        return torch.addcmul(x, change, self.mask(change)) if self.bits else x + self.thin(change)

    def add_norm(
        self, x: Float[Tensor, "*#S Z"], change: Float[Tensor, "*#S Z"], norm: nn.LayerNorm
    ) -> Float[Tensor, "*S Z"]:
        """`add`, normalised."""
        if not self._loops(x, change):
            return norm(self.add(x, change))
        assert self.bits
        x, change = torch.broadcast_tensors(x, change)
        return thinned_add_norm(x, change, norm, self.probability, int(self.bits.random_raw()))

    def attend(
        self, projected: Float[Tensor, "B T W"], mask: Bool[Tensor, "B T"] | None, num_heads: int
    ) -> Float[Tensor, "B T Z"] | None:
        """What heads see by queries, keys and values, weights thinned; None where no loop is for these."""
        width = projected.shape[-1] // 3
        if width // num_heads % 16 or not (self._loops(projected) and worthwhile(projected)):
            return None
        assert self.bits
        return thinned_attention(projected, mask, num_heads, self.probability, int(self.bits.random_raw()))

    def _loops(self, *tensors: Tensor) -> bool:
        """Whether compiled loops are for these; torch.compile makes its own."""
        fitting = all(tensor.dtype == torch.float32 for tensor in tensors)
        return self.bits is not None and fitting and not torch.compiler.is_compiling()

    def mask(self, like: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """Zeros where an entry falls silent, elsewhere what makes up for it."""
        if not self.bits:
            return functional.dropout(torch.ones_like(like), self.probability)
        count, below = like.numel(), round(self.probability * LEVELS)
        words = torch.from_numpy(self.bits.random_raw(-(-count // 4))).view(torch.int16)[:count]
        kept = torch.ge(words, below - LEVELS // 2, out=like.new_empty(count))
        return kept.mul_(LEVELS / (LEVELS - below)).view(like.shape)
