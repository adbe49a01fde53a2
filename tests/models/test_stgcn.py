"""ST-GCN against vectors made by the published implementation, and the laws it keeps."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from motionary.body.skeleton import PARENTS
from motionary.models.stgcn import (
    Stgcn,
    StgcnConfig,
    from_published,
    read_published_stgcn,
    rotations_seen,
    skeleton_graph,
    to_published,
    turn_rotations,
)
from motionary.rotations import axis_angle_to_matrix, axis_angle_to_rotation_6d, rotation_6d_to_matrix

TINY = StgcnConfig(num_actions=3, width=4)


@pytest.fixture(scope="module")
def weights(golden, golden_weight):
    """Function from the name of a list of keys to the state dict by the golden rule."""

    def make(name: str, graph: np.ndarray) -> dict[str, torch.Tensor]:
        state = {}
        for line in (golden / "actor/case7" / name).read_text().splitlines():
            if line.startswith("#"):
                continue
            key, shape, _, _, source = line.split("\t")
            sizes = tuple(int(size) for size in shape.strip("(),").split(",") if size)
            untouched = torch.from_numpy(graph) if key == "A" else torch.tensor(0)
            state[key] = golden_weight(key, sizes) if source == "rule" else untouched
        return state

    return make


def network_of(state: dict[str, torch.Tensor], config: StgcnConfig) -> Stgcn:
    network = Stgcn(config)
    network.load_state_dict(from_published(state), strict=True)
    return network.eval()


@pytest.fixture(scope="module")
def case(golden):
    return np.load(golden / "actor/case7/stgcn_smpl_c40.npz")


@pytest.fixture
def published(case, weights) -> Stgcn:
    config = StgcnConfig(num_actions=case["logits"].shape[1])
    return network_of(weights("keys_smpl_c40.txt", case["A"]), config)


@pytest.fixture
def close(case, golden_tolerance):
    """Function that compares an array with the published one of a name."""

    def compare(got: torch.Tensor, name: str) -> None:
        tolerance = golden_tolerance("case7/stgcn_smpl_c40", name)
        np.testing.assert_allclose(got, case[name], atol=tolerance, rtol=0, err_msg=name)

    return compare


def rotations_of(case) -> torch.Tensor:
    """(B, T, 24, 6); theirs is (B, 25, 6, T) with the translation in the last row."""
    return torch.from_numpy(case["x_25x6"][:, :-1]).permute(0, 3, 1, 2)


def every(rotations: torch.Tensor) -> torch.Tensor:
    return torch.ones(rotations.shape[:2], dtype=torch.bool)


def random_rotations(batch=2, frames=9):
    return axis_angle_to_rotation_6d(
        torch.randn(batch, frames, 24, 3, generator=torch.Generator().manual_seed(0))
    )


# ---- golden ----


def test_graphs_are_the_published_ones(case):
    np.testing.assert_allclose(skeleton_graph(24), case["A"], atol=1e-7)
    np.testing.assert_allclose(skeleton_graph(23), case["A_noglobal"], atol=1e-7)


@pytest.mark.parametrize("frames", [60, 37, 9, 1])
def test_features_and_logits_are_the_published_ones(frames, case, published, close):
    rotations = rotations_of(case)[:, :frames]
    with torch.no_grad():
        found = published(rotations, every(rotations))
    suffix = "" if frames == case["x_25x6"].shape[-1] else f"_T{frames}"
    close(found.features, f"features{suffix}")
    close(found.logits, f"logits{suffix}")


def test_a_batch_of_one_gives_one_row(case, published, close):
    rotations = rotations_of(case)[:1]
    with torch.no_grad():
        found = published(rotations, every(rotations))
    assert found.features.shape == (1, 256)
    close(found.features[0], "features_batch1")


def test_every_block_gives_the_published_activations(case, published, close):
    seen, rotations = {}, rotations_of(case)
    published.norm.register_forward_hook(lambda _, __, out: seen.update(data_bn_out_frame0=out[..., 0]))
    for i, block in enumerate(published.blocks):
        block.register_forward_hook(
            lambda _, __, out, i=i: seen.update({f"block{i}_mean_over_TV": out.mean((2, 3))})
        )
    with torch.no_grad():
        published(rotations, every(rotations))
    assert len(seen) == 11
    for name, activation in seen.items():
        close(activation, name)


def test_a_training_step_is_the_published_one(case, published, close):
    rotations, network = rotations_of(case), published.train()
    found = network(rotations, every(rotations))
    loss = cross_entropy(found.logits, torch.from_numpy(case["y"]))
    loss.backward()
    close(found.logits.detach(), "train_logits")
    assert loss.item() == pytest.approx(case["train_loss_f64"].item(), rel=2e-6)
    right = (found.logits.argmax(1).numpy() == case["y"]).mean()
    assert right == pytest.approx(case["train_accuracy"].item())
    close(network.norm.running_mean, "train_databn_running_mean")
    close(network.norm.running_var, "train_databn_running_var")


def test_a_training_step_has_the_published_gradients(case, published):
    network = published.double().train()
    rotations = rotations_of(case).double()
    loss = cross_entropy(network(rotations, every(rotations)).logits, torch.from_numpy(case["y"]))
    loss.backward()
    gradients = to_published({name: p.grad for name, p in network.named_parameters()})
    norms = [gradients[str(name)].norm().item() for name in case["param_names"]]
    # In float64, because batch statistics of four motions cost the published float32 run three digits. Biases
    # before a normalisation have no gradient but rounding, so an absolute part is allowed.
    np.testing.assert_allclose(norms, case["train_grad_norm_f64"], rtol=1e-6, atol=1e-9)


def test_motions_without_the_root_s_rotation_are_recognised_as_published(golden, weights, golden_tolerance):
    name = "case7/stgcn_noglobal_c12"
    case = np.load(golden / f"actor/{name}.npz")
    _, joints, numbers, _ = case["x"].shape
    config = StgcnConfig(case["logits"].shape[1], num_joints=joints, num_features=numbers)
    network = network_of(weights("keys_noglobal_c12_f4.txt", case["A"]), config)
    rotations = torch.from_numpy(case["x"]).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = network(rotations, every(rotations))
    np.testing.assert_allclose(skeleton_graph(joints), case["A"], atol=1e-7)
    for output in ("features", "logits"):
        tolerance = golden_tolerance(name, output)
        np.testing.assert_allclose(getattr(found, output), case[output], atol=tolerance, rtol=0)


def test_names_map_both_ways_and_cover_the_published_ones(case, weights):
    state = weights("keys_smpl_c40.txt", case["A"])
    ours = Stgcn(StgcnConfig(num_actions=len(state["fcn.bias"]))).state_dict()
    assert from_published(state).keys() == ours.keys()
    assert to_published(ours).keys() == state.keys()


def test_a_published_checkpoint_is_read(case, weights, tmp_path, close):
    state = weights("keys_smpl_c40.txt", case["A"])
    torch.save(state, tmp_path / "checkpoint_0100.pth.tar")
    rotations = rotations_of(case)[:, :9]
    with torch.no_grad():
        found = read_published_stgcn(tmp_path / "checkpoint_0100.pth.tar")(rotations, every(rotations))
    close(found.logits, "logits_T9")


# ---- laws ----


def settled(config=TINY) -> Stgcn:
    torch.manual_seed(0)
    network = Stgcn(config).train()
    for _ in range(3):
        rotations = torch.randn(4, 9, config.num_joints, config.num_features)
        network(rotations, every(rotations))
    return network.eval()


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_padding_does_not_matter(length):
    network, rotations = settled(), random_rotations()
    mask = torch.arange(9) < torch.tensor([[9], [length]])
    both = network(rotations, mask)
    alone = network(rotations[1:, :length], mask[1:, :length])
    assert_close(both.features[1:], alone.features, atol=1e-5, rtol=1e-4)
    assert_close(both.logits[1:], alone.logits, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("num_joints", [24, 23])
def test_graph_columns_sum_to_one_over_joints_and_parts(num_joints):
    graph = skeleton_graph(num_joints)
    assert_close(graph.sum((0, 1)), torch.ones(num_joints))
    assert int((graph > 0).sum()) == num_joints + 2 * sum(p >= 24 - num_joints for p in PARENTS)


@pytest.mark.parametrize(("facing", "same"), [("forward", True), ("as_recorded", False)])
def test_facing_forward_forgets_the_heading(facing, same):
    features = torch.zeros(2, 9, 25, 6)
    features[:, :, :24] = random_rotations()
    turned = features.clone()
    turned[:, :, :24] = turn_rotations(features[:, :, :24], torch.tensor([0.7, -2.0]))
    seen = [rotations_seen(each, facing) for each in (features, turned)]
    assert torch.allclose(*seen, atol=1e-5) == same
    if same:
        left = rotation_6d_to_matrix(seen[0][:, 0, 0])[..., 0]
        assert_close(left[:, 2], torch.zeros(2), atol=1e-6, rtol=0)
        assert (left[:, 0] > 0).all()


def test_turning_is_a_turn_about_the_vertical():
    rotations, angle = random_rotations(), torch.tensor([0.3, -1.0])
    R_turn = axis_angle_to_matrix(torch.stack([torch.zeros(2), angle, torch.zeros(2)], -1))
    turned = rotation_6d_to_matrix(turn_rotations(rotations, angle))
    expected = rotation_6d_to_matrix(rotations)
    assert_close(turned[:, :, 0], R_turn[:, None] @ expected[:, :, 0], atol=1e-5, rtol=0)
    assert_close(turned[:, :, 1:], expected[:, :, 1:])


def test_other_skeletons_are_refused():
    with pytest.raises(ValueError, match="24 joints"):
        replace(TINY, num_joints=18)


class Malicious:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("state", "message"),
    [({"A": torch.zeros(3, 24, 24)}, "no ST-GCN"), ({"A": Malicious()}, "not run"), ([1], "no state dict")],
)
def test_other_checkpoints_are_refused_in_one_line(state, message, tmp_path):
    torch.save(state, tmp_path / "c.pth.tar")
    with pytest.raises(ValueError, match=message) as error:
        read_published_stgcn(tmp_path / "c.pth.tar")
    assert "\n" not in str(error.value)
