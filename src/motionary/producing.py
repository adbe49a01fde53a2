"""Many performances as files in a folder; what was finished before an interruption is not made again."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from motionary import progress
from motionary.atomic import working_in
from motionary.datasets.folder import check_no_data_set
from motionary.export import export_motion
from motionary.features import NUM_FEATURES, NUM_ROWS
from motionary.generation import MOTIONS_AT_ONCE, check_length, draw_latents, perform_latents
from motionary.labels import file_names
from motionary.models import Model
from motionary.motion import Motion
from motionary.resources import Need
from motionary.written import Written

FILE_BYTES = {
    ".npz": (2_000, 310),
    ".bvh": (4_000, 700),
    ".glb": (1_000_000, 400),
    ".mp4": (10_000, 1_500),
    ".png": (200_000, 0),
    ".html": (1_600_000, 400),
    ".trc": (2_000, 700),
    ".jsonl": (1_000, 1_600),
}
"""About how much a motion's file takes, and each frame in it."""


@dataclass(frozen=True)
class Wish:
    """What is to be performed."""

    actions: tuple[str, ...]
    num: int = 1
    """Of each action."""
    seed: int = 0
    frames: int | None = None
    seconds: float | None = None
    suffixes: tuple[str, ...] = (".npz",)
    """Of the files of each motion."""

    def need(self, model: Model) -> Need:
        """About what it takes: the network's numbers for a few motions at once, all latents, all files.

        Raises:
            ValueError: If the length does not fit the model.
        """
        length, config = check_length(model, self.frames, self.seconds), model.network.config
        for_each_frame = 8 * config.latent_dim + 2 * config.ff_dim + 10 * NUM_ROWS * NUM_FEATURES
        for_each_motion = 8 * config.latent_dim + 700 + 200 * len(self.suffixes)
        at_once = MOTIONS_AT_ONCE * min(torch.get_num_threads(), 1 + (self.num - 1) // MOTIONS_AT_ONCE)
        sizes = [FILE_BYTES.get(suffix, (0, 0)) for suffix in self.suffixes]
        return Need(
            memory=4 * at_once * length * for_each_frame + self.num * for_each_motion,
            disk=self.num * len(self.actions) * sum(fixed + length * each for fixed, each in sizes),
        )


def produce(model: Model, wish: Wish, out: Path) -> list[Path]:
    """Write OUT/<action>_<k>.<format> for every motion; until all are there, OUT/.written.jsonl lists them.

    Args:
        model: From `load_model`.
        wish: What is performed.
        out: Folder; the same wish goes on there where an earlier call was interrupted.

    Returns:
        All files, also those of earlier calls.

    Raises:
        ValueError: If the wish does not fit the model, another run works on the folder, or it is a data set.
        DiskFull: If there is no room; what was finished is kept.
    """
    if wish.num < 1:
        raise ValueError(f"num must be at least 1; got {wish.num}.")
    about = _made_from(model, wish)
    for action in wish.actions:
        model.action_index(action)
    check_no_data_set(out)
    files, stems = list[Path](), file_names(model.actions)
    stage = progress.stage("performing", wish.num * len(wish.actions), "motion")
    with working_in(out), stage as counted:
        written = Written(out, about)
        for action in wish.actions:
            names = [[f"{stems[action]}_{k}{suffix}" for suffix in wish.suffixes] for k in range(wish.num)]
            done = next((k for k, own in enumerate(names) if not written.has(own)), wish.num)
            counted.advance(done, action)
            for k, motion in _from(done, model, action, wish):
                for name in names[k]:
                    export_motion(motion, out / name)
                written.add(names[k])
                counted.advance(note=action)
            files += [out / name for own in names for name in own]
        written.forget()
    return files


def _from(first: int, model: Model, action: str, wish: Wish) -> Iterator[tuple[int, Motion]]:
    """The motions from a number on, in the batches in which all of them are made."""
    if first == wish.num:
        return
    start = first - first % MOTIONS_AT_ONCE
    latents = draw_latents(model, action, wish.num, wish.seed)[start:]
    motions = perform_latents(model, action, latents, frames=wish.frames, seconds=wish.seconds)
    for k, motion in enumerate(motions, start):
        if k >= first:
            yield k, motion


def _made_from(model: Model, wish: Wish) -> dict[str, Any]:
    """What decides over the bytes of a motion's file, besides its action and number."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    for tensor in model.prior.tensors().values() if model.prior else ():
        digest.update(tensor.numpy().tobytes())
    return {
        "weights_sha256": digest.hexdigest(),
        "frames": check_length(model, wish.frames, wish.seconds),
        "fps": model.fps,
        "seed": wish.seed,
        "motionary": version("motionary"),
        "torch": torch.__version__,
    }
