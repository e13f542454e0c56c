"""Who gets what: filters, QoS, access, retained messages."""

from __future__ import annotations

import pytest

from pulseline_broker.limits import Limits
from pulseline_broker.service import BrokerService
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate, Sent
from tests.integration.broker.wire import PUBACK, Delivered, Wire, acknowledge, publish, subscribe, unsubscribe

STATE = "pulseline/v1/plug/state"
META = "pulseline/v1/plug/meta"


def listen(dial: Dial, broker: BrokerService, *filters: tuple[str, int], client_id: str = "listener") -> Wire:
    """Connect and subscribe."""
    client = dial(broker).open(client_id)
    client.send(subscribe(*filters))
    client.expect_codes(*(qos for _, qos in filters))
    return client


@pytest.mark.parametrize(
    ("published", "subscribed", "delivered"), [(0, 1, 0), (1, 0, 0), (1, 1, 1), (2, 1, 1), (2, 2, 2)]
)
def test_qos_is_the_smaller_of_both(
    broker: BrokerService, dial: Dial, published: int, subscribed: int, delivered: int
) -> None:
    """A message comes with at most the QoS that it was published with and that was subscribed to."""
    listener = listen(dial, broker, (META, subscribed))

    dial(broker).open("device").send(publish(META, b"{}", qos=published))

    assert listener.read_publish().qos == delivered


