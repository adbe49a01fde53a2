"""Labels come from other people's files: whatever they hold, they are printed in a line and name a file."""

from hypothesis import given
from hypothesis import strategies as st

from motionary.labels import LONGEST_NAME_BYTES, file_name, file_names, plain

HOSTILE = (
    "../out",
    "/etc/out",
    "..",
    "a/b",
    "a_b",
    "A_B",
    "a\nb",
    "\x1b[2J",
    "\ud800",
    "nul\0",
    "",
    "x" * 400,
)


@given(st.text())
def test_plain_text_is_one_line_that_every_file_can_hold(text):
    told = plain(text)
    assert len(told.splitlines()) <= 1
    assert not set(told) & set(map(chr, (*range(32), *range(127, 160))))
    told.encode()
    assert plain(told) == told


@given(st.text())
def test_a_label_is_the_name_of_a_file_in_its_folder(label):
    name = file_name(label)
    assert name
    assert not set(name) & set("/\\\0\n:*?")
    assert not name.startswith(".")
    assert len(name.encode()) <= LONGEST_NAME_BYTES


def test_ordinary_labels_are_their_own_names():
    for label in ("kickLFront", "pick_up", "single-dumbbell-raising", "прыжок", "跳"):
        assert file_name(label) == label == plain(label)


def test_no_two_labels_share_a_file():
    names = file_names(HOSTILE)
    assert list(names) == list(HOSTILE)
    assert len({name.lower() for name in names.values()}) == len(HOSTILE)
