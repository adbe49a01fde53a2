"""A made-up folder, model and data set, studios that show them, and a real browser to look with."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from motionary.motion import Motion

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
    "--window-size=1000,640",
)
PATIENCE_S = 120.0


def motion(num_frames: int, bend: float, action: str = "kneel") -> Motion:
    """Somebody who bends the left knee by so many radians a frame, at 10 frames/s."""
    pose = np.zeros((num_frames, 24, 3), np.float32)
    pose[:, 4, 0] = bend * np.arange(num_frames)
    return Motion(pose, np.full((num_frames, 3), [2.0, 1.0, 3.0], np.float32), fps=10.0, action=action)


@pytest.fixture(scope="session")
def make_motion():
    """`motion` of this file."""
    return motion


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two motions, one of them deeper, and two files that are none."""
    root = tmp_path_factory.mktemp("motions")
    (root / "deeper").mkdir()
    motion(5, 0.1).save(root / "one.npz")
    motion(8, 0.2).save(root / "deeper" / "two.npz")
    np.savez(root / "other.npz", losses=np.zeros(3))
    (root / "broken.npz").write_bytes(b"PK")
    return root


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Real clips of two actions: walk bends slowly or fast, jump not at all."""
    from motionary.datasets.folder import Dataset

    root = tmp_path_factory.mktemp("real")
    for number, bend in enumerate((0.02, 0.1, 0.3)):
        motion(10, bend, "walk").save(root / f"walk_{number}.npz")
    motion(10, 0.0, "jump").save(root / "jump.npz")
    return Dataset.load(root)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """An untrained model of two actions, 12 frames at 25 frames/s."""
    from motionary.models import Model
    from motionary.models.actor import Actor, ActorConfig

    torch.manual_seed(0)
    network = Actor(ActorConfig(num_actions=2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)).eval()
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    Model(network, ("walk", "jump"), 25.0, 12, "forward", provenance={}, licence="CC0").save(path)
    return path


@pytest.fixture
def start():
    """`Studio.start` whose studios end with the test."""
    from motionary.studio import Studio

    studios = []

    def started(*args, **options):
        studios.append(Studio.start(*args, **options))
        return studios[-1]

    yield started
    for studio in studios:
        studio.stop()


class Browser:
    """A headless Chromium, driven as a person would, and the folder that its downloads go to."""

    def __init__(self, folder: Path) -> None:
        if not (CHROMIUM and DRIVER):
            pytest.skip("needs chromium and chromedriver (Debian: apt install chromium chromium-driver)")
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(flag)
        options.binary_location = CHROMIUM
        # Without the second, Chromium holds back every file after the first that no real click asked for.
        prefs = {
            "download.default_directory": str(self.downloads),
            "profile.default_content_setting_values.automatic_downloads": 1,
        }
        options.add_experimental_option("prefs", prefs)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))

    def open(self, address: str) -> None:
        """Open a studio and wait until its panel is there."""
        self.driver.get(address)
        assert self.until(lambda: "Download" in self.text())

    def text(self) -> str:
        """All words of the page, and what its fields hold."""
        return self.driver.execute_script(
            "return document.body.innerText + [...document.querySelectorAll('input,textarea')]"
            ".map(field => field.value).join(' ')"
        )

    def click(self, words: str) -> None:
        """Click the button that bears these words."""
        found = [b for b in self.driver.find_elements("tag name", "button") if b.text.strip() == words]
        assert found, f"no button {words!r}"
        self.driver.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", found[0])

    def until(self, true: Callable[[], object]) -> bool:
        """Wait for something; whether it came about."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if true():
                return True
            time.sleep(0.1)
        return False

    def downloaded(self, suffix: str) -> Path:
        """The whole file of that suffix, once it is there."""
        assert self.until(lambda: list(self.downloads.glob(f"*{suffix}")))
        return next(self.downloads.glob(f"*{suffix}"))

    def complaints(self) -> list[str]:
        """What the page wrote to its console as an error."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def hosts_asked(self) -> set[str]:
        """Where the page's requests went."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [
            entry["params"].get("request", entry["params"]).get("url", "")
            for entry in entries
            if entry["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated")
        ]
        return {url.split("/")[2] for url in urls if url.startswith(("http", "ws"))}


@pytest.fixture
def browser(tmp_path):
    """A window; skips where there is no Chromium."""
    opened = Browser(tmp_path)
    yield opened
    opened.driver.quit()
