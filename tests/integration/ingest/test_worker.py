"""The worker on a real store: groups, their commits, what is told to whom, and the end."""

from __future__ import annotations

from typing import Any

import pytest

from pulseline_core.store import Transaction
from pulseline_ingest.apply import ApplyRules
from pulseline_ingest.source import Outgoing, Received
from pulseline_ingest.worker import Worker
from tests.integration.ingest.bench import HOST, Bench, beat, build_beat
from tests.integration.ingest.scripted_source import ScriptedSource, Settled
from tests.unit.ingest.samples import number, read_acknowledgements, receive


def test_groups_are_settled_in_the_order_of_their_receipt(bench: Bench) -> None:
    """Each message once, each group with one call, whatever became of its messages."""
    groups = [
        [beat(0), receive(b'{"data":'), beat(1, bucket="desk")],
        [receive(b"", topic="plug/meta")],
        [receive(number(5, build_beat(2))), beat(3)],
    ]

    source = bench.run(*groups)

    settled = [entry for entry in source.log if isinstance(entry, Settled)]
    assert settled == [Settled(tuple(group), committed=True) for group in groups]


def test_group_is_visible_when_it_is_settled(bench: Bench) -> None:
    """A publisher that was acknowledged finds its event in the store."""
    seen: list[int] = []

    class LookingSource(ScriptedSource):
        def settle(self, messages: object, *, committed: bool, unapplied: object = ()) -> None:
            seen.append(bench.reader.count_events("plug"))

    Worker(LookingSource([beat(0), beat(100)], [beat(200)]), bench.build_parts()).run()

    assert seen == [2, 3]


def test_messages_beyond_the_limit_are_the_next_group(bench: Bench) -> None:
    """A transaction has a bound."""
    source = bench.run([beat(second) for second in range(7)], max_batch=3)

    assert [len(entry.messages) for entry in source.log if isinstance(entry, Settled)] == [3, 3, 1]
    assert source.get_reports()[-2]["commit"]["groups"] == 3


def test_group_costs_one_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred messages wait for the disk once, good and bad ones; the start looks for what the last run left."""
    begun: list[Transaction] = []
    begin = Transaction.__init__

    def note(self: Transaction, tables: Any) -> None:
        begun.append(self)
        begin(self, tables)

    monkeypatch.setattr(Transaction, "__init__", note)

    bench.run([each for second in range(50) for each in (beat(second), receive(b"NaN"))])

    _start, _group = begun
    assert (len(bench.read_outline()), len(bench.read_letters())) == (1, 50)


@pytest.mark.parametrize(
    "bad",
    [
        receive(b'{"data":'),
        receive({"op": "delete_event", "id": 7}, topic="nowhere/admin"),
        receive(build_beat(0, create_bucket=False), topic="nowhere/heartbeat"),
        receive(b"ON", topic="_private/heartbeat"),
        receive(number(1, build_beat(0), publisher="somebody")),
    ],
    ids=["broken", "no such bucket", "bucket not wanted", "no bucket's topic", "forged"],
)
def test_bad_message_leaves_its_neighbours_alone(bench: Bench, bad: Received) -> None:
    """They are stored in the same group, and only it is a dead letter."""
    source = bench.run([beat(0), bad, beat(100)])

    assert [start for start, _, _ in bench.read_outline()] == [0, 100]
    assert bench.reader.read_bucket_ids() == ["plug"]
    assert len(bench.read_letters()) == 1
    assert source.get_counters() == {"received": 3, "applied": 2, "duplicates": 0, "dead_letters": 1, "ignored": 0}
    assert [len(entry.messages) for entry in source.log if isinstance(entry, Settled)] == [3]


def test_publisher_is_told_after_the_broker(bench: Bench) -> None:
    """Settled first, then acknowledged and announced, then the states, then the report."""
    source = bench.run([receive(number(1, build_beat(0))), receive(b"NaN")])

    first = next(place for place, entry in enumerate(source.log) if isinstance(entry, Settled))
    after = [
        entry.topic.removeprefix("pulseline/v1/") for entry in source.log[first + 1 :] if isinstance(entry, Outgoing)
    ]
    assert after == ["_ack/outbox", "_dead", "plug/state", "_status/main", "_status/main"]


def test_acknowledgement_names_database_and_window(bench: Bench) -> None:
    """As the wire interface has it."""
    source = bench.run([receive(number(1, build_beat(0)))])

    [message] = source.get_published("_ack/outbox")
    assert read_acknowledgements(message) == [{"bucket": "plug", "seq": 1, "epoch": bench.store.epoch, "window": 100}]


def test_replies_hold_what_became_of_each_message(bench: Bench) -> None:
    """Events, buckets, numbers of rows and errors, in order; what became of a duplicate is not known any more."""
    bodies = [
        ("plug/meta", {"type": "power"}),
        ("plug/heartbeat", build_beat(0)),
        ("plug/heartbeat", build_beat(5)),
        ("plug/events", {"events": [build_beat(100), build_beat(200)]}),
        ("plug/admin", {"op": "delete_events", "start": "2026-11-23T10:01:00Z", "end": "2026-11-23T11:00:00Z"}),
        ("plug/admin", {"op": "replace_event", "event": build_beat(0, id=99)}),
        ("plug/heartbeat", {"data": 5}),
    ]
    group = [receive(number(seq, body, reply=True), topic=topic) for seq, (topic, body) in enumerate(bodies, start=1)]

    described, first, second, inserted, deleted, replaced, broken = bench.run([*group, group[1]]).get_results()

    assert (described["id"], described["type"]) == ("plug", "power")
    assert (first["duration"], second["duration"], first["id"]) == (0.0, 5.0, second["id"])
    assert [event["timestamp"] for event in inserted] == ["2026-11-23T10:01:40+00:00", "2026-11-23T10:03:20+00:00"]
    assert deleted == {"deleted": 2}
    assert replaced == {"error": {"type": "NotFound", "message": "no event 99 exists"}}
    assert broken == {"error": {"type": "InvalidEvent", "message": "data '5' is not an object"}}


def test_message_that_comes_again_has_no_effect(bench: Bench) -> None:
    """In the same group, in a later one, or to another worker on the same store; it is acknowledged each time."""
    message = receive(number(1, {"events": [build_beat(0)]}), topic="plug/events")

    first = bench.run([message, message], [message])
    second = bench.run([message])

    assert len(bench.read_outline()) == 1
    assert [each["seq"] for each in (*first.get_acknowledgements(), *second.get_acknowledgements())] == [1, 1, 1]
    assert (first.get_counters()["duplicates"], second.get_counters()["duplicates"]) == (2, 1)


def test_message_before_its_turn_is_ignored_until_it_is_its_turn(bench: Bench) -> None:
    """Its sender hears what is done so far, and sends again from there."""
    one, two, three = (receive(number(seq, build_beat(100 * seq))) for seq in (1, 2, 3))

    source = bench.run([three], [one], [three], [two, three])

    assert [each["seq"] for each in source.get_acknowledgements()] == [0, 1, 1, 3]
    assert [start for start, _, _ in bench.read_outline()] == [100, 200, 300]
    assert source.get_counters() == {"received": 3, "applied": 3, "duplicates": 0, "dead_letters": 0, "ignored": 2}


def test_unknown_publisher_begins_at_its_base(bench: Bench) -> None:
    """As after a database was made anew: what lies before the base was acknowledged once.

    Whoever sends an old number under the same id hears how far the numbers have gone.
    """
    early, late = receive(number(7, build_beat(7), base=5)), receive(number(5, build_beat(5), base=5))

    source = bench.run([early], [late], [receive(number(4, build_beat(4), base=1))])

    assert [each["seq"] for each in source.get_acknowledgements()] == [4, 5, 5]
    assert [start for start, _, _ in bench.read_outline()] == [5]


def test_restored_database_catches_up_with_the_outbox(bench: Bench) -> None:
    """Its watermark is old, the base is not."""
    bench.run([receive(number(1, build_beat(0)))])

    source = bench.run([receive(number(10, build_beat(1000), base=10)), receive(number(11, build_beat(1100), base=10))])

    assert source.get_acknowledgements() == [{"bucket": "plug", "seq": 11}]
    assert [start for start, _, _ in bench.read_outline()] == [0, 1000, 1100]


def test_watermark_outlives_its_bucket(bench: Bench) -> None:
    """An old message does not bring a deleted bucket back."""
    old = receive(number(1, build_beat(0)))
    bench.run([old, receive({"op": "delete_bucket"}, topic="plug/admin")])

    source = bench.run([old])

    assert bench.reader.read_buckets() == []
    assert source.get_counters()["duplicates"] == 1


def test_publishers_are_acknowledged_apart(bench: Bench) -> None:
    """Nobody hears of another's messages."""
    source = bench.run(
        [
            receive(number(1, build_beat(0), publisher="anna"), client_id="anna"),
            receive(number(1, build_beat(0), publisher="ben"), client_id="ben"),
            receive(number(2, build_beat(1), publisher="anna"), client_id="anna"),
        ]
    )

    assert source.get_acknowledgements("anna") == [{"bucket": "plug", "seq": 2}]
    assert source.get_acknowledgements("ben") == [{"bucket": "plug", "seq": 1}]


