"""Pieces of work come back in order, each done on its share of the threads."""

import threading

import pytest
import torch

from motionary.threads import SideBySide


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order(threads):
    assert list(SideBySide().map(lambda item: item**2, range(20))) == [item**2 for item in range(20)]


def test_pieces_share_the_threads(threads):
    side_by_side = SideBySide(2)
    assert side_by_side.count == min(2, threads)
    each = set(side_by_side.map(lambda _: torch.get_num_threads(), range(4)))
    assert each == {max(1, threads // 2)}


def test_others_keep_their_threads(threads):
    list(SideBySide().map(lambda item: item, range(3)))
    seen = [torch.get_num_threads()]
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [threads, threads]


def test_only_a_few_results_wait_to_be_taken(threads):
    asked = []
    results = SideBySide().map(lambda item: item, (asked.append(item) or item for item in range(100)))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(asked) <= 3 + threads


def test_an_error_reaches_the_one_who_asked(threads):
    def work(item: int) -> int:
        raise ValueError(f"no {item}")

    with pytest.raises(ValueError, match="no 0"):
        list(SideBySide().map(work, range(3)))
