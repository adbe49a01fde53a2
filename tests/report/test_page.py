"""A report is one page that needs nothing else."""

import pytest

from motionary.report import Section, write_report


def test_a_report_embeds_its_media_and_escapes_its_text(tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG")
    section = Section("A <b>", "one\ntwo", media=(picture,), table=(("name", "score"), ("x & y", "1.0")))
    page = write_report(tmp_path / "out" / "report.html", "Title", [section], footer="licence").read_text()
    assert "A &lt;b&gt;" in page
    assert "<p>one</p><p>two</p>" in page
    assert "x &amp; y" in page
    assert 'src="data:image/png;base64,' in page
    assert "http:" not in page
    assert "https:" not in page


def test_a_report_refuses_what_it_cannot_show(tmp_path):
    with pytest.raises(ValueError, match=r"\.png, \.mp4"):
        write_report(tmp_path / "r.html", "Title", [Section("A", media=(tmp_path / "a.gif",))])
