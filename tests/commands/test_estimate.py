"""What `motionary estimate` hands on to an estimator."""

from pathlib import Path

import pytest

from motionary.commands.estimate import Network, estimate
from motionary.estimators import ESTIMATORS


class StopError(Exception):
    """As far as the tests go."""


@pytest.fixture
def handed(monkeypatch):
    """The options that reach the estimator, of which there is none."""
    options = {}

    def load(name, **given):
        options.update(given)
        raise StopError

    monkeypatch.setattr("motionary.estimators.load_estimator", load)
    return options


def test_only_options_that_were_given_reach_the_estimator(handed, tmp_path):
    with pytest.raises(StopError):
        estimate((Path("walk.mp4"),), out=tmp_path / "none", anyway=True)
    assert handed == {}
    with pytest.raises(StopError):
        estimate(
            (Path("walk.mp4"),),
            out=tmp_path / "out",
            focal_px=1400.0,
            network=Network(device="cpu"),
            anyway=True,
        )
    assert handed == {"focal_px": 1400.0, "device": "cpu"}


@pytest.mark.parametrize("focal_px", [0.0, -1200.0, float("nan"), float("inf")])
def test_a_focal_length_is_a_positive_number(focal_px, tmp_path):
    assert "blazepose" in ESTIMATORS
    with pytest.raises(ValueError, match="focal_px must be a positive number of pixels"):
        estimate((Path("walk.mp4"),), out=tmp_path / "out", focal_px=focal_px, anyway=True)
