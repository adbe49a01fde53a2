from io import StringIO

import pytest
from rich.console import Console

from motionary.evaluation.grid import Grid
from motionary.evaluation.published_files import PublishedScores

NAMES = ("rotateArmsBothBackward", "standing-gastrocnemius-calf", "straight-forward-flexion")


def shown(table, width=80) -> str:
    console = Console(width=width, file=StringIO(), record=True)
    console.print(table)
    return console.export_text()


def every_action() -> Grid:
    headings = (
        "",
        *(f"{row} {name} %" for name in ("accuracy", "freeze", "complete") for row in ("GT", "Gen")),
    )
    return Grid("Every action", headings, tuple((name, *["100 ± 12"] * 6) for name in NAMES), "A caption.")


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_narrow_terminal_cuts_nothing(width):
    grid, text = every_action(), shown(every_action().terminal(), width)
    assert "…" not in text
    letters = "".join(text.split())
    assert sum(letters.count(digit) for digit in "012") == sum(
        cell.count(d) for row in grid.rows for cell in row for d in "012"
    )
    assert all(len(line) <= width for line in text.splitlines())


def test_eighty_columns_hold_numbers_and_headings_in_one_piece():
    text = shown(every_action().terminal())
    assert text.count("100 ± 12") == 6 * len(NAMES)
    for word in ("accuracy", "freeze %", "complete"):
        assert text.count(word) == 2


def test_an_arrow_stays_with_its_word():
    text = shown(Grid("", ("", "Accuracy % ↑", "FID ↓"), (("GT", "97", "0.3"),)).terminal())
    assert "% ↑" in text
    assert "FID ↓" in text


def test_published_tables_cut_nothing_either():
    names = [
        f"{m}_{s}_{split}"
        for m in ("fid", "accuracy", "diversity", "multimodality")
        for s in ("gen", "gt")
        for split in ("train", "test")
    ]
    text = shown(PublishedScores(dict.fromkeys(names, (123.4, 567.8))).table())
    assert "…" not in text
    assert text.count("345.6") == 4
    assert "34560.0" in text
    assert "Multimod. →" in text
