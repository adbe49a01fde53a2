import base64
import re

import msgspec
import pytest
import zstandard

from motionary.export.html import export_html, write_html

FETCHED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)\s*=\s*["']?(https?:)?//""")


def recording(html: str) -> dict:
    data = base64.b64decode(re.search(r'__VISER_EMBED_DATA__="([^"]+)"', html)[1])
    inner = zstandard.ZstdDecompressor().decompress(data[8:], int.from_bytes(data[:8], "little"))
    return msgspec.msgpack.decode(inner[8 : 8 + int.from_bytes(inner[:8], "little")])


def test_a_page_fetches_nothing_and_plays_the_whole_motion(motion, body, tmp_path, capsys):
    write_html(motion, tmp_path / "dance.html", body)
    page = (tmp_path / "dance.html").read_text()
    assert not FETCHED.search(page)
    played = recording(page)
    assert played["durationSeconds"] == pytest.approx(motion.duration_s)
    turned = [time for time, message in played["messages"] if message["type"] == "SetBoneOrientationMessage"]
    assert len(set(turned)) == len(motion)
    assert capsys.readouterr().out == ""


def test_people_share_a_page_and_fast_motions_are_thinned(motion, body, tmp_path):
    fast = type(motion)(motion.pose, motion.translation, fps=120.0)
    export_html([fast, fast.mirror()], tmp_path / "two.html", body)
    played = recording((tmp_path / "two.html").read_text())
    meshes = [message for _, message in played["messages"] if message["type"] == "SkinnedMeshMessage"]
    assert [mesh["name"] for mesh in meshes] == ["/person_0", "/person_1"]
    assert played["durationSeconds"] == pytest.approx(3 / 30)


def test_nobody_is_no_page(body, tmp_path):
    with pytest.raises(ValueError, match="at least one motion"):
        export_html([], tmp_path / "none.html", body)
