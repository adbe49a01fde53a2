"""A list of clips means what its writer meant, or says which line does not."""

import pytest

from motionary.datasets.listing import ListedClip, read_listing


def a_list(folder, text: str, encoding: str = "utf-8"):
    path = folder / "clips.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0", 0), ("12.5", 12.5), ("12,5", 12.5), ("1:02.5", 62.5), ("1:00:01", 3601), ("90", 90), (".5", 0.5)],
)
def test_times_are_seconds_or_clock_times(tmp_path, written, seconds):
    path = a_list(tmp_path, f"video;end;action\na.mp4;99:00;run\nb.mp4;2:00:00;{'run'}\n")
    assert [clip.end_s for clip in read_listing(path)] == [5940, 7200]
    path = a_list(tmp_path, f"file;start;action\na.bvh;{written};run\n")
    assert read_listing(path)[0].start_s == pytest.approx(seconds)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_spreadsheet_may_write_it_its_own_way(tmp_path, delimiter, encoding):
    lines = [
        "# my clips",
        "Video,Start,END,Action,notes,Person",
        "",
        '"a b.mp4",1,2.5,run,nice,ann',
        "c.mp4,,,jump,,",
    ]
    path = a_list(tmp_path, "\r\n".join(lines).replace(",", delimiter), encoding)
    assert read_listing(path) == [
        ListedClip(tmp_path / "a b.mp4", "run", 1.0, 2.5, "ann", 4),
        ListedClip(tmp_path / "c.mp4", "jump", 0.0, None, None, 5),
    ]


def test_files_are_found_from_the_lists_folder(tmp_path):
    path = a_list(tmp_path, "file,subject,action\nsub\\a.bvh,bk,run\n/data/b.bvh,,run\n")
    near, far = read_listing(path)
    assert near.file == tmp_path / "sub" / "a.bvh"
    assert near.person == "bk"
    assert str(far.file) == "/data/b.bvh"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("file,action\n", "no clip"),
        ("file,start\na,1\n", "no action"),
        ("film,action\na,run\n", "no file or video"),
        ("file,video,action\na,b,run\n", "twice: file"),
        ("file,action,strat\na,run,1\n", "line 1.*strat.*start"),
        ("file,action\na,run\n,run\n", "line 3.*no file"),
        ("file,action\n\na,\n", "line 3.*no action"),
        ("file,action,start\na,run,soon\n", "line 2.*soon"),
        ("file,action,start\na,run,-1\n", "line 2.*-1"),
        ("file,action,start\na,run,1:75\n", "line 2.*1:75"),
        ("file,action,start\na,run,nan\n", "line 2.*nan"),
        ("file,action,start,end\na,run,1,2\na,run,3,3\n", "line 3.*after the start"),
    ],
)
def test_a_mistake_names_its_line(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        read_listing(a_list(tmp_path, text))


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_bytes(b"\xff\xfe\x00\x80file")
    with pytest.raises(ValueError, match="UTF-8"):
        read_listing(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_listing(tmp_path / "nowhere.csv")
