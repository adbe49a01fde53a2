"""Data sets with a name: each file is looked at, and labels and people come from the names alone."""

import json
import shutil
import tarfile
from typing import get_args

import numpy as np
import pytest

from motionary.cli import main
from motionary.commands.dataset import Named
from motionary.datasets import Dataset
from motionary.datasets.named import NAMED, NamedImport, NamedSet, load_named
from motionary.motion import Motion

HERE = NamedImport(workers=0)
PUBLISHED = {"ntu13": "ntu13", "humanact12": "HumanAct12Poses", "uestc": "uestc"}


def some_of(archive, folder, wanted, most):
    """Unpack the first files of an archive that are wanted."""
    with tarfile.open(archive, "r|*") as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # ignored before Python 3.11.4
        for member in tar:
            if member.isreg() and wanted(member.name) and most > 0:
                tar.extract(member, folder)
                most -= member.name.lower().endswith((".amc", ".bvh"))
            elif most == 0:
                break
    return folder


@pytest.fixture(scope="module")
def hdm05(shared, tmp_path_factory):
    """Two classes of HDM05, every skeleton among them."""
    folder = tmp_path_factory.mktemp("hdm05")

    def wanted(name):
        return "grabHighR" in name or "kickLFront" in name or name.endswith(".asf")

    some_of(shared / "data/hdm05_train.tar.xz", folder, wanted, most=12)
    return folder


@pytest.fixture(scope="module")
def bandai(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bandai")
    return some_of(shared / "data/bandai2_train.tar.xz", folder, lambda name: name.endswith(".bvh"), most=4)


@pytest.fixture
def amass(tmp_path):
    """Two made-up collections, as AMASS unpacks."""
    t = np.linspace(0, 1, 40)[:, None]
    pose = np.zeros((40, 156))
    pose[:, :1] = np.pi / 2  # upright where z is up
    for name in (
        "ACCAD/Female1Walking_c3d/B3_poses",
        "ACCAD/Female1Walking_c3d/B4_poses",
        "CMU/07/07_01_poses",
    ):
        path = tmp_path / "amass" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, poses=pose, trans=t * [1, 0, 0], betas=np.zeros(16), mocap_framerate=120.0)
    np.savez(tmp_path / "amass/ACCAD/Female1Walking_c3d/shape.npz", betas=np.zeros(16), gender="female")
    return tmp_path / "amass"


def kinds(check):
    return [(problem.file.rpartition("/")[2], problem.kind) for problem in check.problems]


@pytest.mark.parametrize("name", NAMED)
def test_every_name_says_where_it_is_from_and_under_which_licence(name):
    named = load_named(name)
    assert isinstance(named, NamedSet)
    for fact in (named.about.title, named.about.page, named.about.licence, named.about.layout):
        assert fact
    with pytest.raises(ValueError, match="there is hdm05, bandai"):
        load_named(f"{name}2")


def test_what_can_be_imported_by_name_has_a_name():
    assert set(get_args(Named)) <= set(NAMED)


def test_hdm05_s_actions_and_actors_come_from_the_names(hdm05, tmp_path):
    check = load_named("hdm05").check(hdm05, 0, None)
    assert check.whole
    assert check.good == sum(check.actions.values()) == sum(check.subjects.values()) == 12
    assert set(check.actions) <= {"grabHighR", "kickLFront"}
    assert set(check.subjects) <= {"bd", "bk", "dg"}
    held_out = next(iter(check.subjects))
    options = NamedImport(test_subjects=(held_out,), workers=0)
    dataset = load_named("hdm05").import_(hdm05, tmp_path / "out", options)
    assert len(dataset) == 12
    assert all((clip.subject == held_out) == (clip.split == "test") for clip in dataset.clips)
    assert dataset.licence.startswith("CC BY-SA 3.0; credit: Müller")
    assert {clip.fps for clip in dataset.clips} == {120.0}  # their own


def test_what_is_done_is_the_action_not_how_often_or_which_foot_first(hdm05, tmp_path):
    clip = next(hdm05.rglob("HDM_*_120.amc"))
    actor = clip.name.split("_")[1]
    shutil.copy(clip.parent / f"HDM_{actor}.asf", tmp_path)
    for name in ("walk2StepsLstart_003", "walk4StepsRstart_001", "sneak2StepsLStart_006", "clap5Reps_001"):
        shutil.copy(clip, tmp_path / f"HDM_{actor}_{name}_120.AMC")
    shutil.copy(clip, tmp_path / f"HDM_{actor}_01-01_03_120.amc")  # a whole session, not a clip
    check = load_named("hdm05").check(tmp_path, 0, None)
    assert check.actions == {"clap": 1, "sneak": 1, "walk": 2}
    assert kinds(check) == [(f"HDM_{actor}_01-01_03_120.amc", "ignored")]
    assert check.whole


def test_missing_skeletons_and_cut_clips_are_listed(hdm05, tmp_path):
    folder = shutil.copytree(hdm05, tmp_path / "copy")
    first, second, *_ = sorted(folder.rglob("*.amc"))
    first.write_bytes(first.read_bytes()[:5000])
    alone = tmp_path / "copy/alone" / second.name
    alone.parent.mkdir()
    shutil.copy(second, alone)
    check = load_named("hdm05").check(folder, 0, None)
    assert kinds(check) == [(second.name, "missing"), (first.name, "damaged")]
    assert "asf" in check.problems[0].reason
    assert str(tmp_path) not in str(check.problems)
    assert not check.whole
    assert check.good == 11
    dataset = load_named("hdm05").import_(folder, tmp_path / "out", HERE)
    assert len(dataset) == 11
    assert str(tmp_path) not in str([item.reason for item in dataset.rejected if item.source == first.name])


