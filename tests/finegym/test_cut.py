"""A clip is the very frames of the video between two times, at their own times, and looks the same."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from motionary.body.assets import fetch_sample_video
from motionary.cli import main
from motionary.finegym.cut import CutConfig, cut_clips, cut_piece, read_clips
from motionary.finegym.plan import PlannedClip, write_plan

STEADY = np.arange(75) / 25
UNEVEN = np.cumsum([0, *np.tile([0.033, 0.034, 0.1, 0.017, 0.033, 0.2, 0.016], 12)])


@pytest.fixture(scope="module")
def park() -> list[np.ndarray]:
    """Real pictures, a quarter of the size."""
    try:
        path = fetch_sample_video()
    except FileNotFoundError as error:
        pytest.skip(f"needs the sample video: {error}")
    pictures = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pictures.append(frame.reformat(width=442, height=248, format="rgb24").to_ndarray())
            if len(pictures) == 90:
                return pictures
    return pictures


def film(path: Path, pictures, times_s, codec="libx264", options=None, clock=12800) -> Path:
    """Pictures at times, with few key frames and pictures out of order, as videos of the web have them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {"crf": "18", "g": "250", "bf": "3"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, clock)
        for picture, time_s in zip(pictures, times_s, strict=False):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s * clock), Fraction(1, clock)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def shown(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times and luma of a file's frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [(frame.pts, frame.to_ndarray(format="gray")) for frame in container.decode(stream)]
        times = [float((pts - frames[0][0]) * stream.time_base) for pts, _ in frames]
    return np.array(times), np.stack([luma for _, luma in frames]).astype(float)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a - b) ** 2, axis=(1, 2)).max()))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("times", [STEADY, UNEVEN], ids=["steady", "uneven"])
def test_a_clip_is_the_very_frames_at_their_own_times(park, tmp_path, times, suffix):
    source = film(tmp_path / f"video.{suffix}", park, times, clock=1000 if suffix == "mkv" else 12800)
    source_times, source_luma = shown(source)
    for start, end in ((0.0, 0.5), (0.71, 1.5), (1.24, 2.2), (2.0, 99.0)):
        piece = cut_piece(source, start, end, tmp_path / "clip.mp4", CutConfig())
        wanted = (source_times >= start - 1e-6) & (source_times < end - 1e-6)
        got_times, got_luma = shown(tmp_path / "clip.mp4")
        np.testing.assert_allclose(got_times, source_times[wanted] - source_times[wanted][0], atol=1e-4)
        assert piece.start_s == pytest.approx(source_times[wanted][0], abs=1e-4)
        assert piece.times_s == pytest.approx(got_times.tolist(), abs=1e-4)
        assert psnr(got_luma, source_luma[wanted]) > 42
        # Each frame is nearest to its own in the source: not one is off by one.
        apart = np.abs(got_luma[:, None, ::8, ::8] - source_luma[None, :, ::8, ::8]).mean((2, 3))
        assert apart.argmin(1).tolist() == np.flatnonzero(wanted).tolist()


def test_a_plan_time_on_a_frame_begins_with_that_frame(park, tmp_path):
    source = film(tmp_path / "video.mp4", park, STEADY)
    piece = cut_piece(source, 0.4, 0.8, tmp_path / "clip.mp4", CutConfig())
    assert (piece.start_s, len(piece.times_s)) == (pytest.approx(0.4), 10)
    assert piece.fps == pytest.approx(25)
    assert piece.duration_s == pytest.approx(0.4)


def test_a_video_that_begins_late_is_counted_from_its_first_frame(park, tmp_path):
    source = film(tmp_path / "video.mkv", park, STEADY + 3.0, clock=1000)
    piece = cut_piece(source, 1.0, 1.4, tmp_path / "clip.mp4", CutConfig())
    assert piece.start_s == pytest.approx(1.0)
    assert psnr(shown(tmp_path / "clip.mp4")[1], shown(source)[1][25:35]) > 42


