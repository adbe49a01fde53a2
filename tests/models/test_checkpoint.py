"""A model comes back as it was saved, and a bad file says what is wrong with it."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from motionary.features import plant_feet
from motionary.models import checkpoint as checkpoints
from motionary.models.actor import Actor, ActorConfig, sample_latents
from motionary.models.checkpoint import (
    HEADER,
    Checkpoint,
    Model,
    find_checkpoint,
    load_model,
)
from motionary.models.prior import LatentPrior, PosteriorPrior
from motionary.models.tensor_files import read_safetensors


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    config = ActorConfig(num_actions=2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)
    return Model(
        network=Actor(config).eval(),
        actions=("walk", "jump"),
        fps=25.0,
        num_frames=40,
        facing="forward",
        provenance={"dataset": "made up"},
        licence="CC0",
    )


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "run" / "model.safetensors")
    return tmp_path / "run" / "model.safetensors"


def rewrite(path, **changes):
    """Change entries of the JSON header."""
    tensors, header = read_safetensors(path)
    save_file(tensors, path, metadata={HEADER: json.dumps(json.loads(header[HEADER]) | changes)})


def test_a_saved_model_comes_back(model, path):
    again = load_model(path)
    z = sample_latents(2, 16, 0)
    assert torch.equal(again.decode_action(z, 1, 9), model.decode_action(z, 1, 9))
    assert again.network.config == model.network.config
    assert replace(again, network=model.network) == model


@pytest.mark.parametrize(
    "prior",
    [
        LatentPrior(torch.randn(2, 16), torch.randn(2, 16, 16).tril()),
        PosteriorPrior(torch.randn(20, 16), torch.rand(20, 16), torch.arange(20) % 2, 0.25),
    ],
    ids=["fitted", "posteriors"],
)
def test_a_model_comes_back_with_what_it_draws_latents_from(prior, model, path):
    replace(model, prior=prior).save(path)
    z = sample_latents(2, 16, 0)
    again = load_model(path)
    assert_close(again.decode_action(z, 1, 9), replace(model, prior=prior).decode_action(z, 1, 9))
    assert not torch.allclose(again.decode_action(z, 1, 9), model.decode_action(z, 1, 9))


def test_a_linear_way_past_the_transformers_comes_back(model, path):
    network = Actor(replace(model.network.config, window=40)).eval()
    network.start(torch.randn(30, 40, 25, 6), kl=1e-6)
    replace(model, network=network).save(path)
    z = sample_latents(2, 16, 0)
    assert_close(
        load_model(path).decode_action(z, 1, 9), replace(model, network=network).decode_action(z, 1, 9)
    )
    assert json.loads(read_safetensors(path)[1][HEADER])["format_version"] == 3


def test_only_what_older_versions_cannot_read_says_so(model, path):
    assert json.loads(read_safetensors(path)[1][HEADER])["format_version"] == 1
    replace(model, prior=LatentPrior(torch.zeros(2, 16), torch.eye(16).expand(2, -1, -1))).save(path)
    assert json.loads(read_safetensors(path)[1][HEADER])["format_version"] == 2
    replace(model, prior=PosteriorPrior(torch.zeros(2, 16), torch.ones(2, 16), torch.arange(2))).save(path)
    assert json.loads(read_safetensors(path)[1][HEADER])["format_version"] == 4
    replace(model, feet="planted").save(path)
    assert json.loads(read_safetensors(path)[1][HEADER])["format_version"] == 4


def test_a_model_that_plants_feet_comes_back_and_does(model, path):
    model = replace(model, fps=0.1)  # at which what an untrained network makes is slow
    replace(model, feet="planted").save(path)
    z, label = sample_latents(2, 16, 0), torch.tensor([1, 1])
    as_decoded = model.decode(z, label, 9)
    assert_close(load_model(path).decode(z, label, 9), plant_feet(as_decoded, None, model.fps))
    assert not torch.equal(load_model(path).decode(z, label, 9), as_decoded)


@pytest.mark.parametrize(
    ("licence", "named"), [("CC BY-NC 4.0; credit: them", True), ("CC BY-SA 3.0", False), ("unknown", False)]
)
def test_a_licence_that_restricts_use_is_named_at_loading(licence, named, model, path, caplog):
    replace(model, licence=licence).save(path)
    load_model(path)
    assert (licence in caplog.text) == named


def test_a_run_folder_names_its_model(path):
    assert find_checkpoint(path.parent) == find_checkpoint(str(path)) == path


def test_half_precision_halves_the_file_and_loads_as_single(model, path, tmp_path):
    half = tmp_path / "half.safetensors"
    model.save(half, "float16")
    assert half.stat().st_size < 0.65 * path.stat().st_size
    weights = load_model(half).network.state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())
    torch.testing.assert_close(weights, model.network.state_dict(), atol=1e-3, rtol=1e-3)


def test_bundled_models_go_by_name(model, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BUNDLED", tmp_path)
    model.save(tmp_path / "hdm" / "model.safetensors")
    assert load_model("hdm").actions == model.actions
    with pytest.raises(FileNotFoundError, match=r"'hdn'.*bundled \(hdm\)"):
        load_model("hdn")


def test_a_folder_without_a_model_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished run"):
        load_model(tmp_path)


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_a_cut_file_is_refused(size, path):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="damaged"):
        load_model(path)


def test_tensors_without_our_header_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="no Motionary model"):
        load_model(tmp_path / "foreign.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 99}, "update motionary"),
        ({"kind": "gru"}, "kind 'gru'; expected 'actor'"),
        ({"actions": ["walk"]}, "2 labels and 1 names"),
        ({"actions": 3}, "not a readable model"),
        ({"config": {"num_actions": 2, "latent_dim": 8, "ff_dim": 32, "num_layers": 1}}, "instead of"),
        ({"config": {"num_actions": 2, "wings": 2}}, "wings"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(changes, message, path):
    rewrite(path, **changes)
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_missing_foreign_and_broken_tensors_are_named(model, path):
    checkpoint = Checkpoint.load(path, "actor")
    name = "decoder.head.bias"
    without = {key: tensor for key, tensor in checkpoint.tensors.items() if key != name}
    with pytest.raises(ValueError, match=f"lacks {name}"):
        replace(checkpoint, tensors=without).network(ActorConfig, Actor)
    more = checkpoint.tensors | {"extra": torch.zeros(1)}
    with pytest.raises(ValueError, match="also has extra"):
        replace(checkpoint, tensors=more).network(ActorConfig, Actor)
    with pytest.raises(ValueError, match=f"{name} is not finite"):
        replace(checkpoint, tensors={name: torch.tensor([float("nan")])}).save(path)
    with pytest.raises(ValueError, match="float16"):
        replace(checkpoint, tensors={name: torch.tensor([1e6])}).save(path, "float16")


def test_an_unknown_action_is_answered_with_those_known(model):
    assert model.action_index("jump") == 1
    with pytest.raises(ValueError, match=r"'fly'.*walk, jump"):
        model.action_index("fly")
