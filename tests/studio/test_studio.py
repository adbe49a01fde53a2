"""A page that answers on this machine alone, plays what it is given, and leaves when told."""

import socket
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
import torch

from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig
from motionary.motion import Motion
from motionary.studio import Studio, open_source, serve
from motionary.studio.player import Player
from motionary.studio.source import APART_M, MotionFolder, side_by_side


def motion(num_frames: int, bend: float) -> Motion:
    pose = np.zeros((num_frames, 24, 3), np.float32)
    pose[:, 4, 0] = bend * np.arange(num_frames)  # the left knee
    return Motion(pose, np.full((num_frames, 3), [2.0, 1.0, 3.0], np.float32), fps=10.0, action="kneel")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("motions")
    (root / "deeper").mkdir()
    motion(5, 0.1).save(root / "one.npz")
    motion(8, 0.2).save(root / "deeper" / "two.npz")
    np.savez(root / "other.npz", losses=np.zeros(3))
    (root / "broken.npz").write_bytes(b"PK")
    return root


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    network = Actor(ActorConfig(num_actions=2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)).eval()
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    Model(network, ("walk", "jump"), 25.0, 12, "forward", provenance={}, licence="CC0").save(path)
    return path


def knees(studio: Studio) -> np.ndarray:
    return np.stack([person.mesh.bones[4].wxyz for person in studio.people])


def can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0 and probe.bind(("127.0.0.1", port)) is None


def test_a_folder_is_served_and_played_until_stopped(folder, capsys):
    studio = Studio.start(open_source(str(folder)))
    port = int(studio.address.rsplit(":", 1)[1])
    try:
        assert studio.address == f"http://127.0.0.1:{port}"
        with urlopen(studio.address, timeout=10) as page:
            assert page.status == 200
            assert b"<html" in page.read()
        assert studio.source.names == ("deeper/two.npz", "one.npz")
        assert studio.player.num_frames == 8
        studio.seek(4)
        bent = knees(studio)
        studio.choose("one.npz")
        assert (studio.player.frame, studio.player.num_frames) == (0, 5)
        assert knees(studio)[0] == pytest.approx([1, 0, 0, 0], abs=1e-6)
        studio.seek(4)
        assert knees(studio)[0] == pytest.approx([np.cos(0.2), np.sin(0.2), 0, 0], abs=1e-5)
        assert not np.allclose(knees(studio), bent, atol=0.1)
        studio.tick(0.15)  # from the last frame on to the first
        assert studio.player.frame == 0
        studio.play(False)
        studio.tick(0.15)
        assert studio.player.frame == 0
        with pytest.raises(ValueError, match="No motion"):
            studio.choose("../elsewhere.npz")
        with pytest.raises(ValueError, match=rf"Port {port} .*--port"):
            Studio.start(studio.source, port)
    finally:
        studio.stop()
    assert can_bind(port)
    assert capsys.readouterr().out == ""


def test_a_model_performs_for_several_people(checkpoint):
    studio = Studio.start(open_source(str(checkpoint.parent)))
    try:
        assert (len(studio.people), studio.player.num_frames) == (1, 12)
        studio.perform("jump", num=3, seconds=0.2, seed=5)
        assert (len(studio.people), studio.player.num_frames) == (3, 5)
        first = knees(studio)
        studio.perform("jump", num=3, seconds=0.2, seed=6)
        assert not np.allclose(knees(studio), first, atol=1e-3)
        studio.perform("jump", num=3, seconds=0.2, seed=5)
        assert np.allclose(knees(studio), first)
        left_over = studio.people[1:]
        studio.perform("walk", num=1, seconds=0.2)
        assert len(studio.people) == 1
        assert studio.people[0].mesh.visible
        assert not any(person.mesh.visible for person in left_over)
    finally:
        studio.stop()


def test_what_is_there_decides_what_a_source_is(folder, checkpoint):
    assert isinstance(open_source(str(folder)), MotionFolder)
    assert open_source(str(checkpoint)).actions == ("walk", "jump")
    motion(2, 0.1).save(checkpoint.parent / "samples" / "walk.npz")
    assert open_source(str(checkpoint.parent)).actions == ("walk", "jump")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "Expected a folder of motions.*does not exist"),
        ("one.npz", "Expected a folder of motions.*is not such a file"),
        ("nowhere.safetensors", "No model"),
        ("empty", "No Motion file"),
    ],
)
def test_another_source_is_refused_before_anything_starts(name, message, folder):
    (folder / "empty").mkdir(exist_ok=True)
    with pytest.raises(FileNotFoundError, match=message):
        serve(str(folder / name), 0)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_impossible_port_is_refused(port, folder):
    with pytest.raises(ValueError, match="cannot be used"):
        Studio.start(open_source(str(folder)), port)


def test_people_stand_in_a_row():
    starts = np.stack([person.translation[0] for person in side_by_side([motion(3, 0.1)] * 3)])
    assert starts == pytest.approx(np.array([[-APART_M, 1, 0], [0, 1, 0], [APART_M, 1, 0]]))


def test_playing_goes_round_at_its_speed_and_seeking_stays_inside():
    player = Player(num_frames=10, fps=20.0, speed=0.5)
    player.advance(0.35)
    assert player.frame == 3
    player.advance(1.0)
    assert player.frame == 3
    player.seek(99)
    assert player.frame == 9
    player.seek(-5)
    assert player.frame == 0
    player.playing = False
    player.advance(3.0)
    assert player.frame == 0
