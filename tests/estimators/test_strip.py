import numpy as np
import pytest

from motionary.estimators.strip import MOST, Thumbnail, Thumbnails, colour_of, who_is_who
from motionary.estimators.video import Frame


def frames(count, size=(320, 180)):
    width, height = size
    for k in range(count):
        luma = np.full((height, width), 60, np.uint8)
        luma[: height // 2, : width // 2] = 200
        chroma = np.full((height // 2, width // 2), 128, np.uint8)
        yield Frame(k, k / 30, (luma, chroma, chroma.copy()))


@pytest.mark.parametrize(("count", "expected"), [(5, 5), (12, 0), (100, 100), (1000, 0), (1000, 12)])
def test_few_pictures_are_kept_evenly_spread_however_long_the_video(count, expected):
    thumbnails = Thumbnails(expected)
    assert len(list(thumbnails.watch(frames(count)))) == count
    times_s = [thumbnail.time_s for thumbnail in thumbnails.kept]
    assert min(count, MOST // 2) <= len(times_s) <= MOST
    assert times_s[0] == 0
    assert np.ptp(np.diff(times_s)) < 1e-9
    assert times_s[-1] + 2 * (times_s[1] - times_s[0]) >= (count - 1) / 30


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (1920, 1080), (202, 202)])
def test_a_thumbnail_shows_the_whole_frame_in_its_shape(size):
    thumbnails = Thumbnails(1)
    list(thumbnails.watch(frames(1, size)))
    (thumbnail,) = thumbnails.kept
    height, width = thumbnail.rgb.shape[:2]
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)
    bright = thumbnail.rgb[..., 0] > 130
    assert bright[: height // 2 - 3, : width // 2 - 3].all()
    assert not bright[height // 2 + 3 :].any()
    assert not bright[:, width // 2 + 3 :].any()


def test_boxes_and_bars_tell_people_apart():
    thumbnails = [Thumbnail(t, np.zeros((100, 200, 3), np.uint8), 0.5) for t in (0.0, 1.0)]
    box = np.array([100.0, 40.0, 200.0, 160.0])
    times = np.arange(0, 1.95, 0.05)
    strip = who_is_who(
        thumbnails, {1: [(t, box) for t in times], 2: [(t, box + 100) for t in times if t < 0.5]}, 2.0
    )
    assert (strip[50, 100] == colour_of(1)).all()  # the right edge of the first picture's box
    assert (strip[80, 150] == colour_of(2)).all()
    assert (strip[50, 300] == colour_of(1)).all()
    assert not (strip[:100, 200:] == colour_of(2)).all(-1).any()  # out of sight by then
    first, second = ((strip[100 + 18 * k + 9] == colour_of(k + 1)).all(-1) for k in (0, 1))
    assert first.mean() > 0.85
    assert 0.15 < second.mean() < 0.3


def test_somebody_whose_frames_all_failed_has_an_empty_bar():
    thumbnails = [Thumbnail(0.0, np.zeros((100, 200, 3), np.uint8), 0.5)]
    strip = who_is_who(thumbnails, {1: []}, 2.0)
    assert strip.shape[0] > 100
    assert not (strip == np.array(colour_of(1), np.uint8)).all(-1).any()