def test_bandai_is_read_from_its_archive(bandai, tmp_path):
    archive = tmp_path / "data.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(bandai, "data")
    styles = {"active", "elderly", "exhausted", "feminine", "masculine", "normal", "youthful"}
    check = load_named("bandai").check(archive, 0, None)
    assert check.whole
    assert check.good == 4
    assert not any(style in action for action in check.actions for style in styles)
    dataset = load_named("bandai").import_(archive, tmp_path / "out", HERE)
    assert {clip.action for clip in dataset.clips} == set(check.actions)
    assert dataset.licence.startswith("CC BY-NC 4.0")
    assert dataset.provenance["sources"] == ["data"]


def test_amass_is_labelled_by_folder_and_keeps_people_apart(amass, tmp_path):
    check = load_named("amass").check(amass, 0, None)
    assert check.actions == {"07": 1, "Female1Walking_c3d": 2}
    assert check.subjects == {"ACCAD/Female1Walking_c3d": 2, "CMU/07": 1}
    assert kinds(check) == [("shape.npz", "ignored")]
    dataset = load_named("amass").import_(amass, tmp_path / "out", HERE)
    assert {(clip.action, clip.subject) for clip in dataset.clips} == {
        ("07", "CMU/07"),
        ("Female1Walking_c3d", "ACCAD/Female1Walking_c3d"),
    }
    alone = load_named("amass").import_(amass / "CMU/07", tmp_path / "alone", HERE)
    assert [(clip.action, clip.subject) for clip in alone.clips] == [("07", None)]


def test_a_damaged_amass_file_is_listed(amass):
    (amass / "CMU/07/07_01_poses.npz").write_bytes(b"PK")
    check = load_named("amass").check(amass, 0, None)
    assert ("07_01_poses.npz", "damaged") in kinds(check)
    assert not check.whole


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sets_are_whole_as_published(name, actor_golden):
    check = load_named(name).check(actor_golden / "data" / PUBLISHED[name], 0, None)
    assert all(problem.kind == "ignored" for problem in check.problems)
    assert check.good > 0
    assert check.whole


@pytest.mark.parametrize(
    ("name", "file", "kind"),
    [
        ("ntu13", "refined_ntu/S001C001P001R001A006.pkl", "missing"),
        ("ntu13", "refined_ntu/S001C001P001R001A006.pkl", "damaged"),
        ("humanact12", "humanact12poses.pkl", "damaged"),
        ("uestc", "info/names.txt", "missing"),
        ("uestc", "info/num_frames_min.txt", "damaged"),
        ("uestc", "vibe_cache_refined.pkl", "damaged"),
    ],
)
def test_a_missing_or_damaged_file_of_a_published_set_is_listed(name, file, kind, actor_golden, tmp_path):
    folder = shutil.copytree(
        actor_golden / "data" / PUBLISHED[name], tmp_path / "copy", copy_function=shutil.copy
    )
    (folder / file).chmod(0o644)
    (folder / file).parent.chmod(0o755)
    if kind == "missing":
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(b"not what it was")
    check = load_named(name).check(folder, 0, None)
    assert not check.whole
    (problem,) = [problem for problem in check.problems if problem.kind != "ignored"]
    assert problem.kind == kind
    assert file.rpartition("/")[2] in problem.file + problem.reason


def test_nothing_of_a_set_at_a_path_says_how_to_lay_it_out(tmp_path):
    for name in NAMED:
        with pytest.raises(FileNotFoundError):
            load_named(name).check(tmp_path, 0, None)
    with pytest.raises(FileNotFoundError, match="Lay out dataset-"):
        load_named("bandai").import_(tmp_path, tmp_path / "out", HERE)
    (tmp_path / "data.zip").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"Give the archive itself: data\.zip"):
        load_named("bandai").check(tmp_path, 0, None)
    Motion(np.zeros((3, 24, 3)), np.zeros((3, 3)), 30.0).save(tmp_path / "a.npz")
    (tmp_path / "walk.bvh").write_text("HIERARCHY")
    with pytest.raises(FileNotFoundError, match="no recording of bandai"):
        load_named("bandai").import_(tmp_path, tmp_path / "out", HERE)


def test_the_commands_list_check_and_import(amass, tmp_path, capsys):
    main(["dataset", "list", "--json"])
    assert json.loads(capsys.readouterr().out).keys() == NAMED.keys()
    main(["dataset", "list"])
    assert "motionary dataset check" in capsys.readouterr().out
    main(["dataset", "check", "amass", str(amass), "--workers", "0"])
    assert "3 good clips of 2 actions by 2 people; 0 bad files" in capsys.readouterr().out
    (amass / "CMU/07/07_01_poses.npz").write_bytes(b"PK")
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "check", "amass", str(amass), "--json", "--workers", "0"])
    assert stopped.value.code == 1
    assert not json.loads(capsys.readouterr().out)["whole"]
    main(["import", str(amass), "--format", "amass", "--out", str(tmp_path / "out"), "--workers", "0"])
    dataset = Dataset.load(tmp_path / "out")
    assert len(dataset) == 2
    assert "AMASS" in dataset.licence
    with pytest.raises(SystemExit):
        main(["import", str(amass), "--format", "bandai", "--out", str(tmp_path / "o"), "--up", "z"])
    assert "bandai has its own" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["dataset", "check", "nothing", str(amass)])
    assert "there is hdm05" in capsys.readouterr().err
