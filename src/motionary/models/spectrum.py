"""A linear way from a motion to its latent and back, beside ACTOR's transformers.

B batch, T frames, Z latent size, K cosines. ACTOR's decoder adds the latent to every frame's time alike, so
that a movement's phase has to be put together from latent and time by layers that learn it slowly: a short
training answers with the mean over all phases, which stands still. Here each cosine's amplitude is a linear
map of the latent: latent times time, from the first step on. Started as the principal components of the
training windows (`start`), the network begins as the best linear autoencoder, and its transformers learn
what is missing.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motionary.features import NUM_FEATURES, NUM_ROWS

WIDTH = NUM_ROWS * NUM_FEATURES
OVERSAMPLING = 20
LEAST_PART = 1e-3
"""Of the strongest component's spread; weaker ones are left out."""


class Analysis(nn.Module):
    """What the cosine coefficients of a window add to its posterior's mean."""

    def __init__(self, window: int, latent_dim: int) -> None:
        super().__init__()
        self.window = window
        self.linear = nn.Linear(window // 2 * WIDTH, latent_dim).requires_grad_(False)

    def start(self, parts: "Components") -> None:
        """Give the principal components, each as many as it has standard deviations."""
        self.linear.weight.copy_((parts.directions / parts.spread.where(parts.spread > 0, 1)).T)
        self.linear.bias.copy_(-self.linear.weight @ parts.mean)

    def forward(
        self, features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None
    ) -> Float[Tensor, "B 2 Z"]:
        """Of the mean; the log-variance gets nothing."""
        mean = self.linear(window_coefficients(features, mask, self.window).flatten(1))
        return torch.stack([mean, torch.zeros_like(mean)], dim=1)


class Synthesis(nn.Module):
    """The features that a latent's cosines add up to."""

    def __init__(self, window: int, latent_dim: int) -> None:
        super().__init__()
        self.window = window
        self.linear = nn.Linear(latent_dim, window // 2 * WIDTH).requires_grad_(False)

    def start(self, parts: "Components") -> None:
        """Undo what `Analysis.start` makes."""
        self.linear.weight.copy_(parts.directions * parts.spread)
        self.linear.bias.copy_(parts.mean)

    def forward(self, z: Float[Tensor, "B Z"], num_frames: int) -> Float[Tensor, "B T 150"]:
        """Beyond the window the cosines run back."""
        coefficients = self.linear(z).unflatten(-1, (-1, WIDTH))
        return cosines(num_frames, self.window, z.device) @ coefficients


def window_coefficients(
    features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None, window: int
) -> Float[Tensor, "B K 150"]:
    """Mean over a window of features times each cosine; the last frame of a shorter motion is held."""
    lengths = torch.full((len(features),), features.shape[1]) if mask is None else mask.sum(1)
    frames = torch.arange(window, device=features.device)
    held = frames.minimum(lengths.to(features.device)[:, None] - 1)  # (B, window)
    rows = features.flatten(2).take_along_dim(held[..., None], dim=1)
    return cosines(window, window, features.device).T @ rows / window


def cosines(num_frames: int, window: int, device: torch.device) -> Float[Tensor, "T K"]:
    """The slower half of the cosine transform of a window, each with mean square 1 (DCT-II, scaled)."""
    frames = torch.arange(num_frames, device=device)[:, None] + 0.5
    waves = (math.pi / window * frames * torch.arange(window // 2, device=device)).cos() * math.sqrt(2)
    waves[:, 0] = 1
    return waves


@dataclass(frozen=True)
class Components:
    """Principal components; those that the data do not have are zero."""

    mean: Float[Tensor, "D"]
    directions: Float[Tensor, "D Z"]
    spread: Float[Tensor, "Z"]
    """Standard deviation along each."""

    def best_log_variance(self, price: float) -> Float[Tensor, "Z"]:
        """Of posteriors: it makes spread^2 variance - price log(variance) / 2 least, and is at most 0."""
        floor = torch.finfo(self.spread.dtype).tiny
        return (price / 2 / self.spread.square().clamp(min=floor)).clamp(1e-6, 1).log()


def principal_components(rows: Float[Tensor, "N D"], count: int) -> Components:
    """The strongest of them, by a randomised decomposition that is the same every time."""
    mean = rows.mean(0)
    directions, spread = rows.new_zeros(rows.shape[1], count), rows.new_zeros(count)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tried = min(count + OVERSAMPLING, *rows.shape)
        _, sizes, found = torch.svd_lowrank(rows - mean, q=tried, niter=4)
    spreads = sizes / len(rows) ** 0.5
    kept = int((spreads[:count] > LEAST_PART * spreads[0]).sum())
    directions[:, :kept], spread[:kept] = found[:, :kept], spreads[:kept]
    return Components(mean, directions, spread)
