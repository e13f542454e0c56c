"""Importing: what the bucket does not have is inserted, what has grown is extended, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_client.copies import number_copies
from pulseline_core.event import Event
from pulseline_core.store import Imported, Reader, Store
from pulseline_core.store.connection import Connection
from tests.contract.store.samples import BUCKET, MAIL, WORK, beat, get_row, insert, make_event, outline

_Result = TypeVar("_Result")

#: Events that collide with one another often.
FEW_EVENTS = st.lists(
    st.builds(make_event, st.integers(0, 2), st.integers(0, 3), st.sampled_from([WORK, MAIL])), max_size=12
)


def complete(store: Store, *events: Event) -> Imported:
    """Import events, in the order of their starts, in a transaction of its own."""
    ordered = sorted(events, key=lambda event: event.timestamp)
    with store.transaction() as tx:
        return tx.import_events(get_row(tx), list(number_copies(ordered)))


def test_missing_events_are_inserted(store: Store, reader: Reader) -> None:
    """Those that are there already are left alone."""
    insert(store, make_event(0, 10))

    assert complete(store, make_event(0, 10), make_event(0, 10, MAIL), make_event(20, 5)) == Imported(2, 0)
    assert outline(reader.read_events(BUCKET)) == [(20, 25, WORK), (0, 10, MAIL), (0, 10, WORK)]


def test_equal_events_are_all_imported(store: Store, reader: Reader) -> None:
    """An export that holds an event twice is reproduced."""
    assert complete(store, make_event(0, 5), make_event(0, 5), make_event(0, 9)) == Imported(3, 0)
    assert outline(reader.read_events(BUCKET)) == [(0, 5, WORK), (0, 5, WORK), (0, 9, WORK)]


def test_many_equal_events_are_looked_up_together(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reading for each would be longer with each: ten thousand of them would hold up everybody's heartbeats."""
    events = [make_event(0, number % 2, data) for number in range(100) for data in (WORK, MAIL)]
    reads: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("fetch_one", "fetch_all"):
            patch.setattr(Connection, name, count_calls(getattr(Connection, name), reads))
        assert complete(store, *events) == Imported(200, 0)

    assert len([sql for sql in reads if "start_us = ?" in sql]) == 2
    assert complete(store, *events) == Imported(0, 0)
    assert reader.count_events(BUCKET) == 200


def count_calls(read: Callable[..., _Result], calls: list[str]) -> Callable[..., _Result]:
    """Return a method of a connection that notes each statement."""

    def counted(connection: Connection, sql: str, parameters: Sequence[object] = ()) -> _Result:
        calls.append(sql)
        return read(connection, sql, parameters)

    return counted


def test_an_event_that_has_grown_is_extended(store: Store, reader: Reader) -> None:
    """The source went on while it was imported."""
    complete(store, make_event(0, 5), make_event(10, 1))

    assert complete(store, make_event(0, 5), make_event(10, 30)) == Imported(0, 1)
    assert outline(reader.read_events(BUCKET)) == [(10, 40, WORK), (0, 5, WORK)]
    assert outline(reader.read_events(BUCKET, start=make_event(35).timestamp)) == [(35, 40, WORK)]


def test_an_event_that_grew_here_is_known(store: Store, reader: Reader) -> None:
    """Heartbeats went on merging into what was imported; the old export adds nothing."""
    complete(store, make_event(0, 5))
    beat(store, make_event(30))

    assert complete(store, make_event(0, 5)) == Imported(0, 0)
    assert outline(reader.read_events(BUCKET)) == [(0, 30, WORK)]


def test_heartbeats_merge_into_what_was_imported(store: Store, reader: Reader) -> None:
    """Whatever was the newest before."""
    beat(store, make_event(0, data=MAIL))
    complete(store, make_event(10, 5))

    beat(store, make_event(20))

    assert outline(reader.read_events(BUCKET)) == [(10, 20, WORK), (0, 0, MAIL)]


@given(events=FEW_EVENTS)
def test_importing_twice_adds_nothing(events: list[Event]) -> None:
    """Numbers of copies are the same each time, whatever the order of those that begin at the same time."""
    forward = sorted(events, key=lambda event: event.timestamp)
    backward = sorted(events, key=lambda event: -event.timestamp.timestamp())

    assert _outline(number_copies(forward)) == _outline(number_copies(backward))


def _outline(numbered: Iterable[tuple[Event, int]]) -> list[str]:
    return sorted(str((outline([event]), copy)) for event, copy in numbered)
