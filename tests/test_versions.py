"""Files of every format version that there ever was are read; newer ones are refused politely.

`versions/v1` was written by the package before data sets, models and training states had a second version,
`versions/v2` by the one that gave them theirs, `versions/v3` by the one that gave models a third,
`versions/v4` a fourth: all by training for one of two epochs on two made-up clips.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from motionary.datasets import Dataset
from motionary.datasets.packed import _opened, open_packed
from motionary.estimators.batch.manifest import Manifest
from motionary.models.checkpoint import load_model
from motionary.models.prior import LatentPrior, PosteriorPrior
from motionary.motion import Motion
from motionary.training import resume
from motionary.training.state import Run

VERSIONS = Path(__file__).parent / "versions"
ALL = sorted(path.name for path in VERSIONS.iterdir())


def with_header(content: bytes, change) -> bytes:
    """A safetensors file whose notes are changed."""
    size = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:size])
    notes = header["__metadata__"]
    for name, text in notes.items():
        notes[name] = json.dumps(change(json.loads(text)))
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + content[size:]


@pytest.fixture(params=ALL)
def kept(request, tmp_path) -> Path:
    """A copy of a version's files; the training state finds its data set there."""
    folder = tmp_path / request.param
    shutil.copytree(VERSIONS / request.param, folder)
    state = folder / "training_state.safetensors"
    state.write_bytes(with_header(state.read_bytes(), lambda notes: {**notes, "dataset": str(folder)}))
    return folder


def newer(notes: dict) -> dict:
    return {**notes, "format_version": 99, "something": "new"}


def test_every_version_is_kept():
    found = [json.loads((VERSIONS / name / "dataset.json").read_text())["format_version"] for name in ALL]
    assert found == [1, 2, 2, 2]


def test_data_sets_of_every_version_are_read(kept):
    dataset = Dataset.load(kept)
    assert dataset.actions == ("jump", "walk")
    assert dataset.licence == "CC0-1.0"
    for clip, motion in zip(dataset.clips, dataset.motions(), strict=True):
        np.testing.assert_array_equal(motion.pose, Motion.load(kept / clip.path).pose)
        np.testing.assert_array_equal(open_packed(dataset).motion(clip.path).pose, motion.pose)


def test_models_of_every_version_are_read(kept):
    model = load_model(kept / "model.safetensors")
    assert model.actions == ("jump", "walk")
    assert model.network.config.latent_dim == 4
    kinds = {"v1": type(None), "v2": LatentPrior, "v3": PosteriorPrior, "v4": PosteriorPrior}
    assert type(model.prior) is kinds[kept.name]
    assert (model.network.config.window > 0) == (kept.name in ("v3", "v4"))
    assert (model.feet == "planted") == (kept.name == "v4")
    if kept.name in ("v3", "v4"):
        assert model.prior.reach == {"v3": 0.5, "v4": 0.25}[kept.name]


def test_runs_of_every_version_go_on(kept):
    assert Run.load(kept).epoch == 1
    assert load_model(resume(kept)).provenance["epochs"] == 2


@pytest.mark.parametrize("name", ["model.safetensors", "training_state.safetensors", "dataset.json"])
def test_newer_files_are_refused_politely(name, kept):
    path = kept / name
    if path.suffix == ".json":
        path.write_text(json.dumps(newer(json.loads(path.read_text()))))
    else:
        path.write_bytes(with_header(path.read_bytes(), newer))
    read = {"model.safetensors": load_model}.get(name, lambda _: None)
    with pytest.raises(ValueError, match=rf"{name} .*format 99.*update motionary"):
        _ = read(path) or (Run.load(kept) if "state" in name else Dataset.load(kept))


def test_a_newer_packed_file_is_made_anew(kept):
    path = kept / "packed.safetensors"
    path.write_bytes(with_header(path.read_bytes(), newer))
    assert not _opened(path).pieces
    assert len(open_packed(Dataset.load(kept)).pieces) == 2


def test_a_newer_manifest_is_refused_politely(tmp_path):
    manifest = {"format_version": 99, "estimator": "a", "options": {}, "person": "largest", "videos": []}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"format 99.*update motionary"):
        Manifest.open(tmp_path, "a", {}, "largest")
