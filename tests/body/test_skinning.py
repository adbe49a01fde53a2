"""Streamed vertices are the plain ones, with and without correctives, in any number of frames."""

import pytest
import torch
from torch.testing import assert_close

from motionary.body import skinning
from motionary.body.skinning import stream_vertices


@pytest.mark.parametrize("frames", [1, 4, 9])
@pytest.mark.parametrize("corrected", [True, False])
def test_streamed_vertices_are_the_skin(frames, corrected, precise, monkeypatch):
    monkeypatch.setattr(skinning, "FRAMES_AT_ONCE", 4)
    monkeypatch.setattr(skinning, "VERTICES_AT_ONCE", 25)
    if not corrected:
        precise.posedirs = None
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(frames, 24, 3, generator=generator, dtype=torch.float64)
    posed = precise(pose, torch.randn(frames, 3, generator=generator, dtype=torch.float64))
    assert_close(torch.cat([part.clone() for part in stream_vertices(posed)]), posed.skin())
