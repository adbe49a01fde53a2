"""Published checkpoints come in and go out unchanged, and nothing in them is run."""

import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.testing import assert_close

from motionary.features import half_turn
from motionary.generation import generate
from motionary.models.actor import Actor, ActorConfig
from motionary.models.checkpoint import Model, load_model
from motionary.models.published import (
    PublishedOptions,
    export_published,
    import_published,
    published_latents,
)
from motionary.models.reference import to_reference

TINY = ActorConfig(num_actions=3, latent_dim=16, ff_dim=32, num_layers=2)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return OrderedDict(to_reference(Actor(TINY).state_dict()))


@pytest.fixture
def checkpoint(state, tmp_path) -> Path:
    torch.save(state, tmp_path / "checkpoint_0100.pth.tar")
    return tmp_path / "checkpoint_0100.pth.tar"


@pytest.fixture(scope="module")
def golden_checkpoint(golden, golden_weight, tmp_path_factory):
    """Function from a number of classes to a checkpoint with the golden weights, as ACTOR would save it."""

    def make(num_actions: int) -> Path:
        path = tmp_path_factory.mktemp(f"c{num_actions}") / "checkpoint_2000.pth.tar"
        tables = to_reference(Actor(ActorConfig(num_actions)).state_dict())
        saved = OrderedDict()
        for line in (golden / "actor/case3" / f"keys_c{num_actions}.txt").read_text().splitlines():
            if not line.startswith("#"):
                key, shape, _, _, source = line.split("\t")
                sizes = tuple(int(size) for size in shape.strip("(),").split(","))
                ruled = source == "rule"
                saved[key] = golden_weight(key, sizes) if ruled else tables[key]
        torch.save(saved, path)
        return path

    return make


def case(golden, name) -> dict[str, torch.Tensor]:
    with np.load(golden / "actor/case3" / f"{name}.npz") as arrays:
        tensors = {
            key: torch.from_numpy(arrays[key]) for key in arrays.files if arrays[key].dtype.kind != "U"
        }
    return {key: t.permute(0, 3, 1, 2) if t.shape[1:3] == (25, 6) else t for key, t in tensors.items()}


# ---- golden ----


@pytest.mark.parametrize("name", ["cvae_c13_var", "cvae_c12_var"])
def test_an_imported_checkpoint_computes_what_the_published_code_does(
    name, golden, golden_checkpoint, golden_tolerance, tmp_path
):
    options = PublishedOptions.read(golden / "actor/case3/example_opt.yaml")
    num_actions = int(name.split("_c")[1][:2])
    options = replace(options, dataset={13: "ntu13", 12: "humanact12"}[num_actions])
    model = import_published(golden_checkpoint(num_actions), options)
    model.save(tmp_path / "model.safetensors")
    loaded, expected = load_model(tmp_path / "model.safetensors"), case(golden, name)
    assert (loaded.frame, loaded.actions, loaded.num_frames) == ("camera", model.actions, 60)
    with torch.no_grad():
        posterior = loaded.network.encode(expected["x"], expected["y"], expected["mask"])
        decoded = loaded.network.decode(expected["z_in"], expected["y"], expected["mask"])
    got = {"mu": posterior.mean, "logvar": posterior.log_variance, "dec_output_from_z_in": decoded}
    for array, value in got.items():
        assert_close(value, expected[array], atol=golden_tolerance(f"case3/{name}", array), rtol=0, msg=array)


@pytest.mark.parametrize("num_actions", [12, 13, 40])
def test_a_checkpoint_survives_the_way_in_and_out_to_the_bit(num_actions, golden_checkpoint, tmp_path):
    path = golden_checkpoint(num_actions)
    model = import_published(path)
    model.save(tmp_path / "model.safetensors")
    out = export_published(load_model(tmp_path / "model.safetensors"), tmp_path / "back.pth.tar")
    before, after = (torch.load(file, weights_only=True) for file in (path, out))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("num_actions", [12, 13])
