"""Where the tests find real data and golden vectors; tests that need them skip where they are absent."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MOTIONARY_SHARED", REPOSITORY.parent / "shared"))
GOLDEN = Path(os.environ.get("MOTIONARY_GOLDEN", SHARED / "golden"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and specifications."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared data folder; none at {SHARED} (set MOTIONARY_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden vectors made by the original code."""
    if not GOLDEN.is_dir():
        pytest.skip(f"needs the golden vectors; none at {GOLDEN} (set MOTIONARY_GOLDEN)")
    return GOLDEN
