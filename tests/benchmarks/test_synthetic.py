import math

import pytest
from recipes import Recipe, epochs_for
from synthetic import MIXES, Cell, draw_share, mean_and_interval, report, run_share

from motionary.datasets import Dataset


@pytest.mark.parametrize(("share", "each"), [(0.01, 1), (0.5, 2), (1.0, 4)])
def test_the_same_share_of_every_action_is_drawn(dataset, share, each):
    drawn = draw_share(dataset.split("train").clips, share, seed=3)
    assert [sum(clip.action == action for clip in drawn) for action in dataset.actions] == [each, each]
    assert len(set(drawn)) == 2 * each
    assert drawn == draw_share(dataset.split("train").clips, share, seed=3)


@pytest.mark.parametrize(
    ("steps", "clips", "epochs"), [(100, 5, 100), (100, 20, 100), (100, 21, 50), (5, 99, 1)]
)
def test_epochs_come_to_the_steps(steps, clips, epochs):
    assert epochs_for(steps, clips, batch_size=20) == epochs


def test_nothing_but_the_drawn_clips_is_learned_from_and_what_is_done_stays(dataset, tmp_path):
    recipe = Recipe(actor_steps=20, judge_steps=2, frames=8)
    cells = run_share(dataset, 0.5, 0, recipe, tmp_path / "cell")
    assert [cell.mix for cell in cells] == [mix.name for mix in MIXES]
    assert {cell.real_clips for cell in cells} == {4}
    assert all(0 <= cell.accuracy <= 1 for cell in cells)
    drawn = {clip.path for clip in draw_share(dataset.split("train").clips, 0.5, 0)}
    real, both = (Dataset.load(tmp_path / "cell" / name) for name in ("real", "mixed_2"))
    assert {clip.path for clip in real.clips} == drawn
    assert len(both) == 4 + 2 * 4
    assert {clip.split for clip in both.clips} == {"train"}
    when = (tmp_path / "cell/actor/model.safetensors").stat().st_mtime_ns
    assert run_share(dataset, 0.5, 0, recipe, tmp_path / "cell") == cells
    assert (tmp_path / "cell/actor/model.safetensors").stat().st_mtime_ns == when


def test_intervals_are_students():
    assert mean_and_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.30265 / math.sqrt(3)), rel=1e-5)
    assert math.isnan(mean_and_interval([1.0])[1])


def test_gains_are_of_pairs():
    right = {(0, "real"): 0.5, (1, "real"): 0.9}
    cells = [
        Cell(0.1, seed, mix.name, 4, 0, right[seed, "real"] + 0.1 * bool(mix.generated))
        for seed in (0, 1)
        for mix in MIXES
    ]
    line = report(cells).splitlines()[2]
    assert line.startswith("| 10 % (4) | 70.0 ± 254.1 |")
    assert line.count("+10.0 ± 0.0") == len(MIXES) - 1
