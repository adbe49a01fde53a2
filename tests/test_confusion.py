import numpy as np

from motionary.confusion import (
    accuracy,
    accuracy_per_action,
    confusion_matrix,
    report_per_action,
)

LABELS = np.array([0, 0, 0, 2, 2])
PREDICTED = np.array([0, 0, 1, 2, 0])


def test_rows_are_true_actions_and_columns_recognised_ones():
    np.testing.assert_array_equal(confusion_matrix(LABELS, PREDICTED, 3), [[2, 1, 0], [0, 0, 0], [1, 0, 1]])


def test_accuracy_is_the_share_that_was_recognised():
    assert accuracy(confusion_matrix(LABELS, PREDICTED, 3)) == (LABELS == PREDICTED).mean()


def test_actions_without_motions_have_no_accuracy():
    per_action = accuracy_per_action(confusion_matrix(LABELS, PREDICTED, 3))
    np.testing.assert_allclose(per_action, [2 / 3, np.nan, 1 / 2])
    assert np.isnan(accuracy(np.zeros((3, 3), np.int64)))


def test_accuracy_of_published_logits(golden):
    data = np.load(golden / "actor/case6/metrics_fixed_features.npz")
    logits = data["acc_logits"]
    confusion = confusion_matrix(data["acc_labels"], logits.argmax(1), logits.shape[1])
    np.testing.assert_array_equal(confusion, data["acc_confusion"])
    np.testing.assert_allclose(accuracy(confusion), data["acc_value"], atol=1e-7)  # theirs is float32


def test_the_report_has_a_line_for_every_action():
    text = report_per_action(confusion_matrix(LABELS, PREDICTED, 3), ("walk", "run", "sit"), "A title")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[4:]]
    assert cells == [
        ["walk", "3", "67", "67", "run"],
        ["run", "0", "-", "0", "-"],
        ["sit", "2", "50", "100", "walk"],
    ]
    assert "A title" in text
    assert len({len(line) for line in text.splitlines()[2:]}) == 1
