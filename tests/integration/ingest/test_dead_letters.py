"""Dead letters on a real store: tried again, kept with another reason, dropped; and what the one who asked is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pulseline_ingest.apply import ApplyRules
from pulseline_ingest.source import Received
from tests.contract.store.samples import MORNING, at
from tests.integration.ingest.bench import HOST, Bench, Break, beat, build_beat
from tests.integration.ingest.scripted_source import ScriptedSource
from tests.unit.ingest.samples import number, receive

NO_BUCKETS = ApplyRules(host=HOST, creates_buckets=False)


def order(seq: int, op: str, letter_id: int) -> Received:
    """Return an order about a dead letter that wants a reply."""
    return receive(number(seq, {"op": op, "id": letter_id}, reply=True), topic="_admin")


def replay(letter_id: int, seq: int = 1) -> Received:
    """Return the order to try a letter again."""
    return order(seq, "replay_dead_letter", letter_id)


def drop(letter_id: int, seq: int = 1) -> Received:
    """Return the order to forget a letter."""
    return order(seq, "drop_dead_letter", letter_id)


def fail(bench: Bench, *messages: Received) -> list[int]:
    """Let messages become dead letters, since no bucket is made for them; return their numbers."""
    bench.rules, rules = NO_BUCKETS, bench.rules
    bench.run(messages)
    bench.rules = rules
    return [letter.id for letter in bench.read_letters()]


def get_error(source: ScriptedSource) -> dict[str, Any]:
    """Return the error that the only reply holds."""
    [result] = source.get_results()
    error: dict[str, Any] = result["error"]
    return error


def test_replayed_letter_is_applied_and_gone(bench: Bench) -> None:
    """What was missing is there now; the reply is that of the message itself."""
    [letter_id] = fail(bench, beat(5))

    source = bench.run([replay(letter_id)])

    assert bench.read_outline() == [(5, 5, {"on": True})]
    assert bench.read_letters() == []
    assert source.get_acknowledgements() == [
        {"bucket": "", "seq": 1, "result": bench.reader.read_events("plug")[0].to_json()}
    ]


def test_replayed_heartbeat_stands_where_it_belongs(bench: Bench) -> None:
    """Without a timestamp its time is that of its receipt, not that of the replay."""
    [letter_id] = fail(bench, receive(b"ON", received_at=at(30)))

    bench.run([replay(letter_id)])

    assert bench.read_outline() == [(30, 30, {"value": "ON"})]
    assert bench.reader.read_bucket("plug").created == at(30)


def test_replayed_letter_s_bucket_is_published_anew(bench: Bench) -> None:
    """It has a newest event."""
    [letter_id] = fail(bench, beat(5))

    source = bench.run([replay(letter_id)])

    assert len(source.get_published("plug/state")) == 1


def test_number_of_a_replayed_letter_is_not_looked_at(bench: Bench) -> None:
    """It was spent when the message became a letter, and those behind it are applied."""
    [letter_id] = fail(bench, receive(number(1, build_beat(0))))
    bench.run([receive(number(2, build_beat(100)))])

    source = bench.run([replay(letter_id), receive(number(3, build_beat(200)))])

    assert [start for start, _, _ in bench.read_outline()] == [0, 100, 200]
    assert source.get_acknowledgements()[-1] == {"bucket": "plug", "seq": 3}


@pytest.mark.parametrize(("payload", "client"), [(number(1, build_beat(0)), "outbox"), (build_beat(0), "mqtt")])
def test_bucket_that_a_replay_makes_is_its_publisher_s(bench: Bench, payload: dict[str, Any], client: str) -> None:
    """As if the message had been applied when it came."""
    [letter_id] = fail(bench, receive(payload))

    bench.run([replay(letter_id)])

    assert bench.reader.read_bucket("plug").client == client


def test_letter_that_still_fails_is_kept_with_the_new_reason(bench: Bench) -> None:
    """And whoever asked is told; the order itself was applied."""
    [letter_id] = fail(bench, receive(build_beat(0, create_bucket=False)))
    before = bench.read_letters()[0]
    with bench.store.transaction() as tx:
        tx.set_dead_letter_reason(letter_id, "an old reason")

    source = bench.run([replay(letter_id)])

    assert bench.read_letters() == [before]
    assert before.reason == "no bucket 'plug' exists"
    assert get_error(source) == {"type": "NotFound", "message": "no bucket 'plug' exists"}
    assert source.get_counters() == {"received": 1, "applied": 1, "duplicates": 0, "dead_letters": 0, "ignored": 0}


def test_letter_that_can_not_be_read_fails_again(bench: Bench) -> None:
    """Twice as well as once, and there is no second letter."""
    bench.run([receive(b'{"data":')])
    [letter] = bench.read_letters()

    source = bench.run([replay(letter.id), replay(letter.id, seq=2)])

    assert [result["error"]["type"] for result in source.get_results()] == ["InvalidPayload", "InvalidPayload"]
    assert bench.read_letters() == [letter]


def test_letter_whose_replay_meets_a_bug_is_kept(bench: Bench, break_merges: Break) -> None:
    """The order becomes a letter itself, with the error; its neighbours are stored."""
    [letter_id] = fail(bench, beat(0, bucket="cursed"))
    break_merges(lambda row, event: RuntimeError("a bug") if row.bucket.id == "cursed" else None)

    source = bench.run([beat(1), replay(letter_id), beat(2)])

    assert [letter.topic for letter in bench.read_letters()] == [
        "pulseline/v1/cursed/heartbeat",
        "pulseline/v1/_admin",
    ]
    assert get_error(source) == {"type": "PulselineError", "message": "internal error: RuntimeError: a bug"}
    assert bench.read_outline() == [(1, 2, {"on": True})]
    assert bench.reader.read_bucket_ids() == ["plug"]


def test_bucket_that_a_replay_deletes_is_cleared(bench: Bench) -> None:
    """A letter may hold any request for a bucket."""
    [letter_id] = fail(bench, receive({"op": "delete_bucket"}, topic="plug/admin"))
    bench.run([beat(0)])

    source = bench.run([replay(letter_id)])

    assert source.get_results() == [{"deleted": 1}]
    assert bench.reader.read_buckets() == []
    assert [message.payload for message in source.get_published("plug/state")][-1] == b""


@pytest.mark.parametrize("op", ["replay_dead_letter", "drop_dead_letter"])
def test_order_among_the_letters_is_not_replayed(bench: Bench, op: str) -> None:
    """It would not be what its sender meant by now, and could name itself."""
    with bench.store.transaction() as tx:
        payload = f'{{"op": "{op}", "id": 1}}'.encode()
        letter_id = tx.add_dead_letter("pulseline/v1/_admin", payload, reason="odd", received_at=MORNING)

    source = bench.run([replay(letter_id)])

    assert get_error(source)["type"] == "InvalidPayload"
    assert [(letter.id, "can not be replayed" in letter.reason) for letter in bench.read_letters()] == [(1, True)]


def test_letter_that_asks_for_nothing_is_gone(bench: Bench) -> None:
    """There is nothing that could fail."""
    with bench.store.transaction() as tx:
        letter_id = tx.add_dead_letter("pulseline/v1/plug/meta", b"", reason="odd", received_at=MORNING)

    source = bench.run([replay(letter_id)])

    assert source.get_results() == [{"deleted": 0}]
    assert bench.read_letters() == []


def test_letter_that_was_ahead_of_a_wrong_clock_can_be_replayed(bench: Bench) -> None:
    """A host may believe that it is 1970 until its clock is set; it is not ahead of the clock any more."""
    bench.run([receive(build_beat(2 * 86_400))])
    [letter] = bench.read_letters()

    too_soon = bench.run([replace(replay(letter.id), received_at=at(0.5 * 86_400))])
    later = bench.run([replace(replay(letter.id, 2), received_at=at(10 * 86_400))])

    assert "more than a day ahead" in get_error(too_soon)["message"]
    assert later.get_results()[0]["data"] == build_beat(2 * 86_400)["data"]
    assert bench.read_letters() == []


def test_dropped_letter_is_gone(bench: Bench) -> None:
    """The others stay."""
    first, second = fail(bench, beat(0), beat(1))

    source = bench.run([drop(first)])

    assert source.get_results() == [{"deleted": 1}]
    assert [letter.id for letter in bench.read_letters()] == [second]


@pytest.mark.parametrize("make", [replay, drop])
def test_letter_that_does_not_exist_is_not_found(bench: Bench, make: Any) -> None:
    """The order is no dead letter for it: it was done as far as it goes."""
    source = bench.run([make(7)])

    assert get_error(source) == {"type": "NotFound", "message": "no dead letter 7 exists"}
    assert bench.read_letters() == []
    assert source.get_counters()["applied"] == 1


@pytest.mark.parametrize(
    "body",
    [{"op": "stop", "id": 1}, {"op": "drop_dead_letter"}, {"op": "drop_dead_letter", "id": 0}, {"id": 1}],
    ids=["unknown", "no id", "no number", "no op"],
)
def test_order_that_makes_no_sense_is_a_dead_letter(bench: Bench, body: dict[str, Any]) -> None:
    """Its sender is told, and may go on."""
    source = bench.run([receive(number(1, body, reply=True), topic="_admin"), drop(7, seq=2)])

    assert [result["error"]["type"] for result in source.get_results()] == ["InvalidPayload", "NotFound"]
    assert [letter.topic for letter in bench.read_letters()] == ["pulseline/v1/_admin"]


def test_orders_are_handled_once(bench: Bench) -> None:
    """One that comes again replays nothing."""
    first, second = fail(bench, beat(0), beat(100))

    source = bench.run([replay(first)], [replay(first), drop(second, seq=3)])

    assert len(source.get_results()) == 1
    assert [letter.id for letter in bench.read_letters()] == [second]
    assert source.get_counters() == {"received": 2, "applied": 1, "duplicates": 1, "dead_letters": 0, "ignored": 1}
