"""ACTOR, an action-conditioned transformer VAE of human motion (Petrovich et al. 2021, arXiv:2104.05670).

B batch, T frames, Z latent size. A motion is (B, T, 25, 6) features (see `motionary.features`); masks are
True on real frames. Layers, initialisation and defaults follow the published implementation, so that its
weights fit and its numbers come out (`models.reference` translates the names).
"""

import math
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from motionary.features import NUM_FEATURES, NUM_ROWS
from motionary.models.dropout import Dropout, Silencer
from motionary.models.heads import attend, attend_one
from motionary.models.spectrum import (
    WIDTH,
    Analysis,
    Components,
    Synthesis,
    principal_components,
    window_coefficients,
)
from motionary.products import linear

LEAST_SPREAD = 0.02
"""Of features that hardly vary, such as those of joints that a data set does not move."""
NUM_TOKENS = 2
"""The encoder reads the mean and the log-variance from two tokens put before the frames."""


@dataclass(frozen=True)
class ActorConfig:
    """Size of the network; the defaults are the paper's."""

    num_actions: int
    latent_dim: int = 256
    """Z, also the width of every layer."""
    ff_dim: int = 1024
    num_layers: int = 8
    """Of the encoder and of the decoder each."""
    num_heads: int = 4
    dropout: float = 0.1
    window: int = 0
    """Frames whose spectrum also reaches the latent, and comes back from it, by a linear map each
    (`models.spectrum`); 0, as published, for none."""

    def __post_init__(self) -> None:
        """Check what torch would report obscurely."""
        if self.num_actions < 1:
            raise ValueError(f"A model needs at least one action; got {self.num_actions}.")
        for size in ("latent_dim", "ff_dim", "num_layers", "num_heads"):
            if getattr(self, size) < 1:
                raise ValueError(f"{size} must be at least 1; got {getattr(self, size)}.")
        if self.latent_dim % (2 * self.num_heads):
            raise ValueError(
                f"latent_dim must be a multiple of twice num_heads; got {self.latent_dim}, {self.num_heads}."
            )
        if self.window < 0 or self.window == 1:
            raise ValueError(f"window must be 0 or at least 2; got {self.window}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}.")


@dataclass(frozen=True)
class Posterior:
    """Diagonal Gaussian over the latent, q(z | motion, action)."""

    mean: Float[Tensor, "B Z"]
    log_variance: Float[Tensor, "B Z"]

    def sample(self, noise: Float[Tensor, "B Z"]) -> Float[Tensor, "B Z"]:
        """The latent z that standard normal noise stands for (the reparametrisation trick)."""
        return self.mean + (self.log_variance / 2).exp() * noise

    def divergence(self) -> Float[Tensor, ""]:
        """KL divergence to N(0, 1), summed over batch and latent."""
        return -0.5 * (1 + self.log_variance - self.mean**2 - self.log_variance.exp()).sum()


