"""A page that answers on this machine alone, plays what it is given, and leaves when told."""

import socket
from urllib.request import urlopen

import numpy as np
import pytest

from motionary.studio import Door, Studio, open_source, serve
from motionary.studio.source import Folders
from motionary.studio.state import Ask
from motionary.studio.variation import Sample


def turns(studio: Studio, joint: int = 4) -> np.ndarray:
    """Quaternions of everybody's joint as browsers are told them now."""
    names = [f"/stage/person_{index}" for index in range(len(studio.shown))]
    told = {
        (message["name"], message.get("bone_index")): message["wxyz"]
        for message in studio.scene.frame(studio.player.frame)
        if message["type"] == "SetBoneOrientationMessage"
    }
    return np.array([told[name, joint] for name in names])


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
        bent = turns(studio)
        studio.choose("one.npz")
        assert (studio.player.frame, studio.player.num_frames) == (0, 5)
        assert turns(studio)[0] == pytest.approx([1, 0, 0, 0], abs=1e-6)
        studio.seek(4)
        assert turns(studio)[0] == pytest.approx([np.cos(0.2), np.sin(0.2), 0, 0], abs=1e-5)
        assert not np.allclose(turns(studio), bent, atol=0.1)
        studio.tick(0.15)  # from the last frame on to the first
        assert studio.player.frame == 0
        studio.play(False)
        studio.tick(0.15)
        assert studio.player.frame == 0
        with pytest.raises(ValueError, match="No motion"):
            studio.choose("../elsewhere.npz")
        with pytest.raises(ValueError, match=rf"port {port} .*--port"):
            Studio.start(studio.source, Door(port=port))
    finally:
        studio.stop()
    assert can_bind(port)
    assert capsys.readouterr().out == ""


def test_a_model_performs_for_several_people(checkpoint, start):
    studio = start(open_source(str(checkpoint.parent)))
    assert (len(studio.shown), studio.player.num_frames) == (1, 12)
    studio.perform(Ask("jump", 3, 0.2, 5))
    assert (len(studio.shown), studio.player.num_frames) == (3, 5)
    first = turns(studio)
    studio.perform(Ask("jump", 3, 0.2, 6))
    assert not np.allclose(turns(studio), first, atol=1e-3)
    studio.perform(Ask("jump", 3, 0.2, 5))
    assert np.allclose(turns(studio), first)
    left_over = studio.scene.people[1:]
    meshes = [person.mesh for person in studio.scene.people]
    studio.perform(Ask("walk", 1, 0.2))
    assert studio.scene.people[0].mesh is meshes[0]  # the same body costs no new mesh
    assert studio.scene.people[0].mesh.visible
    assert not any(person.mesh.visible for person in left_over)


@pytest.mark.parametrize(
    "ask", [Ask("fly"), Ask("walk", 10_000), Ask("walk", 1, 1e9), Ask("walk", 1, 1.0, -1)]
)
def test_what_a_browser_makes_up_is_refused_and_nothing_changes(ask, checkpoint, start):
    studio = start(open_source(str(checkpoint)))
    before = studio.shown
    studio.desk.ask("show", lambda: studio.perform(ask))
    assert studio.desk.rest()
    assert studio.shown is before
    assert "must be" in studio.controls._said.value or "Unknown action" in studio.controls._said.value


def test_models_stand_behind_one_another_and_do_the_same(checkpoint, start):
    studio = start(open_source(str(checkpoint), str(checkpoint.parent)))
    studio.perform(Ask("walk", 2, 0.4, 3))
    assert [performer.row for performer in studio.shown] == [0, 0, 1, 1]
    told = turns(studio)
    assert np.allclose(told[:2], told[2:])
    depths = [person.motion.translation[0, 2] for person in studio.scene.people]
    assert depths[0] == depths[1] > depths[2] == depths[3]


def test_folders_show_what_they_have_in_common(folder, tmp_path, make_motion, start):
    make_motion(6, 0.4).save(tmp_path / "one.npz")
    make_motion(6, 0.4).save(tmp_path / "other.npz")
    source = open_source(str(folder), str(tmp_path))
    assert isinstance(source, Folders)
    assert source.names == ("one.npz",)
    studio = start(source)
    assert [performer.caption for performer in studio.shown] == [folder.name, tmp_path.name]
    with pytest.raises(ValueError, match="same name"):
        Folders.of(["a", "b"], [source.folders[0], open_source(str(folder / "deeper")).folders[0]])


