"""Everything in use is listed with its terms."""

import re
from importlib.metadata import requires

import numpy as np
import pytest

from motionary.datasets import write_dataset
from motionary.datasets.folder import clip_record
from motionary.licences import terms
from motionary.motion import Motion


def test_every_library_that_is_required_is_listed_with_its_terms():
    found = {term.name.lower().replace("_", "-"): term for term in terms() if term.kind == "library"}
    for line in requires("motionary"):
        if "extra ==" not in line:
            assert re.match(r"[\w-]+", line)[0].lower() in found
    assert "Apache" in found["motionary"].terms
    assert sum(term.terms == "not stated" for term in found.values()) <= 3


def test_bundled_models_and_bodies_are_listed_with_the_terms_of_what_they_were_trained_on():
    found = {(term.kind, term.name): term for term in terms()}
    assert "NC" in found["model", "hdm05"].terms or "CC" in found["model", "hdm05"].terms
    assert ("model", "hdm05/recogniser") in found


def test_a_data_set_is_listed_with_its_own_terms(tmp_path):
    motion = Motion(np.zeros((3, 24, 3)), np.zeros((3, 3)), 30.0)
    motion.save(tmp_path / "mine" / "a.npz")
    write_dataset(tmp_path / "mine", [clip_record(motion, "a.npz", "walk")], fps=30.0, licence="CC0-1.0")
    assert [(t.name, t.terms) for t in terms([tmp_path / "mine"]) if t.kind == "data set"] == [
        ("mine", "CC0-1.0")
    ]
    with pytest.raises(FileNotFoundError, match="no data set, no model"):
        terms([tmp_path])
