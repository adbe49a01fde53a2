"""Streamed vertices are the plain ones, with and without correctives, in any number of frames."""

import copy

import pytest
import torch
from torch.testing import assert_close

from motionary.body import skinning
from motionary.body.skinning import stream_vertices


@pytest.mark.parametrize("frames", [1, 4, 9])
@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("kind", ["body", "precise"])  # in float32 a compiled loop, in float64 torch
def test_streamed_vertices_are_the_skin(frames, corrected, kind, monkeypatch, request):
    check_streamed(request.getfixturevalue(kind), frames, corrected, 4, monkeypatch)


def test_frames_that_fill_no_block_are_all_there(body, monkeypatch):
    check_streamed(body, 150, True, 128, monkeypatch)


def check_streamed(body, frames, corrected, at_once, monkeypatch):
    monkeypatch.setattr(skinning, "FRAMES_AT_ONCE", at_once)
    monkeypatch.setattr(skinning, "VERTICES_AT_ONCE", 25)
    if not corrected:
        body = copy.deepcopy(body)
        body.posedirs = None
    generator, dtype = torch.Generator().manual_seed(0), body.v_template.dtype
    pose = torch.randn(frames, 24, 3, generator=generator, dtype=dtype)
    posed = body(pose, torch.randn(frames, 3, generator=generator, dtype=dtype))
    assert_close(
        torch.cat([part.clone() for part in stream_vertices(posed)]), posed.skin(), atol=2e-6, rtol=1e-5
    )
