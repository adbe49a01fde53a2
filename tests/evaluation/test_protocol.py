import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from motionary.datasets import ClipConfig, Clips
from motionary.evaluation import RealFeatures, evaluate
from motionary.evaluation.physical import MEASURES
from motionary.evaluation.protocol import generate_windows
from motionary.evaluation.result import Score
from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig

SMALL = ActorConfig(num_actions=3, latent_dim=16, ff_dim=16, num_layers=1, num_heads=2)


class Replay(Actor):
    """Performs recorded windows of the wanted action, chosen by the latent."""

    def __init__(self, dataset, num_frames=12):
        super().__init__(SMALL)
        clips = Clips(dataset, ClipConfig(num_frames))
        self.batch = clips.batch(np.arange(len(clips)), np.random.default_rng(7))

    def decode(self, z, action, mask):
        members = [torch.nonzero(self.batch.action == label).flatten() for label in action]
        chosen = [own[int(row[0].abs() * 1000) % len(own)] for own, row in zip(members, z, strict=True)]
        return self.batch.features[torch.stack(chosen)][:, : mask.shape[1]] * mask[..., None, None]


@pytest.fixture
def result(model, dataset, recogniser):
    return evaluate(model, dataset, recogniser, seeds=3)


def test_the_same_seeds_give_the_same_result(model, dataset, recogniser, result):
    assert evaluate(model, dataset, recogniser, seeds=3).to_json() == result.to_json()


