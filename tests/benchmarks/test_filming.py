from dataclasses import replace

import numpy as np
import pytest
from filming import Shot, easy_shot, film, film_to, hard_shot

from motionary.estimators.video import Video
from motionary.export.render import load_renderer
from motionary.export.surface import Surface

SMALL = Shot(size_px=96)


@pytest.fixture(scope="module")
def stage(body):
    return Surface.of(body, 2_000), load_renderer("painter")


def test_a_film_lasts_as_long_as_its_motion_at_the_shots_rate(kick, stage):
    pictures = list(film(kick, replace(SMALL, fps=15.0), *stage))
    assert len(pictures) == 8
    assert all(picture.shape == (96, 96, 3) for picture in pictures)


def test_an_open_shutter_blurs_what_moves_and_nothing_else(kick, stage):
    still = kick.crop(0, 1).at_times(np.zeros(3), 30.0)
    fast = replace(kick, fps=240.0)
    sharp, blurred = (replace(SMALL, shutter=shutter) for shutter in (0.0, 0.9))
    for motion, differs in ((still, False), (fast, True)):
        first, second = (np.stack(list(film(motion, shot, *stage))).astype(int) for shot in (sharp, blurred))
        assert (np.abs(first - second).max() > 20) is np.bool_(differs)


def test_things_stand_before_the_person_at_one_place(kick, stage):
    clear = np.stack(list(film(kick.crop(0, 2), SMALL, *stage))).astype(int)
    hidden = np.stack(list(film(kick.crop(0, 2), replace(SMALL, occluders=2), *stage))).astype(int)
    changed = (clear != hidden).any((0, -1))
    assert 0.02 < changed.mean() < 0.5
    assert (hidden[0][changed] == hidden[1][changed]).all()


def test_a_film_can_be_read_back_with_fewer_pixels(kick, stage, tmp_path):
    film_to(tmp_path / "kick.mp4", kick, replace(SMALL, shrink=2.0, defocus_px=1.0), *stage)
    video = Video(tmp_path / "kick.mp4")
    assert len(list(video.frames())) == 15
    assert (video.facts().width, video.facts().fps) == (48, 30.0)


def test_the_name_and_the_seed_choose_the_shot():
    assert hard_shot("a", 1) == hard_shot("a", 1) != hard_shot("a", 2)
    views = {easy_shot(str(name)).azimuth_deg for name in range(40)}
    assert len(views) == 8
    assert hard_shot("a", 1).azimuth_deg == easy_shot("a", 1).azimuth_deg