@pytest.mark.parametrize("kind", ["heartbeat", "events"])
def test_bucket_is_made_unless_its_publisher_does_not_want_it(bench: Bench, kind: str) -> None:
    """Then the message is a dead letter, and the reply says that the bucket is not there."""
    unwanted = receive(number(1, build_beat(0, create_bucket=False), reply=True), topic=f"plug/{kind}")
    wanted = receive(number(2, build_beat(0, create_bucket=True), reply=True), topic=f"plug/{kind}")
    there = receive(number(3, build_beat(100, create_bucket=False), reply=True), topic=f"plug/{kind}")

    source = bench.run([unwanted, wanted, there])

    refused, made, taken = source.get_results()
    assert refused == {"error": {"type": "NotFound", "message": "no bucket 'plug' exists"}}
    assert (made["data"], taken["data"]) == ({"on": True}, {"on": True})
    assert bench.reader.read_bucket("plug").client == "outbox"


def test_settings_keep_events_from_making_buckets(bench: Bench) -> None:
    """Whatever their publishers want."""
    bench.rules = ApplyRules(host=HOST, creates_buckets=False)

    source = bench.run([beat(0), receive({"type": "power"}, topic="desk/meta"), beat(0, bucket="desk")])

    assert bench.reader.read_bucket_ids() == ["desk"]
    assert (source.get_counters()["applied"], source.get_counters()["dead_letters"]) == (2, 1)


def test_deleted_bucket_is_forgotten_by_the_broker(bench: Bench) -> None:
    """Its retained state and description are cleared after the commit; a bucket described anew keeps the latter."""
    delete = receive({"op": "delete_bucket"}, topic="plug/admin")

    gone = bench.run([beat(0), delete])
    anew = bench.run([beat(0), delete, receive({"type": "power"}, topic="plug/meta")])

    assert [message.payload for message in gone.get_published("plug/state")] == [b""]
    assert [(message.payload, message.retain) for message in gone.get_published("plug/meta")] == [(b"", True)]
    assert anew.get_published("plug/meta") == []
