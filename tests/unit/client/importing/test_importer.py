"""The importer: every event is sent once, counted once, and nothing depends on where an import was cut off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_client.importing.importer import BATCH_CHARACTERS, BATCH_EVENTS, Importer, iter_batches
from pulseline_client.importing.source import Refusal, SourceBucket
from pulseline_core.errors import BadInput, ReplyTimeout
from pulseline_core.event import Event
from pulseline_core.types import JSONObject
from tests.unit.client.importing.fake_target import FakeTarget
from tests.unit.client.importing.samples import NOW, START

LABELS: JSONObject = {"type": "t", "client": "c", "hostname": "h"}


@dataclass
class ListSource:
    """Buckets from memory."""

    buckets: Sequence[tuple[str, Sequence[Event | Refusal]]]
    fields: JSONObject = field(default_factory=lambda: dict(LABELS))
    error: BadInput | None = None
    is_error_among_events: bool = False
    fraction: float = 0.0

    def iter_buckets(self, *, now: datetime) -> Iterator[SourceBucket]:
        """Yield them, then raise the error."""
        for bucket_id, events in self.buckets:
            yield SourceBucket(id=bucket_id, fields=self.fields, events=self._iter_events(events))
        self._fail(is_here=not self.is_error_among_events)

    def _iter_events(self, events: Sequence[Event | Refusal]) -> Iterator[Event | Refusal]:
        yield from events
        self._fail(is_here=self.is_error_among_events)

    def _fail(self, *, is_here: bool) -> None:
        if self.error is not None and is_here:
            raise self.error


def build_events(count: int, *, each: int = 1) -> list[Event]:
    """Return events newest first, ``each`` equal ones at a time."""
    return [Event(timestamp=START - timedelta(seconds=n // each), data={"n": n // each}) for n in range(count)]


def test_every_event_arrives_once() -> None:
    """In batches of one bucket, none larger than it has to be."""
    target, events = FakeTarget(), build_events(2 * BATCH_EVENTS + 5)

    tally = Importer(target, now=NOW).run(ListSource([("a", events), ("b", events[:1])]))

    assert (target.get_events("a"), target.get_events("b")) == (events, events[:1])
    assert sorted(target.batches) == [1, 5, BATCH_EVENTS, BATCH_EVENTS]
    assert [(bucket.is_new, bucket.added, bucket.unchanged) for bucket in tally.buckets.values()] == [
        (True, len(events), 0),
        (True, 1, 0),
    ]


def test_importing_again_adds_nothing() -> None:
    """Equal events that are twice in the source are there twice, and stay so."""
    target, source = FakeTarget(), ListSource([("a", build_events(5_000, each=2))])
    Importer(target, now=NOW).run(source)

    tally = Importer(target, now=NOW).run(source)

    assert target.get_events("a") == source.buckets[0][1]
    assert (tally.buckets["a"].added, tally.buckets["a"].unchanged, tally.buckets["a"].is_new) == (0, 5_000, False)


def test_an_event_that_grew_at_the_source_is_extended() -> None:
    """The source went on between two imports."""
    target, event = FakeTarget(), build_events(1)[0]
    Importer(target, now=NOW).run(ListSource([("a", [event])]))

    tally = Importer(target, now=NOW).run(ListSource([("a", [replace(event, duration=timedelta(hours=1))])]))

    assert (tally.buckets["a"].extended, tally.stored) == (1, 1)


def test_an_existing_bucket_keeps_its_description() -> None:
    """Its owner may have changed it since."""
    target = FakeTarget(descriptions={"a": {"type": "mine"}})

    Importer(target, now=NOW).run(ListSource([("a", build_events(1)), ("b", [])]))

    assert target.descriptions == {
        "a": {"type": "mine"},
        "b": {"type": "t", "client": "c", "hostname": "h"},
    }


def test_a_bucket_that_comes_twice_is_one() -> None:
    """It is described once, and counted together."""
    target = FakeTarget()

    tally = Importer(target, now=NOW).run(ListSource([("a", build_events(1)), ("a", build_events(3))]))

    assert (tally.buckets["a"].added, tally.buckets["a"].unchanged) == (3, 1)


def test_what_can_not_be_taken_is_counted_by_reason() -> None:
    """The first ones are kept to be shown."""
    refusals = [Refusal("duration", f"-{n} s") for n in range(9)] + [Refusal("data", "is none")]

    tally = Importer(FakeTarget(), now=NOW).run(ListSource([("a", [*refusals, *build_events(1)])]))

    assert tally.skipped == {"duration": 9, "data": 1}
    assert tally.examples == [("a", refusal) for refusal in refusals[:5]]
    assert tally.stored == 1


def test_a_bucket_with_an_impossible_id_is_skipped_whole() -> None:
    """The others are imported."""
    target = FakeTarget()

    tally = Importer(target, now=NOW).run(ListSource([("x" * 300, build_events(3)), ("a", build_events(1))]))

    assert [*target.descriptions] == ["a"]
    assert tally.skipped == {"bucket": 1}


def test_a_description_that_does_not_fit_is_counted() -> None:
    """The bucket and its events are there all the same."""
    target = FakeTarget()

    tally = Importer(target, now=NOW).run(ListSource([("a", build_events(1))], fields={"type": 7}))

    assert (tally.skipped, tally.stored) == ({"bucket": 1}, 1)
    assert target.descriptions["a"]["type"] == "unknown"


def test_an_event_that_is_too_large_is_skipped_alone() -> None:
    """Its batch arrives without it."""
    target, events = FakeTarget(largest=100), build_events(10)
    events[5] = Event(timestamp=events[5].timestamp, data={"text": "x" * 200})

    tally = Importer(target, now=NOW).run(ListSource([("a", events)]))

    assert (tally.skipped, tally.stored) == ({"size": 1}, 9)
    assert len(target.get_events("a")) == 9


@pytest.mark.parametrize("is_error_among_events", [True, False])
def test_a_damaged_source_brings_what_came_before(is_error_among_events: bool) -> None:
    """All of it is committed when the error comes out."""
    target, events = FakeTarget(), build_events(BATCH_EVENTS + 1)
    importer = Importer(target, now=NOW)

    with pytest.raises(BadInput, match="broken"):
        importer.run(ListSource([("a", events)], error=BadInput("broken"), is_error_among_events=is_error_among_events))

    assert len(target.get_events("a")) == importer.tally.stored == len(events)


def test_a_target_that_fails_ends_the_import() -> None:
    """With its error; what is known to be committed is counted."""
    target = FakeTarget(error=ReplyTimeout(60.0), works_for=1)
    importer = Importer(target, now=NOW)

    with pytest.raises(ReplyTimeout):
        importer.run(ListSource([("a", build_events(20 * BATCH_EVENTS))]))

    assert importer.tally.stored <= len(target.get_events("a")) == BATCH_EVENTS
    assert len(target.batches) < 10


def test_who_watches_is_told_as_it_goes_on() -> None:
    """After each batch."""
    seen: list[int] = []

    Importer(FakeTarget(), now=NOW).run(
        ListSource([("a", build_events(3 * BATCH_EVENTS))]), lambda tally: seen.append(tally.stored)
    )

    assert seen == [BATCH_EVENTS, 2 * BATCH_EVENTS, 3 * BATCH_EVENTS]


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(1, 7))
def test_a_batch_never_ends_between_events_of_one_moment(runs: list[int], size: int) -> None:
    """So equal ones are numbered alike by every import; nothing is lost or moved."""
    events = [Event(timestamp=START - timedelta(seconds=n), data={}) for n, run in enumerate(runs) for _ in range(run)]

    batches = list(iter_batches(events, size))

    assert [event for batch in batches for event in batch] == events
    assert all(first[-1].timestamp != second[0].timestamp for first, second in pairwise(batches))
    assert all(len(batch) >= size for batch in batches[:-1])


def test_large_events_go_in_smaller_batches() -> None:
    """What is on its way stays small."""
    large: JSONObject = {"text": "x" * (BATCH_CHARACTERS // 4)}
    events = [Event(timestamp=START - timedelta(seconds=n), data=large) for n in range(9)]

    assert [len(batch) for batch in iter_batches(events)] == [4, 4, 1]
