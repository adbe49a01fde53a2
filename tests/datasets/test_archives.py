"""Archives are read as if they were folders, and nothing in them gets out of its folder."""

import io
import tarfile
import zipfile

import pytest

from motionary.datasets.archives import as_folder, is_archive

FILES = {"set/a/one.bvh": b"one", "set/b/TWO.BVH": b"two", "set/notes.txt": b"no recording"}


def write_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.tgz", "set.tar.xz", "set.tar.bz2", "set.zip"])
def test_the_wanted_files_are_there_while_it_is_open(name, tmp_path):
    path = tmp_path / name
    if name.endswith(".zip"):
        write_zip(path, FILES)
    else:
        write_tar(path, FILES, f"w:{ {'tgz': 'gz', 'tar': ''}.get(path.suffix[1:], path.suffix[1:]) }")
    assert is_archive(path)
    with as_folder(path, (".bvh",)) as folder:
        found = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.*")}
        assert folder.name == "set"
    assert found == {"set/a/one.bvh": b"one", "set/b/TWO.BVH": b"two"}
    assert not folder.exists()


def test_a_folder_is_left_as_it_is(tmp_path):
    with as_folder(tmp_path, (".bvh",)) as folder:
        assert folder == tmp_path
    assert tmp_path.exists()


@pytest.mark.parametrize("name", ["../out.bvh", "/out.bvh", "a/../../out.bvh", "..\\out.bvh", "C:\\out.bvh"])
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_names_that_lead_out_of_the_folder_are_refused(name, write, tmp_path):
    path = tmp_path / ("a.zip" if write is write_zip else "a.tar.gz")
    write(path, {"good.bvh": b"", name: b"bad"})
    with pytest.raises(ValueError, match="leads out of its folder"), as_folder(path, (".bvh",)):
        pass
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_without_a_name_and_a_header_that_is_cut_are_damages(tmp_path):
    """The standard library raises IndexError and TypeError."""
    write_zip(tmp_path / "a.zip", {"name.bvh": b"bad"})
    content = (tmp_path / "a.zip").read_bytes()
    before, _, after = content.rpartition(b"name.bvh")
    (tmp_path / "a.zip").write_bytes(before + b"\0ame.bvh" + after)
    (tmp_path / "a.tar.gz").write_bytes(bytes.fromhex("1f8b08ff1f8bb3b21f03"))
    for path in (tmp_path / "a.zip", tmp_path / "a.tar.gz"):
        with pytest.raises(ValueError, match=f"{path.name} is a damaged"), as_folder(path, (".bvh",)):
            pass


def test_links_are_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link.bvh")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(link)
    with as_folder(tmp_path / "a.tar", (".bvh",)) as folder:
        assert not list(folder.iterdir())


def test_damaged_missing_and_endless_archives_are_errors(tmp_path, monkeypatch):
    write_tar(tmp_path / "a.tar.xz", {"a.bvh": b"x" * 100_000}, "w:xz")
    whole = (tmp_path / "a.tar.xz").read_bytes()
    for content in (whole[: len(whole) // 2], b"no archive", b""):
        (tmp_path / "b.tar.xz").write_bytes(content)
        with (
            pytest.raises(ValueError, match="damaged or cut archive"),
            as_folder(tmp_path / "b.tar.xz", (".bvh",)),
        ):
            pass
    with pytest.raises(FileNotFoundError, match="nowhere"), as_folder(tmp_path / "nowhere", ()):
        pass
    write_tar(tmp_path / "a.tar.xz", {"a.bvh": bytes(2 << 20)}, "w:xz")
    monkeypatch.setenv("MOTIONARY_MAX_ARCHIVE_MB", "1")
    with pytest.raises(ValueError, match="more than 1"), as_folder(tmp_path / "a.tar.xz", (".bvh",)):
        pass
