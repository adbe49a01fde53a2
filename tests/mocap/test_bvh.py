import itertools

import numpy as np
import pybvh
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from motionary.mocap.bvh import read_bvh
from motionary.mocap.recording import euler_matrices

TINY = """HIERARCHY
ROOT hip
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 0 -2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -3 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
1 5 0 0 0 0 0 0 0
1 5 0 90 0 0 0 90 0
"""


def written(tmp_path, text):
    path = tmp_path / "tiny.bvh"
    path.write_text(text)
    return path


def test_joints_are_where_the_angles_put_them(tmp_path):
    recording = read_bvh(written(tmp_path, TINY))
    _, points = recording.world()
    assert recording.joints == ("hip", "knee", "knee_end")
    assert_allclose(points[0], [[1, 5, 0], [1, 3, 0], [1, 0, 0]], atol=1e-9)
    # The hip's quarter turn about z takes the thigh to +x; the knee's about x takes the shin to -z.
    assert_allclose(points[1], [[1, 5, 0], [3, 5, 0], [3, 5, -3]], atol=1e-9)


@pytest.mark.parametrize("axes", ["".join(axes) for axes in itertools.permutations("XYZ")])
def test_euler_angles_multiply_in_the_order_of_the_channels(axes):
    degrees = np.random.default_rng(0).uniform(-180, 180, (5, 3))
    assert_allclose(
        euler_matrices(degrees, axes),
        Rotation.from_euler(axes, degrees, degrees=True).as_matrix(),
        atol=1e-12,
    )


def test_another_reader_puts_the_joints_in_the_same_places(tmp_path, walk, rest, to_bvh):
    path = written(tmp_path, to_bvh(walk, rest, order="YZX"))
    ours = read_bvh(path)
    keep = [index for index, name in enumerate(ours.joints) if not name.endswith("_end")]
    theirs = pybvh.read_bvh_file(path)
    order = [list(theirs.joint_names).index(ours.joints[index]) for index in keep]
    assert_allclose(ours.world()[1][:, keep], theirs.joint_positions()[:, order], atol=1e-3)


def test_position_channels_of_any_joint_replace_its_offset(tmp_path):
    text = TINY.replace("CHANNELS 3 Zr", "CHANNELS 6 Xposition Yposition Zposition Zr")
    text = text.replace("0 0 0 0 0 0\n", "0 0 0 0 -4 0 0 0 0\n").replace(
        "90 0 0 0 90 0\n", "90 0 0 0 -6 0 0 90 0\n"
    )
    recording = read_bvh(written(tmp_path, text))
    assert_allclose(np.linalg.norm(np.diff(recording.world()[1][:, :2], axis=1), axis=-1)[:, 0], [4, 6])
    assert_allclose(recording.offsets[1], [0, -5, 0])


@pytest.mark.parametrize(
    ("printed", "fps"),
    [
        ("0.0333333", 30),
        ("0.033333", 30),
        ("0.008333", 120),
        ("0.04", 25),
        ("0.0333667", 1 / 0.0333667),
        ("0.01", 100),
    ],
)
def test_a_rounded_frame_time_means_the_whole_rate(tmp_path, printed, fps):
    assert read_bvh(written(tmp_path, TINY.replace("0.0333333", printed))).fps == pytest.approx(fps, abs=1e-9)


@pytest.mark.parametrize(
    "change", [("\n", "\r\n"), ("Frames: 2", "Frames:\t2"), ("ROOT hip\n{", "ROOT hip {"), ("  ", "\t")]
)
def test_spacing_does_not_matter(tmp_path, change):
    path = tmp_path / "tiny.bvh"
    path.write_bytes(TINY.replace(*change).encode())
    assert_allclose(read_bvh(path).world()[1], read_bvh(written(tmp_path, TINY)).world()[1])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1 5 0 90 0 0 0 90 0\n", "1 5 0 90 0\n", "cut"),
        ("1 5 0 90 0 0 0 90 0\n", "", "cut"),
        ("1 5 0 90", "1 nan 0 90", "NaN or infinity in frame 2"),
        ("1 5 0 90", "1 five 0 90", "not a number"),
        ("CHANNELS 3 Z", "CHANNELS 4 Z", "knee announces 4"),
        ("CHANNELS 3 Zrotation", "CHANNELS 3 Wrotation", "unknown channel"),
        ("Frame Time: 0.0333333\n", "", "Frame Time"),
        ("Frame Time: 0.0333333", "Frame Time: 0", "Frame Time"),
        ("HIERARCHY", "HELLO", "not a BVH"),
        ("MOTION", "LOTION", "no MOTION"),
        ("OFFSET 0 -2 0", "OFFSET 0 -2", "OFFSET of knee"),
        ("  }\n}\nMOTION", "  }\nMOTION", "braces"),
        (
            "Frames: 2\nFrame Time: 0.0333333\n1 5 0 0 0 0 0 0 0\n1 5 0 90 0 0 0 90 0\n",
            "Frames: 0\nFrame Time: 1\n",
            "no frames",
        ),
    ],
)
def test_a_damaged_file_gives_one_clear_line(tmp_path, old, new, says):
    assert old in TINY
    path = written(tmp_path, TINY.replace(old, new))
    with pytest.raises(ValueError, match=says) as caught:
        read_bvh(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_wrote_the_text_does_not_matter(tmp_path, encoding, newline):
    path = tmp_path / "tiny.bvh"
    path.write_bytes(TINY.replace("\n", newline).encode(encoding))
    assert_allclose(read_bvh(path).world()[1], read_bvh(written(tmp_path, TINY)).world()[1])


def test_keywords_may_be_in_any_case(tmp_path):
    words = ("HIERARCHY", "ROOT", "JOINT", "OFFSET", "CHANNELS", "MOTION")
    text = TINY
    for word in words:
        text = text.replace(word, word.title())
    assert read_bvh(written(tmp_path, text)).joints == ("hip", "knee", "knee_end")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.bvh"):
        read_bvh(tmp_path / "gone.bvh")
