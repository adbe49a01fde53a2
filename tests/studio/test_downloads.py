"""What is taken away opens elsewhere: files of the right kind, whole, with everyone in them."""

import io
import zipfile

import av
import numpy as np
import pygltflib
import pytest

from motionary.body.assets import load_body
from motionary.motion import Motion
from motionary.studio.downloads import file_names, make_download
from motionary.studio.figures import stick_body
from motionary.studio.state import Performer


@pytest.fixture(scope="module")
def two(make_motion) -> list[Performer]:
    return [Performer(make_motion(6, 0.1), "kneel 1"), Performer(make_motion(6, 0.2), "kneel: 2/../x")]


def test_one_motion_is_a_file_and_several_are_packed(two, tmp_path):
    one = make_download(two[:1], "npz", load_body())
    (tmp_path / one.name).write_bytes(one.content)
    assert np.allclose(Motion.load(tmp_path / "kneel_1.npz").pose, two[0].motion.pose)
    packed = make_download(two, "bvh", load_body())
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.namelist() == ["kneel_1.bvh", "kneel_2_x.bvh"]
        assert archive.read("kneel_1.bvh").startswith(b"HIERARCHY")


def test_a_glb_holds_everyones_motion_and_a_film_shows_the_scene(two, tmp_path):
    body = stick_body(load_body())
    glb = make_download(two, "glb", body)
    (tmp_path / glb.name).write_bytes(glb.content)
    assert len(pygltflib.GLTF2().load(str(tmp_path / glb.name)).animations) == 2
    film = make_download(two, "mp4", body)
    with av.open(io.BytesIO(film.content)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    page = make_download(two[:1], "html", body)
    assert b"__VISER_EMBED_DATA__" in page.content


def test_names_are_safe_and_different(two):
    assert file_names([*two, two[0]]) == ["kneel_1_1", "kneel_2_x", "kneel_1_2"]
    assert file_names([Performer(two[0].motion, "../..")]) == ["motion"]


def test_other_formats_and_an_empty_stage_are_refused(two):
    with pytest.raises(ValueError, match="The formats are"):
        make_download(two, "exe", load_body())
    with pytest.raises(ValueError, match="Nobody"):
        make_download([], "npz", load_body())
