from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from motionary.evaluation.published import (
    STGCN_PLAN,
    Instance,
    Loader,
    Seen,
    Streams,
    evaluate_as_published,
    fill,
    gru_plan,
    score_sets,
    see,
)
from motionary.evaluation.published_files import PublishedScores
from motionary.evaluation.watching import (
    published_points,
    random_state,
    watch_with_own,
    watch_with_published,
)
from motionary.features import half_turn
from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig
from motionary.models.recognisers import GruRecogniser, read_published
from motionary.models.reference import from_reference

BATCH = 16
"""Of the golden evaluations."""

DATA_SETS = {"humanact12": ("humanact12", "smpl", 12), "ntu13": ("vibe_v2", "a2m", 13)}
"""Recogniser file, joint set and number of actions."""


def camera_model(network, num_actions):
    actions = tuple(f"action_{label}" for label in range(num_actions))
    return Model(network.eval(), actions, 30.0, 60, "as_recorded", {}, "unknown", frame="camera")


def filled_sets(model, case, streams):
    """Generated and real sets, filled from one stream of random numbers as published."""
    real = half_turn(torch.from_numpy(case["gt"]["gt_x"]).permute(0, 3, 1, 2)).numpy()
    instance = Instance(list(real), case["gt"]["gt_y"].tolist())
    gen = fill(model, Loader("gen", "train"), instance, BATCH, streams)
    gt = fill(model, Loader("gt", "train"), instance, BATCH, streams)
    streams.start_loader()  # the second real sample's, whose features are not stored
    return gen, gt


def recognise_points(network, points, noise):
    """Logits of a first pass over points and features of a second, each from new random states."""
    passes = []
    for _ in range(2):
        found = []
        for batch in torch.from_numpy(points).permute(0, 3, 1, 2).split(BATCH):
            mask = torch.ones(batch.shape[:2], dtype=torch.bool)
            with torch.inference_mode():
                found.append(network(batch, mask, random_state(network, len(batch), noise)))
        passes.append(found)
    logits = torch.cat([part.logits for part in passes[0]])
    return logits.numpy(), torch.cat([part.features for part in passes[1]]).numpy()


@dataclass(frozen=True)
class Golden:
    """One data set's published evaluation."""

    num_actions: int
    joint_set: str
    model: Model
    gru: GruRecogniser
    files: dict
    case: dict
    written: PublishedScores

    def array(self, part, name):
        return self.case["gt" if part == "gt" else "gen_gt2"][f"{part}_{name}"]

    def check(self, found, part, name, tolerance):
        """Rows within the stated tolerance, ill-conditioned ones within ten times their own error."""
        holder, key = "gt" if part == "gt" else "gen_gt2", f"{part}_{name}"
        error = np.abs(np.asarray(found) - self.case[holder][key]).reshape(len(found), -1).max(1)
        own = self.case[holder][f"rowerr_{key}"]
        allowed = np.where(own <= 1e-5, tolerance(self.files[holder], key), 10 * own)
        assert (error <= allowed).all(), (key, float((error / allowed).max()))

    def check_scores(self, scores, rtol, accuracy_atol):
        names, values = self.case["gt"]["metric_names"], self.case["gt"]["metric_values_seed0"]
        assert set(scores) == set(names)
        for name, value in zip(names, values, strict=True):
            atol = accuracy_atol if name.startswith("accuracy") else 1e-4
            assert_allclose(scores[name], value, rtol=rtol, atol=atol, err_msg=name)
            assert_allclose(scores[name], self.written.values[name][0], rtol=rtol, atol=atol, err_msg=name)


@pytest.fixture(scope="module", params=sorted(DATA_SETS))
def published(request, actor_golden, shared, golden_state):
    recogniser, joint_set, num_actions = DATA_SETS[request.param]
    network = Actor(ActorConfig(num_actions))
    network.load_state_dict(from_reference(golden_state(actor_golden / f"case3/keys_c{num_actions}.txt")))
    files = {part: f"case6/e2e_{request.param}_{part}_seed0" for part in ("gen_gt2", "gt")}
    return Golden(
        num_actions,
        joint_set,
        camera_model(network, num_actions),
        read_published(shared / f"data/recognisers/model_file/action_recognition_model_{recogniser}.tar"),
        files,
        {part: np.load(actor_golden / f"{file}.npz") for part, file in files.items()},
        PublishedScores.from_yaml((actor_golden / f"case6/e2e_{request.param}_metrics.yaml").read_text()),
    )


def test_published_motions_and_points_come_out(published, golden_body, golden_regressor, golden_tolerance):
    gen, gt = filled_sets(published.model, published.case, Streams.seeded(0))
    for part, batches in (("gen", gen), ("gt", gt)):
        features = half_turn(torch.cat([features for features, _ in batches]))
        mask = torch.ones(features.shape[:2], dtype=torch.bool)
        points = published_points(features, mask, published.joint_set, golden_body, golden_regressor)
        published.check(points.permute(0, 2, 3, 1), part, "output_xyz", golden_tolerance)
        if part == "gen":
            thinned = features.permute(0, 2, 3, 1)[..., ::4]
            published.check(thinned, part, "output_every4th", golden_tolerance)


def test_published_points_are_recognised_as_published(published, golden_tolerance):
    streams, seen = Streams.seeded(0), {}
    filled_sets(published.model, published.case, streams)
    for part in ("gen", "gt", "gt2"):
        logits, features = recognise_points(published.gru, published.array(part, "output_xyz"), streams.noise)
        published.check(logits, part, "logits", golden_tolerance)
        published.check(features, part, "features", golden_tolerance)
        seen[part] = Seen(features, published.array(part, "y"), logits.argmax(1))
    published.check_scores(
        score_sets(seen, published.num_actions, streams.items.numpy), rtol=1e-4, accuracy_atol=1e-6
    )


