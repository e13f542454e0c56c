"""Reading: a message is what it asks for and whose it is, or a reason, and never an exception."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.message import WORKER_BUCKET, DescribeBucket, DropDeadLetter, Heartbeats, Nothing
from pulseline_core.payload import PayloadRules
from pulseline_ingest import reading
from pulseline_ingest.outcome import Failure
from pulseline_ingest.reading import Delivery, read_message
from tests.poison import POISON, POISON_BATCHES
from tests.unit.ingest.samples import PLUG, ROOT, make_envelope, number, receive

RULES = PayloadRules(root=ROOT, max_payload_bytes=500)

GOOD = {"data": {"on": True}}


def read(
    payload: bytes | dict[str, Any], *, topic: str = "plug/heartbeat", client_id: str | None = "outbox"
) -> Delivery:
    """Read a message that was published below the root."""
    return read_message(receive(payload, topic=topic, client_id=client_id), RULES)


def get_failure(delivery: Delivery) -> Failure:
    """Return why it can not be applied."""
    assert isinstance(delivery.request, Failure)
    return delivery.request


def test_plain_message_has_no_number() -> None:
    """It is applied whenever it comes."""
    delivery = read(b"21.5")

    assert isinstance(delivery.request, Heartbeats)
    assert delivery.request.events[0].data == {"value": 21.5}
    assert delivery.envelope is None


def test_time_of_a_message_without_one_is_that_of_its_receipt() -> None:
    """Not that of its reading, which may be later."""
    received = receive(b"ON")

    delivery = read_message(received, RULES)

    assert isinstance(delivery.request, Heartbeats)
    assert delivery.request.events[0].timestamp == received.received_at


def test_message_without_its_end_is_too_large_by_all_that_it_had() -> None:
    """Whatever is left of it: the beginning may be a value, too."""
    received = replace(receive(b"21.5"), dropped_bytes=1_000)

    assert get_failure(read_message(received, RULES)).message == "payload has 1004 bytes, the limit is 500"


def test_numbered_message_belongs_to_its_bucket_s_sequence() -> None:
    """The bucket by its id, not by its topic level."""
    delivery = read(number(3, GOOD, base=2, reply=True), topic="living%20room/heartbeat")

    assert delivery.envelope == make_envelope(3, base=2, reply=True)
    assert delivery.bucket_id == "living room"


def test_order_to_the_worker_belongs_to_the_sequence_of_the_empty_bucket() -> None:
    """Which no bucket can have as its id."""
    delivery = read(number(1, {"op": "drop_dead_letter", "id": 7}), topic="_admin")

    assert delivery.request == DropDeadLetter(dead_letter_id=7)
    assert (delivery.envelope, delivery.bucket_id) == (make_envelope(1), WORKER_BUCKET)


@pytest.mark.parametrize("body", [b"", b"online"], ids=["nothing", "text"])
def test_availability_and_cleared_topics_ask_for_nothing(body: bytes) -> None:
    """They are the broker's matter."""
    assert read(body, topic="plug/availability").request == Nothing()
    assert read(b"", topic="plug/meta").request == Nothing()


@pytest.mark.parametrize(
    "topic", ["other/plug/heartbeat", "pulseline/v1", "pulseline/v10/plug/heartbeat", "", "$SYS/x"]
)
def test_topic_outside_the_root_is_not_ours(topic: str) -> None:
    """It is neither applied nor a dead letter, whatever it holds."""
    outside = replace(receive(b'{"broken'), topic=topic)

    assert read_message(outside, RULES).request == Nothing()


def test_broken_message_keeps_its_number() -> None:
    """So that the sequence can go on behind its dead letter."""
    delivery = read(number(3, {"data": {}, "duration": -1}))

    assert get_failure(delivery) == Failure("InvalidEvent", "duration -1 s is not between 0 and 366 days")
    assert (delivery.envelope, delivery.bucket_id) == (make_envelope(3), PLUG)


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("plug/heartbeat", b'{"data":', "InvalidPayload"),
        ("plug/heartbeat", b"x" * 501, "PayloadTooLarge"),
        ("plug/heartbeat", b'{"data":{},"timestamp":"1969-01-01T00:00:00Z"}', "InvalidEvent"),
        ("plug/state", b"{}", "InvalidTopic"),
        ("plug", b"{}", "InvalidTopic"),
        ("_ack/outbox", b"{}", "InvalidTopic"),
        ("a%00b/heartbeat", b"ON", "InvalidBucketId"),
        ("_admin", b'{"op":"stop"}', "InvalidPayload"),
    ],
)
def test_failure_names_the_class_of_its_error(topic: str, payload: bytes, kind: str) -> None:
    """One of those that the wire interface lists for replies."""
    failure = get_failure(read(payload, topic=topic))

    assert failure.type == kind
    assert failure.message


