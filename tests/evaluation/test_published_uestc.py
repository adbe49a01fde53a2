"""ACTOR's published evaluation on UESTC, whose recogniser is ST-GCN and whose splits are real."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from motionary.datasets.actor_sampling import ActorFrames
from motionary.evaluation.published import STGCN_PLAN, Instance, Streams, fill, score_sets, see
from motionary.evaluation.published_files import PublishedScores
from motionary.evaluation.watching import watch_with_published_stgcn
from motionary.features import half_turn
from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig
from motionary.models.reference import from_reference
from motionary.models.stgcn import Stgcn, StgcnConfig, from_published

BATCH, NUM_ACTIONS = 16, 40
FILES = {name: f"case6/e2e_uestc_{name}_seed0" for name in ("gen", "gt")}


@pytest.fixture(scope="module")
def case(actor_golden):
    return {name: np.load(actor_golden / f"{file}.npz") for name, file in FILES.items()}


@pytest.fixture(scope="module")
def model(actor_golden, golden_state):
    network = Actor(ActorConfig(NUM_ACTIONS))
    network.load_state_dict(from_reference(golden_state(actor_golden / "case3/keys_c40.txt")))
    actions = tuple(f"action_{label}" for label in range(NUM_ACTIONS))
    return Model(network.eval(), actions, 30.0, 60, "as_recorded", {}, "unknown", frame="camera")


@pytest.fixture(scope="module")
def watch(actor_golden, golden_state):
    network = Stgcn(StgcnConfig(NUM_ACTIONS))
    given = from_published(golden_state(actor_golden / "case7/keys_smpl_c40.txt"))
    network.load_state_dict(network.state_dict() | given)  # the graph and the counters are not given
    return watch_with_published_stgcn(network.eval())


def instance_of(case, split):
    x = torch.from_numpy(case["gt"][f"gt_{split}_x"]).permute(0, 3, 1, 2)
    features = torch.zeros(*x.shape[:2], 25, 6)
    features[:, :, :24] = x
    labels = case["gt"][f"gt_{split}_y"].tolist()
    return Instance(list(half_turn(features).numpy()), labels, ActorFrames(x.shape[1]))


def logits_of(batches, watch, noise):
    with torch.inference_mode():
        found = [watch(x, torch.ones(x.shape[:2], dtype=torch.bool), noise).logits for x, _ in batches]
    return torch.cat(found).numpy()


def close(found, case, name, tolerance):
    holder = name.split("_")[0]
    error = np.abs(found - case[holder][name]).max(1)
    own = case[holder][f"rowerr_{name}"]
    assert (error <= np.where(own <= 1e-5, tolerance(FILES[holder], name), 10 * own)).all(), name


def test_the_published_evaluation_comes_out(case, model, watch, actor_golden, golden_tolerance):
    streams = Streams.seeded(0)
    filled = {
        loader: fill(model, loader, instance_of(case, loader.split), BATCH, streams)
        for loader in STGCN_PLAN.loaders
    }
    scores = {}
    for split in ("train", "test"):
        seen = {}
        for name in ("gen", "gt"):
            batches = next(b for loader, b in filled.items() if (loader.name, loader.split) == (name, split))
            seen[name] = see(batches, watch, streams.noise)
            close(seen[name].features, case, f"{name}_{split}_features", golden_tolerance)
            assert_array_equal(seen[name].labels, case[name][f"{name}_{split}_y"])
            logits = logits_of(batches, watch, streams.noise)
            close(logits, case, f"{name}_{split}_logits", golden_tolerance)
        scores |= score_sets(seen, NUM_ACTIONS, streams.items.numpy, f"_{split}")
    names, values = case["gt"]["metric_names"], case["gt"]["metric_values_seed0"]
    written = PublishedScores.from_yaml((actor_golden / "case6/e2e_uestc_metrics.yaml").read_text())
    assert set(scores) == set(names)
    for name, value in zip(names, values, strict=True):
        # Fewer motions than features: the root of a singular matrix, to which 1e-4 is the stated tolerance.
        assert_allclose(scores[name], value, rtol=1e-4, atol=1e-4, err_msg=name)
        assert_allclose(scores[name], written.values[name][0], rtol=1e-4, atol=1e-4, err_msg=name)
