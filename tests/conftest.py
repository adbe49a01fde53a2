"""Real data, golden vectors and a real browser; tests that need them skip where they are absent."""

import importlib.util
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MOTIONARY_SHARED", REPOSITORY.parent / "shared"))
GOLDEN = Path(os.environ.get("MOTIONARY_GOLDEN", SHARED / "golden"))

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
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",
    "--window-size=1000,640",
)
PATIENCE_S = 120.0


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and specifications."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared data folder; none at {SHARED} (set MOTIONARY_SHARED)")
    return SHARED


@pytest.fixture
def hearing_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a terminal, which is not closed; `nohup` and a shell's background ignore some."""
    monkeypatch.setattr("motionary.interruption._forget_terminal", lambda number: None)
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden vectors made by the original code."""
    if not GOLDEN.is_dir():
        pytest.skip(f"needs the golden vectors; none at {GOLDEN} (set MOTIONARY_GOLDEN)")
    return GOLDEN


@pytest.fixture(scope="session")
def actor_golden(golden) -> Path:
    """The part of them that ACTOR's code made."""
    return golden / "actor"


@pytest.fixture(scope="session")
def golden_weight(golden) -> Callable[[str, tuple[int, ...]], torch.Tensor]:
    """Function from a state-dict key and a shape to the tensor that the folder's rule and tag give it."""
    spec = importlib.util.spec_from_file_location("actor_rule", golden / "actor_rule.py")
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    tags = [path for path in (golden / "actor/tag.txt", golden / "tag.txt") if path.exists()]
    tag = tags[0].read_text().strip() if tags else ""
    return lambda key, shape: torch.from_numpy(rule.tensor(key, shape, tag))


@pytest.fixture(scope="session")
def golden_body(actor_golden):
    """The made-up SMPL body of ACTOR's golden vectors."""
    from motionary.body.assets import load_body  # after the shape checks are hooked into the package

    return load_body(actor_golden / "smpl_model/smpl_synth.npz")


@pytest.fixture(scope="session")
def golden_readme(golden) -> str:
    """What is said of ACTOR's golden vectors; of the usual ones where a folder says nothing."""
    stated = [folder / "actor/README.md" for folder in (golden, SHARED / "golden")]
    return next(path for path in stated if path.is_file()).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def golden_tolerance(golden_readme) -> Callable[[str, str], float]:
    """Function from a file of ACTOR's golden vectors and an array in it to the array's absolute tolerance.

    The vectors' README states it: five times the distance of the published float32 run from a float64 one.
    """
    stated: dict[tuple[str, str], float] = {}
    file = ""
    for line in golden_readme.splitlines():
        if heading := re.match(r"## (\S+\.npz)", line):
            file = heading[1]
        elif row := re.match(r"\| (\S+) \|.*\| (\d\S*?)[;]?(?: [^|]*)?\|$", line):
            stated[file, row[1]] = float(row[2])
    return lambda file, array: stated.get((f"{file}.npz", array), 1e-5)


@pytest.fixture(scope="session")
def golden_seed(golden_readme) -> Callable[[str], int]:
    """Function from a file of ACTOR's golden vectors to the seed that the vectors' README states for it."""

    def stated(file: str) -> int:
        section = golden_readme.partition(f"## {file}.npz")[2].partition("\n## ")[0]
        found = re.search(r"(?:manual_seed\(|seeds |seeded with )(\d+)", section)
        assert found, f"the golden vectors' README states no seed for {file}"
        return int(found[1])

    return stated


class Browser:
    """A headless Chromium, driven as a person would, and the folder that its downloads go to."""

    def __init__(self, folder: Path) -> None:
        webdriver = pytest.importorskip("selenium.webdriver")
        if not (CHROMIUM and DRIVER):
            pytest.skip("needs chromium and chromedriver (Debian: apt install chromium chromium-driver)")
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
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.driver.set_script_timeout(PATIENCE_S)  # a busy processor draws a page's 3D scene slowly

    def open(self, address: str) -> None:
        """Open a page."""
        self.driver.get(address)

    def run(self, script: str) -> object:
        """What a script returns, run in the page."""
        return self.driver.execute_script(script)

    def text(self) -> str:
        """All words of the page, and what its fields hold."""
        return self.run(
            "return document.body.innerText + [...document.querySelectorAll('input,textarea')]"
            ".map(field => field.value).join(' ')"
        )

    def click(self, words: str) -> None:
        """Click the button that bears these words."""
        found = [b for b in self.driver.find_elements("tag name", "button") if b.text.strip() == words]
        assert found, f"no button {words!r}"
        self.driver.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", found[0])

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.driver.find_element("tag name", "body").send_keys(key)

    def until(self, true: Callable[[], object] | str) -> object:
        """Wait for something, or for a script's value, to come about, and say what it is."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if told := self.run(f"return {true}") if isinstance(true, str) else true():
                return told
            time.sleep(0.1)
        raise AssertionError(f"{true} stayed false; the page says: {self.text()}")

    def downloaded(self, suffix: str) -> Path:
        """The whole file of that suffix, once it is there."""
        return self.until(lambda: next(self.downloads.glob(f"*{suffix}"), None))

    def complaints(self) -> list[str]:
        """What the page wrote to its console as an error."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def asked(self) -> list[str]:
        """Addresses that the page asked for since this was last called."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            entry["params"].get("request", entry["params"]).get("url", "")
            for entry in entries
            if entry["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated")
        ]


@pytest.fixture
def browser(tmp_path):
    """A window; skips where there is no Chromium."""
    opened = Browser(tmp_path)
    yield opened
    opened.driver.quit()
