"""The studio as a person meets it: click, wait, see people, take files away."""

import io
import time

import av
import cv2
import numpy as np
import pygltflib
import pytest

from motionary.motion import Motion
from motionary.studio import open_source

slow = pytest.mark.slow  # pictures without a GPU: a minute and more


def picture(browser) -> np.ndarray:
    """The page without its panel and its notices, RGB."""
    shot = cv2.imdecode(np.frombuffer(browser.driver.get_screenshot_as_png(), np.uint8), cv2.IMREAD_COLOR)
    return shot[170:, :600, ::-1].astype(int)


def bodies_px(browser) -> int:
    """Pixels that have a hue: bodies do, if a pale one; the page, the floor and shadows are grey."""
    shot = picture(browser)
    return int((np.ptp(shot, axis=2) > 10).sum())


def enter(browser, studio) -> None:
    """Open a studio and wait until its panel is there."""
    browser.open(studio.address)
    browser.until(lambda: "Download" in browser.text())


def hosts_asked(browser) -> set[str]:
    return {url.split("/")[2] for url in browser.asked() if url.startswith(("http", "ws"))}


def test_what_a_click_made_arrives_as_a_file(checkpoint, start, browser):
    studio = start(open_source(str(checkpoint)), body="sticks")  # quick to draw, and held still too
    studio.play(False)
    enter(browser, studio)
    before = studio.shown[0].motion
    browser.click("Another seed")
    browser.until(lambda: studio.shown[0].motion is not before)
    browser.click("Download")
    motion = Motion.load(browser.downloaded(".npz"))
    assert np.allclose(motion.pose, studio.shown[0].motion.pose)
    assert browser.complaints() == []


@slow
def test_a_click_performs_and_files_arrive(checkpoint, start, browser):
    studio = start(open_source(str(checkpoint)))
    enter(browser, studio)
    browser.until(lambda: bodies_px(browser) > 1000)
    assert "walk, 0.48 s, 12 frames at 25/s" in browser.text()

    browser.click("Pause")
    browser.until(lambda: not studio.player.playing)
    before = studio.shown[0].motion
    browser.click("Another seed")
    browser.until(lambda: studio.shown[0].motion is not before)
    assert studio.desk.rest()
    assert not np.allclose(studio.shown[0].motion.pose, before.pose, atol=1e-3)
    browser.click("Play")
    browser.until(lambda: studio.player.playing and studio.player.frame > 2)

    browser.click("Download")
    motion = Motion.load(browser.downloaded(".npz"))
    assert np.allclose(motion.pose, studio.shown[0].motion.pose)
    for format in ("glb", "mp4"):
        client = next(iter(studio.server.get_clients().values()))
        made = studio.download(format)
        client.send_file_download(made.name, made.content, save_immediately=True)
        file = browser.downloaded(f".{format}")
        browser.until(lambda file=file, made=made: file.stat().st_size == len(made.content))
    assert len(pygltflib.GLTF2().load(str(browser.downloaded(".glb"))).animations) == 1
    with av.open(io.BytesIO(browser.downloaded(".mp4").read_bytes())) as film:
        assert sum(1 for _ in film.decode(video=0)) == 12
    assert browser.complaints() == []
    assert hosts_asked(browser) == {studio.address.removeprefix("http://")}


@slow
def test_a_held_pose_reaches_a_browser_that_comes_late(folder, start, browser):
    studio = start(open_source(str(folder)))
    studio.play(False)
    enter(browser, studio)
    browser.until(lambda: bodies_px(browser) > 1000)
    first = picture(browser)
    studio.seek(7)  # the knee is bent by 1.4 rad
    browser.until(lambda: (np.abs(picture(browser) - first).max(2) > 60).sum() > 300)
    assert browser.complaints() == []


@slow
def test_the_page_taken_away_plays_without_a_server(folder, start, browser, tmp_path):
    studio = start(open_source(str(folder)))
    page = tmp_path / "page.html"
    page.write_bytes(studio.download("html").content)
    browser.open(page.as_uri())
    browser.until(lambda: bodies_px(browser) > 1000)
    first = picture(browser)
    deadline = time.monotonic() + 60
    while (np.abs(picture(browser) - first).max(2) > 60).sum() < 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert time.monotonic() < deadline
    assert browser.complaints() == []
    assert hosts_asked(browser) == set()
