"""Performances as files: the same whoever makes them beside whom, and finished ones are not made again."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from motionary import producing
from motionary.models.actor import Actor, ActorConfig
from motionary.models.checkpoint import Model, load_model
from motionary.producing import Wish, produce
from motionary.written import WRITTEN_NAME, Written

WISH = Wish(("walk", "jump"), num=6, seed=3, frames=9, suffixes=(".npz", ".bvh"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = Actor(ActorConfig(num_actions=2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)).eval()
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    made = Model(
        network, ("walk", "jump"), fps=25.0, num_frames=12, facing="forward", provenance={}, licence="CC0"
    )
    made.save(path)
    return path


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _produce(model, seed, out):
    torch.set_num_threads(1)
    produce(load_model(model), replace(WISH, seed=seed), out)


@pytest.fixture(scope="module")
def one_after_another(model, tmp_path_factory):
    base = tmp_path_factory.mktemp("in_turn")
    for seed in (1, 2):
        _produce(model, seed, base / str(seed))
    return {seed: files(base / str(seed)) for seed in (1, 2)}


def test_threads_beside_one_another_make_the_same(model, one_after_another, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_produce, [model] * 2, (1, 2), (tmp_path / "1", tmp_path / "2")))
    assert {seed: files(tmp_path / str(seed)) for seed in (1, 2)} == one_after_another


def test_processes_beside_one_another_make_the_same(model, one_after_another, tmp_path):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_produce, model, seed, tmp_path / str(seed)) for seed in (1, 2)]
        for job in jobs:
            job.result()
    assert {seed: files(tmp_path / str(seed)) for seed in (1, 2)} == one_after_another


def test_what_is_finished_is_not_made_again(model, tmp_path, monkeypatch):
    loaded, made, real = load_model(model), [], producing.export_motion

    def failing(motion, path):
        if len(made) == 9:  # in the middle of the fifth motion
            raise KeyboardInterrupt
        made.append(path.name)
        return real(motion, path)

    produce(loaded, WISH, tmp_path / "whole")
    monkeypatch.setattr(producing, "export_motion", failing)
    with pytest.raises(KeyboardInterrupt):
        produce(loaded, WISH, tmp_path / "broken")
    made.clear()
    with (tmp_path / "broken" / WRITTEN_NAME).open("a") as file:
        file.write('["walk_5.n')  # half a line
    monkeypatch.setattr(
        producing, "export_motion", lambda motion, path: made.append(path.name) or real(motion, path)
    )
    produce(loaded, WISH, tmp_path / "broken")
    assert made[:2] == ["walk_4.npz", "walk_4.bvh"]
    assert len(made) == 24 - 8
    assert files(tmp_path / "broken") == files(tmp_path / "whole")
    assert not (tmp_path / "broken" / WRITTEN_NAME).exists()


def test_nothing_is_performed_into_a_data_set(model, tmp_path):
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(ValueError, match="is a data set"):
        produce(load_model(model), WISH, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.json"]


def test_what_was_made_from_something_else_does_not_count(tmp_path):
    first = Written(tmp_path, {"seed": 1})
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).touch()
        first.add([name])
    (tmp_path / "b.npz").unlink()
    again = Written(tmp_path, {"seed": 1})
    assert (again.has(["a.npz"]), again.has(["b.npz"]), again.has(["a.npz", "b.npz"])) == (True, False, False)
    assert not Written(tmp_path, {"seed": 2}).has(["a.npz"])
    assert not Written(tmp_path, {"seed": 1}).has(["a.npz"]), "the other list took its place"


def test_whatever_a_models_labels_are_its_motions_stay_in_their_folder(tmp_path):
    """A checkpoint of somebody else's could otherwise write anywhere."""
    labels = (
        "../../out",
        str(tmp_path / "absolute"),
        "..",
        "a/b",
        "a_b",
        "a\nb",
        "\ud800",
        "nul\0",
        "",
        "x" * 400,
    )
    network = Actor(ActorConfig(num_actions=10, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)).eval()
    Model(network, labels, 25.0, 12, "forward", {}, "CC0").save(tmp_path / "model.safetensors")
    model = load_model(tmp_path / "model.safetensors")
    out = tmp_path / "deep" / "out"
    made = produce(model, Wish(model.actions, frames=4), out)
    assert len({path.name for path in made}) == 10
    assert {path for path in tmp_path.rglob("*.npz") if path.is_file()} == {out / path.name for path in made}
