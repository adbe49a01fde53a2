"""Estimators of other packages: the example for real, and broken ones in one line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from motionary.estimators import load_estimator
from motionary.motion import Motion

EXAMPLE = Path(__file__).parents[2] / "examples" / "estimator_plugin"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Function that makes a package offer an estimator, by metadata as pip writes it."""

    def make(name: str, value: str, code: str = "", package: str = "made-up") -> None:
        folder = tmp_path / "site" / f"{package.replace('-', '_')}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[motionary.estimators]\n{name} = {value}\n")
        (folder.parent / f"{value.partition(':')[0]}.py").write_text(code)

    monkeypatch.syspath_prepend(tmp_path / "site")
    yield make
    for module in ("brokenplugin", "otherplugin"):
        sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which pip installed the example."""
    source = tmp_path_factory.mktemp("source") / "estimator_plugin"
    shutil.copytree(EXAMPLE, source)
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", f"--target={target}", str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return target


def test_the_example_finds_what_moves(site, tmp_path, video_writer):
    def picture(k: int) -> np.ndarray:
        values = np.zeros((120, 160, 3), np.uint8)
        values[40:100, 20 + 4 * k : 35 + 4 * k] = 255
        return values

    video = video_writer(tmp_path / "slide.mp4", np.arange(20) / 10, (160, 120), picture)
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "motionary", "estimate", str(video), "--estimator", "mover"]
    command += ["--out", str(tmp_path / "out")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": paths}, timeout=120)
    motion = Motion.load(tmp_path / "out" / "slide" / "person_1.npz")
    assert len(motion) == 20
    assert not motion.valid[0]
    # 4 of the 60 pixels of a height of 1.7 m in every tenth of a second, to the right
    speed_m_s = np.diff(motion.translation[2:, 0]) * motion.fps
    np.testing.assert_allclose(speed_m_s.mean(), 4 / 60 * 1.7 * 10, rtol=0.1)
    assert json.loads((tmp_path / "out/slide/estimate.json").read_text())["estimator"] == "mover"


def test_an_unknown_name_lists_plug_ins_too(install):
    install("crystal", "otherplugin:Ball")
    with pytest.raises(ValueError, match=r"there is blazepose.*crystal"):
        load_estimator("tea-leaves")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("Other = 1", "no attribute 'Ball'|AttributeError"),
        ("def Ball(): raise RuntimeError('no crystal')", "RuntimeError: no crystal"),
        ("def Ball(): return 3", "makes a int, which cannot be called"),
    ],
)
def test_a_broken_plug_in_is_one_line_that_names_its_package(install, code, said):
    install("crystal", "brokenplugin:Ball", code)
    with pytest.raises(ValueError, match=said) as raised:
        load_estimator("crystal")
    assert "Plug-in estimator 'crystal' (made-up 1.0, brokenplugin:Ball)" in str(raised.value)


def test_what_a_plug_in_does_wrong_with_a_video_names_both(install):
    code = "class Ball:\n    def __call__(self, video):\n        return [][1] if video.stem == 'a' else {}"
    install("crystal", "brokenplugin:Ball", code)
    ball = load_estimator("crystal")
    with pytest.raises(ValueError, match=r"crystal.*failed on a\.mp4: IndexError"):
        ball(Path("a.mp4"))
    with pytest.raises(ValueError, match=r"crystal.*returned a dict for b\.mp4"):
        ball(Path("b.mp4"))


def test_no_plug_in_takes_the_name_of_a_built_in_estimator(install, monkeypatch):
    install("blazepose", "brokenplugin:Ball", "def Ball(): return lambda video: 'mine'")
    monkeypatch.setattr("motionary.estimators.ESTIMATORS", {"blazepose": "unittest.mock:Mock"})
    with pytest.warns(UserWarning, match="Motionary's own"):
        assert isinstance(load_estimator("blazepose"), Mock)


def test_two_packages_of_one_name_are_not_guessed_between(install):
    install("crystal", "brokenplugin:Ball")
    install("crystal", "otherplugin:Ball", package="another")
    with pytest.raises(ValueError, match=r"another 1\.0.*and made-up 1\.0"):
        load_estimator("crystal")
