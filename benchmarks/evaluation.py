"""How long the whole protocol takes: 20 seeds of 3,000 motions of 60 frames, with cached real features.

python benchmarks/evaluation.py [--preset small|paper] [--motions N] [--seeds N] [--share PART] [--json FILE]

Everything counts: generation, recognition, physical numbers, nearest training clips, scores. Beside it stands
the loop that one writes first: motion by motion, real motions recognised anew for every seed. It is measured
on --naive motions and scaled up, which flatters it: its search for the nearest clip grows with the square.
--share measures that part of the seeds and scales up too.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from motionary.body.assets import load_body
from motionary.evaluation import RealFeatures, evaluate
from motionary.evaluation.metrics import frechet_distance
from motionary.evaluation.physical import ActionHabits, measure
from motionary.evaluation.real import RealPhysics
from motionary.evaluation.windows import WINDOWS_PER_CLIP
from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig, sample_latents
from motionary.models.recognisers import GruConfig, GruRecogniser, Recogniser, joints_seen
from motionary.recognition import RecognisedWindows
from motionary.rotations import rotation_6d_to_matrix

ACTIONS = tuple(f"action_{index}" for index in range(12))
FPS, NUM_FRAMES = 30.0, 60
PRESETS = {
    "small": ActorConfig(len(ACTIONS), latent_dim=128, ff_dim=256, num_layers=4),
    "paper": ActorConfig(len(ACTIONS)),
}


def a_recogniser() -> Recogniser:
    network = GruRecogniser(GruConfig(len(ACTIONS))).eval().requires_grad_(False)
    rest_joints = load_body().joints_template.clone()
    return Recogniser(network, ACTIONS, FPS, NUM_FRAMES, "forward", rest_joints)


def real_features(recogniser: Recogniser, num_clips: int) -> RealFeatures:
    """Made-up features of a test and a train split of that many clips each."""
    rng = np.random.default_rng(0)

    def windows() -> RecognisedWindows:
        clip = np.repeat(np.arange(num_clips), WINDOWS_PER_CLIP)
        features = np.tanh(rng.standard_normal((len(clip), 30), np.float32))
        labels = clip % len(ACTIONS)
        return RecognisedWindows(features, labels, labels, np.full(len(clip), NUM_FRAMES), clip)

    habits = ActionHabits(torch.rand(len(ACTIONS), 24), torch.rand(len(ACTIONS), 24))
    measures = rng.random((num_clips * WINDOWS_PER_CLIP, 7), np.float32)
    physics = RealPhysics(habits, measures)
    return RealFeatures(ACTIONS, windows(), windows(), "test", recogniser.digest, physics)


def naive_seed(model: Model, recogniser: Recogniser, habits: ActionHabits, num: int) -> None:
    """One seed for num generated and num real motions, one after the other."""
    mask, found = torch.ones(1, NUM_FRAMES, dtype=torch.bool), {"real": [], "generated": []}
    for index, z in enumerate(sample_latents(num, model.network.config.latent_dim, seed=0)):
        action = torch.tensor([index % len(ACTIONS)])
        motion = model.network.decode(z[None], action, mask)
        for name in found:  # a real motion costs what a generated one does
            joints = joints_seen(motion, recogniser.skeleton, "forward")
            found[name].append(recogniser.network(joints, mask).features[0])
            measure(joints, rotation_6d_to_matrix(motion[..., :24, :]), action, FPS, habits)
    real, generated = (torch.stack(features) for features in found.values())
    frechet_distance(real.numpy(), generated.numpy())
    for features in (real, generated):
        for own in features:
            min(float((own - other).norm()) for other in real)
        for _ in range(200 + 20 * len(ACTIONS)):
            first, second = np.random.default_rng(0).integers(0, num, 2)
            (features[first] - features[second]).norm()


def seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--motions", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--naive", type=int, default=100)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.manual_seed(0)
    recogniser = a_recogniser()
    network = Actor(PRESETS[given.preset]).eval()
    model = Model(network, ACTIONS, FPS, NUM_FRAMES, "forward", {}, "CC0-1.0")
    real = real_features(recogniser, given.motions)
    measured_seeds = max(torch.get_num_threads(), round(given.share * given.seeds))
    threads = torch.get_num_threads()
    ours = seconds(lambda: evaluate(model, real, recogniser, measured_seeds, most_motions=given.motions))
    torch.set_num_threads(1)  # the rest on one, as the seeds are
    decode = seconds(lambda: generate_only(network, given.motions))
    scale = given.seeds / measured_seeds
    naive = seconds(lambda: naive_seed(model, recogniser, real.physics.habits, given.naive))
    result = {
        "preset": given.preset,
        "motions": given.motions,
        "seeds": given.seeds,
        "threads": threads,
        "load": os.getloadavg()[0],
        "seconds": round(ours * scale, 1),
        "generation_on_one_thread": round(decode * given.seeds, 1),
        "measured_seeds": measured_seeds,
        "naive_seconds_on_one_thread": round(naive * given.motions / given.naive * given.seeds, 1),
        "naive_motions": given.naive,
    }
    for name, value in result.items():
        print(f"{name:28} {value}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1))


def generate_only(network: Actor, num: int, batch: int = 64) -> None:
    z = sample_latents(num, network.config.latent_dim, seed=0)
    action, mask = torch.arange(num) % len(ACTIONS), torch.ones(batch, NUM_FRAMES, dtype=torch.bool)
    for start in range(0, num, batch):
        part = slice(start, start + batch)
        network.decode(z[part], action[part], mask[: len(z[part])])


if __name__ == "__main__":
    main()
