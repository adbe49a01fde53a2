"""ACTOR against vectors made by the published implementation, and the laws it keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motionary.body.smpl import BodyModel
from motionary.features import features_to_vertices
from motionary.models.actor import (
    Actor,
    ActorConfig,
    sample_latents,
    sinusoids,
)
from motionary.models.loss import LossWeights, actor_loss
from motionary.models.points import BodyPoints
from motionary.models.reference import from_reference, to_reference

TINY = ActorConfig(num_actions=3, latent_dim=16, ff_dim=32, num_layers=2, num_heads=2)


@pytest.fixture(scope="session")
def reference_actor(actor_golden, golden_weight):
    """Function from a number of classes to the network with the golden weights."""
    made = {}

    def make(num_actions: int) -> Actor:
        if num_actions not in made:
            lines = (actor_golden / "case3" / f"keys_c{num_actions}.txt").read_text().splitlines()
            state = {}
            for key, shape, _, _, source in (line.split("\t") for line in lines if not line.startswith("#")):
                if source == "rule":
                    shape = tuple(int(size) for size in shape.strip("(),").split(","))
                    state[key] = golden_weight(key, shape)
            network = Actor(ActorConfig(num_actions))
            network.load_state_dict(from_reference(state), strict=True)
            made[num_actions] = network.eval()
        return made[num_actions]

    return make


def load_case(path: Path) -> dict[str, torch.Tensor]:
    """Arrays of a golden file, motions permuted from (B, 25, 6, T) to our (B, T, 25, 6)."""
    with np.load(path) as arrays:
        case = {name: arrays[name] for name in arrays.files}
    tensors = {name: torch.from_numpy(array) for name, array in case.items() if array.dtype.kind != "U"}
    return {name: t.permute(0, 3, 1, 2) if t.shape[1:3] == (25, 6) else t for name, t in tensors.items()}


def loss_of(network: Actor, case: dict, body: BodyModel, config: str, regressor: torch.Tensor | None = None):
    kind, _, travel = config.partition("_vertstrans")
    kind = "joints" if kind == "smpl" else kind
    points = BodyPoints(body, kind, travel=travel == "1", extra_regressor=regressor)
    output, posterior = network(case["x"], case["y"], case["mask"], case["eps"])
    return actor_loss(output, case["x"], case["mask"], posterior, points, LossWeights())


def stated_or_measured(rtol: float, case: dict, name: str) -> float:
    """The README's relative tolerance, or five times the published float32 run's error if that is more."""
    single, double = case[f"{name}_f32"], case[f"{name}_f64"]
    size = double.abs().clamp(min=1e-4 * double.abs().max())
    return max(rtol, 5 * ((single - double).abs() / size).max().item())


def random_batch(num: int = 4, frames: int = 7):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(num, frames, 25, 6, generator=generator)
    lengths = torch.arange(num) % frames + 1
    mask = torch.arange(frames) < lengths[:, None]
    return features * mask[..., None, None], torch.arange(num) % TINY.num_actions, mask


# ---- golden vectors: tolerances are those measured for float32 in the vectors' README ----


@pytest.mark.parametrize("name", ["cvae_c13_full", "cvae_c13_var", "cvae_c12_var"])
def test_encoding_and_decoding_are_the_published_ones(name, actor_golden, reference_actor, golden_tolerance):
    case = load_case(actor_golden / "case3" / f"{name}.npz")
    network = reference_actor(int(name.split("_")[1][1:]))
    with torch.no_grad():
        output, posterior = network(case["x"], case["y"], case["mask"], case["eps"])
        decoded = network.decode(case["z_in"], case["y"], case["mask"])
    got = {
        "mu": posterior.mean,
        "logvar": posterior.log_variance,
        "fwd_z": posterior.sample(case["eps"]),
        "fwd_output": output,
        "dec_output_from_z_in": decoded,
    }
    for array, value in got.items():
        assert_close(value, case[array], atol=golden_tolerance(f"case3/{name}", array), rtol=0, msg=array)


def test_every_layer_gives_the_published_activations(actor_golden, reference_actor, golden_tolerance):
    case = load_case(actor_golden / "case3" / "intermediates_c13.npz")
    network, seen = reference_actor(13), {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=f"{part}_layer{i}": seen.update({name: out}))
        for part, stack in (("enc", network.encoder.layers), ("dec", network.decoder.layers))
        for i, layer in enumerate(stack)
    ]
    with torch.no_grad():
        posterior = network.encode(case["x"], case["y"], case["mask"])
        output = network.decode(posterior.mean, case["y"], case["mask"])
    for hook in hooks:
        hook.remove()
    assert len(seen) == 16
    for name, activation in seen.items():
        tolerance = golden_tolerance("case3/intermediates_c13", name)
        assert_close(activation.transpose(0, 1), case[name], atol=tolerance, rtol=0, msg=name)
    assert_close(output, case["output"], atol=golden_tolerance("case3/intermediates_c13", "output"), rtol=0)


@pytest.mark.parametrize("num_actions", [13, 12])
@pytest.mark.parametrize(
    "config",
    [
        *("vertices_vertstrans0", "vertices_vertstrans1", "smpl_vertstrans1"),
        *("a2m_vertstrans0", "a2mpl_vertstrans0", "vibe_vertstrans1"),
    ],
)
def test_losses_and_gradients_are_the_published_ones(
    config, num_actions, actor_golden, reference_actor, golden_body, golden_tolerance
):
    path = actor_golden / "case3" / f"losses_c{num_actions}.npz"
    case, configs = load_case(path), np.load(path)["configs"].tolist()
    if config not in configs:
        pytest.skip(f"{path.name} has no {config}")
    row, network = configs.index(config), reference_actor(num_actions)
    network.zero_grad()
    regressor = torch.from_numpy(np.load(actor_golden / "smpl_model/J_regressor_extra.npy"))
    loss = loss_of(network, case, golden_body, config, regressor.float())
    loss.total.backward()
    got = torch.stack([loss.features, loss.points, loss.kl, loss.total]).detach().double()
    rtol = stated_or_measured(2e-6, case, "losses_rc_rcxyz_kl_mixed")
    assert_close(got, case["losses_rc_rcxyz_kl_mixed_f64"][row], rtol=rtol, atol=0)

    gradients = to_reference({name: p.grad for name, p in network.named_parameters()})
    norms = torch.stack([gradients[str(name)].norm() for name in np.load(path)["param_names"]]).double()
    rtol = stated_or_measured(5e-5, case, "grad_norm")
    assert_close(norms, case["grad_norm_f64"][row], rtol=rtol, atol=1e-7)
    for name in (name for name in case if name.startswith(f"grad[{config}]")):
        tolerance = golden_tolerance(f"case3/{path.stem}", name)
        assert_close(gradients[name.partition("]")[2]], case[name], atol=tolerance, rtol=0, msg=name)


def test_vertices_that_the_loss_compares_are_the_published_ones(
    actor_golden, reference_actor, golden_body, golden_tolerance
):
    case = load_case(actor_golden / "case3" / "losses_c13.npz")
    with torch.no_grad():
        output, _ = reference_actor(13)(case["x"], case["y"], case["mask"], case["eps"])
        for name, motion in (("x_xyz_subset", case["x"]), ("output_xyz_subset", output)):
            got = features_to_vertices(motion, golden_body, case["mask"], vertex_ids=case["vertex_ids"])
            tolerance = golden_tolerance("case3/losses_c13", name)
            assert_close(got, case[name].permute(0, 3, 1, 2), atol=tolerance, rtol=0, msg=name)


def test_four_optimiser_steps_are_the_published_ones(
    actor_golden, reference_actor, golden_body, golden_tolerance
):
    case = load_case(actor_golden / "case3" / "adamw_steps_c13.npz")
    network = Actor(ActorConfig(13)).eval()
    network.load_state_dict(reference_actor(13).state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    for expected in case["losses_f64"]:
        optimizer.zero_grad()
        loss = loss_of(network, case, golden_body, "smpl_vertstrans1")
        loss.total.backward()
        optimizer.step()
        got = torch.stack([loss.features, loss.points, loss.kl, loss.total]).detach().double()
        assert_close(got, expected, rtol=5e-5, atol=0)
    final = {
        "final:decoder.finallayer.bias": network.decoder.head.bias.detach(),
        "final:encoder.muQuery": network.encoder.mean_token.detach(),
    }
    for name, value in final.items():
        tolerance = golden_tolerance("case3/adamw_steps_c13", name)
        assert_close(value, case[name], atol=tolerance, rtol=0, msg=name)


def test_generated_layouts_decode_as_published(actor_golden, reference_actor):
    case = load_case(actor_golden / "case3" / "generate_layouts.npz")
    outputs = [name for name in case if name.endswith("_output")]
    assert outputs
    for name in outputs:
        z, y, mask = (case[name.replace("_output", f"_{part}")] for part in ("z", "y", "mask"))
        with torch.no_grad():
            decoded = reference_actor(13).decode(z, y, mask)
        assert_close(decoded[:, ::4], case[name], atol=1e-5, rtol=0, msg=name)


def test_position_table_is_the_published_one(actor_golden):
    table = torch.from_numpy(np.load(actor_golden / "case3" / "pe_first64.npy")).reshape(64, -1)
    assert_close(sinusoids(64, table.shape[1], table.device), table, atol=0, rtol=0)


@pytest.mark.parametrize("num_actions", [12, 13, 40])
def test_published_names_map_both_ways(num_actions, actor_golden):
    lines = (actor_golden / "case3" / f"keys_c{num_actions}.txt").read_text().splitlines()
    published = {line.split("\t")[0]: line.split("\t")[1] for line in lines if not line.startswith("#")}
    ours = Actor(ActorConfig(num_actions)).state_dict()
    theirs = to_reference(ours)
    assert {name: str(tuple(tensor.shape)) for name, tensor in theirs.items()} == published
    assert all(torch.equal(ours[name], tensor) for name, tensor in from_reference(theirs).items())


# ---- laws ----


def test_the_paper_s_network_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in Actor(ActorConfig(13)).parameters()) == 14_832_790


def test_layers_start_out_identical():
    first, second = Actor(TINY).encoder.layers
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_what_stands_in_padded_frames_does_not_matter():
    features, action, mask = random_batch()
    network = Actor(TINY).eval()
    spoiled = torch.where(mask[..., None, None], features, 99.0)
    assert_close(network.encode(spoiled, action, mask).mean, network.encode(features, action, mask).mean)


def test_padding_changes_no_real_frame_and_is_zero():
    network = Actor(TINY).eval()
    z, action = sample_latents(2, 16, 0), torch.tensor([0, 1])
    short = network.decode(z, action, torch.ones(2, 5, dtype=torch.bool))
    padded = network.decode(z, action, torch.arange(9).expand(2, -1) < 5)
    assert_close(padded[:, :5], short, atol=1e-6, rtol=1e-5)
    assert (padded[:, 5:] == 0).all()


def gradients(network: Actor, mask: torch.Tensor | None) -> list[torch.Tensor]:
    features, action, _ = random_batch()
    network.zero_grad()
    output, posterior = network(features, action, mask, torch.ones(4, 16))
    (output.square().mean() + posterior.divergence()).backward()
    return [p.grad for p in network.parameters()]


def test_a_mask_of_real_frames_changes_nothing():
    network = Actor(TINY).eval()
    everything = torch.ones(4, 7, dtype=torch.bool)
    for with_mask, without in zip(gradients(network, everything), gradients(network, None), strict=True):
        assert_close(with_mask, without, atol=1e-5, rtol=1e-4)


def test_training_skips_only_what_nobody_reads():
    network = Actor(replace(TINY, dropout=0.0))
    for training, evaluating in zip(
        gradients(network.train(), None), gradients(network.eval(), None), strict=True
    ):
        assert_close(training, evaluating, atol=1e-5, rtol=1e-4)


def test_cheap_dropout_leaves_the_attention_torch_s():
    network = Actor(replace(TINY, dropout=1e-9)).train()  # rounds to none silent, yet takes its path
    features, action, mask = random_batch()
    noise = torch.zeros(4, 16)
    expected, _ = network.eval()(features, action, mask, noise)
    got, _ = network.train()(features, action, mask, noise)
    assert_close(got, expected, atol=1e-5, rtol=1e-4)


def test_reparametrised_noise_has_the_posterior_s_moments():
    network, (features, action, mask) = Actor(TINY).eval(), random_batch(1)
    posterior = network.encode(features, action, mask)
    assert_close(posterior.sample(torch.zeros_like(posterior.mean)), posterior.mean)
    unit = posterior.sample(torch.ones_like(posterior.mean)) - posterior.mean
    assert_close(unit**2, posterior.log_variance.exp())


def test_first_latents_do_not_depend_on_how_many_follow():
    assert torch.equal(sample_latents(7, 15, seed=3)[:2], sample_latents(2, 15, seed=3))
    assert not torch.equal(sample_latents(2, 15, seed=3), sample_latents(2, 15, seed=4))


def test_a_foreign_parameter_name_is_refused():
    with pytest.raises(ValueError, match=r"discriminator\.weight is no parameter of ACTOR"):
        from_reference({"discriminator.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_actions": 0}, "at least one action"),
        ({"latent_dim": 18}, "multiple"),
        *(({size: 0}, f"{size} must be at least 1") for size in ("latent_dim", "num_layers", "num_heads")),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_impossible_sizes_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **wrong)
