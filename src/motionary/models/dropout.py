"""Dropout (Srivastava et al. 2014) that spends little on random numbers.

On a CPU torch draws one number for every entry from a serial generator: in ACTOR's step of 38 million entries
that takes as long as a third of the network. Sixteen bits decide as well, so there one 64-bit number serves
four entries.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 1 << 16
"""Values of the sixteen bits; probabilities are multiples of 1 / LEVELS."""


class Dropout(nn.Module):
    """Silences entries at random while training; layers that follow one another share one.

    Every pass through a network draws from a new stream, seeded from torch's global one: `torch.manual_seed`
    decides what falls silent.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.given = probability
        self._bits: np.random.SFC64 | None = None

    @property
    def probability(self) -> float:
        """Share of the entries that fall silent; none outside training."""
        return self.given if self.training else 0.0

    @property
    def fused(self) -> bool:
        """Whether torch's own is to be used, as on a GPU, or none."""
        return self._bits is None

    def begin(self, device: torch.device) -> "Dropout":
        """Start a pass on a device."""
        drawn = self.probability > 0 and device.type == "cpu"
        self._bits = np.random.SFC64(int(torch.randint(2**62, ()))) if drawn else None
        return self

    def forward(self, x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """What is left of the tokens that enter a stack of layers."""
        return self.thin(x)

    def thin(self, x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """The entries that are left, scaled so that the expected value stays."""
        return x * self.mask(x) if self._bits else functional.dropout(x, self.probability)

    def add(self, x: Float[Tensor, "*S"], change: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """A change added to x, after dropout."""
        return torch.addcmul(x, change, self.mask(change)) if self._bits else x + self.thin(change)

    def mask(self, like: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """Zeros where an entry falls silent, elsewhere what makes up for it."""
        if not self._bits:
            return functional.dropout(torch.ones_like(like), self.probability)
        count, below = like.numel(), round(self.given * LEVELS)
        words = torch.from_numpy(self._bits.random_raw(-(-count // 4))).view(torch.int16)[:count]
        kept = torch.ge(words, below - LEVELS // 2, out=like.new_empty(count))
        return kept.mul_(LEVELS / (LEVELS - below)).view(like.shape)