def test_what_the_losses_are_taken_of_is_as_published(
    num_actions, golden, golden_checkpoint, golden_tolerance
):
    expected = case(golden, f"losses_c{num_actions}")
    if "mu" not in expected:
        pytest.skip("these vectors hold no activations")
    network = import_published(golden_checkpoint(num_actions)).network
    with torch.no_grad():
        output, posterior = network(expected["x"], expected["y"], expected["mask"], expected["eps"])
    z = posterior.sample(expected["eps"])
    got = {"mu": posterior.mean, "logvar": posterior.log_variance, "z": z, "output": output}
    for array, value in got.items():
        tolerance = golden_tolerance(f"case3/losses_c{num_actions}", array)
        assert_close(value, expected[array], atol=tolerance, rtol=0, msg=array)


def test_embeddings_and_time_queries_are_the_published_ones(golden, golden_checkpoint, golden_tolerance):
    expected = case(golden, "intermediates_c13")
    network, seen = import_published(golden_checkpoint(13)).network, {}
    network.encoder.embed.register_forward_hook(lambda _, __, out: seen.update({"enc_skel_embedding": out}))
    firsts = {"enc_after_pe": network.encoder.layers[0], "dec_timequeries": network.decoder.layers[0]}
    for name, layer in firsts.items():
        layer.register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0]}))
    with torch.no_grad():
        posterior = network.encode(expected["x"], expected["y"], expected["mask"])
        network.decode(posterior.mean, expected["y"], expected["mask"])
    got = {name: value.transpose(0, 1) for name, value in seen.items()}
    got |= {"mu": posterior.mean, "logvar": posterior.log_variance}
    for name, value in got.items():
        tolerance = golden_tolerance("case3/intermediates_c13", name)
        assert_close(value, expected[name], atol=tolerance, rtol=0, msg=name)


def test_latents_are_drawn_and_laid_out_as_published(golden, golden_seed):
    expected, seed = case(golden, "generate_layouts"), golden_seed("case3/generate_layouts")
    labels, lengths = expected["classes"], expected["durations"]
    layouts = [name.removesuffix("_z") for name in expected if name.endswith("_z")]
    assert layouts
    for layout in layouts:
        same, different, scale, frames = ("random", "random", 1.0, lengths)
        if layout == "gen_dur2d_fact2":
            scale, frames = 2.0, expected[f"{layout}_lengths"].view(2, -1)
        else:
            same, different = layout.removeprefix("gen_").split("_")
        got = published_latents(
            labels,
            frames,
            repetitions=2,
            latent_dim=expected[f"{layout}_z"].shape[1],
            generator=torch.Generator().manual_seed(seed),
            same_action=same,
            different_action=different,
            scale=scale,
        )
        for name, value in (("z", got.z), ("y", got.labels), ("lengths", got.lengths), ("mask", got.mask)):
            assert_close(value, expected[f"{layout}_{name}"], atol=0, rtol=0, msg=f"{layout} {name}")


def test_the_published_options_name_the_data_set_and_the_window(golden):
    path = golden / "actor/case3/example_opt.yaml"
    written, options = yaml.safe_load(path.read_text()), PublishedOptions.read(path)
    for name in ("dataset", "latent_dim", "num_layers", "num_frames"):
        assert getattr(options, name) == written[name]


# ---- laws ----


def test_names_come_from_the_caller_then_the_options_then_numbers(checkpoint):
    assert import_published(checkpoint).actions == ("action_0", "action_1", "action_2")
    options = PublishedOptions(actions=("a", "b", "c"))
    assert import_published(checkpoint, options).actions == ("a", "b", "c")
    assert import_published(checkpoint, options, actions=("x", "y", "z")).actions == ("x", "y", "z")


def test_a_model_of_ours_goes_out_and_comes_back_the_same(checkpoint, tmp_path):
    ours = replace(
        import_published(checkpoint), actions=("sit", "run", "up"), fps=25.0, num_frames=48, frame="world"
    )
    path = export_published(ours, tmp_path / "published")
    again = import_published(path, PublishedOptions.read(path.parent / "opt.yaml"))
    for name in ("actions", "fps", "num_frames", "frame"):
        assert getattr(again, name) == getattr(ours, name)


def test_models_of_camera_motions_are_performed_upright(checkpoint):
    camera = import_published(checkpoint)
    world = replace(camera, frame="world")
    z, labels = torch.randn(2, camera.network.config.latent_dim), torch.tensor([0, 1])
    assert_close(camera.perform(z, labels, 5), half_turn(world.perform(z, labels, 5)))
    up = [generate(model, "action_1", frames=4, seed=3)[0] for model in (camera, world)]
    assert_close(torch.tensor(up[0].pose[:, 1:]), torch.tensor(up[1].pose[:, 1:]), atol=1e-5, rtol=0)
    moved = [motion.translation - motion.translation[0] for motion in up]
    np.testing.assert_allclose(moved[0], moved[1] * [1, -1, -1], atol=1e-6)


