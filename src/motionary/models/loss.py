"""What ACTOR learns from (Petrovich et al. 2021, arXiv:2104.05670, section 3.3).

B batch, T frames. Masks are True on real frames.
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from motionary.models.actor import Posterior
from motionary.models.points import BodyPoints, real_frames


@dataclass(frozen=True)
class LossWeights:
    """What each term counts in the total; the defaults are the paper's."""

    features: float = 1.0
    points: float = 1.0
    kl: float = 1e-5
    velocity: float = 0.0
    """Of the joints' steps from frame to frame; the paper has no such term."""


@dataclass(frozen=True)
class ActorLoss:
    """The terms of the training loss."""

    features: Float[Tensor, ""]
    """Mean squared error of the features over real frames."""
    points: Float[Tensor, ""]
    """Mean squared error of the body's points over real frames, per coordinate, in square metres."""
    kl: Float[Tensor, ""]
    """Divergence of the posteriors from N(0, 1), summed over batch and latent."""
    velocity: Float[Tensor, ""]
    """Squared error of the joints' steps from frame to frame, per real frame and coordinate, in square
    metres; 0 where it counts nothing."""
    total: Float[Tensor, ""]


def actor_loss(
    output: Float[Tensor, "B T 25 6"],
    target: Float[Tensor, "B T 25 6"],
    mask: Bool[Tensor, "B T"] | None,
    posterior: Posterior,
    points: BodyPoints,
    weights: LossWeights,
) -> ActorLoss:
    """Loss of decoded motions: reconstruction in features and in space, plus divergence of the posteriors.

    A mask of None says that all frames are real.
    """
    features = functional.mse_loss(real_frames(output, mask), real_frames(target, mask))
    space = points.error(output, target, mask)
    kl = posterior.divergence()
    velocity = points.velocity_error(output, target, mask) if weights.velocity else features.new_zeros(())
    total = weights.features * features + weights.points * space + weights.kl * kl
    return ActorLoss(features, space, kl, velocity, total + weights.velocity * velocity)
