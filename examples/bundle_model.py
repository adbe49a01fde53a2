"""Put a model, its recogniser and its real features into a folder, as the package has them.

python examples/bundle_model.py RUN RECOGNISER DATASET OUT
"""

import sys
from pathlib import Path

from motionary.datasets import Dataset
from motionary.evaluation.real import RealFeatures
from motionary.models import load_model
from motionary.recognition import load_recogniser


def bundle(run: Path, recogniser_run: Path, data_set: Path, out: Path) -> None:
    """Write OUT/model.safetensors (half precision), recogniser.safetensors and real_features.npz."""
    load_model(run).save(out / "model.safetensors", "float16")
    recogniser = load_recogniser(recogniser_run)
    recogniser.save(out / "recogniser.safetensors")
    RealFeatures.of(Dataset.load(data_set), recogniser).save(out / "real_features.npz")


if __name__ == "__main__":
    bundle(*(Path(argument) for argument in sys.argv[1:5]))
