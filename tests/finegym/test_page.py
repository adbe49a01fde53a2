"""On the page a person chooses with the keyboard; nobody else can, and nothing but the clips can be had."""

import http.client
import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from motionary.datasets.listing import read_listing
from motionary.finegym import curation
from motionary.finegym.curation import CheckedClip, Decisions, by_rules, write_chosen
from motionary.finegym.cut import cut_clips
from motionary.finegym.page import ChoosingPage
from motionary.finegym.plan import PlannedClip
from motionary.locks import alone_in

NUMBERS = range(4)


def plan() -> list[PlannedClip]:
    actions = ["jump", "jump", "flip", "flip"]
    return [
        PlannedClip(
            f"vvvvvvvvvvv_E_000000_000009_A_000{k}_000{k + 1}", "vvvvvvvvvvv", 1.0 * k, k + 1.5, k + 0.25,
            k + 1.25, 40 + k, actions[k], "train", "exact",
        )
        for k in NUMBERS
    ]  # fmt: skip


@pytest.fixture(scope="module")
def cut(tmp_path_factory, write_film):
    """A folder of four clips of a video in which a block moves by four pixels a frame, and what rules say."""
    root = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(0)
    place = rng.integers(60, 120, (24, 40, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    pictures = []
    for k in range(150):
        picture = place.copy()
        picture[60:120, (2 * k) % 280 : (2 * k) % 280 + 40] = 250
        pictures.append(picture)
    write_film(root / "videos/vvvvvvvvvvv.mp4", pictures)
    clips, _ = cut_clips(plan(), root / "videos", root / "clips")
    verdicts = ["accept", "reject", "trim", "accept"]
    checks = [
        CheckedClip(clip.clip, verdict, "because", 0.2 if verdict == "trim" else 0.0, clip.duration,
                    {"whole": {"good": verdict != "reject", "reason": "because", "figures": {}}})
        for clip, verdict in zip(clips, verdicts, strict=True)
    ]  # fmt: skip
    return root, clips, checks


@pytest.fixture
def page(cut):
    root, clips, checks = cut
    (root / "clips/decisions.json").unlink(missing_ok=True)
    served = ChoosingPage(clips, checks, root / "clips")
    yield served
    served.stop()


def ask(page, path, method="GET", body=None, **headers):
    """Status, headers and body of an answer; the path is taken as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    told = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return told


def test_the_page_and_its_clips_are_served_to_who_knows_the_word(page):
    status, headers, body = ask(page, f"/{page.token}/")
    assert (status, b"<title>Choosing clips" in body) == (200, True)
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert b"http" not in body
    described = json.loads(ask(page, f"/{page.token}/clips")[2])
    assert [one["verdict"] for one in described] == ["accept", "reject", "trim", "accept"]
    assert len(described[0]["times"]) == page.clips[0].frames
    file = (page.folder / page.clips[2].file).read_bytes()
    assert ask(page, f"/{page.token}/clip/2")[2] == file
    assert len(page.token) >= 20


@pytest.mark.parametrize(
    "path",
    [
        "/", "/clips", "/wrong/clips", "/{token}/clip/9", "/{token}/clip/-1", "/{token}/clip/%C2%B2",
        "/{token}/../clips.csv", "/{token}/clip/../../clips.csv", "/{token}/%2e%2e/clips.csv",
        "/{token}/decisions.json", "/{token}//etc/passwd", "/{token}/clip/0/../1", "/{token}/page.html",
    ],
)  # fmt: skip
def test_nothing_else_is_served(page, path):
    assert ask(page, path.replace("{token}", page.token))[0] == 404


def test_another_name_for_this_machine_is_refused(page):
    assert ask(page, f"/{page.token}/clips", Host="evil.example")[0] == 404
    assert ask(page, f"/{page.token}/clips", Host=f"127.0.0.1:{page.port}")[0] == 200
    assert page._server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 10)), ("bytes=10-", 206, (10, None)), ("bytes=-5", 206, (-5, None)),
        ("bytes=5-999999999", 206, (5, None)), ("bytes=999999999-", 416, (0, 0)),
        ("lines=3-4", 200, (0, None)),
    ],
)  # fmt: skip
def test_parts_of_a_clip_are_served(page, asked, status, span):
    file = (page.folder / page.clips[0].file).read_bytes()
    got, headers, body = ask(page, f"/{page.token}/clip/0", Range=asked)
    assert (got, body) == (status, file[span[0] : span[1]])
    if status == 206:
        first = len(file) + span[0] if span[0] < 0 else span[0]
        assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(file)}"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"clip": "../x"}, 400), ({"choice": "maybe"}, 400), ({"start": -1.0}, 400),
        ({"end": 99.0}, 400),
        ({"start": 0.5, "end": 0.2}, 400), ({"start": "x"}, 400), ({"end": float("nan")}, 400), ({}, 200),
    ],
)  # fmt: skip
def test_only_what_can_be_is_decided(page, change, status):
    wish = {"clip": page.clips[0].clip, "choice": "accept", "start": 0.1, "end": 0.9} | change
    told = ask(
        page, f"/{page.token}/decide", "POST", json.dumps(wish), **{"Content-Type": "application/json"}
    )
    assert told[0] == status
    made = Decisions(page.folder, page.clips).made
    assert len(made) == (status == 200)
    plain = ask(page, f"/{page.token}/decide", "POST", json.dumps(wish), **{"Content-Type": "text/plain"})
    assert plain[0] == 415
    wrong = ask(page, "/word/finish", "POST", "{}", **{"Content-Type": "application/json"})
    assert (wrong[0], page.finished.is_set()) == (404, False)


def test_a_port_in_use_is_a_clear_error(page, cut):
    with pytest.raises(ValueError, match="--port"):
        ChoosingPage(cut[1], cut[2], cut[0] / "clips", page.port)


def seek(browser, seconds: float) -> None:
    browser.run(f"video.pause(); video.currentTime = {seconds}")
    browser.until("!video.seeking && video.readyState >= 2")


def shown(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(
            float
        )


def test_a_person_chooses_with_the_keyboard(page, browser, cut, tmp_path):
    root, clips, _ = cut
    browser.open(page.address)
    browser.until("document.body.dataset.index === '0' && video.readyState >= 2 && video.videoWidth === 320")
    assert browser.driver.find_element("id", "name").text == clips[0].clip
    browser.until("video.currentTime > 0.05")  # it plays by itself
    browser.press(" ")
    assert browser.run("return video.paused")

    seek(browser, 0.5 + 1e-3)
    browser.press(".", "[")  # one frame on, and begin there
    seek(browser, 1.2 + 1e-3)
    browser.press("]", "a")  # end with that frame
    browser.until("document.body.dataset.index === '1' && video.readyState >= 2")
    browser.press("r")
    browser.until("document.body.dataset.index === '2' && video.readyState >= 2")
    assert "0.20 to" in browser.driver.find_element("id", "part").text  # as the rules would trim it
    browser.press("x", "a")
    browser.until("document.body.dataset.index === '3' && video.readyState >= 2")

    browser.open(page.address)  # as if the page had been closed: it goes on at the first undecided one
    browser.until("document.body.dataset.index === '3' && video.readyState >= 2")
    assert "3 of 4" in browser.driver.find_element("id", "count").text
    browser.press("\ue012")  # left
    browser.until("document.body.dataset.index === '2' && clip().decision")
    browser.press("u")
    browser.until("!clip().decision")
    browser.press("a")
    browser.until("document.body.dataset.index === '3'")
    browser.press("q")
    assert "Press q again" in browser.until("document.getElementById('said').textContent")
    assert not page.finished.is_set()
    browser.press("q")
    browser.until("document.body.dataset.finished")
    assert page.finished.wait(5)

    made = page.decisions.made
    assert [made[clip.clip].choice for clip in clips[:3]] == ["accept", "reject", "accept"]
    assert clips[3].clip not in made
    first = made[clips[0].clip]
    assert (first.start, first.end) == pytest.approx((16 / 30, 37 / 30), abs=2e-3)
    assert (made[clips[2].clip].start, made[clips[2].clip].end) == pytest.approx((0.0, 1.5), abs=2e-3)
    requested = browser.asked()
    assert any(url.endswith("/clip/2") for url in requested)
    here = f"http://127.0.0.1:{page.port}/"
    assert [url for url in requested if url.startswith("http") and not url.startswith(here)] == []
    assert [message for message in browser.complaints() if "favicon" not in message] == []

    rows = write_chosen(clips, list(made.values()), root / "clips", tmp_path / "finegym2")
    assert [(row.label, row.samples, row.refused, row.undecided) for row in rows] == [
        ("flip", 1, 0, 1), ("jump", 1, 1, 0),
    ]  # fmt: skip
    kept = shown(tmp_path / "finegym2/jump" / f"{clips[0].clip}.mp4")
    whole = shown(root / "videos/vvvvvvvvvvv.mp4")
    assert len(kept) == 21
    apart = [np.abs(kept - whole[k : k + 21]).mean() for k in range(20)]
    assert int(np.argmin(apart)) == 16
    assert min(apart) < 1


def test_what_was_chosen_is_a_tree_and_a_list_that_can_be_estimated(cut, tmp_path):
    root, clips, checks = cut
    out = tmp_path / "finegym2"
    rows = write_chosen(clips, by_rules(checks), root / "clips", out)
    assert [(row.label, row.samples, row.refused) for row in rows] == [("flip", 2, 0), ("jump", 1, 1)]
    assert (out / "table.csv").read_text().splitlines()[:2] == [
        "label,samples,refused,undecided",
        "flip,2,0,0",
    ]
    listed = read_listing(out / "listing.csv")
    assert [(clip.action, clip.file.is_file()) for clip in listed] == [
        ("jump", True),
        ("flip", True),
        ("flip", True),
    ]
    trimmed = listed[1]
    assert trimmed.end_s - trimmed.start_s == pytest.approx(1.3, abs=0.04)
    write_chosen(clips, by_rules(checks)[2:3], root / "clips", out)  # choosing anew leaves nothing of before
    assert [path.parent.name for path in sorted(out.rglob("*.mp4"))] == ["flip"]


def test_choosing_that_was_killed_goes_on_and_two_do_not_choose_at_once(cut, tmp_path, monkeypatch):
    root, clips, checks = cut
    out, place = tmp_path / "finegym2", curation._place

    def killed(clip, *where):
        if clip is clips[2]:
            raise KeyboardInterrupt
        place(clip, *where)

    monkeypatch.setattr(curation, "_place", killed)
    with pytest.raises(KeyboardInterrupt):
        write_chosen(clips, by_rules(checks), root / "clips", out)
    monkeypatch.undo()
    with alone_in(out), pytest.raises(ValueError, match=r"Another run is working on .*finegym2"):
        write_chosen(clips, by_rules(checks), root / "clips", out)
    write_chosen(clips, by_rules(checks)[2:3], root / "clips", out)
    assert [path.parent.name for path in sorted(out.rglob("*.mp4"))] == ["flip"]
    with alone_in(root / "clips"), pytest.raises(ValueError, match=r"Another run is working on .*clips"):
        cut_clips([], root / "videos", root / "clips")


def test_other_files_are_in_no_danger(cut, tmp_path):
    root, clips, checks = cut
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="in use"):
        write_chosen(clips, by_rules(checks), root / "clips", tmp_path)
    with pytest.raises(ValueError, match="accepted"):
        write_chosen(clips, [], root / "clips", tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_clip_is_trimmed_even_if_its_video_is_gone(cut, tmp_path):
    root, clips, checks = cut
    shutil.copytree(root / "clips", tmp_path / "clips")
    lonely = [type(clips[0])(**{**vars(clip), "source": "/nowhere/v.mp4"}) for clip in clips]
    write_chosen(lonely, by_rules(checks)[2:3], tmp_path / "clips", tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("*.mp4")
    assert len(shown(file)) == 39