def changed(state, **tensors):
    return OrderedDict({**state, **tensors})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("encoder.muQuery"), "lacks encoder.muQuery"),
        (lambda s: s.pop("decoder.finallayer.bias"), "lacks decoder.finallayer.bias"),
        (lambda s: s.update({"decoder.gru.weight": torch.zeros(2)}), "also has decoder.gru.weight"),
        (lambda s: s.update({"decoder.finallayer.bias": torch.zeros(7)}), r"must have shape \(150,\)"),
        (lambda s: s.update({"decoder.finallayer.bias": torch.full((150,), torch.nan)}), "finite"),
        (lambda s: s["encoder.sequence_pos_encoder.pe"].zero_(), "sinusoidal"),
    ],
)
def test_a_checkpoint_that_is_no_whole_actor_is_refused_by_name(change, message, state, tmp_path):
    change(state)
    torch.save(state, tmp_path / "c.pth.tar")
    with pytest.raises(ValueError, match=message) as error:
        import_published(tmp_path / "c.pth.tar")
    assert "\n" not in str(error.value)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch stolen",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused(zipped, state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({**state, "payload": Malicious()}, "c.pth.tar", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"asks to use \S*system.*not run") as error:
        import_published("c.pth.tar")
    assert "\n" not in str(error.value)
    assert not Path("stolen").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04broken", pickle.dumps([1, 2])])
def test_a_damaged_file_is_one_line(content, tmp_path):
    (tmp_path / "c.pth.tar").write_bytes(content)
    with pytest.raises(ValueError, match=r"c\.pth\.tar") as error:
        import_published(tmp_path / "c.pth.tar")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("archiname: gru", "archiname 'gru'"),
        ("pose_rep: xyz", "pose_rep 'xyz'"),
        ("translation: false", "translation False"),
        ("num_layers: many", "num_layers must be of type int; got 'many'"),
        ("!!python/object/apply:os.system ['true']", "no plain YAML"),
        ("- 1", "holds no options"),
    ],
)
def test_options_of_other_models_are_refused(content, message, tmp_path):
    (tmp_path / "opt.yaml").write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        PublishedOptions.read(tmp_path / "opt.yaml")
    assert "\n" not in str(error.value)


def test_options_that_do_not_fit_the_weights_are_refused(checkpoint):
    with pytest.raises(ValueError, match="num_layers 8, the weights have 2"):
        import_published(checkpoint, PublishedOptions(num_layers=8))
    with pytest.raises(ValueError, match="ntu13 has 13 actions, the weights are for 3"):
        import_published(checkpoint, PublishedOptions(dataset="ntu13"))
    with pytest.raises(ValueError, match="names of its 3 actions; got 2"):
        import_published(checkpoint, actions=("a", "b"))


def motionary(*words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "motionary", *map(str, words)], capture_output=True, text=True, check=False
    )


def test_the_command_imports_and_exports(checkpoint, tmp_path):
    (tmp_path / "opt.yaml").write_text("num_frames: 40\n")
    (tmp_path / "names.txt").write_text("sit\nrun\njump\n")
    run = motionary(
        "import-model", checkpoint, "--opt", tmp_path / "opt.yaml", "--actions", tmp_path / "names.txt",
        "--out", tmp_path / "ours",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    model: Model = load_model(tmp_path / "ours")
    assert (model.actions, model.num_frames) == (("sit", "run", "jump"), 40)
    back = motionary("import-model", tmp_path / "ours", "--to-reference", "--out", tmp_path / "b.pth.tar")
    assert back.returncode == 0, back.stderr
    before, after = (torch.load(p, weights_only=True) for p in (checkpoint, tmp_path / "b.pth.tar"))
    assert all(torch.equal(before[key], after[key]) for key in before)
    failed = motionary("import-model", tmp_path / "names.txt", "--out", tmp_path / "nothing")
    assert failed.returncode == 2
    assert len(failed.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "nothing").exists()
