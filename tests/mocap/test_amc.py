import numpy as np
import pytest
from numpy.testing import assert_allclose

from motionary.mocap.amc import find_asf, read_amc

ASF = """:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 7
    axis 0 0 90 XYZ
    dof rx rz
  end
  begin
    id 2
    name shin   # a comment
    direction 0 -2 0
    length 5
    axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""
AMC = """#!OML:ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
thigh 0 0
2
root 1 2 3 90 90 0
thigh 90 0
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "actor.asf").write_text(ASF)
    (tmp_path / "actor_walk_01.amc").write_text(AMC)
    return tmp_path


def test_a_bone_turns_about_its_start_in_its_own_axes(files):
    recording = read_amc(files / "actor_walk_01.amc")
    _, points = recording.world()
    assert recording.joints == ("root", "thigh", "shin", "shin_end")
    assert_allclose(points[0], [[1, 2, 3], [1, 2, 3], [1, -5, 3], [1, -10, 3]], atol=1e-9)
    # The thigh's own x is the world's y at rest, along itself: its turn about x leaves it where the root
    # takes it, which turns about x first and about y then: -y -> -z -> -x.
    assert_allclose(points[1, 2] - points[1, 1], [-7, 0, 0], atol=1e-9)


def test_lengths_are_inches_over_the_unit(files):
    assert read_amc(files / "actor_walk_01.amc").metres_per_unit == pytest.approx(0.0254 / 0.45)


def test_radians_and_degrees_mean_the_same(files):
    degrees = read_amc(files / "actor_walk_01.amc")
    text = AMC.replace(":DEGREES", ":RADIANS").replace("90", str(np.pi / 2))
    (files / "actor_walk_01.amc").write_text(text)
    assert_allclose(read_amc(files / "actor_walk_01.amc").rotations, degrees.rotations, atol=1e-12)


def test_the_skeleton_in_radians_means_the_same(files):
    degrees = read_amc(files / "actor_walk_01.amc")
    (files / "actor.asf").write_text(
        ASF.replace("angle deg", "angle rad").replace("0 0 90 XYZ", f"0 0 {np.pi / 2} XYZ")
    )
    assert_allclose(read_amc(files / "actor_walk_01.amc").rotations, degrees.rotations, atol=1e-12)


def test_the_rate_is_told_by_the_caller(files):
    assert read_amc(files / "actor_walk_01.amc").fps == 120
    assert read_amc(files / "actor_walk_01.amc", fps=60.0).fps == 60


def test_the_skeleton_beside_the_motion_that_fits_its_name_is_taken(files):
    for name in ("act", "other", "actor_walk"):
        (files / f"{name}.asf").write_text(ASF)
    assert find_asf(files / "actor_walk_01.amc").name == "actor_walk.asf"
    assert find_asf(files / "actor_run_01.amc").name == "actor.asf"
    with pytest.raises(FileNotFoundError, match=r"needs its \.asf"):
        find_asf(files / "nobody_01.amc")


def test_the_only_skeleton_serves_every_motion(files):
    assert find_asf(files / "nobody_01.amc").name == "actor.asf"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("thigh 90 0\n", "", "cut: frame 2 has no values for bone thigh"),
        ("thigh 90 0\n", "thigh 90\n", "does not fit its skeleton"),
        ("thigh 90 0\n", "tail 90 0\n", "does not fit its skeleton"),
        ("thigh 90 0\n", "thigh nan 0\n", "NaN or infinity in frame 2"),
        ("thigh 90 0\n", "thigh x 0\n", "not a number"),
        (AMC, "", "no frames"),
    ],
)
def test_a_damaged_motion_gives_one_clear_line(files, old, new, says):
    path = files / "actor_walk_01.amc"
    path.write_text(AMC.replace(old, new))
    with pytest.raises(ValueError, match=says) as caught:
        read_amc(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (":hierarchy", ":elsewhere", "hierarchy"),
        ("dof rx rz", "dof rx rw", "degree of freedom rw"),
        ("direction 0 -1 0", "direction 0 0 0", "direction"),
        ("thigh shin", "thigh tail", "tail, which has no bone data"),
        ("length 0.45", "length 0", "length unit"),
        ("position 0 0 0", "position 0 0", "position of three numbers"),
    ],
)
def test_a_damaged_skeleton_gives_one_clear_line(files, old, new, says):
    assert old in ASF
    (files / "actor.asf").write_text(ASF.replace(old, new))
    with pytest.raises(ValueError, match=says):
        read_amc(files / "actor_walk_01.amc")