class Actor(nn.Module):
    """Encodes motions to latents and decodes latents to motions, given their action."""

    def __init__(self, config: ActorConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = Dropout(config.dropout)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def forward(
        self,
        features: Float[Tensor, "B T 25 6"],
        action: Int[Tensor, "B"],
        mask: Bool[Tensor, "B T"] | None,
        noise: Float[Tensor, "B Z"],
        seed: int | None = None,
    ) -> tuple[Float[Tensor, "B T 25 6"], Posterior]:
        """The motion decoded from a latent of its own posterior, and that posterior.

        Args:
            features: Motions.
            action: Class indices.
            mask: Which frames are real; all when None.
            noise: Standard normal, for the latents.
            seed: Of dropout on a CPU; torch's global stream decides when None.
        """
        drop = self.dropout.begin(features.device, seed)
        posterior = Posterior(*self.encoder(features, action, mask, drop).unbind(1))
        frames = features.shape[1] if mask is None else mask
        return self.decoder(posterior.sample(noise), action, frames, drop), posterior

    def encode(
        self, features: Float[Tensor, "B T 25 6"], action: Int[Tensor, "B"], mask: Bool[Tensor, "B T"] | None
    ) -> Posterior:
        """Posterior of the latent of each motion."""
        drop = self.dropout.begin(features.device)
        return Posterior(*self.encoder(features, action, mask, drop).unbind(1))

    def decode(
        self, z: Float[Tensor, "B Z"], action: Int[Tensor, "B"], frames: Bool[Tensor, "B T"] | int
    ) -> Float[Tensor, "B T 25 6"]:
        """Motion of each latent.

        Args:
            z: Latents.
            action: Class indices.
            frames: How many, or a mask of those that are real; the others are zero.
        """
        return self.decoder(z, action, frames, self.dropout.begin(z.device))

    @torch.no_grad()
    def start(self, features: Float[Tensor, "N T 25 6"], kl: float) -> None:
        """Begin as the best linear autoencoder of some motions, with what the transformers say at nothing.

        For networks with a `window`; where the linear ways lead stays as it is from then on.

        Args:
            features: Motions.
            kl: What a motion's divergence counts beside its mean squared error of features: posteriors begin
                as wide as makes the two least.
        """
        coefficients = window_coefficients(features, None, self.config.window).flatten(1)
        parts = principal_components(coefficients, self.config.latent_dim)
        self.encoder.start(features, parts, parts.best_log_variance(kl * WIDTH))
        self.decoder.start(parts)


def _tokens(config: ActorConfig) -> nn.Parameter:
    """A latent for each action, from N(0, 1)."""
    # torch.randn would import sympy where a network is made without numbers: half a second
    return nn.Parameter(torch.normal(0.0, 1.0, (config.num_actions, config.latent_dim)))


class Encoder(nn.Module):
    """Transformer over two tokens of the action and one token per frame."""

    def __init__(self, config: ActorConfig) -> None:
        super().__init__()
        self.mean_token = _tokens(config)
        self.variance_token = _tokens(config)
        self.embed = nn.Linear(NUM_ROWS * NUM_FEATURES, config.latent_dim)
        self.layers = _copies(EncoderLayer(config), config.num_layers)
        self.spectrum = Analysis(config.window, config.latent_dim) if config.window else None

    def forward(
        self,
        features: Float[Tensor, "B T 25 6"],
        action: Int[Tensor, "B"],
        mask: Bool[Tensor, "B T"] | None,
        drop: Silencer,
    ) -> Float[Tensor, "B 2 Z"]:
        """Mean and log-variance of the posterior."""
        tokens = torch.stack([self.mean_token[action], self.variance_token[action]], dim=1)
        x = torch.cat([tokens, self.embed(features.flatten(2))], dim=1)  # (B, 2 + T, Z)
        x = drop.thin(x + sinusoids(x.shape[1], x.shape[2], x.device))
        seen = None if mask is None else functional.pad(mask, (NUM_TOKENS, 0), value=True)
        for layer in self.layers[:-1]:
            x = layer(x, seen, drop)
        # Nobody reads what the last layer makes of the frames.
        x = self.layers[-1](x, seen, drop, NUM_TOKENS if self.training else None)[:, :NUM_TOKENS]
        return x if self.spectrum is None else x + self.spectrum(features, mask)

    def start(
        self, features: Float[Tensor, "N T 25 6"], parts: Components, log_variance: Float[Tensor, "Z"]
    ) -> None:
        """See `Actor.start`."""
        assert self.spectrum is not None
        self.spectrum.start(parts)
        nn.init.zeros_(self.norm.weight)  # what is left is its bias, in the mean and in the log-variance
        self.norm.bias.copy_(log_variance)
        self.spectrum.linear.bias.sub_(log_variance)
        # Features vary by a tenth of their size: as they are, the layers would see little but their mean.
        rows = features.flatten(0, 1).flatten(1)
        self.embed.weight.div_(rows.std(0).clamp(min=LEAST_SPREAD))
        self.embed.bias.sub_(self.embed.weight @ rows.mean(0))

    @property
    def norm(self) -> nn.LayerNorm:
        """The last thing that posteriors go through."""
        norm = self.layers[-1].norm2
        assert isinstance(norm, nn.LayerNorm)
        return norm


class Decoder(nn.Module):
    """Transformer from the frames' times, attending to the one token of latent plus action."""

    def __init__(self, config: ActorConfig) -> None:
        super().__init__()
        self.action_bias = _tokens(config)
        self.layers = _copies(DecoderLayer(config), config.num_layers)
        self.head = nn.Linear(config.latent_dim, NUM_ROWS * NUM_FEATURES)
        self.spectrum = Synthesis(config.window, config.latent_dim) if config.window else None

    def forward(
        self,
        z: Float[Tensor, "B Z"],
        action: Int[Tensor, "B"],
        frames: Bool[Tensor, "B T"] | int,
        drop: Silencer,
    ) -> Float[Tensor, "B T 25 6"]:
        """Features of each latent's motion."""
        memory = z + self.action_bias[action]
        num_frames, mask = (frames, None) if isinstance(frames, int) else (frames.shape[1], frames)
        times = sinusoids(num_frames, z.shape[1], z.device)
        # The same for all motions, and computed once, until they look at their memory.
        alike = drop.probability == 0 and mask is None
        x = drop.thin(times.expand(1 if alike else len(z), -1, -1))
        for layer in self.layers:
            x = layer(x, memory, mask, drop)
        x = self.head(x) if self.spectrum is None else self.head(x) + self.spectrum(memory, num_frames)
        features = x.unflatten(-1, (NUM_ROWS, NUM_FEATURES))
        return features if mask is None else features * mask[..., None, None]

    def start(self, parts: Components) -> None:
        """See `Actor.start`."""
        assert self.spectrum is not None
        self.spectrum.start(parts)
        for silent in (self.head.weight, self.head.bias, self.action_bias):
            nn.init.zeros_(silent)


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each followed by a LayerNorm (Vaswani et al. 2017)."""

    def __init__(self, config: ActorConfig) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(config.latent_dim, config.num_heads, config.dropout)
        self.linear1 = nn.Linear(config.latent_dim, config.ff_dim)
        self.linear2 = nn.Linear(config.ff_dim, config.latent_dim)
        self.norm1 = nn.LayerNorm(config.latent_dim)
        self.norm2 = nn.LayerNorm(config.latent_dim)

    def forward(
        self,
        x: Float[Tensor, "B T Z"],
        mask: Bool[Tensor, "B T"] | None,
        drop: Silencer,
        wanted: int | None = None,
    ) -> Float[Tensor, "B W Z"]:
        """The first W tokens, or all when wanted is None, each having looked at the real ones."""
        x = drop.add_norm(x[:, :wanted], attend(self.self_attn, x, mask, drop, wanted), self.norm1)
        return drop.add_norm(x, feed_forward(self, x, drop), self.norm2)


class DecoderLayer(nn.Module):
    """Self-attention, attention to the memory token and feed-forward, each followed by a LayerNorm."""

    def __init__(self, config: ActorConfig) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(config.latent_dim, config.num_heads, config.dropout)
        self.multihead_attn = nn.MultiheadAttention(config.latent_dim, config.num_heads, config.dropout)
        self.linear1 = nn.Linear(config.latent_dim, config.ff_dim)
        self.linear2 = nn.Linear(config.ff_dim, config.latent_dim)
        self.norm1 = nn.LayerNorm(config.latent_dim)
        self.norm2 = nn.LayerNorm(config.latent_dim)
        self.norm3 = nn.LayerNorm(config.latent_dim)

    def forward(
        self,
        x: Float[Tensor, "X T Z"],
        memory: Float[Tensor, "B Z"],
        mask: Bool[Tensor, "B T"] | None,
        drop: Silencer,
    ) -> Float[Tensor, "B T Z"]:
        """Tokens, each having looked at the real ones and at the memory; X is B, or 1 where all are alike."""
        x = drop.add_norm(x, attend(self.self_attn, x, mask, drop), self.norm1)
        x = drop.add_norm(x, attend_one(self.multihead_attn, memory, x.shape[1], drop), self.norm2)
        return drop.add_norm(x, feed_forward(self, x, drop), self.norm3)


def feed_forward(
    layer: EncoderLayer | DecoderLayer, x: Float[Tensor, "B T Z"], drop: Silencer
) -> Float[Tensor, "B T Z"]:
    """A layer's feed-forward network, token by token."""
    hidden = drop.thin_gelu(linear(x, layer.linear1.weight, layer.linear1.bias))
    return linear(hidden, layer.linear2.weight, layer.linear2.bias)


def sinusoids(num_positions: int, width: int, device: torch.device) -> Float[Tensor, "T Z"]:
    """Positions as sin and cos of wavelengths 2 pi to 20000 pi, alternating (Vaswani et al. 2017, 3.5)."""
    frequency = torch.exp(torch.arange(0, width, 2, device=device).float() * (-math.log(10000.0) / width))
    phase = torch.arange(num_positions, device=device).float()[:, None] * frequency
    return torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(1)


def _copies(layer: nn.Module, count: int) -> nn.ModuleList:
    """Layers that start out identical, as torch's own stacks do."""
    return nn.ModuleList(deepcopy(layer) for _ in range(count))


def sample_latents(num: int, latent_dim: int, seed: int) -> Float[Tensor, "N Z"]:
    """Latents from N(0, 1), on the CPU; the first ones do not depend on how many are asked for."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(latent_dim, generator=generator) for _ in range(num)])
