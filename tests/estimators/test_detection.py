import numpy as np

from motionary.estimators.detection import INPUT_SIZE, Detections, anchors, blend, decode
from motionary.estimators.regions import overlap


def test_there_is_one_anchor_per_output_row_and_all_lie_in_the_picture():
    centres = anchors()
    assert centres.shape == (2254, 2)
    assert (centres > 0).all()
    assert (centres < 1).all()
    np.testing.assert_allclose(centres.mean(0), 0.5, atol=1e-12)
    np.testing.assert_allclose(centres[0], 4 / 224)  # the first cell is 8 pixels wide


def test_decoding_is_relative_to_the_anchor():
    raw, logits = np.zeros((2254, 12)), np.full(2254, -20.0)
    raw[1700] = np.tile([11.2, -22.4], 6)
    raw[1700, 2:4] = 44.8, 22.4  # width and height
    logits[1700] = 3.0
    found = decode(raw, logits)
    assert len(found) == 1
    centre = anchors()[1700] + np.array([11.2, -22.4]) / INPUT_SIZE
    np.testing.assert_allclose(found.points[0, 0], centre)
    half = np.array([0.1, 0.05])
    np.testing.assert_allclose(found.boxes[0], [*(centre - half), *(centre + half)])
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp(-3.0)))


def made_up(boxes, scores):
    boxes = np.array(boxes, float)
    return Detections(boxes, boxes.reshape(-1, 2, 2).repeat(2, 1), np.array(scores, float))


def test_overlapping_answers_are_averaged_by_score_and_others_kept():
    found = blend(made_up([[0, 0, 1, 1], [0.1, 0, 1.1, 1], [3, 3, 4, 4]], [0.9, 0.6, 0.5]))
    assert len(found) == 2
    np.testing.assert_allclose(found.boxes[0], [0.04, 0, 1.04, 1])
    np.testing.assert_allclose(found.boxes[1], [3, 3, 4, 4])
    np.testing.assert_allclose(found.scores, [0.9, 0.5])


def test_nobody_stays_nobody():
    found = blend(decode(np.zeros((2254, 12)), np.full(2254, -9.0)))
    assert len(found) == 0
    assert found.points.shape == (0, 4, 2)


def test_overlap_of_known_boxes():
    a = np.array([[0, 0, 2, 2.0]])
    b = np.array([[0, 0, 2, 2.0], [1, 0, 3, 2], [5, 5, 6, 6]])
    np.testing.assert_allclose(overlap(a, b), [[1, 1 / 3, 0]])
