"""Which partitions a process takes and gives back."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from pulseline_core.store import Attendance
from pulseline_ingest.allotment import Change, plan

ORDER = (3, 0, 2, 1)


@pytest.mark.parametrize(
    ("workers", "held", "own", "change"),
    [
        pytest.param(1, (), (), Change([3, 0, 2, 1], []), id="alone"),
        pytest.param(2, (), (), Change([3, 0], []), id="two, the first to ask"),
        pytest.param(2, (3, 0), (), Change([2, 1], []), id="two, the second"),
        pytest.param(2, (0, 1, 2, 3), (), Change([], []), id="none is free"),
        pytest.param(2, (0, 1, 2, 3), (0, 1, 2, 3), Change([], [2, 1]), id="another one came"),
        pytest.param(1, (3, 0), (3, 0), Change([2, 1], []), id="another one went"),
        pytest.param(2, (2,), (3, 0), Change([], []), id="own ones that are not open yet"),
        pytest.param(3, (0, 1, 2, 3), (2,), Change([], []), id="fewer than its share"),
        pytest.param(5, (0, 1, 2, 3), (), Change([], []), id="more workers than partitions"),
        pytest.param(0, (), (), Change([3, 0, 2, 1], []), id="nobody counted"),
    ],
)
def test_share_is_fair(workers: int, held: Collection[int], own: Collection[int], change: Change) -> None:
    """All of them together want all partitions, and no more than that when all have theirs."""
    assert plan(Attendance(workers=workers, held=frozenset(held)), own, ORDER, ()) == change


def test_worker_that_was_told_takes_what_it_was_told() -> None:
    """However many there are."""
    attendance = Attendance(workers=2, held=frozenset({0, 2}))

    assert plan(attendance, [2], ORDER, {0, 1, 2}) == Change([1], ())
