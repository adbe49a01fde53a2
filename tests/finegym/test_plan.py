"""The plan says what the published lists hold, and when exactly where the annotations say so."""

import json

import numpy as np
import pytest

from motionary.cli import main
from motionary.finegym.annotations import read_annotations, whole_seconds
from motionary.finegym.durations import of_times, of_whole_seconds
from motionary.finegym.plan import PlanConfig, plan_clips, read_plan, summarise, write_plan

CATEGORIES = """Clabel:   0; set:  1; Glabel:   4; (VT) round-off, flic-flac on, salto off
Clabel:   7; set: 33; Glabel: 289; (BB) salto backward tucked
Clabel:   8; set: 35; Glabel: 358; (BB) salto backward tucked
"""
NAMES = [
    f"{video}_E_{e:06d}_{e + 60:06d}_A_{a:04d}_{a + 1:04d}"
    for video in ("-b_E_d9F_g1", "A0xAXXysHUo")
    for e, a in ((100, 3), (100, 8), (7000, 0))
]


@pytest.fixture
def small(tmp_path):
    """A folder of lists in two families and two releases."""
    labels = (7, 8, 7, 0, 7, 8)
    lines = [f"{name} {label}" for name, label in zip(NAMES, labels, strict=True)]
    (tmp_path / "gym99_train_element_v1.0.txt").write_text("\n".join(lines[:2]))
    (tmp_path / "gym99_train_element_v1.1.txt").write_text("\n".join(lines[:4]) + "\n")
    (tmp_path / "gym99_val_element.txt").write_text("\n".join(lines[4:]))
    (tmp_path / "gym99_categories.txt").write_text(CATEGORIES)
    (tmp_path / "gym288_train_element.txt").write_text(f"{NAMES[0]} 201\n")
    (tmp_path / "set_categories.txt").write_text("set: 33; BB_flight_salto\nset: 35; BB_dismounts\n")
    return tmp_path


def test_the_published_lists_hold_as_many_as_the_study_says(lists):
    annotations = read_annotations([lists])
    plan = plan_clips(annotations, PlanConfig((43, 67, 66)))
    rows = {row.label: row for row in summarise(plan, annotations)}
    assert rows[43].counts == {"train": 749, "val": 236}
    assert rows[67].counts == {"train": 1121, "val": 333}
    assert rows[66].counts == {"train": 306, "val": 88}
    assert (rows[43].action, rows[43].category) == ("split_jump", "BB split jump")
    assert len(annotations.elements) == 26320 + 8521


def test_durations_of_the_published_lists_are_about_those_of_the_annotations(lists):
    """Medians of 0.72 s and 0.94 s, 95 % and 65 % under 25 frames at 25 a second, by exact times; the lists'
    whole seconds, with 985 and 1454 elements, tell a median to 0.05 s and a share to a tenth."""
    annotations = read_annotations([lists])
    rows = summarise(plan_clips(annotations, PlanConfig((43, 67))), annotations)
    assert [row.exact for row in rows] == [False, False]
    assert [row.median_s for row in rows] == pytest.approx([0.72, 0.94], abs=0.05)
    assert [row.short_share for row in rows] == pytest.approx([0.95, 0.65], abs=0.1)


def test_annotated_times_are_absolute_and_their_figures_exact(lists, tmp_path, write_annotations):
    names = [line.split()[0] for line in (lists / "gym99_val_element.txt").read_text().splitlines()]
    truth = write_annotations(tmp_path / "finegym_annotation_info_v1.1.json", names)
    annotations = read_annotations([lists / "gym99_val_element.txt", *tmp_path.iterdir()])
    plan = plan_clips(annotations, PlanConfig((43,), before_s=1.0, after_s=0.25))
    assert len(plan) == 236
    for clip in plan:
        start_s, end_s = truth[clip.clip]
        assert clip.times == "exact"
        assert (clip.element_start, clip.element_end) == pytest.approx((start_s, end_s), abs=1e-3)
        assert clip.start == pytest.approx(max(start_s - 1.0, 0), abs=1e-3)
        assert clip.end == pytest.approx(end_s + 0.25, abs=1e-3)
    seconds = [truth[clip.clip][1] - truth[clip.clip][0] for clip in plan]
    (row,) = summarise(plan, annotations)
    assert row.exact
    assert row.median_s == pytest.approx(np.median(seconds))
    assert row.short_share == pytest.approx(np.mean(np.array(seconds) < 1 - 1e-9))


def test_whole_seconds_hold_the_annotated_times(tmp_path, write_annotations, small):
    for name, (start_s, end_s) in write_annotations(tmp_path / "a.json", NAMES, stages=3).items():
        video, first_s, last_s, whole_s = whole_seconds(name)
        assert first_s <= start_s < end_s <= last_s
        assert (video, whole_s) == (name.split("_E_0")[0], 1)


def test_stages_run_from_the_first_start_to_the_last_end(small, write_annotations):
    truth = write_annotations(small / "finegym_annotation_info_v1.1.json", NAMES, stages=3)
    annotations = read_annotations([small])
    for element in annotations.elements:
        assert (element.start_s, element.end_s) == pytest.approx(truth[element.name])


