"""What an acknowledgement means: the gate has committed the message."""

from __future__ import annotations

import pytest

from pulseline_broker.service import BrokerService
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate, Sent
from tests.integration.broker.wire import (
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    acknowledge,
    publish,
    subscribe,
)

TOPIC = "pulseline/v1/plug/heartbeat"


def test_puback_follows_the_commit(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A QoS 1 publish is acknowledged when the gate has committed it, not before."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(publish(TOPIC, b"ON", qos=1, packet_id=7))
    gate.wait_for(1)

    client.expect_nothing()
    gate.settle(committed=True)

    client.expect(PUBACK, 7)


def test_publish_reaches_the_gate_whole(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """The gate gets topic, payload, QoS, retain flag and who it came from."""
    dial(broker).open("device").send(publish(TOPIC, b"\x00\xff", qos=1, retain=True))

    (submitted,) = gate.wait_for(1)

    assert (submitted.topic, submitted.payload, submitted.qos, submitted.retain) == (TOPIC, b"\x00\xff", 1, True)
    assert (submitted.client_id, submitted.username) == ("device", None)
    assert submitted.received_at.utcoffset() is not None


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_uncommitted_publish_closes_the_connection(broker: BrokerService, gate: HeldGate, dial: Dial, qos: int) -> None:
    """A message that could not be committed is not acknowledged; its connection is closed."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(publish(TOPIC, qos=qos, packet_id=7))
    gate.wait_for(1)

    gate.settle(committed=False)

    assert client.expect_closed() == b""


def test_what_was_committed_before_a_failure_is_acknowledged(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """The acknowledgements of earlier messages go out before the connection is closed."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(*(publish(TOPIC, qos=1, packet_id=number) for number in (1, 2, 3)))
    gate.wait_for(3)

    gate.settle(2, committed=True)
    gate.settle(1, committed=False)

    assert client.expect_closed() == acknowledge(PUBACK, 1) + acknowledge(PUBACK, 2)


def test_what_the_gate_says_before_a_failure_is_heard(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A publisher hears why its message can not be committed, and then its connection is closed."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(subscribe(("pulseline/v1/_ack/device", 0)))
    client.expect_codes(0)
    client.send(publish(TOPIC, qos=1, packet_id=7))
    gate.wait_for(1)

    gate.send(Sent(topic="pulseline/v1/_ack/device", payload=b'{"problem": "the disk is full"}'))
    gate.settle(committed=False)

    assert client.read_publish().payload == b'{"problem": "the disk is full"}'
    assert client.expect_closed() == b""


def test_publishes_of_one_connection_are_known_to_belong_together(
    broker: BrokerService, gate: HeldGate, dial: Dial
) -> None:
    """The gate tells them from those of the client's next connection."""
    for _ in range(2):
        client = dial(broker).open("device")
        client.send(publish(TOPIC, qos=1, packet_id=1), publish(TOPIC, qos=1, packet_id=2))
        client.expect(PUBACK, 1)
        client.expect(PUBACK, 2)

    first, second, third, fourth = (each.connection for each in gate.wait_for(4))

    assert first is second is not None
    assert third is fourth is not None
    assert first is not third


def test_qos_0_is_handed_over(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """QoS 0 goes to the gate as well, and is never acknowledged."""
    client = dial(broker).open("device")
    client.send(publish(TOPIC, b"ON"))

    assert gate.wait_for(1)[0].payload == b"ON"
    client.expect_nothing()


def test_acknowledgements_keep_the_order_of_publishes(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """Messages reach the gate in order, and PUBACKs leave in order."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(*(publish(TOPIC, str(number).encode(), qos=1, packet_id=number) for number in range(1, 501)))

    submitted = gate.wait_for(500)
    gate.settle(200, committed=True)
    gate.open()

    assert [each.payload for each in submitted] == [str(number).encode() for number in range(1, 501)]
    for number in range(1, 501):
        client.expect(PUBACK, number)


def test_subscribers_get_a_message_after_its_commit(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """Nobody hears of a message that might still be refused."""
    gate.is_open = False
    listener = dial(broker).open("listener")
    listener.send(subscribe((TOPIC, 0)))
    listener.expect_codes(0)
    dial(broker).open("device").send(publish(TOPIC, b"ON", qos=1))
    gate.wait_for(1)

    listener.expect_nothing()
    gate.settle(committed=True)

    assert listener.read_publish().payload == b"ON"


def test_reading_stops_while_too_much_waits(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """A connection is not read above its limit of unacknowledged messages, and is read on afterwards."""
    broker = start_broker(broker__max_unacknowledged=3)
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(*(publish(TOPIC, qos=1, packet_id=number) for number in range(1, 9)))

    gate.wait_for(3)
    other = dial(broker).open("other")
    other.expect_nothing()

    assert len(gate.published) == 3
    gate.open()
    for number in range(1, 9):
        client.expect(PUBACK, number)


def test_nobody_is_read_while_all_pending_bytes_are_used(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """The limit of all waiting bytes stops every publisher; nothing is dropped."""
    broker = start_broker(broker__max_pending_bytes=1_048_576, broker__max_unacknowledged=65_535)
    gate.is_open = False
    first, second = dial(broker).open("first"), dial(broker).open("second")
    first.send(*(publish(TOPIC, b"x" * 200_000, qos=1, packet_id=number) for number in range(1, 6)))
    gate.wait_for(5)
    first.send(publish(TOPIC, b"x" * 200_000, qos=1, packet_id=6))
    gate.wait_for(6)

    second.send(publish(TOPIC, qos=1, packet_id=1), publish(TOPIC, qos=1, packet_id=2))
    gate.wait_for(7)  # the one that shows that there is no room
    dial(broker).open("third").expect_nothing()

    assert len(gate.published) == 7
    gate.open()
    second.expect(PUBACK, 1)
    second.expect(PUBACK, 2)


def test_qos_2_is_submitted_with_publish_and_committed_before_pubrec(
    broker: BrokerService, gate: HeldGate, dial: Dial
) -> None:
    """PUBREC, and so PUBCOMP, follows the commit: the client keeps the message until then."""
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(publish(TOPIC, b"ON", qos=2, packet_id=9))
    gate.wait_for(1)

    client.expect_nothing()
    gate.settle(committed=True)
    client.expect(PUBREC, 9)
    client.send(acknowledge(PUBREL, 9))

    client.expect(PUBCOMP, 9)
    assert len(gate.published) == 1


@pytest.mark.parametrize("clean", [True, False])
def test_qos_2_publish_sent_again_is_not_doubled(
    broker: BrokerService, gate: HeldGate, dial: Dial, clean: bool
) -> None:
    """A PUBLISH whose packet id was not released yet is answered again, and handed over once."""
    client = dial(broker).open("device", clean=clean)
    client.send(publish(TOPIC, b"ON", qos=2, packet_id=9))
    client.expect(PUBREC, 9)

    client.send(publish(TOPIC, b"ON", qos=2, packet_id=9, dup=True))

    client.expect(PUBREC, 9)
    assert len(gate.published) == 1


def test_qos_2_id_is_free_after_pubrel(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """After PUBREL the same id is another message, also with equal content."""
    client = dial(broker).open("device")
    for _ in range(2):
        client.send(publish(TOPIC, b"ON", qos=2, packet_id=9))
        client.expect(PUBREC, 9)
        client.send(acknowledge(PUBREL, 9))
        client.expect(PUBCOMP, 9)

    assert len(gate.published) == 2


@pytest.mark.parametrize(
    ("payload", "dup"), [(b"OFF", False), (b"OFF", True), (b"ON", False)], ids=["other", "other with DUP", "equal"]
)
def test_qos_2_id_that_is_used_anew_is_another_message(
    broker: BrokerService, gate: HeldGate, dial: Dial, payload: bytes, dup: bool
) -> None:
    """A client that lost its state counts from 1 again; its message is new unless it has DUP and the old content."""
    client = dial(broker).open("device", clean=False)
    client.send(publish(TOPIC, b"ON", qos=2, packet_id=1))
    client.expect(PUBREC, 1)

    client.send(publish(TOPIC, payload, qos=2, packet_id=1, dup=dup))

    client.expect(PUBREC, 1)
    assert [each.payload for each in gate.published] == [b"ON", payload]


def test_qos_2_goes_on_over_a_new_connection(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A message that waits for its commit while the client comes back is answered there, and not doubled."""
    gate.is_open = False
    first = dial(broker).open("device", clean=False)
    first.send(publish(TOPIC, b"ON", qos=2, packet_id=9))
    gate.wait_for(1)
    second = dial(broker).open("device", clean=False, session_present=True)
    second.send(publish(TOPIC, b"ON", qos=2, packet_id=9, dup=True))
    second.expect_nothing()

    gate.settle(committed=True)

    second.expect(PUBREC, 9)
    assert len(gate.published) == 1


def test_qos_2_message_that_failed_is_taken_again(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """After a failed commit the id is free: the message sent again is handed over again."""
    gate.is_open = False
    first = dial(broker).open("device", clean=False)
    first.send(publish(TOPIC, b"ON", qos=2, packet_id=9))
    gate.wait_for(1)
    gate.settle(committed=False)
    first.expect_closed()
    gate.is_open = True

    second = dial(broker).open("device", clean=False, session_present=True)
    second.send(publish(TOPIC, b"ON", qos=2, packet_id=9, dup=True))

    second.expect(PUBREC, 9)
    assert len(gate.published) == 2


def test_pubrel_of_an_unknown_message_is_completed(broker: BrokerService, dial: Dial) -> None:
    """A client whose message was committed before a restart of the broker can let it go."""
    client = dial(broker).open("device")
    client.send(acknowledge(PUBREL, 9))

    client.expect(PUBCOMP, 9)


def test_stop_commits_and_acknowledges_what_was_taken_in(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """Closing the service closes the gate first, so that its last acknowledgements still go out."""
    broker = start_broker()
    gate.is_open = False
    client = dial(broker).open("device")
    client.send(publish(TOPIC, qos=1, packet_id=7))
    gate.wait_for(1)

    broker.close()

    assert client.expect_closed() == acknowledge(PUBACK, 7)
    assert gate.is_closed
