"""Ways through the latent space: from one performance to another, of the same action or of another one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.generation import perform_latents
from motionary.models.actor import sample_latents
from motionary.models.checkpoint import Model
from motionary.motion import Motion


@dataclass(frozen=True)
class Sample:
    """The first motion that `generate` makes of an action with a seed."""

    action: str
    seed: int


def walk(model: Model, start: Sample, end: Sample, places: Sequence[float], seconds: float) -> list[Motion]:
    """Motions along the way between two samples.

    Args:
        model: Who performs.
        start: At place 0.
        end: At place 1.
        places: 0 to 1.
        seconds: Length.

    Raises:
        ValueError: If an action is unknown, a seed negative, or a place not 0 to 1.
    """
    if not all(0 <= place <= 1 for place in places):
        raise ValueError(f"A place on the way must be 0 to 1; got {list(places)}.")
    motions = perform_latents(
        model, start.action, latents_between(model, start, end, places), seconds=seconds
    )
    return list(motions)


@torch.no_grad()
def latents_between(
    model: Model, start: Sample, end: Sample, places: Sequence[float]
) -> Float[Tensor, "N Z"]:
    """Latents of start's action that stand for the places on the way.

    The noise behind the two samples goes along an arc, so that it stays as likely as they are; the actions'
    own parts are mixed. Where nearby noise may stand for far latents, the latents go along a line instead.
    ACTOR's decoder is given the sum of a latent and its action's bias (Petrovich et al. 2021, section 3.2):
    what the mixed bias lacks of start's is put into the latent.

    Source of the arc: White 2016, arXiv:1609.04468.
    """
    first, second = (
        sample_latents(1, model.network.config.latent_dim, _seed(sample.seed))[0] for sample in (start, end)
    )
    share = torch.tensor(places, dtype=torch.float32)[:, None]
    labels = [model.action_index(sample.action) for sample in (start, end)]
    biases = [model.network.decoder.action_bias[label].cpu() for label in labels]
    if model.prior is None or model.prior.smooth:
        noise = torch.stack([_arc(first, second, place) for place in places])
        own, other = (model.latents(noise, torch.full((len(noise),), label)) for label in labels)
    else:
        ends = zip((first, second), labels, strict=True)
        own, other = (model.latents(noise[None], torch.tensor([label])) for noise, label in ends)
    return own * (1 - share) + (other + biases[1] - biases[0]) * share


def _arc(first: Float[Tensor, "Z"], second: Float[Tensor, "Z"], place: float) -> Float[Tensor, "Z"]:
    """A point on the great circle between two directions, its length between theirs."""
    cosine = torch.dot(first, second) / (first.norm() * second.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if angle < 1e-4:
        return first * (1 - place) + second * place
    shares = torch.sin(torch.tensor([1 - place, place]) * angle) / angle.sin()
    direction = shares[0] * first / first.norm() + shares[1] * second / second.norm()
    return direction * (first.norm() * (1 - place) + second.norm() * place)


def _seed(seed: int) -> int:
    if seed < 0:
        raise ValueError(f"A seed must not be negative; got {seed}.")
    return seed