def test_the_published_evaluation_comes_out(published, golden_body, golden_regressor):
    streams = Streams.seeded(0)
    gen, gt = filled_sets(published.model, published.case, streams)
    watch = watch_with_published(published.gru, golden_body, golden_regressor)
    seen = {"gen": see(gen, watch, streams.noise), "gt": see(gt, watch, streams.noise)}
    logits, features = recognise_points(published.gru, published.array("gt2", "output_xyz"), streams.noise)
    seen["gt2"] = Seen(features, published.array("gt2", "y"), logits.argmax(1))
    # The recogniser amplifies rounding errors of rare motions a thousandfold: one of them may tip over.
    one = 1.01 / len(seen["gen"].labels)
    published.check_scores(
        score_sets(seen, published.num_actions, streams.items.numpy), rtol=1e-3, accuracy_atol=one
    )


@pytest.mark.parametrize("name", ["humanact12_gt", "ntu13_gt", "uestc_gt"])
def test_the_published_file_is_written(name, actor_golden):
    case = np.load(actor_golden / f"case6/e2e_{name}_seed0.npz")
    seeds = sorted(key for key in case.files if key.startswith("metric_values_seed"))
    values = np.stack([case[key] for key in seeds], axis=1)
    scores = PublishedScores(
        {str(key): tuple(row) for key, row in zip(case["metric_names"], values, strict=True)}
    )
    text = (actor_golden / f"case6/e2e_{name.removesuffix('_gt')}_metrics.yaml").read_text()
    assert scores.to_yaml() == text
    assert PublishedScores.from_yaml(text).to_yaml() == text


def test_the_published_table_is_printed(actor_golden):
    files = sorted((actor_golden / "case6").glob("evaluation_metrics_*_all.yaml"))
    assert files
    for file in files:
        number = file.name.split("_")[2]
        table = (actor_golden / f"case6/easy_table_{number}.txt").read_text()
        assert PublishedScores.from_yaml(file.read_text()).easy_table() == table.rstrip("\n")


def test_each_repetition_starts_from_the_order_the_last_one_left(actor_golden):
    case = np.load(actor_golden / "case4/shuffle_humanact12.npz")
    instance = Instance([], [0] * case["orders"].shape[1])
    for seed, order in zip(case["seeds"].tolist(), case["orders"], strict=True):
        instance.shuffle(Streams.seeded(seed).items)
        assert_array_equal(instance.order, order)


def test_spread_is_that_of_percentages_for_accuracies():
    scores = PublishedScores({"accuracy_gen": (0.5, 0.7), **{f"{m}_gen": (1.0, 3.0) for m in METRICS}})
    assert scores.easy_table().splitlines()[1] == (
        "gen    | 2.00 +/- 1.96 | 60.0 +/- 196.0 | 2.00 +/- 1.96 | 2.00 +/- 1.96"
    )


METRICS = ("fid", "diversity", "multimodality")


@pytest.fixture
def wide_enough(dataset):
    """Every action with clips in both splits."""
    kept = tuple(clip for clip in dataset.clips if clip.action != "yawn")
    return replace(dataset, clips=kept)


def test_the_whole_loop_is_deterministic_and_writes_its_files(model, wide_enough, recogniser, tmp_path):
    watch = watch_with_own(recogniser)
    found = evaluate_as_published(model, wide_enough, watch, seeds=2, plan=gru_plan(), num_frames=12)
    again = evaluate_as_published(model, wide_enough, watch, seeds=2, plan=gru_plan(), num_frames=12)
    assert found.to_yaml() == again.to_yaml()
    assert abs(found.values["fid_gt"][0]) < 1e-4
    assert found.values["fid_gt2"][0] > 1e-4
    for path in found.write(tmp_path / "out"):
        assert path.read_text()
    assert (
        "fid_gen"
        in PublishedScores.from_yaml((tmp_path / "out/evaluation_metrics_all.yaml").read_text()).values
    )


def test_the_plan_with_a_test_split_scores_both(model, wide_enough, recogniser):
    watch = watch_with_own(recogniser)
    found = evaluate_as_published(
        model, wide_enough, watch, seeds=1, plan=STGCN_PLAN, num_frames=12, batch_size=4
    )
    names = {
        f"{m}_{s}_{split}"
        for m in ("accuracy", *METRICS)
        for s in ("gen", "gt")
        for split in ("train", "test")
    }
    assert set(found.values) == names
    assert found.easy_table().count("gen") == 2


def test_what_does_not_fit_is_refused(model, dataset, wide_enough, recogniser):
    watch = watch_with_own(recogniser)
    with pytest.raises(ValueError, match="resamples nothing"):
        evaluate_as_published(replace(model, fps=25.0), dataset, watch, seeds=1, plan=gru_plan())
    with pytest.raises(ValueError, match="in one order"):
        evaluate_as_published(
            replace(model, actions=("a", "b", "c")), dataset, watch, seeds=1, plan=gru_plan()
        )
    with pytest.raises(ValueError, match="two clips in the test split"):
        evaluate_as_published(model, wide_enough.split("train"), watch, seeds=1, plan=STGCN_PLAN)
    with pytest.raises(ValueError, match="expected `feats:`"):
        PublishedScores.from_yaml("other: 1")
