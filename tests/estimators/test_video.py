import os

import numpy as np
import pytest

from motionary.estimators.video import Frame, Video, declared_frames

UNEVEN_S = np.cumsum([0, 0.033, 0.034, 0.1, 0.033, 0.2, 0.05, 0.033])


def test_frames_keep_their_true_times(tmp_path, video_writer):
    video = Video(video_writer(tmp_path / "uneven.mp4", UNEVEN_S))
    times = [frame.time_s for frame in video.frames()]
    np.testing.assert_allclose(times, UNEVEN_S, atol=1e-3)
    assert video.facts().frames == len(UNEVEN_S)
    assert video.facts().duration_s == pytest.approx(UNEVEN_S[-1] + 1 / video.facts().fps, abs=1e-3)


def test_a_steady_video_has_its_nominal_rate(tmp_path, video_writer):
    video = Video(video_writer(tmp_path / "steady.mp4", np.arange(20) / 25))
    list(video.frames())
    assert video.facts().fps == 25.0
    assert video.facts().note == ""


def test_a_file_that_is_no_video_is_a_clear_error(tmp_path):
    (tmp_path / "text.mp4").write_bytes(b"not a video at all" * 100)
    with pytest.raises(ValueError, match="not a readable video"):
        Video(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match="not a readable video"):
        Video(tmp_path / "empty.mp4")
    with pytest.raises(FileNotFoundError, match="No video"):
        Video(tmp_path / "nowhere.mp4")


def noise(size):
    return lambda k: np.random.default_rng(k).integers(0, 255, (size[1], size[0], 3), np.uint8)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_video_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    assert declared_frames(tmp_path / "a.mp4") == 0
    with pytest.raises(FileNotFoundError, match="No video"):
        Video(tmp_path / "a.mp4")


def test_a_truncated_video_gives_what_decodes_and_says_so(tmp_path, video_writer):
    whole = video_writer(tmp_path / "whole.mkv", np.arange(60) / 30, (128, 96), noise((128, 96)))
    content = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    video = Video(tmp_path / "cut.mkv")
    decoded = len(list(video.frames()))
    assert 5 < decoded < 55
    assert video.facts().frames == decoded
    assert "cut short" in video.facts().note


def test_an_mp4_cut_before_its_index_is_a_clear_error(tmp_path, video_writer):
    content = video_writer(tmp_path / "whole.mp4", np.arange(30) / 30).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a readable video"):
        Video(tmp_path / "cut.mp4")


def test_stopping_early_stops_the_decoder(tmp_path, video_writer):
    frames = Video(video_writer(tmp_path / "v.mp4", np.arange(60) / 30)).frames()
    next(frames)
    frames.close()


def corners(k):
    """Left half red, lower right quarter blue."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32, 0] = 255
    picture[24:, 32:, 2] = 255
    return picture


def test_a_picture_comes_back_in_its_colours(tmp_path, video_writer):
    (frame, *_) = Video(video_writer(tmp_path / "c.mp4", [0, 0.1], picture=corners)).frames()
    rgb = frame.rgb().astype(int)
    assert rgb.shape == (48, 64, 3)
    np.testing.assert_allclose(rgb[10, 10], [255, 0, 0], atol=12)
    np.testing.assert_allclose(rgb[40, 50], [0, 0, 255], atol=12)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_crop_of_the_whole_picture_is_the_picture(tmp_path, video_writer, turns):
    """Rotation of the file is respected by crops and pictures alike."""
    (frame, *_) = Video(video_writer(tmp_path / "c.mp4", [0, 0.1], picture=corners)).frames()
    frame = Frame(0, 0.0, frame.planes, quarter_turns=turns)
    width, height = frame.size
    T_image_crop = np.array([[width / 64, 0, 0], [0, height / 64, 0]])
    crop, rgb = frame.crop(T_image_crop, 64).astype(int), frame.rgb().astype(int)
    for x, y in ((0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        np.testing.assert_allclose(
            crop[int(y * 64), int(x * 64)], rgb[int(y * height), int(x * width)], atol=15
        )


def turn_in_header(content: bytes) -> bytes:
    """The same MP4 with a display matrix that turns it by a quarter, clockwise."""
    at = content.index(b"tkhd") + 4 + 40
    one, zero, w = (65536).to_bytes(4, "big"), bytes(4), (1 << 30).to_bytes(4, "big")
    minus = (2**32 - 65536).to_bytes(4, "big")
    matrix = zero + one + zero + minus + zero + zero + zero + zero + w
    return content[:at] + matrix + content[at + 36 :]


def test_a_file_to_be_shown_turned_is_turned(tmp_path, video_writer):
    content = video_writer(tmp_path / "c.mp4", [0, 0.1], picture=corners).read_bytes()
    (tmp_path / "turned.mp4").write_bytes(turn_in_header(content))
    (frame, *_) = Video(tmp_path / "turned.mp4").frames()
    assert frame.size == (48, 64)
    rgb = frame.rgb().astype(int)
    np.testing.assert_allclose(rgb[10, 10], [255, 0, 0], atol=12)  # the left half is on top now
    np.testing.assert_allclose(rgb[50, 10], [0, 0, 255], atol=12)  # lower right has become lower left


def test_a_timestamp_far_ahead_does_not_stretch_a_video(tmp_path, video_writer):
    """Motion is resampled over a video's whole time."""
    video = Video(video_writer(tmp_path / "jump.mp4", [0, 0.1, 0.2, 0.3, 90_000.0, 90_000.1]))
    assert [frame.time_s for frame in video.frames()] == pytest.approx([0, 0.1, 0.2, 0.3], abs=1e-3)
    assert "damaged" in video.facts().note


def test_no_video_is_faster_than_any_camera(tmp_path, video_writer, monkeypatch):
    monkeypatch.setattr("motionary.estimators.video.FASTEST_FPS", 20.0)
    video = Video(video_writer(tmp_path / "steady.mp4", np.arange(20) / 25))
    list(video.frames())
    assert video.facts().fps == 20.0
