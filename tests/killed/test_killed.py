"""Real processes, killed at random moments: nothing half written is seen, and what goes on ends the same."""

import random
from collections import Counter

import pytest

COMMANDS = ("train", "train-recogniser", "generate", "import", "evaluate", "estimate")
TIMES = 50


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_goes_on_as_if_it_had_never_been_killed(name, survive):
    survive(name, seed=COMMANDS.index(name))


@pytest.mark.slow
def test_fifty_killed_processes(survive):
    rng, seen = random.Random(2026), Counter()
    for attempt in range(TIMES):
        went = survive(COMMANDS[attempt % len(COMMANDS)], seed=rng.randrange(1 << 30))
        print(attempt + 1, went, flush=True)
        seen[went] += 1
    assert sum(count for went, count in seen.items() if not went.endswith(" 0")) > TIMES / 2
