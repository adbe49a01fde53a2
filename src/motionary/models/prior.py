"""Where in latent space the motions of each action lie, once a network is trained.

A actions, Z latent size, N latents. Training pulls latents towards N(0, 1) only weakly, so that draws from
it need not lie where motions do. The Gaussian of every action's own latents, fitted afterwards, is a better
place to draw from and costs no training: ex-post density estimation (Ghosh et al. 2020, arXiv:1903.12436,
section 4). Nearer still are the posteriors of training motions themselves, of which the mixture is the prior
that a VAE's objective asks for (Tomczak and Welling 2018, arXiv:1705.07120, section 2).
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motionary.models.actor import Posterior

MEAN, FACTOR = "prior.mean", "prior.factor"
CENTRE, DEVIATION, ACTION = "prior.centre", "prior.deviation", "prior.action"
REACH = "prior.reach"
"""Names of the tensors in a checkpoint."""
TURNS = 997
"""How often all posteriors are gone through between the lowest and the highest noise."""
NEIGHBOURS = 8
USUAL_REACH = 0.5
"""Both chosen on a data set's held-out motions; files from before reaches differed mean this one."""

Latents = Literal["standard", "fitted", "posteriors"]
"""What latents are drawn from: N(0, 1), a Gaussian fitted to each action's own, or the posteriors of training
motions."""


@runtime_checkable
class Prior(Protocol):
    """What latents are drawn from, other than N(0, 1)."""

    def place(self, noise: Float[Tensor, "B Z"], action: Int[Tensor, "B"]) -> Float[Tensor, "B Z"]:
        """The latents of those actions that standard normal noise stands for."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """As a checkpoint holds them."""
        ...

    @property
    def smooth(self) -> bool:
        """Whether nearby noise stands for nearby latents."""
        ...


def fit_prior(
    latents: Latents,
    posterior: Posterior,
    action: Int[Tensor, "N"],
    num_actions: int,
    reach: float = USUAL_REACH,
) -> Prior:
    """The prior that was asked for, other than N(0, 1), of training motions' posteriors.

    Args:
        latents: Which, not "standard".
        posterior: Of training motions.
        action: Their class indices.
        num_actions: How many classes.
        reach: As `PosteriorPrior.reach`, where it is of that kind.

    Raises:
        ValueError: If an action has no motion.
    """
    if missing := [label for label in range(num_actions) if not (action == label).any()]:
        raise ValueError(f"A prior needs motions of every action; there is none of class {missing[0]}.")
    if latents == "fitted":
        return LatentPrior.fit(posterior, action, num_actions)
    return PosteriorPrior(posterior.mean, (posterior.log_variance / 2).exp(), action, reach)


def prior_of_tensors(tensors: dict[str, Tensor], num_actions: int) -> Prior | None:
    """Take the prior out of a checkpoint's tensors; None where there is none.

    Raises:
        ValueError: If its tensors do not fit one another or the actions.
    """
    if CENTRE in tensors:
        return PosteriorPrior.of_tensors(tensors, num_actions)
    return LatentPrior.of_tensors(tensors)


@dataclass(frozen=True)
class PosteriorPrior:
    """The mixture of N training motions' posteriors, each drawn out towards its neighbours of its action.

    A posterior alone would give its own motion again. Where motions of one action are few in a wide space,
    they lie near a surface of far fewer dimensions, and its directions are those to the nearest of them
    (manifold Parzen windows, Vincent and Bengio 2003).
    """

    centre: Float[Tensor, "N Z"]
    deviation: Float[Tensor, "N Z"]
    action: Int[Tensor, "N"]
    reach: float = USUAL_REACH
    """How far towards the neighbours: of the way there, one standard deviation."""

    smooth = False

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor], num_actions: int) -> "PosteriorPrior":
        """Take it out of a checkpoint's tensors.

        Raises:
            ValueError: If they do not fit one another or the actions.
        """
        centre, deviation, action = (
            tensors.pop(name, torch.zeros(0)) for name in (CENTRE, DEVIATION, ACTION)
        )
        if centre.ndim != 2 or deviation.shape != centre.shape or action.shape != centre.shape[:1]:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (centre, deviation, action))
            raise ValueError(f"its prior must be (N, Z), (N, Z) and (N,); got {shapes}")
        if set(action.unique().tolist()) != set(range(num_actions)):
            raise ValueError(f"its prior must have posteriors of each of its {num_actions} actions alone")
        reach = float(tensors.pop(REACH, torch.tensor(USUAL_REACH)))
        return cls(centre, deviation, action.long(), reach)

    def tensors(self) -> dict[str, Tensor]:
        """As a checkpoint holds them."""
        return {
            CENTRE: self.centre,
            DEVIATION: self.deviation,
            ACTION: self.action.float(),
            REACH: torch.tensor(self.reach),
        }

    def place(self, noise: Float[Tensor, "B Z"], action: Int[Tensor, "B"]) -> Float[Tensor, "B Z"]:
        """The latents of those actions that standard normal noise stands for.

        Which motion is meant is read off the noise's sum, finely enough to say nothing of any one number.
        """
        labels = action.tolist()
        own = {label: self._of(label) for label in set(labels)}
        drawn = [self._draw(row, *own[label]) for row, label in zip(noise.cpu(), labels, strict=True)]
        return torch.stack(drawn).to(noise.device)

    def _of(self, label: int) -> tuple[Float[Tensor, "N Z"], Float[Tensor, "N Z"]]:
        own = self.action == label
        return self.centre[own], self.deviation[own]

    def _draw(
        self, noise: Float[Tensor, "Z"], centres: Float[Tensor, "N Z"], deviations: Float[Tensor, "N Z"]
    ) -> Float[Tensor, "Z"]:
        share = 0.5 * math.erfc(-float(noise.double().sum()) / math.sqrt(2 * len(noise)))
        chosen = int(share * len(centres) * TURNS) % len(centres)
        ways = centres - centres[chosen]
        near = ways.norm(dim=1).argsort(stable=True)[1:][: min(NEIGHBOURS, len(noise))]
        along = noise[: len(near)] @ ways[near] / math.sqrt(NEIGHBOURS)
        return centres[chosen] + self.reach * along + deviations[chosen] * noise


@dataclass(frozen=True)
class LatentPrior:
    """A Gaussian over the latents of each action."""

    mean: Float[Tensor, "A Z"]
    factor: Float[Tensor, "A Z Z"]
    """Lower triangular; the covariance is factor @ factor.mT."""

    smooth = True

    @classmethod
    def fit(cls, posterior: Posterior, action: Int[Tensor, "N"], num_actions: int) -> "LatentPrior":
        """The Gaussian with mean and covariance of the mixture of the motions' posteriors.

        Where an action has few motions, the posteriors' own variances keep the covariance regular.

        Args:
            posterior: Of training motions.
            action: Their class indices.
            num_actions: How many classes; each must have a motion.
        """
        means, factors = [], []
        for label in range(num_actions):
            own = action == label
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
