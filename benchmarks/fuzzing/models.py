"""Whole models: bodies, networks, and training runs."""

import pickle
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse
from fuzzing.containers import npz, torch_file, written
from fuzzing.data_sets import data_set
from numpy import ndarray

from motionary.body.assets import load_body
from motionary.body.skeleton import PARENTS
from motionary.datasets import Dataset
from motionary.models.actor import Actor, ActorConfig
from motionary.models.checkpoint import Model
from motionary.models.recognisers import GruConfig, GruRecogniser, Recogniser
from motionary.training.config import TrainConfig
from motionary.training.state import STATE_FILE, Run


def smpl_arrays(num_vertices: int = 12) -> dict[str, ndarray]:
    rng = np.random.default_rng(0)
    weights = rng.random((num_vertices, 24))
    return {
        "v_template": rng.normal(size=(num_vertices, 3)),
        "shapedirs": rng.normal(size=(num_vertices, 3, 10)),
        "posedirs": rng.normal(size=(num_vertices, 3, 207)),
        "J_regressor": np.full((24, num_vertices), 1 / num_vertices),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(24)], np.uint32),
        "f": np.array([[0, 1, 2], [2, 3, 4]], np.uint32),
    }


def smpl_seeds() -> list[bytes]:
    arrays = smpl_arrays()
    sparse = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"])}
    return [npz(**arrays), *(pickle.dumps(sparse, protocol) for protocol in (0, 2, 4, 5))]


TINY = ActorConfig(num_actions=2, latent_dim=8, ff_dim=8, num_layers=1, num_heads=2)


def actor() -> Actor:
    return Actor(TINY)


def model_seeds() -> list[bytes]:
    model = Model(actor(), ("run", "walk"), 30.0, 8, "forward", {"dataset": "a"}, "CC0")
    return [written("m.safetensors", model.save)]


def recogniser_seeds() -> list[bytes]:
    network = GruRecogniser(GruConfig(num_actions=2, hidden_dim=4))
    rest = load_body().joints_template.clone()
    made = Recogniser(network, ("run", "walk"), 30.0, 8, "forward", rest, licence="CC0")
    return [written("m.safetensors", made.save)]


def gru_of_others() -> bytes:
    """As Action2Motion saves its recognisers."""
    names = {"to_features": "linear1", "to_logits": "linear2", "recurrent": "recurrent"}
    state = GruRecogniser(GruConfig(num_actions=2, hidden_dim=4)).state_dict()
    theirs = {f"{names[n.partition('.')[0]]}.{n.partition('.')[2]}": t for n, t in state.items()}
    return torch_file({"model": {n: t for n, t in theirs.items() if n.partition(".")[0] in names.values()}})


def state_seeds() -> list[bytes]:
    config = TrainConfig(latent_dim=8, ff_dim=8, num_layers=1, num_heads=2, num_frames=8, points="joints")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in data_set().items():
            (folder / name).write_bytes(content)
        Run.start(Dataset.load(folder), config).save(folder)
        content = (folder / STATE_FILE).read_bytes()
        size = 8 + int.from_bytes(content[:8], "little")
        header = content[8:size].replace(str(folder.resolve()).encode(), b".")  # where inputs are read
        return [content[:8] + header.ljust(size - 8) + content[size:]]


OPTIONS = b"modeltype: cvae\narchiname: transformer\npose_rep: rot6d\nglob: true\ntranslation: true\n" + (
    b"num_frames: 60\nlatent_dim: 8\nnum_layers: 1\nactions: [a, b]\nfps: 30\n"
)
