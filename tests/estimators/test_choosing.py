import numpy as np
import pytest

from motionary.estimators.choosing import check_choice, choose
from motionary.estimators.estimate import PersonEstimate, VideoEstimate, View
from motionary.estimators.fitting import Camera
from motionary.estimators.video import VideoFacts
from motionary.motion import Motion

FACTS = VideoFacts("clip.mp4", 1000, 600, 30.0, 90, 3.0)


def stretch(person, box, frames=30):
    return PersonEstimate(
        person=person,
        motion=Motion(np.zeros((frames, 24, 3)), np.zeros((frames, 3)), fps=30.0),
        times_s=np.arange(frames) / 30,
        confidence=np.ones(frames),
        boxes_px=np.tile(np.array(box, float), (frames, 1)),
        view=View(Camera(1000.0, 1000, 600), np.eye(3), np.zeros(3)),
    )


@pytest.fixture
def crowd():
    """1 is central, 2 the tallest, 3 seen longest, in two stretches."""
    people = [
        stretch(1, (450, 200, 550, 400)),
        stretch(2, (0, 50, 200, 550)),
        stretch(3, (800, 100, 900, 300), 20),
        stretch(3, (700, 100, 800, 300), 40),
    ]
    return VideoEstimate(FACTS, "made up", dict(enumerate(people, start=1)))


@pytest.mark.parametrize(("who", "person"), [("central", 1), ("largest", 2), ("longest", 3), ("2", 2)])
def test_the_one_asked_for_is_chosen(crowd, who, person):
    chosen = choose(crowd, who)
    assert {stretch.person for stretch in chosen.people.values()} == {person}
    assert len(chosen.dropped) == 2


def test_all_stretches_of_a_chosen_person_stay_and_are_numbered_from_one(crowd):
    chosen = choose(crowd, "3")
    assert list(chosen.people) == [1, 2]
    assert [len(stretch.boxes_px) for stretch in chosen.people.values()] == [20, 40]


def test_all_is_everybody(crowd):
    assert choose(crowd, "all") is crowd


def test_a_number_that_nobody_has_is_a_clear_error(crowd):
    with pytest.raises(ValueError, match="shows no person 9; there is 1, 2, 3"):
        choose(crowd, "9")


@pytest.mark.parametrize("who", ["", "tallest", "0", "-1", "1.5"])
def test_what_chooses_nobody_is_refused(who):
    with pytest.raises(ValueError, match="chosen by largest, central, longest, all or a number"):
        check_choice(who)
