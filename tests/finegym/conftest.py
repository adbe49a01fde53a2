"""FineGym's published lists, and an annotation file in FineGym's format made up to fit them."""

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from motionary.finegym.annotations import NAME


@pytest.fixture(scope="session")
def lists(shared) -> Path:
    """Folder of the published lists."""
    folder = shared / "data/finegym"
    if not folder.is_dir():
        pytest.skip(f"needs FineGym's lists; none at {folder}")
    return folder


def exact_times(
    name: str, rng: np.random.Generator, stages: int = 1
) -> tuple[list[float], list[list[float]]]:
    """Event times, and the element's relative to the event, whose whole seconds are those of the name."""
    found = NAME.fullmatch(name)
    event = [int(second) + float(rng.uniform(0, 0.99)) for second in found["event"].split("_")]
    first, last = map(int, found["segment"].split("_"))
    start, end = first + rng.uniform(0, 0.6), last + rng.uniform(0.6, 0.99)
    edges = np.round(np.linspace(start, end, stages + 1), 2).tolist()
    return event, [list(pair) for pair in pairwise(edges)]


@pytest.fixture
def write_annotations() -> Callable[..., dict]:
    """Writes an annotation JSON for some element names; returns their absolute times."""

    def write(path: Path, names: list[str], stages: int = 1) -> dict[str, tuple[float, float]]:
        rng, content, absolute = np.random.default_rng(0), {}, {}
        for name in names:
            found = NAME.fullmatch(name)
            times, segment = exact_times(name, rng, stages)
            events = content.setdefault(found["video"], {})
            event = events.setdefault(
                f"E_{found['event']}", {"event": 3, "timestamps": [times], "segments": {}}
            )
            event["segments"][f"A_{found['segment']}"] = {"stages": stages, "timestamps": segment}
            begin = event["timestamps"][0][0]
            absolute[name] = (begin + segment[0][0], begin + segment[-1][1])
        content["0000000quiet"] = {
            "E_000010_000020": {"event": 1, "timestamps": [[10.2, 20.9]], "segments": None}
        }
        path.write_text(json.dumps(content))
        return absolute

    return write


def film(path: Path, pictures: Sequence[np.ndarray], fps: int = 30) -> Path:
    """Pictures one after another, nearly as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"crf": "14", "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=Fraction(fps), options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            whole = np.ascontiguousarray(picture)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def write_film() -> Callable[..., Path]:
    return film
