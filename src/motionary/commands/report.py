"""`motionary report`: one page about a run."""

from pathlib import Path

from tyro.conf import Positional

from motionary.commands.speaking import Answer


def report(
    run: Positional[str],
    /,
    *,
    out: Path | None = None,
    evaluation: Path | None = None,
    dataset: Path | None = None,
    recogniser: str | None = None,
    samples: int = 3,
    seeds: int = 20,
) -> Answer:
    """Write one page about a run: what it performs, how well, where from.

    The page holds playable performances, a contact sheet, scores with their intervals and meanings, training
    curves, settings, provenance and licences; it needs no other file and no network.

    Args:
        run: A run folder, a model.safetensors, or the name of a bundled model.
        out: The page; RUN/report.html, or NAME-report.html here, when not given.
        evaluation: Scores that `motionary evaluate --out` wrote; that saves the time to make them.
        dataset: Scores the model against this data set's held-out clips instead, with --recogniser.
        recogniser: A recogniser's folder, its model.safetensors, or the name of a bundled one.
        samples: Performances of every action.
        seeds: Repetitions of an evaluation that is made for the report.
    """
    from motionary.report import ReportConfig, report_run

    folder = Path(run)
    page = out or (folder / "report.html" if folder.is_dir() else Path(f"{folder.stem}-report.html"))
    config = ReportConfig(samples=samples, seeds=seeds)
    report_run(run, page, evaluation=evaluation, dataset=dataset, recogniser=recogniser, config=config)
    return Answer({"report": str(page)}, (f"report: {page}",))
