"""The queue between the broker and the worker: order, groups, the end, and what nobody takes any more."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pulseline_ingest.source import Outgoing, Received
from pulseline_ingest.submission import SubmissionQueue
from tests.contract.store.samples import MORNING

#: Longer than a thread takes to do what it was told; nobody waits for it unless something is broken.
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Publish:
    """A message as a broker hands it over."""

    payload: bytes
    topic: str = "pulseline/v1/plug/heartbeat"
    client_id: str = "outbox"
    received_at: datetime = MORNING
    connection: object = "the connection"


class Bench:
    """A queue, and what it passes on.

    Attributes:
        settled: tickets and whether they are committed, one entry a call.
        unapplied: tickets of messages that were not applied.
        sent: what was published.
    """

    def __init__(self) -> None:
        self.settled: list[tuple[list[object], bool]] = []
        self.unapplied: list[object] = []
        self.sent: list[Outgoing] = []
        self.queue = SubmissionQueue(settle=self._settle, send=self.sent.extend)

    def _settle(self, tickets: Sequence[object], is_committed: bool, unapplied: Collection[object]) -> None:
        self.settled.append((list(tickets), is_committed))
        self.unapplied += unapplied

    def put(self, *tickets: int) -> None:
        """Submit a message for each ticket."""
        for ticket in tickets:
            self.queue.put(Publish(f"{ticket}".encode()), ticket)

    def receive(self, max_messages: int = 100) -> list[object] | None:
        """Return the tickets of what waits."""
        received = self.queue.receive(max_messages, 0.0)
        return None if received is None else [each.ticket for each in received]


def test_message_is_received_as_it_was_submitted() -> None:
    """With its ticket."""
    bench = Bench()
    bench.put(7)

    received = bench.queue.receive(100, 0.0)

    assert received == [
        Received(
            topic="pulseline/v1/plug/heartbeat",
            payload=b"7",
            received_at=MORNING,
            client_id="outbox",
            ticket=7,
            connection="the connection",
        )
    ]


def test_what_waits_is_one_group_up_to_the_limit() -> None:
    """In the order of its submission."""
    bench = Bench()
    bench.put(1, 2, 3, 4, 5)

    assert bench.queue.queue_len == 5
    assert [bench.receive(2) for _ in range(3)] == [[1, 2], [3, 4], [5]]
    assert bench.queue.queue_len == 0


def test_group_is_empty_when_nothing_came_in_time() -> None:
    """Which is not the end."""
    bench = Bench()

    assert bench.receive() == []
    assert bench.receive() == []


def test_waiting_worker_gets_a_message_as_soon_as_it_is_there() -> None:
    """It does not wait for its time to be over, nor for more messages."""
    bench = Bench()
    received: list[Sequence[Received] | None] = []
    worker = threading.Thread(target=lambda: received.append(bench.queue.receive(100, TIMEOUT_S)))
    worker.start()

    bench.put(1)
    worker.join(TIMEOUT_S / 2)

    assert [[each.ticket for each in group or []] for group in received] == [[1]]


def test_end_comes_behind_the_last_message() -> None:
    """What was submitted before is handed out, and then, again and again, nothing more."""
    bench = Bench()
    bench.put(1, 2)
    bench.queue.end()

    assert [bench.receive() for _ in range(3)] == [[1, 2], None, None]


def test_end_behind_a_full_group_is_found() -> None:
    """The worker looks once more, and then it is over."""
    bench = Bench()
    bench.put(1, 2)
    bench.queue.end()

    assert [bench.receive(2) for _ in range(3)] == [[1, 2], [], None]


def test_fate_of_a_group_goes_back_with_its_tickets() -> None:
    """Committed or not, in one call."""
    bench = Bench()
    bench.put(1, 2)
    received = bench.queue.receive(100, 0.0)
    assert received is not None

    bench.queue.settle(received[:1], committed=True)
    bench.queue.settle(received[1:], committed=False)

    assert bench.settled == [([1], True), ([2], False)]


def test_messages_that_were_not_applied_are_named() -> None:
    """The broker does not retain them."""
    bench = Bench()
    bench.put(1, 2, 3)
    received = bench.queue.receive(100, 0.0)
    assert received is not None

    bench.queue.settle(received, committed=True, unapplied=received[1:2])

    assert bench.settled == [([1, 2, 3], True)]
    assert bench.unapplied == [2]


def test_messages_of_the_worker_are_sent() -> None:
    """In order."""
    bench = Bench()
    messages = [Outgoing(topic="a", payload=b"1"), Outgoing(topic="b", payload=b"2", qos=1, retain=True)]

    bench.queue.publish(messages)

    assert bench.sent == messages


def test_end_wakes_a_worker_that_pauses() -> None:
    """A store that is away does not keep the process from ending."""
    bench = Bench()
    worker = threading.Thread(target=lambda: bench.queue.pause(TIMEOUT_S))
    worker.start()

    bench.queue.end()
    worker.join(TIMEOUT_S / 2)

    assert not worker.is_alive()


def test_rest_is_refused_once() -> None:
    """What the worker left behind is settled as not committed, in order; the mark of the end is no message."""
    bench = Bench()
    bench.put(1, 2, 3)
    bench.receive(1)
    bench.queue.end()
    bench.put(4)

    bench.queue.refuse_rest()
    bench.queue.refuse_rest()

    assert bench.settled == [([2, 3, 4], False)]


def test_empty_rest_settles_nothing() -> None:
    """Nobody is called for no message."""
    bench = Bench()
    bench.queue.end()

    bench.queue.refuse_rest()

    assert bench.settled == []


def test_every_message_is_settled_once_however_threads_meet() -> None:
    """Several submit while the worker takes and the end comes: each ticket is received or refused, and none twice."""
    bench = Bench()
    received: list[object] = []

    def work() -> None:
        while (group := bench.queue.receive(7, TIMEOUT_S)) is not None:
            received.extend(each.ticket for each in group)

    submitters = [threading.Thread(target=bench.put, args=range(first, first + 200)) for first in (0, 200, 400)]
    worker = threading.Thread(target=work)
    for thread in (worker, *submitters):
        thread.start()
    submitters[0].join()
    bench.queue.end()
    for thread in (worker, *submitters):
        thread.join()
    bench.queue.refuse_rest()

    refused = [ticket for tickets, _ in bench.settled for ticket in tickets]
    assert sorted([*received, *refused], key=str) == sorted(range(600), key=str)
    assert [ticket for ticket in received if isinstance(ticket, int) and ticket < 200] == list(range(200))
