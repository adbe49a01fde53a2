"""What the package needs of others: from which version to which, and that the lowest is what is tested."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["ray"], *EXTRAS["bench"]]]


def bounds(requirement: Requirement) -> dict[str, str]:
    return {part.operator: part.version for part in requirement.specifier}


@pytest.mark.parametrize("requirement", NEEDED, ids=lambda requirement: requirement.name)
def test_every_library_has_a_lowest_version_that_is_tested_and_a_highest(requirement):
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    lowest = dict(line.split("==") for line in lines if not line.startswith("#"))
    own = bounds(requirement)
    assert set(own) in ({">=", "<"}, {"=="})
    tested = Version(lowest[requirement.name])
    if "==" in own:
        assert tested == Version(own["=="].removesuffix(".*"))
    else:
        assert tested == Version(own[">="])
