"""Effects: what a group counts, acknowledges, tells and touches, once it is committed."""

from __future__ import annotations

from typing import Any

import pytest

from pulseline_core.bucket import BucketDescription
from pulseline_core.message import (
    DeleteBucket,
    DeleteEvent,
    DeleteEvents,
    DescribeBucket,
    DropDeadLetter,
    Envelope,
    Heartbeats,
    InsertEvents,
    Nothing,
    ReplaceEvent,
    Request,
)
from pulseline_core.types import BucketId
from pulseline_ingest.acknowledgement import AcknowledgementRules
from pulseline_ingest.counters import Counters
from pulseline_ingest.effects import Effects
from pulseline_ingest.outcome import Applied, BucketRequest, DeadLettered, Deleted, Duplicate, Failure, Ignored, Outcome
from pulseline_ingest.reading import Delivery
from pulseline_ingest.source import Outgoing
from tests.contract.store.samples import at, make_event
from tests.unit.ingest.samples import PLUG, make_envelope, read_acknowledgements, read_json, receive

RULES = AcknowledgementRules(root="pulseline/v1", epoch="0b5c", window=100)
DESK = BucketId("desk")
FAILURE = Failure("InvalidEvent", "duration is wrong")

BEAT = Heartbeats(bucket_id=PLUG, events=(make_event(),), pulsetimes=(None,))
DESCRIBE = DescribeBucket(bucket_id=PLUG, description=BucketDescription())
DELETE = DeleteBucket(bucket_id=PLUG)

CLEARED_STATE = Outgoing(topic="pulseline/v1/plug/state", payload=b"", retain=True)
CLEARED_META = Outgoing(topic="pulseline/v1/plug/meta", payload=b"", retain=True)


def deliver(request: Request | Failure = BEAT, envelope: Envelope | None = None, bucket_id: str = PLUG) -> Delivery:
    """Return a message that was read."""
    return Delivery(receive(b"21.5"), request, envelope, bucket_id)


def collect(*outcomes: tuple[Delivery, Outcome]) -> Effects:
    """Return the effects of a group."""
    effects = Effects()
    for delivery, outcome in outcomes:
        effects.add(delivery, outcome)
    return effects


def apply(*changes: BucketRequest) -> Effects:
    """Return the effects of a group of plain messages that were applied."""
    return collect(*((deliver(change), Applied(Deleted(1), change)) for change in changes))


def acknowledge(envelope: Envelope, outcome: Outcome) -> list[dict[str, Any]]:
    """Return what the publisher of one message is told, without what is common to all acknowledgements."""
    [message] = collect((deliver(envelope=envelope), outcome)).iter_messages(RULES)
    assert message.topic == "pulseline/v1/_ack/outbox"
    return [
        {name: value for name, value in item.items() if name not in ("epoch", "window")}
        for item in read_acknowledgements(message)
    ]


def test_every_message_of_a_group_is_counted() -> None:
    """Also those that nobody is told of."""
    effects = collect(
        (deliver(), Applied(make_event(), BEAT)),
        (deliver(envelope=make_envelope()), Duplicate(1)),
        (deliver(FAILURE), DeadLettered(7, FAILURE)),
        (deliver(Nothing()), Ignored()),
    )

    assert effects.counters == Counters(applied=1, duplicates=1, dead_letters=1, ignored=1)


def test_plain_message_is_answered_by_the_broker_alone() -> None:
    """It has no topic for acknowledgements, and asked for nothing."""
    assert list(apply(BEAT).iter_messages(RULES)) == []


def test_numbered_messages_are_acknowledged_by_the_last_of_them() -> None:
    """Applied, repeated or kept as dead letters: they are done."""
    effects = collect(
        (deliver(envelope=make_envelope(1)), Duplicate(1)),
        (deliver(envelope=make_envelope(2)), Applied(make_event(), BEAT)),
        (deliver(FAILURE, make_envelope(3)), DeadLettered(7, FAILURE)),
    )

    acknowledgement, notice = effects.iter_messages(RULES)

    assert [each["seq"] for each in read_acknowledgements(acknowledgement)] == [3]
    assert notice.topic == "pulseline/v1/_dead"


def test_duplicate_is_acknowledged_again() -> None:
    """With the watermark, and without a result: an outbox that never went so far learns that it is a copy."""
    assert acknowledge(make_envelope(4, reply=True), Duplicate(6)) == [{"bucket": "plug", "seq": 6}]


def test_early_message_is_answered_with_the_watermark() -> None:
    """It asked for a reply, and gets none before its turn."""
    assert acknowledge(make_envelope(9, reply=True), Ignored(5)) == [{"bucket": "plug", "seq": 5}]


def test_message_that_asks_for_nothing_is_not_acknowledged() -> None:
    """Its number, if it has one, belongs to no sequence."""
    effects = collect((deliver(Nothing(), make_envelope()), Ignored()))

    assert list(effects.iter_messages(RULES)) == []


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        pytest.param(Applied(Deleted(2), BEAT), {"deleted": 2}, id="result"),
        pytest.param(Applied([], BEAT), [], id="no events"),
        pytest.param(
            Applied(FAILURE, None), {"error": {"type": "InvalidEvent", "message": "duration is wrong"}}, id="no object"
        ),
    ],
)
def test_reply_carries_what_became_of_the_message(outcome: Outcome, result: object) -> None:
    """In its acknowledgement."""
    assert acknowledge(make_envelope(4, reply=True), outcome) == [{"bucket": "plug", "seq": 4, "result": result}]


