import io

import numpy as np
import pytest
from PIL import Image

from motionary.export.charts import (
    PRINT_DPI,
    Line,
    Panel,
    chart_bytes,
    draw_confusion,
    draw_curves,
    save_chart,
)
from motionary.export.floor import BACKGROUND

LOSS = Panel("loss", (Line("training", (1, 2, 3), (3.0, 2.0, 1.0)), Line("held out", (2, 3), (2.5, 2.0))))
FID = Panel(
    "FID", (Line("generated", (1, 3), (400.0, 3.0), (20.0, 1.0)), Line("real", (), (0.5,), level=True))
)


def test_a_label_looks_the_same_in_every_panel_and_no_two_alike():
    figure = draw_curves([LOSS, Panel("KL", (Line("held out", (1, 2), (5.0, 4.0)),))])
    loss, divergence = figure.axes
    looks = {line.get_label(): (line.get_color(), line.get_linestyle()) for line in loss.lines}
    assert looks["held out"] == (divergence.lines[0].get_color(), divergence.lines[0].get_linestyle())
    assert len({colour for colour, _ in looks.values()}) == len({dash for _, dash in looks.values()}) == 2


def test_measures_that_fall_a_hundredfold_are_drawn_on_a_logarithmic_scale():
    figure = draw_curves([LOSS, FID])
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"]


def test_charts_share_the_pictures_background_and_are_fit_for_print():
    with Image.open(io.BytesIO(chart_bytes(draw_curves([LOSS])))) as image:
        assert image.getpixel((0, 0))[:3] == BACKGROUND
        assert image.info["dpi"][0] == pytest.approx(PRINT_DPI, abs=0.1)


def test_a_confusion_is_written_in_percent_of_each_true_action(tmp_path):
    counts = np.array([[3, 1], [0, 0]])
    figure = draw_confusion([("real", counts), ("generated", counts.T)], ("walk", "run"))
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [
        ["75", "25"],
        ["100", "100"],
    ]
    assert [axes.get_title() for axes in figure.axes] == ["real", "generated"]
    save_chart(figure, tmp_path / "confusion.pdf")
    assert (tmp_path / "confusion.pdf").read_bytes().startswith(b"%PDF-")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one measure"):
        draw_curves([])