def test_a_folder_gives_one_family_in_its_newest_release(small):
    annotations = read_annotations([small])
    assert [element.label for element in annotations.elements] == [7, 8, 7, 0, 7, 8]
    assert [element.split for element in annotations.elements] == ["train"] * 4 + ["val"] * 2
    (element,) = read_annotations([small], "gym288").elements
    assert element.label == 201
    older = read_annotations([small / "gym99_train_element_v1.0.txt"])
    assert len(older.elements) == 2
    assert older.categories == {}


def test_labels_of_one_name_stay_apart_and_may_be_renamed(small):
    annotations = read_annotations([small])
    plan = plan_clips(annotations, PlanConfig((0, 7, 8)))
    assert {clip.action for clip in plan} == {
        "round-off",
        "salto_backward_tucked_7",
        "salto_backward_tucked_8",
    }
    assert annotations.categories[8].group == "BB_dismounts"
    renamed = plan_clips(annotations, PlanConfig((7, 8), names={7: "tuck", 8: "tuck"}, splits=("val",)))
    assert [clip.action for clip in renamed] == ["tuck", "tuck"]


def test_a_plan_reads_back_as_written(small, tmp_path):
    plan = plan_clips(read_annotations([small]), PlanConfig((7,)))
    write_plan(plan, tmp_path / "plan.csv")
    assert read_plan(tmp_path / "plan.csv") == plan


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden"])
def test_a_plan_that_leaves_its_folder_is_refused(name, small, tmp_path):
    write_plan(plan_clips(read_annotations([small]), PlanConfig((7,))), tmp_path / "plan.csv")
    text = (tmp_path / "plan.csv").read_text().replace(",A0xAXXysHUo,", f",{name},")
    (tmp_path / "plan.csv").write_text(text)
    with pytest.raises(ValueError, match="no file name"):
        read_plan(tmp_path / "plan.csv")


def test_whole_seconds_tell_a_median():
    rng = np.random.default_rng(3)
    seconds = rng.lognormal(np.log(1.3), 0.25, 4000)
    starts = rng.uniform(0, 1, len(seconds))
    whole = np.floor(starts + seconds).astype(int).tolist()
    told, true = of_whole_seconds(whole, 1.0), of_times(seconds.tolist(), 1.0)
    assert told.median_s == pytest.approx(true.median_s, abs=0.03)
    assert told.short_share == pytest.approx(true.short_share, abs=0.03)
    assert of_whole_seconds([1, 1, 1], 25.0).median_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "gym99_val_element.txt").write_text(f"{NAMES[0]} 5"), "another list 7"),
        (lambda f: (f / "gym99_val_element.txt").write_text("what 5"), "line 1: expected an element's name"),
        (lambda f: (f / "gym99_val_element.txt").write_bytes(b"\xff\xfe\x00x"), "not a text file"),
        (lambda f: (f / "a.json").write_text("{"), "damaged"),
        (lambda f: (f / "a.json").write_text(json.dumps({"A0xAXXysHUo": 3})), "no FineGym annotation"),
        (
            lambda f: (f / "a.json").write_text(json.dumps({"A0xAXXysHUo": {"E_000100_000160": {}}})),
            "annotation of A0xAXXysHUo_E_000100_000160.* is damaged",
        ),
    ],
)
def test_damaged_lists_are_a_clear_error(small, change, message):
    change(small)
    with pytest.raises(ValueError, match=message):
        read_annotations([small])


def test_elements_without_annotated_times_are_told_of(small, write_annotations):
    write_annotations(small / "finegym_annotation_info_v1.1.json", NAMES[:4])
    (note,) = read_annotations([small]).notes
    assert note.startswith("2 elements are not in the annotation JSON")
    plan = plan_clips(read_annotations([small]), PlanConfig((7,)))
    assert {clip.times for clip in plan} == {"exact", "whole seconds"}


def test_the_command_prints_the_counts_and_writes_the_plan(lists, tmp_path, capsys):
    main(
        [
            "finegym",
            "plan",
            "--labels",
            "43,67",
            "--annotations",
            str(lists),
            "--out",
            str(tmp_path / "plan.csv"),
            "--names",
            "67=back_handspring",
        ]
    )
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("749", "1121", "back_handspring", "no annotation JSON"))
    assert len(read_plan(tmp_path / "plan.csv")) == 749 + 236 + 1121 + 333


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--labels", "43,600"], "600"),
        (["--labels", "jump"], "class numbers"),
        (["--labels", "43", "--splits", "tset"], "No split tset"),
        (["--labels", "43", "--names", "43"], "43=split_jump"),
        (["--labels", "43", "--family", "gym288"], "No element list"),
    ],
)
def test_a_mistaken_plan_is_one_line(words, message, lists, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["finegym", "plan", "--annotations", str(lists), "--out", str(tmp_path / "plan.csv"), *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "plan.csv").exists()
