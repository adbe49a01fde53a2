"""Words fit into their pictures."""

import numpy as np
import pytest

from motionary.export.lettering import SMALLEST_PX, fitting_px, write_text

LABELS = ["kick", "hopBothLegs1hops", "walk"]


def test_labels_are_as_large_as_the_longest_allows():
    size_px = fitting_px(LABELS, 120, 30)
    assert size_px == fitting_px(["hopBothLegs1hops"], 120, 30) < fitting_px(["kick"], 120, 30) == 30
    assert fitting_px(LABELS, 10_000, 30) == 30
    assert fitting_px(LABELS, 1, 30) == SMALLEST_PX


@pytest.mark.parametrize("text", LABELS)
def test_a_word_stays_inside_the_picture(text):
    blank = np.full((40, 130, 3), 247, np.uint8)
    inked = (write_text(blank, text, (65, 20), 30) != blank).any(-1)
    assert inked.any()
    assert not inked[:, [0, 1, -2, -1]].any()
