"""What a subscriber gets, in which order, and what is kept for it."""

from __future__ import annotations

import pytest

from pulseline_broker.counters import Counters
from pulseline_broker.delivery import Budget, Delivery
from pulseline_broker.limits import Limits
from pulseline_broker.message import Message
from pulseline_broker.packet import Framer, split_publish


class ListSink:
    """Keeps what is written; full when told so."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.packets: list[bytes] = []
        self.is_full = is_full

    def write(self, data: bytes) -> None:
        """Keep a packet."""
        self.packets.append(data)

    def has_room(self) -> bool:
        """Return whether it is not full."""
        return not self.is_full

    def take(self) -> list[tuple[int, int, bytes]]:
        """Return first byte, packet id and payload of the PUBLISHes so far, and forget them."""
        framer = Framer(max_packet_bytes=1_000_000)
        framer.feed(b"".join(self.packets))
        self.packets.clear()
        return [(packet.first, *split_publish(packet)[1:]) for packet in iter(framer.take, None)]


class Setup:
    """A delivery with what it shares."""

    def __init__(self, **limits: int) -> None:
        self.counters = Counters()
        self.budget = Budget(limits.pop("budget", 10_000))
        self.retained: dict[str, Message] = {}
        self.sink = ListSink()
        self.delivery = Delivery(
            limits=Limits(**limits), budget=self.budget, counters=self.counters, read_retained=self.retained.get
        )

    def send(self, *payloads: bytes, qos: int = 1) -> None:
        """Send messages of a QoS."""
        for payload in payloads:
            self.delivery.send(Message("t", payload, qos), qos)


def test_window_holds_back_what_follows() -> None:
    """No more than the window is in flight; an acknowledgement lets the next one go."""
    setup = Setup(in_flight=2)
    setup.delivery.attach(setup.sink)
    setup.send(b"1", b"2", b"3", b"4")
    sent = setup.sink.take()
    assert [payload for _, _, payload in sent] == [b"1", b"2"]

    setup.delivery.handle_puback(sent[1][1])

    assert [payload for _, _, payload in setup.sink.take()] == [b"3"]


def test_messages_in_flight_come_again_with_dup() -> None:
    """On a new connection they come first, in their order, under their ids."""
    setup = Setup(in_flight=2)
    setup.delivery.attach(setup.sink)
    setup.send(b"1", b"2", b"3")
    before = setup.sink.take()
    setup.delivery.detach()
    setup.send(b"4")

    setup.delivery.attach(setup.sink)

    assert setup.sink.take() == [(first | 8, packet_id, payload) for first, packet_id, payload in before]


def test_packet_ids_are_never_used_twice_at_once() -> None:
    """After 65,535 the ids begin again, past those that are still in flight."""
    setup = Setup(in_flight=2)
    setup.delivery.attach(setup.sink)
    setup.send(b"stays")
    ((_, kept, _),) = setup.sink.take()

    ids = set()
    for _ in range(70_000):
        setup.send(b"x")
        ((_, packet_id, _),) = setup.sink.take()
        setup.delivery.handle_puback(packet_id)
        ids.add(packet_id)

    assert kept not in ids
    assert ids | {kept} == set(range(1, 65_536))


def test_queue_drops_the_oldest_and_counts() -> None:
    """A full queue keeps the newest messages."""
    setup = Setup(queued_messages=2)
    setup.send(b"1", b"2", b"3", b"4")

    setup.delivery.attach(setup.sink)

    assert [payload for _, _, payload in setup.sink.take()] == [b"3", b"4"]
    assert setup.counters.publish_dropped == 2


def test_all_queues_share_a_budget() -> None:
    """When the others use it up, a message is dropped; what is cleared is free again."""
    setup = Setup(budget=100)
    setup.budget.used_bytes = 95
    setup.send(b"x" * 10)
    assert setup.counters.publish_dropped == 1

    setup.budget.used_bytes = 0
    setup.send(b"x" * 10)
    assert setup.budget.used_bytes == 11
    setup.delivery.clear()

    assert setup.budget.used_bytes == 0


def test_queue_is_not_emptied_in_vain() -> None:
    """A message that would not fit into an empty queue is dropped alone, whoever uses up the room."""
    setup = Setup(budget=100, queued_bytes=50)
    setup.send(b"1", b"2")
    setup.send(b"x" * 50)
    setup.budget.used_bytes += 80
    setup.send(b"x" * 20)

    setup.delivery.attach(setup.sink)

    assert [payload for _, _, payload in setup.sink.take()] == [b"1", b"2"]
    assert setup.counters.publish_dropped == 2


def test_qos_0_is_for_those_who_are_there_and_read() -> None:
    """It is not kept for the absent, and dropped for the slow; only the second is a loss that counts."""
    setup = Setup()
    setup.send(b"absent", qos=0)
    setup.delivery.attach(setup.sink)
    setup.send(b"there", qos=0)
    setup.sink.is_full = True
    setup.send(b"slow", qos=0)

    assert [payload for _, _, payload in setup.sink.take()] == [b"there"]
    assert setup.counters.publish_dropped == 1


def test_full_sink_keeps_qos_1_waiting() -> None:
    """QoS 1 waits until the peer reads on."""
    setup = Setup()
    setup.sink.is_full = True
    setup.delivery.attach(setup.sink)
    setup.send(b"1")
    assert setup.sink.take() == []

    setup.sink.is_full = False
    setup.delivery.pump()

    assert [payload for _, _, payload in setup.sink.take()] == [b"1"]


def test_replay_says_what_is_true_when_its_turn_comes() -> None:
    """A retained message that changed or went while the replay waited is not replayed as it was."""
    setup = Setup()
    setup.retained |= {"a": Message("a", b"old", 0), "b": Message("b", b"gone", 0)}
    setup.sink.is_full = True
    setup.delivery.attach(setup.sink)
    setup.delivery.replay([("a", 0), ("b", 0)])
    setup.retained["a"] = Message("a", b"new", 0)
    del setup.retained["b"]

    setup.sink.is_full = False
    setup.delivery.pump()

    assert setup.sink.take() == [(0x31, 0, b"new")]


@pytest.mark.parametrize("packet_id", [1, 77])
def test_acknowledgements_of_unknown_messages_are_ignored(packet_id: int) -> None:
    """A late or wrong PUBACK or PUBCOMP lets nothing go that it should not."""
    setup = Setup()
    setup.delivery.attach(setup.sink)
    setup.send(b"1", qos=2)
    setup.delivery.handle_puback(packet_id)
    setup.delivery.handle_pubcomp(packet_id)

    assert setup.delivery.waiting_messages == 1


def test_pubrec_is_always_answered() -> None:
    """A client that still waits for PUBREL gets it, also when the broker has forgotten the message."""
    setup = Setup()
    setup.delivery.attach(setup.sink)

    setup.delivery.handle_pubrec(9)

    assert setup.sink.packets == [b"\x62\x02\x00\x09"]
