"""What becomes of motions that are asked to be longer than those that a model learned from?

python benchmarks/lengths.py [MODEL] [--times 1 1.5 2 5] [--num 20] [--json FILE]

Every action is performed at the trained length and at multiples of it, from the same latents. A bundled
model's own recogniser looks at the first and at the last stretch of the trained length; movement, jerk and
sliding feet are those of the last stretch, `still` the share of its steps in which no joint moves by 5 cm/s.
"""

import argparse
import json
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.evaluation.physical import foot_skate, ground_height, jitter, speeds
from motionary.models import load_model
from motionary.models.actor import sample_latents
from motionary.models.recognisers import Recogniser
from motionary.recognition import load_recogniser

STILL_M_S = 0.05


def judged(
    motions: Float[Tensor, "N T 25 6"], labels: Tensor, recogniser: Recogniser, fps: float
) -> dict[str, float]:
    """Numbers of some stretches."""
    mask = torch.ones(motions.shape[:2], dtype=torch.bool)
    found = recogniser.recognise(motions, mask).logits.argmax(1)
    joints = recogniser.view(motions)
    speed = speeds(joints, fps)
    return {
        "accuracy": (found == labels).float().mean().item(),
        "speed_m_s": speed.mean().item(),
        "still": (speed.amax(-1) < STILL_M_S).float().mean().item(),
        "jerk_m_s3": jitter(joints, fps).nanmean().item(),
        "skate_cm_s": foot_skate(joints, fps, ground_height(joints)).nanmean().item(),
    }


def rows(name: str, times: list[float], num: int) -> list[dict[str, float]]:
    """One of the first stretch and one of the last for every length."""
    model, recogniser = load_model(name), load_recogniser(name)
    stretch, found = model.num_frames, []
    for factor in times:
        frames = round(factor * stretch)
        parts = []
        for label in range(len(model.actions)):
            noise = sample_latents(num, model.network.config.latent_dim, label)
            parts.append(model.decode_action(noise, label, frames))
        motions, labels = torch.cat(parts), torch.arange(len(model.actions)).repeat_interleave(num)
        last = judged(motions[:, -stretch:], labels, recogniser, model.fps)
        first = judged(motions[:, :stretch], labels, recogniser, model.fps)
        found.append({"frames": frames, "first_accuracy": first["accuracy"], **last})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", default="hdm05")
    parser.add_argument("--times", type=float, nargs="+", default=[1, 1.5, 2, 5])
    parser.add_argument("--num", type=int, default=20, help="motions of each action")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    given = parser.parse_args()
    with torch.inference_mode():
        table = rows(given.model, given.times, given.num)
    print("frames | accuracy, first | last | speed m/s | still | jerk m/s^3 | skate cm/s")
    for row in table:
        print(" | ".join(f"{value:.3g}" for value in row.values()))
    if given.json:
        given.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
