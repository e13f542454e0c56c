"""Sequence numbers: whose turn it is, whatever is lost, repeated or forgotten on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_ingest.sequence import Early, Next, Repeated, Turn, judge
from tests.unit.ingest.samples import make_envelope


@pytest.mark.parametrize(
    ("seq", "base", "stored", "turn"),
    [
        pytest.param(1, 1, 0, Next(), id="the first of all"),
        pytest.param(8, 1, 7, Next(), id="the one after the watermark"),
        pytest.param(7, 1, 7, Repeated(7), id="the watermark itself"),
        pytest.param(1, 1, 7, Repeated(7), id="long before the watermark"),
        pytest.param(9, 1, 7, Early(7), id="one is missing"),
        pytest.param(2, 1, 0, Early(0), id="the first is missing"),
        pytest.param(5, 5, 0, Next(), id="an unknown publisher begins at its base"),
        pytest.param(7, 5, 0, Early(4), id="an unknown publisher, its base is missing"),
        pytest.param(9, 8, 3, Early(7), id="a database that was restored, the base is missing"),
        pytest.param(8, 8, 3, Next(), id="a database that was restored"),
        pytest.param(6, 6, 7, Repeated(7), id="the base lies below the watermark"),
        pytest.param(8, 6, 7, Next(), id="a base below the watermark changes nothing"),
    ],
)
def test_turn_follows_from_number_base_and_watermark(seq: int, base: int, stored: int, turn: Turn) -> None:
    """The table of the wire interface, row by row."""
    assert judge(make_envelope(seq, base=base), stored) == turn


@given(st.integers(0, 50), st.integers(1, 50))
def test_one_number_alone_is_next(stored: int, base: int) -> None:
    """Whatever the store and the outbox hold, all below it are repeated and all above it early."""
    turns = [judge(make_envelope(seq, base=base), stored) for seq in range(base, 102)]

    place = max(stored + 1, base) - base
    assert turns[:place] == [Repeated(base + place - 1)] * place
    assert turns[place] == Next()
    assert turns[place + 1 :] == [Early(base + place - 1)] * (len(turns) - place - 1)


@given(st.lists(st.integers(1, 12), max_size=60))
def test_messages_are_handled_once_and_in_order(arrivals: list[int]) -> None:
    """Whatever arrives, and however often, what was handled is 1, 2, 3 without a gap."""
    handled: list[int] = []

    for seq in arrivals:
        if judge(make_envelope(seq), len(handled)) == Next():
            handled.append(seq)

    assert handled == list(range(1, len(handled) + 1))
    assert len(handled) + 1 not in _skip(arrivals, handled)


def _skip(arrivals: list[int], handled: list[int]) -> list[int]:
    """Return what arrived after the last message that was handled."""
    place = 0
    for seq in handled:
        place = arrivals.index(seq, place) + 1
    return arrivals[place:]