def test_reply_to_a_dead_letter_is_its_error() -> None:
    """The publisher learns why, by the error's class."""
    effects = collect((deliver(FAILURE, make_envelope(4, reply=True)), DeadLettered(7, FAILURE)))

    acknowledgement, _ = effects.iter_messages(RULES)

    [answer] = read_acknowledgements(acknowledgement)
    assert (answer["seq"], answer["result"]["error"]) == (4, {"type": "InvalidEvent", "message": "duration is wrong"})


def test_dead_letter_is_announced() -> None:
    """With its number, its topic and the reason, not retained."""
    [notice] = collect((deliver(FAILURE), DeadLettered(7, FAILURE))).iter_messages(RULES)

    assert (notice.topic, notice.qos, notice.retain) == ("pulseline/v1/_dead", 0, False)
    assert read_json(notice) == {"id": 7, "topic": "pulseline/v1/plug/heartbeat", "reason": "duration is wrong"}


@pytest.mark.parametrize(
    "change",
    [
        BEAT,
        InsertEvents(bucket_id=PLUG, events=(make_event(),)),
        ReplaceEvent(bucket_id=PLUG, event=make_event(event_id=7)),
        DeleteEvent(bucket_id=PLUG, event_id=7),
        DeleteEvents(bucket_id=PLUG, start=at(0), end=at(1)),
    ],
    ids=lambda change: type(change).__name__,
)
def test_change_of_events_touches_their_bucket(change: BucketRequest) -> None:
    """Its newest event may be another one, so its state is due."""
    effects = apply(change)

    assert list(effects.touched) == [PLUG]
    assert list(effects.iter_messages(RULES)) == []


def test_deletions_leave_rows() -> None:
    """Of a bucket or a range, not of one event: its row went with the transaction."""
    delete_range = DeleteEvents(bucket_id=PLUG, start=at(0), end=at(1))
    delete_event = DeleteEvent(bucket_id=PLUG, event_id=7)

    assert [apply(change).leaves_rows for change in (DELETE, delete_range, delete_event, BEAT)] == [
        True,
        True,
        False,
        False,
    ]


def test_touched_buckets_are_named_once_in_the_order_of_their_changes() -> None:
    """However often they changed."""
    other = Heartbeats(bucket_id=DESK, events=(make_event(),), pulsetimes=(None,))

    assert list(apply(BEAT, other, BEAT, other).touched) == [PLUG, DESK]


def test_description_and_orders_touch_no_bucket() -> None:
    """No event is another one for them."""
    effects = apply(DESCRIBE)
    effects.add(deliver(DropDeadLetter(dead_letter_id=7), bucket_id=""), Applied(Deleted(1), None))

    assert not effects.touched
    assert list(effects.iter_messages(RULES)) == []


def test_message_that_was_not_applied_touches_nothing() -> None:
    """Duplicates, dead letters and ignored messages changed no bucket."""
    effects = collect(
        (deliver(envelope=make_envelope()), Duplicate(1)),
        (deliver(envelope=make_envelope(9)), Ignored(1)),
        (deliver(), DeadLettered(7, FAILURE)),
    )

    assert not effects.touched


@pytest.mark.parametrize(
    ("outcome", "is_unapplied"),
    [
        pytest.param(Applied(Deleted(1), DELETE), False, id="applied"),
        pytest.param(Ignored(), False, id="asks for nothing"),
        pytest.param(Ignored(1), True, id="before its turn"),
        pytest.param(Duplicate(1), True, id="duplicate"),
        pytest.param(DeadLettered(7, FAILURE), True, id="dead letter"),
    ],
)
def test_message_that_changed_nothing_is_noted(outcome: Outcome, is_unapplied: bool) -> None:
    """It asked for something, so a broker must not retain it as what holds."""
    delivery = deliver(envelope=make_envelope(9))

    effects = collect((delivery, outcome))

    assert effects.unapplied == [delivery.received] * is_unapplied


def test_deleted_bucket_s_retained_messages_are_cleared() -> None:
    """State and description, and the state is not published again."""
    effects = apply(BEAT, DELETE)

    assert list(effects.iter_messages(RULES)) == [CLEARED_STATE, CLEARED_META]
    assert not effects.touched


def test_description_after_the_deletion_is_kept() -> None:
    """The retained message is the new bucket's; the state was the old one's."""
    effects = apply(DELETE, DESCRIBE)

    assert list(effects.iter_messages(RULES)) == [CLEARED_STATE]


def test_description_before_the_deletion_is_cleared() -> None:
    """Also if another one had come between two deletions."""
    assert list(apply(DESCRIBE, DELETE).iter_messages(RULES)) == [CLEARED_STATE, CLEARED_META]
    assert list(apply(DELETE, DESCRIBE, DELETE).iter_messages(RULES)) == [CLEARED_STATE, CLEARED_META]


def test_bucket_that_a_heartbeat_brings_back_is_touched_again() -> None:
    """Its state comes after the old one was cleared."""
    effects = apply(DELETE, BEAT)

    assert list(effects.touched) == [PLUG]
    assert list(effects.iter_messages(RULES)) == [CLEARED_STATE, CLEARED_META]


def test_senders_are_told_before_watchers() -> None:
    """Acknowledgements, then notices, then cleared topics."""
    effects = collect(
        (deliver(DELETE), Applied(Deleted(1), DELETE)),
        (deliver(FAILURE), DeadLettered(7, FAILURE)),
        (deliver(envelope=make_envelope()), Applied(make_event(), BEAT)),
    )

    assert [message.topic.removeprefix("pulseline/v1/") for message in effects.iter_messages(RULES)] == [
        "_ack/outbox",
        "_dead",
        "plug/state",
        "plug/meta",
    ]
