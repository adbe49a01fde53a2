from fractions import Fraction

import av
import numpy as np
import pytest

from motionary.export import ExportConfig, export_together
from motionary.export.mp4 import FilmConfig, Panel, encode, write_film, write_mp4
from motionary.export.render import load_renderer


def read(path) -> tuple[list[np.ndarray], Fraction]:
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)], stream.average_rate


def test_a_film_has_the_motions_frames_and_rate(motion, body, tmp_path):
    write_mp4(motion, tmp_path / "dance.mp4", body, FilmConfig(size_px=127))
    frames, rate = read(tmp_path / "dance.mp4")
    assert len(frames) == len(motion)
    assert rate == 25
    assert frames[0].shape == (128, 128, 3)  # even, as the format wants
    assert np.ptp(frames[0]) > 100


def test_a_grid_holds_every_panel_until_the_longest_ends(motion, body, tmp_path):
    panels = [
        Panel((motion,), "one"),
        Panel((motion.crop(0, 4), motion.mirror())),
        Panel((motion.crop(0, 2),)),
    ]
    write_film(panels, tmp_path / "grid.mp4", body, FilmConfig(size_px=64), load_renderer("painter"))
    frames, _ = read(tmp_path / "grid.mp4")
    assert len(frames) == len(motion)
    assert frames[0].shape == (128, 128, 3)


def test_motions_play_side_by_side_under_their_captions(motion, body, tmp_path):
    config = ExportConfig(film=FilmConfig(size_px=64, columns=3))
    path = export_together([motion, motion.mirror()], tmp_path / "both.MP4", body, config, ("left", ""))
    frames, _ = read(path)
    assert path.name == "both.mp4"
    assert frames[0].shape == (64, 128, 3)
    export_together([motion, motion.mirror()], tmp_path / "bare.mp4", body, config, ("", ""))
    difference = np.abs(frames[0].astype(int) - read(tmp_path / "bare.mp4")[0][0]).max(-1)
    assert difference[-24:, :64].max() > 60  # letters
    assert difference[:, 64:].max() < 30
    with pytest.raises(ValueError, match="a caption for each of 2"):
        export_together([motion, motion], path, body, config, ("one",))
    with pytest.raises(ValueError, match="at least one column"):
        FilmConfig(columns=0)


@pytest.mark.parametrize("fps", [30000 / 1001, 23.976, 59.94, 120.0, 12.5])
def test_frame_rates_survive(fps, tmp_path):
    encode([np.full((32, 32, 3), grey, np.uint8) for grey in range(0, 250, 10)], tmp_path / "grey.mp4", fps)
    frames, rate = read(tmp_path / "grey.mp4")
    assert float(rate) == pytest.approx(fps, rel=1e-4)
    assert len(frames) == 25
    assert frames[20].mean() == pytest.approx(200, abs=3)


def test_playing_can_start_before_the_whole_film_is_there(motion, body, tmp_path):
    write_mp4(motion, tmp_path / "dance.mp4", body, FilmConfig(size_px=64))
    content = (tmp_path / "dance.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_film_that_breaks_off_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((32, 32, 3), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(frames(), tmp_path / "broken.mp4", 30.0)
    assert not list(tmp_path.iterdir())


def test_nothing_to_film(body, tmp_path):
    with pytest.raises(ValueError, match="at least one motion"):
        write_film([], tmp_path / "none.mp4", body)
