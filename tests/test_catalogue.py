"""A page about a data set shows every clip and runs nothing of what a label says."""

import re

import numpy as np
import pytest

from motionary.catalogue import pictured, write_catalogue
from motionary.datasets import ClipRecord, Dataset, Rejected, write_dataset
from motionary.datasets.folder import clip_record
from motionary.motion import Motion


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    clips = []
    for seed, action in enumerate(["walk", "walk", "<script>alert(1)</script>"]):
        pose = np.random.default_rng(seed).normal(0, 0.1, (12, 24, 3))
        motion = Motion(pose=pose, translation=np.zeros((12, 3)), fps=24.0, valid=np.arange(12) < 9)
        motion.save(tmp_path / f"{seed}.npz")
        clips.append(clip_record(motion, f"{seed}.npz", action, "ann", source=f"{seed}.mp4", verdict="good"))
    return write_dataset(
        tmp_path, clips, fps=24.0, rejected=[Rejected("<b>bad.mp4", "too dark & short")], licence="CC0"
    )


def test_every_clip_has_its_picture_and_facts(dataset, tmp_path):
    page = write_catalogue(dataset, tmp_path / "page.html").read_text()
    assert page.count('src="data:image/webp;base64,') == 3
    assert len(set(re.findall(r'src="(data:[^"]+)"', page))) == 3
    for fact in ("0.50 s", "24 (3 clips)", "ann", "verdict good", "75% seen", "CC0", "too dark &amp; short"):
        assert fact in page
    assert "Pictures of" not in page


def test_labels_are_shown_and_never_run(dataset, tmp_path):
    page = write_catalogue(dataset, tmp_path / "page.html").read_text()
    assert "<script>alert" not in page
    assert "<b>bad" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_asks_for_nothing_from_elsewhere(dataset, tmp_path):
    page = write_catalogue(dataset, tmp_path / "page.html").read_text()
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []


def test_where_pictures_are_capped_the_page_says_so(dataset, tmp_path):
    counts = []
    path = write_catalogue(
        dataset, tmp_path / "page.html", 2, lambda done, total: counts.append((done, total))
    )
    page = path.read_text()
    assert "Pictures of 2 of 3 clips; --pictures 3 draws them all." in page
    assert page.count("<figure") == 3
    assert page.count("<img") == 2
    assert counts == [(1, 2), (2, 2)]
    assert "<img" not in write_catalogue(dataset, tmp_path / "page.html", 0).read_text()


def test_pictures_are_shared_among_actions():
    clips = [
        ClipRecord(f"{i}", "many" if i < 90 else "few" if i < 97 else "rare", 9, 30.0) for i in range(100)
    ]
    chosen = pictured(clips, 30)
    shown = [clip.action for clip in chosen]
    assert (shown.count("rare"), shown.count("few"), shown.count("many")) == (3, 7, 20)
    assert (chosen[0].path, chosen[19].path) == ("0", "89")
    assert pictured(clips, 100) == clips


def test_a_motion_that_cannot_be_drawn_says_why(dataset, tmp_path):
    (dataset.root / "1.npz").write_bytes(b"no motion")
    page = write_catalogue(dataset, tmp_path / "page.html").read_text()
    assert page.count("<img") == 2
    assert "is not a readable .npz file" in page


@pytest.mark.parametrize(("name", "pictures"), [("page.txt", 1), ("page.html", -1)])
def test_a_page_that_cannot_be_is_refused(dataset, tmp_path, name, pictures):
    with pytest.raises(ValueError, match=r"must not be negative|html file"):
        write_catalogue(dataset, tmp_path / name, pictures)
    assert not (tmp_path / name).exists()
