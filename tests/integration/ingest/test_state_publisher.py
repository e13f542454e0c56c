"""States as the store has them: the newest event, nothing for a bucket that is gone, later what can not be read now."""

from __future__ import annotations

from pathlib import Path

from pulseline_core.store import open_reader
from pulseline_core.types import BucketId
from pulseline_ingest.source import Outgoing
from pulseline_ingest.state_publisher import StatePublisher
from tests.contract.store.samples import MAIL, beat, get_row, make_event
from tests.integration.ingest.bench import SHARE, Bench
from tests.unit.ingest.samples import read_json

PLUG, DESK = BucketId("plug"), BucketId("living room")


def build(bench: Bench) -> StatePublisher:
    """Return a publisher with an interval of a second."""
    return StatePublisher(bench.reader, share=SHARE, interval_s=1.0)


def test_state_is_the_newest_event(bench: Bench) -> None:
    """Retained, on the bucket's topic, in the form of every event."""
    _, newest, _ = beat(bench.store, make_event(0), make_event(100, data=MAIL), make_event(50), bucket_id=DESK)
    states = build(bench)
    states.mark([DESK])

    [state] = states.build_due(10, now=0.0)

    assert (state.topic, state.qos, state.retain) == ("pulseline/v1/living%20room/state", 0, True)
    assert read_json(state) == newest.to_json()


def test_state_of_a_bucket_without_events_is_forgotten(bench: Bench) -> None:
    """An empty payload lets the broker forget it; so it is with a bucket that is gone."""
    with bench.store.transaction() as tx:
        get_row(tx, PLUG)
    states = build(bench)
    states.mark([PLUG, DESK])

    assert states.build_due(10, now=0.0) == [
        Outgoing(topic="pulseline/v1/plug/state", payload=b"", retain=True),
        Outgoing(topic="pulseline/v1/living%20room/state", payload=b"", retain=True),
    ]


def test_state_is_read_when_it_is_published(bench: Bench) -> None:
    """Not when it changed: the latest wins."""
    states = build(bench)
    states.mark([PLUG])
    beat(bench.store, make_event(0), make_event(30), bucket_id=PLUG)

    [state] = states.build_due(10, now=0.0)

    assert read_json(state)["duration"] == 30.0


def test_all_buckets_are_due_after_a_start(bench: Bench) -> None:
    """A broker that was started again remembers none."""
    for bucket_id in (PLUG, DESK):
        beat(bench.store, make_event(0), bucket_id=bucket_id)
    states = build(bench)

    states.mark_all(now=0.0)

    assert [state.topic.split("/")[2] for state in states.build_due(10, now=0.0)] == ["living%20room", "plug"]
    assert states.build_due(10, now=5.0) == []


def test_rest_beyond_the_limit_comes_next(bench: Bench) -> None:
    """No state is left out."""
    beat(bench.store, make_event(0), bucket_id=PLUG)
    states = build(bench)
    states.mark([PLUG, DESK])

    counts = [len(states.build_due(1, now=0.0)) for _ in range(3)]

    assert counts == [1, 1, 0]


def test_state_that_can_not_be_read_is_due_again(path: Path) -> None:
    """After the interval, when the database is there."""
    with open_reader(path) as reader:
        states = StatePublisher(reader, share=SHARE, interval_s=1.0)
        states.mark([PLUG])

        assert states.build_due(10, now=0.0) == []
        assert states.get_wait_s(now=0.0) == 1.0
        with Bench(path) as bench:
            beat(bench.store, make_event(0), bucket_id=PLUG)
            assert [state.topic for state in states.build_due(10, now=1.0)] == ["pulseline/v1/plug/state"]


def test_all_buckets_are_due_when_the_database_is_back(path: Path) -> None:
    """A new connection to the broker while the database is away ends nothing."""
    with open_reader(path) as reader:
        states = StatePublisher(reader, share=SHARE, interval_s=1.0)
        states.mark_all(now=0.0)

        assert states.get_wait_s(now=0.0) == 0.0
        assert states.build_due(10, now=0.0) == []
        assert states.get_wait_s(now=0.0) == 1.0
        with Bench(path) as bench:
            beat(bench.store, make_event(0), bucket_id=PLUG)
            assert [state.topic for state in states.build_due(10, now=1.0)] == ["pulseline/v1/plug/state"]
        assert states.get_wait_s(now=1.0) == 1.0