def test_the_way_between_samples_is_shown_with_its_ends(checkpoint, start):
    studio = start(open_source(str(checkpoint)))
    ends = Sample("walk", 0), Sample("jump", 1)
    studio.perform(Ask("walk", 1, 0.4, 0))
    own = turns(studio)
    studio.vary(*ends, 0.0, 0.4)
    assert [performer.caption for performer in studio.shown] == ["0%", "0%", "100%"]
    assert np.allclose(turns(studio)[:2], own, atol=1e-5)
    studio.seek(3)
    studio.vary(*ends, 0.5, 0.4)
    assert studio.player.frame == 3  # what plays goes on playing
    assert not np.allclose(turns(studio)[1], turns(studio)[0], atol=1e-3)
    studio.whole_way(*ends, 0.4)
    assert len(studio.shown) == 5


def test_real_clips_and_added_motions_stand_behind(checkpoint, dataset, make_motion, tmp_path, start):
    studio = start(open_source(str(checkpoint)), dataset=dataset)
    studio.show_real(2)
    assert [performer.kind for performer in studio.shown] == ["generated", "real", "real"]
    assert all("walk_" in performer.caption for performer in studio.shown[1:])
    make_motion(6, 0.4).save(tmp_path / "mine.npz")
    studio.add("mine.npz", (tmp_path / "mine.npz").read_bytes())
    assert [performer.row for performer in studio.shown] == [0, 1, 2, 2]
    studio.clear_added()
    studio.show_real(0)
    assert len(studio.shown) == 1


def test_following_keeps_people_in_the_middle(folder, start):
    studio = start(open_source(str(folder)))
    walking = studio.source.choose("one.npz")[0].motion
    walking = walking.__class__(
        walking.pose, walking.translation + np.linspace(0, 4, 5)[:, None] * [1, 0, 0], 10.0
    )
    studio._show([studio.shown[0].__class__(walking, "walking")])
    studio.seek(4)
    assert studio.scene.frame(4)[0]["position"] == [0, 0, 0]
    studio.follow(True)
    assert studio.scene.frame(4)[0]["position"][0] < -1.5


def test_frames_in_doubt_are_coloured(folder, start):
    studio = start(open_source(str(folder)))
    shown = studio.shown[0]
    doubtful = shown.motion.crop(0, 4)
    doubtful.trust[2:] = 0.0
    studio._show([shown.__class__(doubtful, "doubtful")])
    studio.colour("trust")
    studio.seek(0)
    sure = studio.scene.people[0].mesh.color
    studio.seek(3)
    assert studio.scene.people[0].mesh.color != sure
    assert "trust 0.50" in studio.controls._said.value
    with pytest.raises(ValueError, match="coloured by"):
        studio.colour("mood")


def test_everyone_can_wear_another_body(folder, start):
    studio = start(open_source(str(folder)))
    fine = len(studio.scene.people[0].mesh.vertices)
    studio.wear("sticks")
    assert 0 < len(studio.scene.people[0].mesh.vertices) < fine / 10
    with pytest.raises(ValueError, match="The bodies are"):
        studio.wear("/etc/passwd")


def test_what_is_there_decides_what_a_source_is(folder, checkpoint, make_motion):
    assert isinstance(open_source(str(folder)), Folders)
    assert open_source(str(checkpoint)).actions == ("walk", "jump")
    make_motion(2, 0.1).save(checkpoint.parent / "samples" / "walk.npz")
    assert open_source(str(checkpoint.parent)).actions == ("walk", "jump")
    with pytest.raises(ValueError, match="not both"):
        open_source(str(folder), str(checkpoint))
    with pytest.raises(ValueError, match="none"):
        open_source()


def test_files_outside_the_folder_are_not_shown(tmp_path, make_motion):
    make_motion(2, 0.1).save(tmp_path / "secret.npz")
    make_motion(2, 0.1).save(tmp_path / "shown" / "own.npz")
    (tmp_path / "shown" / "link.npz").symlink_to(tmp_path / "secret.npz")
    assert open_source(str(tmp_path / "shown")).names == ("own.npz",)


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
        serve(str(folder / name), door=Door(port=0))


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_impossible_port_is_refused(port, folder):
    with pytest.raises(ValueError, match="cannot be used"):
        Studio.start(open_source(str(folder)), Door(port=port))