def test_the_first_seeds_do_not_depend_on_how_many_follow(model, dataset, recogniser, result):
    shorter = evaluate(model, dataset, recogniser, seeds=2)
    assert shorter.generated.fid.values == result.generated.fid.values[:2]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_nothing(model, dataset, recogniser, result, threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert evaluate(model, dataset, recogniser, seeds=3).to_json() == result.to_json()
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_saved_real_features_give_the_same_result_as_the_data_set(
    model, dataset, recogniser, result, tmp_path
):
    RealFeatures.of(dataset, recogniser).save(tmp_path / "real.safetensors")
    saved = RealFeatures.load(tmp_path / "real.safetensors")
    assert evaluate(model, saved, recogniser, seeds=3).to_json() == result.to_json()


def test_replayed_motion_is_closer_to_real_motion_than_noise(model, dataset, recogniser, result):
    replayed = evaluate(replace(model, network=Replay(dataset).eval()), dataset, recogniser, seeds=3)
    assert replayed.generated.fid.mean < 0.2 * result.generated.fid.mean
    assert replayed.real.fid == result.real.fid


def test_a_recogniser_that_always_says_one_action_is_right_as_often_as_it_occurs(model, dataset, recogniser):
    recogniser.network.to_logits.bias[0] += 100
    result = evaluate(model, dataset, recogniser, seeds=2)
    for row in result.rows:
        assert row.accuracy.values == (4 / 7, 4 / 7)
        assert [score.mean for score in row.accuracy_per_action[:2]] == [1, 0]


def test_absent_actions_have_no_accuracy_and_hold_nothing_up(result):
    bow, sway, yawn = result.generated.accuracy_per_action
    assert math.isnan(yawn.mean)
    assert 0 <= bow.mean <= 1
    assert 0 <= sway.mean <= 1
    overall = (4 * bow.mean + 3 * sway.mean) / 7
    assert math.isclose(result.generated.accuracy.mean, overall)


def test_the_file_holds_every_seed_and_no_nan(result, tmp_path):
    result.save(tmp_path / "out/metrics.json")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["metrics.json"]
    content = json.loads((tmp_path / "out/metrics.json").read_text())
    fid = content["rows"]["Generated"]["fid"]
    assert len(fid["values"]) == 3
    assert math.isclose(fid["interval95"], 1.96 * np.std(fid["values"], ddof=1) / math.sqrt(3))
    assert content["rows"]["Real"]["accuracy_per_action"]["yawn"]["mean"] is None
    assert content["num_motions"] == 7


def test_the_table_has_a_real_and_a_generated_row(result):
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(result.table())
    console.print(result.physical_table())
    console.print(result.action_table())
    text = console.export_text()
    for word in (
        "GT",
        "Gen",
        "Accuracy",
        "FID",
        "Diversity",
        "Multimodality",
        "yawn",
        "±",
        "jerk",
        "nearest",
    ):
        assert word in text


def test_one_seed_has_no_interval(model, dataset, recogniser):
    result = evaluate(model, dataset, recogniser, seeds=1)
    assert math.isnan(result.generated.fid.interval)
    assert "±" not in result.generated.fid.text()
    assert json.loads(result.to_json())["rows"]["Real"]["fid"]["interval95"] is None


def test_scores_skip_undefined_seeds():
    assert Score((1.0, math.nan, 3.0)).mean == 2
    assert Score((math.nan,)).text() == "-"
    assert Score((0.5, 0.5)).text(100.0, 1) == "50.0 ± 0.0"


def test_generated_motions_have_the_real_ones_lengths_and_labels(model, recogniser):
    labels, lengths = np.array([2, 0, 1]), np.array([5, 9, 1])
    windows = generate_windows(model, recogniser, labels, lengths, seed=0).windows
    np.testing.assert_array_equal(windows.labels, labels)
    alone = generate_windows(model, recogniser, labels[:1], lengths[:1], seed=0).windows
    np.testing.assert_allclose(alone.features, windows.features[:1], atol=1e-5)


def test_no_more_motions_than_asked_for(model, dataset, recogniser):
    assert evaluate(model, dataset, recogniser, seeds=1, most_motions=4).num_motions == 4


def test_the_train_split_can_be_compared_with(model, dataset, recogniser):
    result = evaluate(model, dataset, recogniser, seeds=1, split="train")
    assert (result.split, result.num_motions) == ("train", 13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": ("bow", "sway", "run")}, r"model has the actions \[bow, sway, run\] but the recogniser"),
        ({"fps": 25.0}, "25 frames/s but the recogniser was trained on 30"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, dataset, recogniser, change, message):
    with pytest.raises(ValueError, match=message):
        evaluate(replace(model, **change), dataset, recogniser, seeds=1)


def test_a_recogniser_that_does_not_fit_is_refused(model: Model, dataset, recogniser):
    with pytest.raises(ValueError, match="face forward but the recogniser"):
        evaluate(model, dataset, replace(recogniser, facing="as_recorded"), seeds=1)
    real = RealFeatures.of(dataset, recogniser)
    with torch.no_grad():
        recogniser.network.to_logits.bias += 1
    with pytest.raises(ValueError, match="made with recogniser"):
        evaluate(model, real, recogniser, seeds=1)
    with pytest.raises(ValueError, match="a seed and two motions"):
        evaluate(model, dataset, recogniser, seeds=0)
    with pytest.raises(ValueError, match="data set has the actions"):
        evaluate(model, replace(dataset, actions=("sway", "bow", "yawn")), recogniser, seeds=1)


def test_physical_numbers_stand_beside_the_others(result):
    for row in result.rows:
        assert list(row.physical) == list(MEASURES)
        assert row.physical["jitter_m_s3"].mean > 0
        assert row.physical["bone_length_variation"].mean < 1e-5
        assert len(row.freeze_per_action) == len(row.completeness_per_action) == 3
    content = json.loads(result.to_json())["rows"]["Generated"]
    assert set(content["physical"]) == set(MEASURES)
    assert content["completeness_per_action"]["yawn"]["mean"] is None


def test_replayed_training_clips_are_found_out(model, dataset, recogniser, result):
    replayed = evaluate(
        replace(model, network=Replay(dataset.split("train")).eval()), dataset, recogniser, seeds=2
    )
    held_out, copies = replayed.real.nearest.mean, replayed.generated.nearest.mean
    assert copies < 0.5 * held_out
    assert result.generated.nearest.mean > held_out


def test_real_features_of_older_versions_have_no_physical_numbers(model, dataset, recogniser):
    older = replace(RealFeatures.of(dataset, recogniser), physics=None)
    result = evaluate(model, older, recogniser, seeds=1)
    assert result.generated.physical == {}
    assert [grid.title for grid in result.grids()][1:] == ["Every action"]


def test_action2motion_draws_the_number_asked_for_from_training_clips(model, dataset, recogniser):
    result = evaluate(model, dataset, recogniser, seeds=2, most_motions=40, protocol="action2motion")
    assert (result.split, result.num_motions, result.protocol) == ("train", 40, "action2motion")
    assert not math.isnan(result.generated.accuracy_per_action[2].mean)
    assert result.real.fid.mean < result.generated.fid.mean
    with pytest.raises(ValueError, match="compares with training clips"):
        evaluate(model, RealFeatures.of(dataset, recogniser), recogniser, protocol="action2motion")


def test_tables_are_written_for_papers_and_pages(result, tmp_path):
    names = [path.name for path in result.write(tmp_path / "out")]
    assert names == ["metrics.json", "table.tex", "table.md"]
    latex, markdown = (tmp_path / "out/table.tex").read_text(), (tmp_path / "out/table.md").read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 3
    assert r"Accuracy \%" in latex
    assert latex.isascii()
    for row in [line for line in markdown.splitlines() if line.startswith("|")][:4]:
        assert row.count("|") == 6
