"""`motionary figure curves` and `figure confusion`: numbers in the look of the pictures."""

from pathlib import Path

from tyro.conf import Positional

from motionary.commands.speaking import Answer


def figure_curves(
    run: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    measures: tuple[str, ...] = (),
    scores: tuple[str, ...] = (),
) -> Answer:
    """Draw a training's losses, and its FID and accuracy, against epochs.

    Args:
        run: Folders of runs, drawn into the same panels.
        out: File to write: .png or .pdf.
        measures: What to draw of the log, such as total points_mm; all when not given.
        scores: EPOCH=FOLDER for each epoch whose model `motionary evaluate` scored into that folder.
    """
    from motionary.evaluation.curves import run_panels, score_panels
    from motionary.export.charts import draw_curves, save_chart
    from motionary.export.figure import check_picture

    check_picture(out)
    if not run:
        raise ValueError("Expected the folder of a run; none was given.")
    panels = run_panels(run, measures)
    if scores:
        panels += score_panels(dict(map(_epoch_and_path, scores)))
    save_chart(draw_curves(panels), out)
    return Answer.of_file("picture", out)


def figure_confusion(
    recogniser: Positional[str], motions: Positional[tuple[Path, ...]], /, *, out: Path
) -> Answer:
    """Draw which actions a recogniser takes for which.

    Args:
        recogniser: A recogniser's folder, its model.safetensors, or the name of a bundled one.
        motions: Data sets, of which the test clips are shown, or folders of motions such as generate's;
            one matrix for each.
        out: File to write: .png or .pdf.
    """
    from motionary.confusion import accuracy
    from motionary.datasets import Dataset
    from motionary.export.charts import draw_confusion, save_chart
    from motionary.export.figure import check_picture
    from motionary.recognition import confusion_of, load_recogniser

    check_picture(out)
    if not motions:
        raise ValueError("Expected data sets or folders of motions; none were given.")
    judge = load_recogniser(recogniser)
    matrices = []
    for folder in motions:
        dataset = Dataset.load(folder)
        tested = dataset.split("test")
        counts = confusion_of(judge, tested if tested.clips else dataset)
        matrices.append((f"{folder.resolve().name}, {100 * accuracy(counts):.1f} %", counts))
    save_chart(draw_confusion(matrices, judge.actions), out)
    return Answer.of_file("picture", out)


def _epoch_and_path(text: str) -> tuple[int, Path]:
    epoch, _, path = text.partition("=")
    if not (epoch.isdecimal() and path):
        raise ValueError(f"Scores are given as EPOCH=FOLDER, such as 100=scores_100; got {text!r}.")
    return int(epoch), Path(path)
