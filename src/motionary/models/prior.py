"""Where in latent space the motions of each action lie, once a network is trained.

A actions, Z latent size, N latents. Training pulls latents towards N(0, 1) only weakly, so that draws from
it need not lie where motions do. The Gaussian of every action's own latents, fitted afterwards, is a better
place to draw from and costs no training: ex-post density estimation (Ghosh et al. 2020, arXiv:1903.12436,
section 4).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motionary.models.actor import Posterior

MEAN, FACTOR = "prior.mean", "prior.factor"
"""Names of the tensors in a checkpoint."""


@dataclass(frozen=True)
class LatentPrior:
    """A Gaussian over the latents of each action."""

    mean: Float[Tensor, "A Z"]
    factor: Float[Tensor, "A Z Z"]
    """Lower triangular; the covariance is factor @ factor.mT."""

    @classmethod
    def fit(cls, posterior: Posterior, action: Int[Tensor, "N"], num_actions: int) -> "LatentPrior":
        """The Gaussian with mean and covariance of the mixture of the motions' posteriors.

        Where an action has few motions, the posteriors' own variances keep the covariance regular.

        Args:
            posterior: Of training motions.
            action: Their class indices.
            num_actions: How many classes; each must have a motion.

        Raises:
            ValueError: If an action has no motion.
        """
        means, factors = [], []
        for label in range(num_actions):
            own = action == label
            if not own.any():
                raise ValueError(f"A prior needs motions of every action; there is none of class {label}.")
            centres, variances = posterior.mean[own].double(), posterior.log_variance[own].double().exp()
            mean = centres.mean(0)
            spread = (centres - mean).mT @ (centres - mean) / len(centres) + variances.mean(0).diag()
            means.append(mean.float())
            factors.append(torch.linalg.cholesky(spread).float())
        return cls(torch.stack(means), torch.stack(factors))

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> "LatentPrior | None":
        """Take the prior out of a checkpoint's tensors; None where there is none."""
        if MEAN not in tensors or FACTOR not in tensors:
            return None
        mean, factor = tensors.pop(MEAN), tensors.pop(FACTOR)
        if mean.ndim != 2 or factor.shape != (*mean.shape, mean.shape[1]):
            shapes = tuple(mean.shape), tuple(factor.shape)
            raise ValueError(f"its prior must be (A, Z) and (A, Z, Z); got {shapes[0]} and {shapes[1]}")
        return cls(mean, factor)

    def tensors(self) -> dict[str, Tensor]:
        """As a checkpoint holds them."""
        return {MEAN: self.mean, FACTOR: self.factor}

    def place(self, noise: Float[Tensor, "B Z"], action: Int[Tensor, "B"]) -> Float[Tensor, "B Z"]:
        """The latents of those actions that standard normal noise stands for."""
        mean, factor = self.mean.to(noise.device), self.factor.to(noise.device)
        return mean[action] + (factor[action] @ noise[..., None]).squeeze(-1)