def test_a_picture_to_be_turned_is_turned(park, tmp_path):
    source = film(tmp_path / "video.mp4", park, STEADY)
    content = source.read_bytes()
    at = content.index(b"tkhd") + 4 + 40
    one, zero, w, minus = (x.to_bytes(4, "big") for x in (65536, 0, 1 << 30, 2**32 - 65536))
    turned = tmp_path / "turned.mp4"
    matrix = zero + one + zero + minus + zero + zero + zero + zero + w
    turned.write_bytes(content[:at] + matrix + content[at + 36 :])
    piece = cut_piece(turned, 0.0, 0.4, tmp_path / "clip.mp4", CutConfig())
    assert (piece.width, piece.height) == (248, 442)
    upright = np.rot90(shown(source)[1][:10], 3, axes=(1, 2))
    assert psnr(shown(tmp_path / "clip.mp4")[1], upright) > 40


def planned(video: str, start: float, end: float, number: int = 1) -> PlannedClip:
    name = f"{video}_E_000000_000009_A_000{number}_0002"
    return PlannedClip(name, video, start, end, start + 0.2, end - 0.2, 43, "jump", "train", "exact")


@pytest.fixture
def videos(park, tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    film(folder / "aaaaaaaaaaa.mp4", park, STEADY)
    (folder / "bbbbbbbbbbb.mp4").write_bytes(b"no video")
    return folder


PLAN = [
    planned("aaaaaaaaaaa", 0.51, 1.5),
    planned("aaaaaaaaaaa", 2.0, 3.2, 2),  # ends within the context
    planned("aaaaaaaaaaa", 2.5, 3.9, 3),  # ends within the element
    planned("aaaaaaaaaaa", 8.0, 9.0, 4),
    planned("bbbbbbbbbbb", 1.0, 2.0),
    planned("ccccccccccc", 1.0, 2.0),
]


def test_clips_are_listed_with_their_elements_and_the_lost_with_reasons(videos, tmp_path):
    out = tmp_path / "clips"
    cut, lost = cut_clips(PLAN, videos, out, say=lambda line: None)
    assert read_clips(out) == cut
    first, second = cut
    assert (first.start, first.element_start, first.element_end) == pytest.approx((0.52, 0.19, 0.78))
    assert (first.frames, first.fps, first.width, first.height) == (25, 25.0, 442, 248)
    assert second.element_end == pytest.approx(1.0)
    reasons = {item.clip: item.reason for item in lost}
    assert [reasons[clip.clip].split()[2] for clip in PLAN[2:]] == ["ends", "shows", "not", "no"]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["clips.csv", "lost.csv", first.file, second.file]
    )


def test_clips_cut_before_are_left_and_changed_ones_cut_anew(videos, tmp_path):
    out = tmp_path / "clips"
    before, _ = cut_clips(PLAN[:2], videos, out)
    written = [(out / clip.file).stat().st_mtime_ns for clip in before]
    assert cut_clips(PLAN[:2], videos, out)[0] == before
    assert [(out / clip.file).stat().st_mtime_ns for clip in before] == written
    changed, _ = cut_clips([planned("aaaaaaaaaaa", 0.51, 1.7), PLAN[1]], videos, out)
    assert changed[0].frames == 30
    assert (out / changed[1].file).stat().st_mtime_ns == written[1]
    (out / changed[1].file).write_bytes(b"damaged")
    assert cut_clips(PLAN[:2], videos, out)[0] == before


def test_the_command_cuts(videos, tmp_path, capsys):
    write_plan(PLAN, tmp_path / "plan.csv")
    words = [
        "finegym",
        "cut",
        str(tmp_path / "plan.csv"),
        "--videos",
        str(videos),
        "--out",
        str(tmp_path / "out"),
    ]
    main(words)
    assert "2 of 6 clips" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*words, "--quality", "30"])
    assert "1 to 18" in capsys.readouterr().err
