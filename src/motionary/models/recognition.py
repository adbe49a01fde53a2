"""What every recogniser gives, whatever it looks at."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Recognition:
    """What a recogniser makes of a batch of motions. B batch, K features, C actions."""

    features: Float[Tensor, "B K"]
    """What distances between motions are measured in."""
    logits: Float[Tensor, "B C"]