def test_number_of_another_client_is_not_believed() -> None:
    """Else anybody could make an outbox delete what was never stored."""
    delivery = read(number(1, GOOD, publisher="somebody"), client_id="outbox")

    assert get_failure(delivery) == Failure(
        "InvalidPayload", "publisher 'somebody' is not the MQTT client that published it, 'outbox'"
    )
    assert delivery.envelope is None


def test_broken_message_of_another_client_s_number_is_not_believed_either() -> None:
    """Its dead letter must not move the other's watermark."""
    delivery = read(number(1, {"data": []}, publisher="somebody"), client_id="outbox")

    assert get_failure(delivery).type == "InvalidPayload"
    assert delivery.envelope is None


def test_number_is_believed_where_the_source_does_not_know_the_client() -> None:
    """Another broker does not say who published."""
    assert read(number(1, GOOD, publisher="somebody"), client_id=None).envelope == make_envelope(publisher="somebody")


@pytest.mark.parametrize("publisher", ["a/b", "+", "#", "a+"])
def test_publisher_that_is_no_topic_level_is_refused(publisher: str) -> None:
    """Its acknowledgements would reach others, or nobody."""
    delivery = read(number(1, GOOD, publisher=publisher), client_id=publisher)

    assert "is no topic level" in get_failure(delivery).message
    assert delivery.envelope is None


def test_bug_in_a_parser_costs_the_one_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a dead letter that names the error, and the log has the trace."""

    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(reading, "parse_message", fail)

    delivery = read(b"ON")

    assert get_failure(delivery) == Failure("PulselineError", "internal error: ZeroDivisionError: a bug")
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize("body", [*POISON.values(), *POISON_BATCHES.values()], ids=[*POISON, *POISON_BATCHES])
def test_poison_is_a_failure(body: bytes) -> None:
    """Every kind, foreseen by a rule and not caught as a bug."""
    failure = get_failure(read_message(receive(body), PayloadRules(root=ROOT)))

    assert not failure.message.startswith("internal error")


@given(
    topic=st.one_of(
        st.text(max_size=20),
        st.sampled_from(["plug/heartbeat", "plug/events", "plug/meta", "plug/admin", "_admin", "plug/state"]),
    ),
    payload=st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b'{"data":{}}', b'{"op":"delete_bucket"}', b"[]", b"null", b'{"publisher":"outbox"}']),
    ),
)
def test_any_message_is_read_without_an_exception(topic: str, payload: bytes) -> None:
    """Whatever stands in it, it is a delivery of the same message."""
    received = receive(payload, topic=topic)

    delivery = read_message(received, RULES)

    assert delivery.received is received
    assert not (isinstance(delivery.request, Failure) and delivery.request.message.startswith("internal error"))


@pytest.mark.parametrize("topic", ["plug/heartbeat", "plug/events", "plug/admin", "_admin"])
@pytest.mark.parametrize("payload", [b"ON", b"\xff", b'{"publisher": "p", "seq": 7, "base": 7, "data": {}}'])
def test_message_that_a_broker_replays_asks_for_nothing(topic: str, payload: bytes) -> None:
    """It would be applied at every start; its number does not count either."""
    received = replace(receive(payload, topic=topic), is_replay=True)

    assert read_message(received, RULES) == Delivery(received, Nothing())


def test_description_that_a_broker_replays_holds() -> None:
    """That is what it is retained for."""
    received = replace(receive(b'{"type": "power"}', topic="plug/meta"), is_replay=True)

    assert isinstance(read_message(received, RULES).request, DescribeBucket)


def test_probe_asks_for_nothing_and_is_numbered() -> None:
    """So that its way through the store leaves a trace there."""
    delivery = read({"publisher": "worker", "seq": 7, "base": 7}, topic="_probe/main", client_id=None)

    assert delivery.request == Nothing()
    assert delivery.envelope == make_envelope(7, publisher="worker", base=7)
    assert delivery.bucket_id == WORKER_BUCKET
