"""Sessions: absent clients, redelivery, take-over, wills, keep-alive."""

from __future__ import annotations

import threading

import pytest

from pulseline_broker.gate import Publish
from pulseline_broker.limits import Limits
from pulseline_broker.service import BrokerService
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate, Sent
from tests.integration.broker.wire import (
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    Will,
    Wire,
    acknowledge,
    connect,
    publish,
    subscribe,
)

TOPIC = "news/today"
AVAILABILITY = "pulseline/v1/plug/availability"


def open_kept(dial: Dial, broker: BrokerService, *, qos: int = 1) -> Wire:
    """Open a session that stays, with a subscription."""
    client = dial(broker).open("kept", clean=False)
    client.send(subscribe((TOPIC, qos)))
    client.expect_codes(qos)
    return client


def reopen(dial: Dial, broker: BrokerService) -> Wire:
    """Come back to it."""
    return dial(broker).open("kept", clean=False, session_present=True)


def leave(client: Wire) -> None:
    """Disconnect, and return when the broker knows."""
    client.send(DISCONNECT)
    client.expect_closed()


def test_messages_wait_for_an_absent_client(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """QoS 1 messages are kept in order for a session that stays, and come as live ones; QoS 0 is not kept."""
    leave(open_kept(dial, broker))
    gate.send(*(Sent(topic=TOPIC, payload=str(n).encode(), qos=n % 2) for n in range(20)))

    client = reopen(dial, broker)

    messages = [client.read_publish() for _ in range(10)]
    assert [each.payload for each in messages] == [str(n).encode() for n in range(1, 20, 2)]
    assert not any(each.retain or each.dup for each in messages)
    client.expect_nothing()


def test_unacknowledged_messages_stay_in_flight(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """What a subscriber did not acknowledge comes again with DUP in its next connection, until it does."""
    client = open_kept(dial, broker)
    gate.send(Sent(topic=TOPIC, payload=b"1", qos=1), Sent(topic=TOPIC, payload=b"2", qos=1))
    first, second = client.read_publish(), client.read_publish()
    client.send(acknowledge(PUBACK, second.id))
    client.expect_nothing()
    client.close()

    again = reopen(dial, broker)

    message = again.read_publish()
    assert (message.payload, message.dup, message.id) == (b"1", True, first.id)
    again.send(acknowledge(PUBACK, message.id))
    again.expect_nothing()
    again.close()
    reopen(dial, broker).expect_nothing()


def test_slow_acknowledgement_is_waited_for(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """There is no time after which a message in flight is given up; the window only holds back what follows."""
    client = open_kept(dial, start_broker(limits=Limits(in_flight=2)))
    gate.send(*(Sent(topic=TOPIC, payload=str(n).encode(), qos=1) for n in range(4)))
    first, second = client.read_publish(), client.read_publish()
    client.expect_nothing()

    client.send(acknowledge(PUBACK, first.id), acknowledge(PUBACK, second.id))

    assert [client.read_publish().payload for _ in range(2)] == [b"2", b"3"]


def test_subscribe_is_answered_while_messages_wait(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """A long queue does not keep a client's other packets from being handled."""
    broker = start_broker(limits=Limits(in_flight=2))
    leave(open_kept(dial, broker))
    gate.send(*(Sent(topic=TOPIC, payload=b"x", qos=1) for _ in range(200)))
    client = reopen(dial, broker)
    client.send(subscribe(("more", 1)))

    assert [client.read_publish().dup for _ in range(2)] == [False, False]
    client.expect_codes(1)


def test_outgoing_qos_2_is_completed_over_two_connections(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """After PUBREC the broker goes on with PUBREL, not with the message."""
    client = open_kept(dial, broker, qos=2)
    gate.send(Sent(topic=TOPIC, payload=b"1", qos=2))
    message = client.read_publish()
    client.send(acknowledge(PUBREC, message.id))
    client.expect(PUBREL, message.id)
    client.close()

    again = reopen(dial, broker)

    again.expect(PUBREL, message.id)
    again.send(acknowledge(PUBCOMP, message.id))
    again.close()
    reopen(dial, broker).expect_nothing()


def test_offline_queue_is_bounded_and_drops_the_oldest(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """Above the limit the oldest message goes, and is counted in $SYS."""
    broker = start_broker(limits=Limits(queued_messages=5), broker__sys_interval_s=0.1)
    leave(open_kept(dial, broker))
    gate.send(*(Sent(topic=TOPIC, payload=str(n).encode(), qos=1) for n in range(8)))

    client = reopen(dial, broker)

    assert [client.read_publish().payload for _ in range(5)] == [b"3", b"4", b"5", b"6", b"7"]
    watcher = dial(broker).open("watcher")
    watcher.send(subscribe(("$SYS/broker/publish/messages/dropped", 0)))
    watcher.expect_codes(0)
    while watcher.read_publish().payload != b"3":
        pass


def test_offline_queue_is_bounded_in_bytes(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """Large messages count by their size; one that can never fit is dropped alone."""
    broker = start_broker(limits=Limits(queued_bytes=1_000))
    leave(open_kept(dial, broker))
    gate.send(*(Sent(topic=TOPIC, payload=bytes((n,)) * 400, qos=1) for n in range(4)))
    gate.send(Sent(topic=TOPIC, payload=b"x" * 2_000, qos=1))
    gate.send(Sent(topic=TOPIC, payload=b"last", qos=1))

    client = reopen(dial, broker)

    assert [client.read_publish().payload[:1] for _ in range(3)] == [b"\2", b"\3", b"l"]


def test_absent_session_expires(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """After its time a session is forgotten, with its queue."""
    broker = start_broker(broker__session_expiry_s=1, broker__sys_interval_s=0.1)
    leave(open_kept(dial, broker))
    gate.send(Sent(topic=TOPIC, payload=b"1", qos=1))
    watcher = dial(broker).open("watcher")
    watcher.send(subscribe(("$SYS/broker/clients/expired", 0)))
    watcher.expect_codes(0)
    while watcher.read_publish().payload != b"1":
        pass

    dial(broker).open("kept", clean=False, session_present=False).expect_nothing()


def test_absent_sessions_are_limited(start_broker: StartBroker, dial: Dial) -> None:
    """Of too many absent sessions the one that is away longest goes."""
    broker = start_broker(limits=Limits(absent_sessions=2), broker__sys_interval_s=0.1)
    for name in ("one", "two", "three"):
        leave(dial(broker).open(name, clean=False))
    watcher = dial(broker).open("watcher")
    watcher.send(subscribe(("$SYS/broker/clients/expired", 0)))
    watcher.expect_codes(0)
    while watcher.read_publish().payload != b"1":
        pass

    dial(broker).open("one", clean=False, session_present=False)
    dial(broker).open("two", clean=False, session_present=True)


def test_clean_connection_ends_a_kept_session(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """CONNECT with clean session forgets subscriptions and queue (MQTT 3.1.1 section 3.1.2.4)."""
    leave(open_kept(dial, broker))
    gate.send(Sent(topic=TOPIC, payload=b"1", qos=1))

    leave(dial(broker).open("kept"))

    dial(broker).open("kept", clean=False, session_present=False).expect_nothing()


@pytest.mark.parametrize("clean", [True, False])
def test_take_over_closes_the_old_connection_and_hears_at_once(
    broker: BrokerService, gate: HeldGate, dial: Dial, clean: bool
) -> None:
    """The new connection of a client id gets messages at once; the old one is closed and can publish no more."""
    old = dial(broker).open("device", clean=clean)
    old.send(subscribe((TOPIC, 1)))
    old.expect_codes(1)

    new = dial(broker).open("device", clean=clean, session_present=not clean)
    assert old.expect_closed() == b""
    if clean:
        new.send(subscribe((TOPIC, 1)))
        new.expect_codes(1)
    gate.send(Sent(topic=TOPIC, payload=b"1", qos=1))

    assert new.read_publish().payload == b"1"
    third = dial(broker).open("device", clean=clean, session_present=not clean)
    assert new.expect_closed() == b""
    third.expect_nothing() if clean else third.read_publish()


def test_take_over_publishes_the_old_will_first(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """The will of the connection that was taken over comes before anything the new one says."""
    dial(broker).open("device", will=Will(topic=AVAILABILITY, payload=b"offline", retain=True))

    dial(broker).open("device").send(publish(AVAILABILITY, b"online", retain=True))

    assert [each.payload for each in gate.wait_for(2)] == [b"offline", b"online"]


def test_will_is_published_when_the_connection_breaks(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A client that is gone without DISCONNECT has its will published through the gate, and retained."""
    client = dial(broker).open("device", will=Will(topic=AVAILABILITY, payload=b"offline", retain=True))

    client.close()

    (will,) = gate.wait_for(1)
    assert (will.topic, will.payload, will.retain, will.client_id) == (AVAILABILITY, b"offline", True, "device")
    listener = dial(broker).open("listener")
    listener.send(subscribe((AVAILABILITY, 0)))
    listener.expect_codes(0)
    assert listener.read_publish().retain


def test_disconnect_cancels_the_will(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A client that says DISCONNECT has no will (MQTT 3.1.1 section 3.14.4)."""
    leave(dial(broker).open("device", will=Will(topic=AVAILABILITY, payload=b"offline")))

    assert gate.published == []


def test_will_of_a_resumed_session_is_the_new_one(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """Each CONNECT brings its own will, with its own retain flag, or none."""
    leave(dial(broker).open("kept", clean=False, will=Will(topic=AVAILABILITY, payload=b"old", retain=False)))
    will = Will(topic=AVAILABILITY, payload=b"new", qos=0, retain=True)
    dial(broker).open("kept", clean=False, session_present=True, will=will).close()
    (published,) = gate.wait_for(1)
    assert (published.payload, published.qos, published.retain) == (b"new", 0, True)

    reopen(dial, broker).close()
    reopen(dial, broker).expect_nothing()
    assert len(gate.published) == 1


def test_will_that_can_not_be_committed_is_tried_again(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """Nobody would send it again, so the broker does."""
    gate.is_open = False
    dial(broker).open("device", will=Will(topic=AVAILABILITY, payload=b"offline")).close()
    gate.wait_for(1)

    gate.settle(committed=False)

    assert gate.wait_for(2)[1].payload == b"offline"


def test_silent_client_is_gone_after_its_keep_alive(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """One and a half times the keep-alive without a packet: the connection is closed and the will published."""
    client = dial(broker).open("device", keep_alive=1, will=Will(topic=AVAILABILITY, payload=b"offline"))

    assert client.expect_closed() == b""

    assert gate.wait_for(1)[0].payload == b"offline"


def test_bytes_without_a_whole_packet_are_silence(broker: BrokerService, dial: Dial) -> None:
    """A peer that dribbles bytes of one packet for ever is closed like a silent one."""
    client = dial(broker).open("device", keep_alive=1)
    client.send(b"\x30\xff\x01")

    assert client.expect_closed() == b""


def test_pinging_client_stays(broker: BrokerService, dial: Dial) -> None:
    """A client that says something in time is not closed, however long it has nothing to publish."""
    client = dial(broker).open("device", keep_alive=2)
    dial(broker).open("first", keep_alive=1).expect_closed()
    client.expect_nothing()
    dial(broker).open("second", keep_alive=1).expect_closed()
    client.expect_nothing()
    dial(broker).open("third", keep_alive=1).expect_closed()

    client.expect_nothing()  # 4.5 s since CONNECT, 1.5 s since the last word


def test_client_that_pings_stays_while_the_broker_is_stopped(
    broker: BrokerService, gate: HeldGate, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it said meanwhile is read before its keep-alive is judged, as after SIGSTOP and SIGCONT."""
    is_stopped, go_on, submit = threading.Event(), threading.Event(), gate.submit

    def stop(message: Publish, ticket: object) -> None:
        is_stopped.set()
        go_on.wait(10)
        submit(message, ticket)

    client = dial(broker).open("device", keep_alive=1, will=Will(topic=AVAILABILITY, payload=b"offline"))
    other = dial(broker).open("other")
    monkeypatch.setattr(gate, "submit", stop)  # runs on the broker's only thread
    other.send(publish(TOPIC))
    assert is_stopped.wait(10)
    client.send(PINGREQ)

    threading.Timer(2.0, go_on.set).start()

    assert client.read(2) == PINGRESP
    client.expect_nothing()


def test_client_without_keep_alive_is_held_to_the_longest(start_broker: StartBroker, dial: Dial) -> None:
    """A keep-alive of 0 does not keep a dead connection for ever."""
    client = dial(start_broker(broker__max_keepalive_s=1)).open("device", keep_alive=0)

    assert client.expect_closed() == b""


def test_commit_that_takes_long_is_not_the_clients_silence(
    start_broker: StartBroker, gate: HeldGate, dial: Dial
) -> None:
    """A client that is not read because its messages wait for their commit is not taken for gone."""
    broker = start_broker(broker__max_unacknowledged=1)
    gate.is_open = False
    client = dial(broker).open("device", keep_alive=1)
    client.send(publish(TOPIC, qos=1, packet_id=1))
    gate.wait_for(1)
    dial(broker).open("silent", keep_alive=2).expect_closed()  # twice as long as the client's keep-alive

    gate.open()

    client.expect(PUBACK, 1)


def test_subscriber_that_does_not_read_costs_bounded_memory(
    start_broker: StartBroker, gate: HeldGate, dial: Dial
) -> None:
    """QoS 0 for a peer that does not read is dropped and counted; others get everything."""
    broker = start_broker(limits=Limits(unsent_bytes=50_000), broker__sys_interval_s=0.1)
    stuck, quick = dial(broker, small_buffer=True).open("stuck"), dial(broker).open("quick")
    for client in (stuck, quick):
        client.send(subscribe((TOPIC, 0)))
        client.expect_codes(0)

    for _ in range(100):
        gate.send(*(Sent(topic=TOPIC, payload=b"x" * 1_000) for _ in range(100)))
        for _ in range(100):
            quick.read_publish()

    watcher = dial(broker).open("watcher")
    watcher.send(subscribe(("$SYS/broker/publish/messages/dropped", 0)))
    watcher.expect_codes(0)
    while int(watcher.read_publish().payload) < 1_000:
        pass


def test_wrong_version_does_not_take_over(broker: BrokerService, dial: Dial) -> None:
    """A CONNECT that is refused changes nothing for the client whose id it names."""
    client = dial(broker).open("device")
    intruder = dial(broker)
    intruder.send(connect("device", level=3, name="MQIsdp"))
    intruder.expect_closed()

    client.expect_nothing()
