"""Cuts are found in what was cut together, and in nothing else. The pictures are parts of real videos."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from motionary.body.assets import fetch_sample_video
from motionary.estimators.shots import ShotConfig, ShotCuts, difference, find_cuts, lost
from motionary.estimators.video import Frame, Video

SIZE = (640, 360)


def luma(path, count: int, step: int = 1) -> list[np.ndarray]:
    """Frames of a video, the 16:9 part about the middle."""
    found = []
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % step == 0:
                picture = frame.to_ndarray(format="gray")
                height, width = picture.shape
                top = (height - min(height, width * 9 // 16)) // 2
                found.append(cv2.resize(picture[top : height - top], SIZE, interpolation=cv2.INTER_AREA))
            if len(found) == count:
                break
    return found


@pytest.fixture(scope="module")
def park():
    """A person on a wall in a park, in backlight."""
    try:
        return luma(fetch_sample_video(), 40)
    except FileNotFoundError as error:
        pytest.skip(f"needs the sample video: {error}")


@pytest.fixture(scope="module")
def hall(shared):
    """A person squatting, at 5 frames/s."""
    return luma(shared / "data/videos/squats.mp4", 40)


def cuts(pictures: list[np.ndarray], fps: float = 30.0) -> list[int]:
    chroma = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    detector = ShotCuts()
    frames = [Frame(k, k / fps, (picture, chroma, chroma)) for k, picture in enumerate(pictures)]
    return [detector.start for frame in frames if detector(frame)]


def part(picture: np.ndarray, left: float, top: float, width: float) -> np.ndarray:
    """A 16:9 part of a picture, by fractions, at full size."""
    x, y = round(left * SIZE[0]), round(top * SIZE[1])
    wide, high = round(width * SIZE[0]), round(width * SIZE[1])
    return cv2.resize(picture[y : y + high, x : x + wide], SIZE)


def pan(picture: np.ndarray, count: int, step: float) -> list[np.ndarray]:
    """A camera turning by a fraction of its picture's width each frame, with motion blur."""
    starts = [0.5 * step * k for k in range(count)]
    return [
        np.mean([part(picture, s + 0.5 * step * b, 0.2, 0.5) for b in (0, 0.25, 0.5)], axis=0).astype(
            np.uint8
        )
        for s in starts
    ]


def test_each_cut_is_found_at_its_frame(park, hall):
    shots = [park[:9], hall[:5], park[9:10], hall[5:15], park[20:]]
    starts = np.cumsum([len(shot) for shot in shots])[:-1]
    assert cuts([picture for shot in shots for picture in shot]) == starts.tolist()


def test_a_change_of_camera_in_one_place_is_a_cut(park, hall):
    for place in (park, hall):
        other = [part(picture[:, ::-1], 0.3, 0.2, 0.6) for picture in place]
        assert cuts([*place[:10], *other[10:20]]) == [10]


@pytest.mark.parametrize("faster", [1, 2, 4, 8])
def test_movement_is_no_cut(park, hall, faster):
    assert cuts(park[::faster]) == []
    assert cuts([part(picture, 0.25, 0.0, 0.5) for picture in park[::faster]]) == []
    if faster <= 2:  # of 5 frames a second
        assert cuts(hall[::faster]) == []


@pytest.mark.parametrize("step", [0.01, 0.05, 0.1])
def test_a_pan_is_no_cut(park, hall, step):
    for place in (park, hall):
        assert cuts(pan(place[0], int(0.45 / (0.5 * step)), step)) == []


def test_a_zoom_is_no_cut(park, hall):
    for place in (park, hall):
        widths = 0.96 ** np.arange(25)
        assert cuts([part(place[0], (1 - w) / 2, (1 - w) / 2, float(w)) for w in widths]) == []


@pytest.mark.parametrize(("gain", "offset"), [(1.5, 0), (2.5, 40), (4, 100)])
def test_a_flash_is_no_cut(park, hall, gain, offset):
    for place in (park, hall):
        lit = [picture.astype(float) for picture in place]
        lit[10] = lit[10] * gain + offset
        lit[11] = lit[11] * (1 + 0.4 * (gain - 1)) + 0.4 * offset
        assert cuts([np.clip(picture, 0, 255).astype(np.uint8) for picture in lit]) == []


def test_noise_and_a_change_of_brightness_are_no_cut(park):
    rng = np.random.default_rng(0)
    gains = np.linspace(1, 0.4, len(park))
    seen = [
        gain * picture + rng.normal(0, 6, picture.shape) for gain, picture in zip(gains, park, strict=True)
    ]
    assert cuts([np.clip(picture, 0, 255).astype(np.uint8) for picture in seen]) == []


def test_a_short_black_picture_is_no_cut_but_what_follows_may_be(park, hall):
    black = [np.full_like(park[0], 16)] * 3
    assert cuts([*park[:10], *black, *park[13:25]]) == []
    assert cuts([*park[:10], *black, *hall[13:25]]) == [10]


def test_a_cut_to_a_bright_picture_is_told_late_but_placed_right(park):
    white = [np.clip(picture[::-1].astype(int) + 180, 0, 255).astype(np.uint8) for picture in park]
    chroma = np.full((180, 320), 128, np.uint8)
    detector = ShotCuts()
    pictures = [*park[:10], *white[10:30]]
    told = [k for k, p in enumerate(pictures) if detector(Frame(k, k / 30, (p, chroma, chroma)))]
    assert detector.start == 10
    assert len(told) == 1
    assert 10 < told[0] <= 10 + round(ShotConfig().flash_s * 30) + 1


def test_a_file_with_a_cut_has_that_cut(park, hall, tmp_path):
    with av.open(str(tmp_path / "cut.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "30"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in [*park[:12], *hall[:12]]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([picture] * 3), format="rgb24")))
        container.mux(stream.encode())
    assert find_cuts(Video(tmp_path / "cut.mp4")) == [12]


def test_a_picture_loses_nothing_against_itself_and_all_against_noise():
    rng, config = np.random.default_rng(0), ShotConfig()
    picture = cv2.GaussianBlur(rng.normal(120, 90, (36, 64)).astype(np.float32), (0, 0), 2)
    assert lost(picture, picture, config) == pytest.approx(0, abs=1e-3)
    assert difference(picture, 0.5 * picture + 30) < 0.15
    moved = np.roll(picture, (3, -7), (0, 1))
    assert lost(picture, moved, config) < 0.5 * config.lost < difference(picture, moved)
    noise = rng.normal(120, 30, (36, 64)).astype(np.float32)
    assert lost(picture, noise, config) > 0.5


def test_pictures_of_any_size_are_looked_at():
    rng = np.random.default_rng(0)
    for height, width in ((2, 2), (1080, 8), (144, 176), (1280, 720)):
        planes = [np.zeros((height // 2, width // 2), np.uint8)] * 2
        detector = ShotCuts()
        for k in range(3):
            noise = rng.integers(0, 255, (height, width)).astype(np.uint8)
            detector(Frame(k, k / 30, (noise, *planes)))
        assert detector.start <= 2
