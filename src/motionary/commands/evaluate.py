"""`motionary evaluate`: three protocols, one table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import FlagCreatePairsOff, Positional

from motionary import progress
from motionary.commands.speaking import Answer

if TYPE_CHECKING:
    from motionary.datasets import Dataset
    from motionary.evaluation.published import Plan, Watch
    from motionary.evaluation.published_files import PublishedScores
    from motionary.models import Model

PUBLISHED_SUFFIX = ".tar"
"""Of the recognisers that Action2Motion published."""
BYTES_PER_MOTION = 4096
"""Features, physical numbers and labels of a generated motion and the real one beside it, about."""
CHECKPOINT_SUFFIX = ".pth.tar"
"""Of those that ACTOR's code trains, ST-GCNs."""


def evaluate(
    model: Positional[str],
    dataset: Positional[Path],
    /,
    *,
    recogniser: str,
    out: Path,
    seeds: int = 20,
    protocol: Literal["motionary", "actor", "action2motion"] = "motionary",
    most_motions: int = 3000,
    extra_regressor: Path | None = None,
    anyway: FlagCreatePairsOff[bool] = False,
) -> Answer:
    """Score generated motion against real: FID, accuracy, diversity ...

    Also multimodality, and measures of motion itself such as foot skate.

    Args:
        model: A run folder, a model.safetensors, or the name of a bundled model.
        dataset: Data set folder with held-out clips.
        recogniser: A recogniser's folder, its model.safetensors, or the name of a bundled one; with
            --protocol actor also one that Action2Motion published (.tar), which needs the SMPL body, or an
            ST-GCN of ACTOR's (.pth.tar).
        out: Folder for metrics.json, table.tex and table.md.
        seeds: Repetitions the intervals are taken over.
        protocol: motionary compares with held-out clips; actor and action2motion do as those papers' code
            does, with training clips, for numbers that stand beside theirs.
        most_motions: Motions per seed at most.
        extra_regressor: A .npy of nine rows for NTU13's points, which SMPL does not contain.
        anyway: Begin even if memory seems too small for it.
    """
    from motionary.atomic import working_in
    from motionary.datasets import Dataset
    from motionary.models import load_model
    from motionary.resources import Need

    loaded, data = load_model(model), Dataset.load(dataset)
    data.check_apart(out)
    if not anyway:
        most = min(most_motions, len(data)) if protocol == "motionary" else most_motions
        need = Need(memory=most * (12 * loaded.network.config.latent_dim + BYTES_PER_MOTION))
        need.check(f"Scoring {most} motions at a time", out, "lower --most-motions, or begin with --anyway")
    with working_in(out):
        return _scored(loaded, data, recogniser, out, seeds, protocol, most_motions, extra_regressor)


def _scored(
    loaded: "Model",
    data: "Dataset",
    recogniser: str,
    out: Path,
    seeds: int,
    protocol: Literal["motionary", "actor", "action2motion"],
    most_motions: int,
    extra_regressor: Path | None,
) -> Answer:
    from motionary.evaluation import evaluate as evaluate_model
    from motionary.recognition import load_recogniser

    if protocol == "actor":
        scores = _as_published(loaded, data, recogniser, seeds, most_motions, extra_regressor)
        tables, written, content = [scores.table()], scores.write(out), scores.to_json()
    elif recogniser.endswith(PUBLISHED_SUFFIX):
        raise ValueError(
            f"{recogniser} is a published recogniser, which --protocol actor alone can ask; "
            "for this one train your own with `motionary train-recogniser`."
        )
    else:
        judge = load_recogniser(recogniser)
        result = evaluate_model(
            loaded, data, judge, seeds=seeds, most_motions=most_motions, protocol=protocol
        )
        tables, written = [grid.terminal() for grid in result.grids()], result.write(out)
        content = result.to_json()
    facts = {"written": [str(path) for path in written], **json.loads(content)}
    return Answer(facts, (*tables, f"written: {', '.join(map(str, written))}"))


def _as_published(
    model: "Model",
    data: "Dataset",
    recogniser: str,
    seeds: int,
    most_motions: int,
    extra_regressor: Path | None,
) -> "PublishedScores":
    """Run the published protocol and tell how far it is."""
    from motionary.evaluation.published import evaluate_as_published

    watch, plan = _watching(model, recogniser, extra_regressor)
    with progress.stage("generating and scoring", seeds, "seed") as stage:
        return evaluate_as_published(
            model, data, watch, seeds, plan=plan, most=most_motions, on_progress=stage.tell
        )


def _watching(model: "Model", recogniser: str, extra_regressor: Path | None) -> "tuple[Watch, Plan]":
    """How the published protocol looks at motions, and at which."""
    import numpy as np
    import torch

    from motionary.body.assets import load_body
    from motionary.evaluation.published import STGCN_PLAN, gru_plan
    from motionary.evaluation.watching import (
        watch_with_own,
        watch_with_published,
        watch_with_published_stgcn,
    )
    from motionary.models.recognisers import read_published
    from motionary.models.stgcn import Stgcn, read_published_stgcn
    from motionary.recognition import load_recogniser

    plan = gru_plan("all" if "imported_from" in model.provenance else "train")
    if recogniser.endswith(CHECKPOINT_SUFFIX):
        return watch_with_published_stgcn(read_published_stgcn(recogniser)), STGCN_PLAN
    if not recogniser.endswith(PUBLISHED_SUFFIX):
        own = load_recogniser(recogniser)
        return watch_with_own(own), STGCN_PLAN if isinstance(own.network, Stgcn) else plan
    network = read_published(recogniser)
    rows = None
    if extra_regressor:
        rows = torch.from_numpy(np.load(extra_regressor, allow_pickle=False)).float()
    return watch_with_published(network, load_body("smpl"), rows), plan