def test_subscribing_again_changes_the_qos(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A second SUBSCRIBE with the same filter replaces the first (MQTT 3.1.1 section 3.8.4)."""
    listener = listen(dial, broker, (STATE, 0))
    listener.send(subscribe((STATE, 1)))
    listener.expect_codes(1)

    gate.send(Sent(topic=STATE, payload=b"{}", qos=1))

    assert listener.read_publish().qos == 1
    listener.expect_nothing()


def test_overlapping_filters_deliver_once_with_the_highest_qos(
    broker: BrokerService, gate: HeldGate, dial: Dial
) -> None:
    """Whatever many filters of a client match, it gets one copy."""
    listener = listen(dial, broker, ("pulseline/#", 0), ("pulseline/+/plug/state", 1), ("#", 0))

    gate.send(Sent(topic=STATE, payload=b"{}", qos=1))

    assert listener.read_publish().qos == 1
    listener.expect_nothing()


def test_unsubscribing_ends_the_delivery(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """After UNSUBACK nothing comes for that filter; unknown filters are acknowledged too."""
    listener = listen(dial, broker, (STATE, 0))
    listener.send(unsubscribe(STATE, "never/subscribed", packet_id=5))
    listener.expect(0xB0, 5)

    gate.send(Sent(topic=STATE, payload=b"{}"))

    listener.expect_nothing()


@pytest.mark.parametrize(
    "topic_filter",
    ["", "a/#/b", "a#", "a+/b", "$share/group/a", "$share/group/#", "a/" * 128 + "a"],
    ids=["empty", "hash inside", "hash with text", "plus with text", "shared", "shared all", "too many levels"],
)
def test_filters_that_can_not_be_served_are_refused(broker: BrokerService, dial: Dial, topic_filter: str) -> None:
    """A filter that is invalid or shared gets 0x80; its neighbours are taken."""
    client = dial(broker).open("listener")

    client.send(subscribe(("good", 1), (topic_filter, 1), ("also/good", 0)))

    client.expect_codes(1, 0x80, 0)


def test_subscriptions_of_a_client_are_limited(start_broker: StartBroker, dial: Dial) -> None:
    """Above the limit filters get 0x80; changing one that is there is still possible."""
    client = dial(start_broker(broker__max_subscriptions=2)).open("listener")

    client.send(subscribe(("a", 0), ("b", 0), ("c", 0), ("a", 1)))

    client.expect_codes(0, 0, 0x80, 1)


def test_wildcards_do_not_match_system_topics(broker: BrokerService, dial: Dial) -> None:
    """A subscription to everything gets nothing below $SYS (MQTT 3.1.1 section 4.7.2)."""
    listen(dial, broker, ("#", 0), ("+/broker/version", 0)).expect_nothing()


def test_retained_message_is_replayed_once_with_its_flag(broker: BrokerService, dial: Dial) -> None:
    """A new subscription gets what was retained, flagged, once for all filters of the packet."""
    device = dial(broker).open("device")
    device.send(publish(META, b"{}", qos=1, retain=True))
    device.expect(PUBACK, 1)

    listener = listen(dial, broker, ("pulseline/#", 0), (META, 1))

    replay = listener.read_publish()
    assert (replay.topic, replay.payload, replay.qos, replay.retain) == (META, b"{}", 1, True)
    listener.expect_nothing()


def test_live_message_has_no_retain_flag(broker: BrokerService, dial: Dial) -> None:
    """To those who were there, a retained message is a live one (MQTT 3.1.1 section 3.3.1.3)."""
    listener = listen(dial, broker, (META, 0))

    dial(broker).open("device").send(publish(META, b"{}", retain=True))

    assert not listener.read_publish().retain


def test_empty_retained_message_clears(broker: BrokerService, dial: Dial) -> None:
    """An empty retained payload takes the retained message away, and reaches live subscribers."""
    listener = listen(dial, broker, (META, 0))
    device = dial(broker).open("device")
    device.send(publish(META, b"{}", retain=True), publish(META, b"", retain=True))

    assert [listener.read_publish().payload for _ in range(2)] == [b"{}", b""]
    listen(dial, broker, (META, 0), client_id="later").expect_nothing()


def test_message_that_was_not_applied_is_not_retained(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """It is acknowledged and delivered; later subscribers get the one before it, which holds."""
    witness = listen(dial, broker, (META, 0), client_id="witness")
    device = dial(broker).open("device")
    device.send(publish(META, b"{}", qos=1, retain=True))
    device.expect(PUBACK, 1)

    gate.is_applying = False
    device.send(publish(META, b"not json", qos=1, packet_id=2, retain=True))
    device.expect(PUBACK, 2)

    assert [witness.read_publish().payload for _ in range(2)] == [b"{}", b"not json"]
    assert listen(dial, broker, (META, 0)).read_publish().payload == b"{}"


@pytest.mark.parametrize("kind", ["heartbeat", "events"])
def test_heartbeats_and_events_are_never_retained(broker: BrokerService, dial: Dial, kind: str) -> None:
    """They mean one moment: replayed, they would be applied again at each start of a reader."""
    device = dial(broker).open("device")
    device.send(publish(f"pulseline/v1/plug/{kind}", b"ON", qos=1, retain=True))
    device.expect(PUBACK, 1)

    listen(dial, broker, ("pulseline/#", 0)).expect_nothing()


def test_connecting_alone_replays_nothing(broker: BrokerService, dial: Dial) -> None:
    """Retained messages go to subscriptions only, never to whoever connects, also when others subscribe."""
    listen(dial, broker, ("#", 0))
    dial(broker).open("device").send(publish(META, b"{}", retain=True))

    dial(broker).open("fresh").expect_nothing()
    dial(broker).open("kept", clean=False).expect_nothing()


def test_coming_back_to_a_session_replays_nothing(broker: BrokerService, dial: Dial) -> None:
    """A session that has its subscription already is not sent retained messages again."""
    first = dial(broker).open("kept", clean=False)
    first.send(publish(META, b"{}", qos=1, retain=True))
    first.expect(PUBACK, 1)
    first.send(subscribe((META, 0)))
    first.expect_codes(0)
    assert first.read_publish().retain
    first.close()

    dial(broker).open("kept", clean=False, session_present=True).expect_nothing()


def test_retained_replay_larger_than_the_buffer_arrives_whole(
    start_broker: StartBroker, gate: HeldGate, dial: Dial
) -> None:
    """Ten thousand retained states come all, though the subscriber reads slowly and its buffer is small."""
    broker = start_broker(limits=Limits(unsent_bytes=20_000, burst_bytes=20_000))
    gate.send(*(Sent(topic=f"pulseline/v1/b{n}/state", payload=b"x" * 100, retain=True) for n in range(10_000)))

    client = dial(broker, small_buffer=True).open("listener")
    client.send(subscribe(("pulseline/v1/+/state", 0)))
    client.expect_codes(0)

    assert len({client.read_publish().topic for _ in range(10_000)}) == 10_000


def test_retained_qos_1_replay_respects_the_window(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """Retained messages of QoS 1 come as the client acknowledges, none is dropped."""
    broker = start_broker(limits=Limits(in_flight=3, queued_messages=5))
    gate.send(*(Sent(topic=f"a/{n}", payload=b"x", qos=1, retain=True) for n in range(50)))
    client = listen(dial, broker, ("a/+", 1))

    topics = set()
    for _ in range(50):
        message = client.read_publish()
        topics.add(message.topic)
        client.send(acknowledge(PUBACK, message.id))

    assert len(topics) == 50


@pytest.mark.parametrize("limits", [Limits(retained_messages=100), Limits(retained_bytes=100 * 2_000)])
@pytest.mark.parametrize("topic", ["mine/{}", "pulseline/v1/{}/meta"])
def test_retained_messages_of_clients_are_limited(
    start_broker: StartBroker, gate: HeldGate, dial: Dial, limits: Limits, topic: str
) -> None:
    """Above a limit a client's message, on whatever topic, is delivered but not kept; ingest's own are."""
    broker = start_broker(limits=limits)
    topics = [topic.format(f"{n:03}") for n in range(120)]
    payload = b"x" * (2_000 - 256 * len(topic.split("/")) - len(topics[0]))
    witness = listen(dial, broker, (topic.format("+"), 0), client_id="witness")
    device = dial(broker).open("device")
    device.send(*(publish(each, payload, qos=1, packet_id=n + 1, retain=True) for n, each in enumerate(topics)))
    for number in range(120):
        device.expect(PUBACK, number + 1)
    gate.send(Sent(topic="theirs", payload=b"x", retain=True))

    later = listen(dial, broker, ("theirs", 0))
    assert later.read_publish().retain
    later.send(subscribe((topic.format("+"), 0)))
    later.expect_codes(0)
    later.send(b"\xc0\x00")

    assert [witness.read_publish().topic for _ in range(120)] == topics
    replayed = 0
    while later.read_packet()[0] == 0x31:
        replayed += 1
    assert replayed == 100


def test_gate_publishes_live_and_retained(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """What the gate sends reaches subscribers and is retained, and does not come back to the gate."""
    listener = listen(dial, broker, (STATE, 0))

    gate.send(Sent(topic=STATE, payload=b"1", retain=True), Sent(topic=STATE, payload=b"2", retain=True))

    assert [listener.read_publish().payload for _ in range(2)] == [b"1", b"2"]
    later = listen(dial, broker, (STATE, 0), client_id="later")
    assert later.read_publish() == Delivered(STATE, b"2", 0, retain=True, dup=False, id=0)
    assert gate.published == []


def test_gate_message_that_is_none_harms_nobody(
    broker: BrokerService, gate: HeldGate, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    """A topic that can not be published is logged as the bug that it is; what follows arrives."""
    listener = listen(dial, broker, ("#", 0))

    gate.send(Sent(topic="a/#", payload=b"1"), Sent(topic="x" * 70_000, payload=b"2"), Sent(topic="a", payload=b"3"))

    assert listener.read_publish().payload == b"3"
    assert sum("could not be handled" in record.getMessage() for record in caplog.records) == 2


def test_acknowledgement_reaches_its_own_client_only(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A client reads `_ack/` of its own id; a subscription to everything shows it no other's."""
    owner = listen(dial, broker, ("pulseline/v1/_ack/box-1", 0), client_id="box-1")
    other = listen(dial, broker, ("#", 0), client_id="box-2")
    other.send(subscribe(("pulseline/v1/_ack/box-1", 0)))
    other.expect_codes(0x80)

    gate.send(Sent(topic="pulseline/v1/_ack/box-1", payload=b"{}"))

    assert owner.read_publish().payload == b"{}"
    other.expect_nothing()
