"""Performing an action anew: checkpoint + action + length + seed -> Motions."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.body.assets import load_body
from motionary.body.skeleton import NUM_JOINTS
from motionary.body.skinning import stream_vertices
from motionary.body.smpl import BodyModel
from motionary.features import features_to_motion
from motionary.models.actor import sample_latents
from motionary.models.checkpoint import Model
from motionary.motion import Motion
from motionary.rotations import rotation_6d_to_matrix

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
    label = model.action_index(action)
    if num < 1:
        raise ValueError(f"num must be at least 1; got {num}.")
    if seed < 0:
        raise ValueError(f"seed must not be negative; got {seed}.")
    length = _length(model, frames, seconds)
    num_batches = ceil(num / MOTIONS_AT_ONCE)
    latents = sample_latents(num_batches * MOTIONS_AT_ONCE, model.network.config.latent_dim, seed)
    decoded = (
        features for z in latents.split(MOTIONS_AT_ONCE) for features in model.decode_action(z, label, length)
    )
    body = _ground_body()
    return (features_to_motion(rows, model.fps, action).on_ground(body) for rows in islice(decoded, num))


@torch.inference_mode()
def decode_vertices(features: Float[Tensor, "B T 25 6"], body: BodyModel) -> Iterator[Float[Tensor, "N V 3"]]:
    """Vertices in metres of the motions' frames, one motion after the other, some frames at a time.

    Use or copy them before asking for the next, which take their place in memory.
    """
    rows = features.flatten(0, 1)
    posed = body.shape().pose(rotation_6d_to_matrix(rows[:, :NUM_JOINTS]), rows[:, NUM_JOINTS, :3])
    return stream_vertices(posed)


def _length(model: Model, frames: int | None, seconds: float | None) -> int:
    """Frames asked for."""
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


@lru_cache(maxsize=1)
def _ground_body() -> BodyModel:
    """The body that touches the ground."""
    with torch.no_grad():
        return load_body()
