"""A report says what a run holds, in a page that plays in a real browser and asks for nothing."""

import json

import pytest
import torch

from motionary.cli import main
from motionary.evaluation.result import EvaluationResult, Row, Score
from motionary.models.actor import Actor, ActorConfig
from motionary.models.checkpoint import Model
from motionary.report import ReportConfig, report_run

ACTIONS = ("wave", "kick <b>")


def a_row(name: str) -> Row:
    score = Score((0.5, 0.75, float("nan")))
    return Row(
        name,
        score,
        score,
        score,
        score,
        (score, score),
        score,
        {"jitter_m_s3": score},
        (score, score),
        (score, score),
    )


def a_result(actions: tuple[str, ...] = ACTIONS) -> EvaluationResult:
    return EvaluationResult(actions, a_row("Real"), a_row("Generated"), 3, 10, "test", "others", 20, 30.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose model learned nothing."""
    root = tmp_path_factory.mktemp("runs") / "my_run"
    torch.manual_seed(0)
    network = Actor(ActorConfig(2, latent_dim=32, ff_dim=32, num_layers=1))
    provenance = {"dataset": "mine", "training_clips": 7, "epochs": 3, "config": {"loss": {"kl": 1e-5}}}
    Model(network, ACTIONS, 30.0, 20, "forward", provenance, "CC BY 4.0; credit: me").save(
        root / "model.safetensors"
    )
    rows = [{"epoch": e, "train/total": 1 / e, "validation/points_mm": 90.0 / e} for e in range(1, 4)]
    (root / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.fixture(scope="module")
def page(run):
    a_result().write(run / "scores")
    main(["report", str(run), "--evaluation", str(run / "scores"), "--samples", "2", "--quiet"])
    return run / "report.html"


def test_a_page_has_every_part(page):
    text = page.read_text()
    for part in (
        "In short", "Watch it perform", "All actions at a glance", "Scores", "Training", "Configuration",
        "Where it comes from", "CC BY 4.0; credit: me", "7 clips of mine", "sha256", "loss.kl", "0.62 ± 0.24",
        "Every action", "wave", "kick &lt;b&gt;", "mannequin-x", "Lower is better",
    ):  # fmt: skip
        assert part in text, part
    assert "<b>" not in text
    assert text.count("data:image/png;base64,") == 2


def test_scores_are_read_back_as_they_were(tmp_path):
    result = a_result()
    result.write(tmp_path)
    assert EvaluationResult.load(tmp_path).to_json() == result.to_json()
    assert EvaluationResult.load(tmp_path / "metrics.json").grids() == result.grids()


def test_without_scores_it_says_how_to_get_them(run, tmp_path):
    text = report_run(
        str(run / "model.safetensors"), tmp_path / "r.html", config=ReportConfig(samples=1)
    ).read_text()
    assert "Not scored" in text
    assert "motionary evaluate" in text
    assert "Report: my_run" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "report.pdf"], "html"),
        (["--recogniser", "hdm05"], "both"),
        (["--evaluation", "nowhere"], "nowhere"),
        (["--samples", "0"], "at least|needs"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(run, words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(run), *words])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert any(part in error for part in said.split("|"))
    assert len(error.splitlines()) == 1


def test_scores_of_another_model_are_refused(run, tmp_path):
    a_result(("run", "jump")).write(tmp_path)
    with pytest.raises(ValueError, match="another model"):
        report_run(str(run), tmp_path / "r.html", evaluation=tmp_path)
    (tmp_path / "metrics.json").write_text('{"protocol": "actor"}')
    with pytest.raises(ValueError, match="does not hold the scores"):
        EvaluationResult.load(tmp_path)


def test_it_plays_in_a_browser_without_errors_or_requests(page, browser):
    browser.open(page.as_uri())
    if browser.run("return !document.createElement('canvas').getContext('webgl')"):
        pytest.skip("this chromium draws no WebGL")
    browser.until("+document.querySelector('canvas').dataset.frame > 2")
    shades = browser.until(
        """(() => { const c = document.querySelector('canvas'), gl = c.getContext('webgl');
        document.querySelector('.frame').dispatchEvent(new Event('input'));
        return new Promise(done => requestAnimationFrame(() => {
          const p = new Uint8Array(4 * c.width * c.height);
          gl.readPixels(0, 0, c.width, c.height, gl.RGBA, gl.UNSIGNED_BYTE, p);
          let blue = 0, orange = 0;
          for (let i = 0; i < p.length; i += 4) {
            blue += p[i + 2] > p[i] + 40; orange += p[i] > p[i + 2] + 40;
          }
          done([blue, orange]); })) })()""",
    )
    assert min(shades) > 500, "a blue and an orange person are seen"
    browser.run(
        "const s = document.querySelector('.show'); s.value = 1; s.dispatchEvent(new Event('change'))"
    )
    browser.until("document.querySelector('output').textContent.endsWith('0.67 s')")
    assert browser.complaints() == []
    assert {url.partition(":")[0] for url in browser.asked()} <= {"file", "data", "chrome"}
