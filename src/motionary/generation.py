"""Performing an action anew: checkpoint + action + length + seed -> Motions."""

from collections.abc import Iterator
from itertools import chain

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from motionary.body.assets import default_body
from motionary.body.skeleton import NUM_JOINTS
from motionary.body.skinning import stream_vertices
from motionary.body.smpl import BodyModel
from motionary.features import features_to_motion
from motionary.grounding import with_feet_on_ground
from motionary.models.actor import Actor, sample_latents
from motionary.models.checkpoint import Model
from motionary.motion import Motion
from motionary.rotations import rotation_6d_to_matrix
from motionary.threads import SideBySide

MOTIONS_AT_ONCE = 4
"""Decoded in one batch. A fixed number, because products of matrices round differently at other sizes: so the
first motions are the same to the last bit however many follow."""


def generate(
    model: Model,
    action: str,
    num: int = 1,
    *,
    frames: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
) -> list[Motion]:
    """New performances of an action, standing on the ground; see `performances` for many.

    The first motions do not depend on how many follow.

    Args:
        model: From `load_model`.
        action: One of model.actions.
        num: How many.
        frames: Length in frames; the length the model learned when neither this nor seconds is given.
        seconds: Length in seconds instead, rounded to whole frames.
        seed: The same seed gives the same motions.

    Raises:
        ValueError: If the action is unknown (the message lists those known), or num or length not positive.
    """
    return list(performances(model, action, num, frames=frames, seconds=seconds, seed=seed))


def performances(
    model: Model,
    action: str,
    num: int = 1,
    *,
    frames: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
) -> Iterator[Motion]:
    """The motions of `generate` one after the other, a few at a time in memory.

    Raises:
        ValueError: As `generate`, at once.
    """
    if num < 1:
        raise ValueError(f"num must be at least 1; got {num}.")
    latents = draw_latents(model, action, num, seed)
    return perform_latents(model, action, latents, frames=frames, seconds=seconds)


def draw_latents(model: Model, action: str, num: int = 1, seed: int = 0) -> Float[Tensor, "N Z"]:
    """The latents of the motions that `generate` makes with this seed.

    Raises:
        ValueError: If the action is unknown, or the seed negative.
    """
    label = model.action_index(action)
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must not be negative, nor 2**63 or more; got {seed}.")
    noise = sample_latents(num + -num % MOTIONS_AT_ONCE, model.network.config.latent_dim, seed)
    labels = torch.full((MOTIONS_AT_ONCE,), label)
    return torch.cat([model.latents(part, labels) for part in noise.split(MOTIONS_AT_ONCE)])[:num]


def perform_latents(
    model: Model,
    action: str,
    latents: Float[Tensor, "N Z"],
    *,
    frames: int | None = None,
    seconds: float | None = None,
) -> Iterator[Motion]:
    """What chosen latents stand for, one motion after the other, standing on the ground.

    Args:
        model: From `load_model`.
        action: One of model.actions.
        latents: From `draw_latents`, or others: between or beside such ones.
        frames: Length in frames; the length the model learned when neither this nor seconds is given.
        seconds: Length in seconds instead.

    Raises:
        ValueError: If the action is unknown or the length not positive, at once.
    """
    label = model.action_index(action)
    length = check_length(model, frames, seconds)
    num = len(latents)
    filled = functional.pad(latents, (0, 0, 0, -num % MOTIONS_AT_ONCE))
    body = default_body()

    def perform(start: int) -> list[Motion]:
        decoded = _decode(model, filled[start : start + MOTIONS_AT_ONCE], label, length)
        motions = (features_to_motion(rows, model.fps, action) for rows in decoded[: num - start])
        return [with_feet_on_ground(motion, body) for motion in motions]

    return chain.from_iterable(SideBySide().map(perform, range(0, num, MOTIONS_AT_ONCE)))


@torch.inference_mode()
def decode(
    network: Actor, latents: Float[Tensor, "N Z"], action: Int[Tensor, "N"], num_frames: int
) -> Float[Tensor, "N T 25 6"]:
    """Features of many latents' motions; on a CPU a few at a time, side by side.

    Args:
        network: In evaluation mode.
        latents: On its device.
        action: Class index of each.
        num_frames: Of every motion.
    """
    if latents.device.type != "cpu":
        return network.decode(latents, action, num_frames)

    def part(start: int) -> Tensor:
        rows = slice(start, start + MOTIONS_AT_ONCE)
        with torch.inference_mode():  # which holds for one thread
            return network.decode(latents[rows], action[rows], num_frames)

    return torch.cat(list(SideBySide().map(part, range(0, len(latents), MOTIONS_AT_ONCE))))


@torch.inference_mode()
def decode_vertices(features: Float[Tensor, "B T 25 6"], body: BodyModel) -> Iterator[Float[Tensor, "N V 3"]]:
    """Vertices in metres of the motions' frames, one motion after the other, some frames at a time.

    Use or copy them before asking for the next, which take their place in memory.
    """
    rows = features.flatten(0, 1)
    posed = body.shape().pose(rotation_6d_to_matrix(rows[:, :NUM_JOINTS]), rows[:, NUM_JOINTS, :3])
    return stream_vertices(posed)


@torch.no_grad()
def _decode(
    model: Model, latents: Float[Tensor, "B Z"], label: int, num_frames: int
) -> Float[Tensor, "B T 25 6"]:
    """The motions of latents of one action, to the CPU."""
    z = latents.to(model.network.decoder.action_bias.device)
    labels = torch.full((len(z),), label, device=z.device)
    return model.perform(z, labels, num_frames).cpu()


def check_length(model: Model, frames: int | None, seconds: float | None) -> int:
    """Frames asked for.

    Raises:
        ValueError: If the length is not positive, said twice, or not said where the model has none.
    """
    if frames is not None and seconds is not None:
        raise ValueError("Give the length in frames or in seconds, not both.")
    if seconds is not None:
        if not 0 < seconds < float("inf"):
            raise ValueError(f"seconds must be positive; got {seconds}.")
        return max(1, round(seconds * model.fps))
    length = frames if frames is not None else model.num_frames
    if frames is None and length < 1:
        raise ValueError(
            "This model learned motions of any length: say how many frames or seconds to generate."
        )
    if length < 1:
        raise ValueError(f"frames must be at least 1; got {length}.")
    return length
