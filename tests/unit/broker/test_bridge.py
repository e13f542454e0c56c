"""The bridge to the gate: one wake-up for many answers, their order kept, room that closes and opens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pulseline_broker.bridge import GateBridge, Ticket
from pulseline_broker.gate import Outgoing, Publish
from pulseline_core.errors import Closed

PUBLISH = Publish(
    topic="t", payload=b"x" * 100, qos=1, retain=False, client_id="c", username=None, received_at=datetime.now(UTC)
)


@dataclass(frozen=True)
class Sent:
    """What a gate publishes."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False


class ListGate:
    """Keeps tickets; may refuse."""

    failure = None

    def __init__(self) -> None:
        self.tickets: list[object] = []
        self.is_refusing = False
        self.settle: Callable[[Sequence[object], bool], None] = lambda *_: None
        self.publish: Callable[[Sequence[Outgoing]], None] = lambda _: None

    def start(
        self, *, settle: Callable[[Sequence[object], bool], None], publish: Callable[[Sequence[Outgoing]], None]
    ) -> None:
        """Keep what answers go through."""
        self.settle, self.publish = settle, publish

    def submit(self, publish: Publish, ticket: object) -> None:
        """Take a message in."""
        if self.is_refusing:
            raise Closed("the gate")
        self.tickets.append(ticket)

    def close(self, timeout_s: float) -> None:
        """Do nothing."""


class Heard:
    """An origin that notes what it hears, with everything else in one list."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def handle_settled(self, ticket: Ticket, *, committed: bool) -> None:
        """Note the fate."""
        self.events.append((ticket.packet_id, committed))


def build(gate: ListGate, heard: Heard, *, max_pending_bytes: int = 10_000) -> GateBridge:
    """Return a started bridge."""
    bridge = GateBridge(
        gate,
        max_pending_bytes=max_pending_bytes,
        on_settled=lambda ticket, committed, applied: None,
        on_publish=lambda message: heard.events.append(message.topic),
    )
    bridge.start()
    return bridge


def test_answers_of_the_gates_thread_keep_their_order() -> None:
    """Settled tickets and published messages come in the order in which the gate's thread said them."""
    gate, heard = ListGate(), Heard()

    async def body() -> None:
        bridge = build(gate, heard)
        for number in (1, 2, 3):
            bridge.submit(Ticket(PUBLISH, heard, number))

        def answer() -> None:
            gate.settle(gate.tickets[:2], True)
            gate.publish([Sent("a"), Sent("b")])
            gate.settle(gate.tickets[2:], False)

        thread = threading.Thread(target=answer)
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.sleep(0)
        assert bridge.pending_messages == bridge.pending_bytes == 0

    asyncio.run(body())

    assert heard.events == [(1, True), (2, True), "a", "b", (3, False)]


def test_bug_over_one_answer_spares_the_others() -> None:
    """An origin or a message that fails is logged; the answers behind it are heard."""
    gate, heard = ListGate(), Heard()

    class Broken:
        def handle_settled(self, ticket: Ticket, *, committed: bool) -> None:
            raise RuntimeError("a bug")

    async def body() -> None:
        bridge = build(gate, heard)
        bridge.submit(Ticket(PUBLISH, Broken(), 1))
        bridge.submit(Ticket(PUBLISH, heard, 2))
        gate.settle(gate.tickets, True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(body())

    assert heard.events == [(2, True)]


def test_room_closes_at_the_limit_and_opens_below() -> None:
    """Whoever waits for room goes on when messages are settled."""
    gate, heard = ListGate(), Heard()

    async def body() -> None:
        bridge = build(gate, heard, max_pending_bytes=1_000)
        bridge.submit(Ticket(PUBLISH, heard, 1))
        assert bridge.has_room()
        bridge.submit(Ticket(PUBLISH, heard, 2))
        assert not bridge.has_room()

        gate.settle(gate.tickets[:1], True)
        async with asyncio.timeout(5):
            await bridge.wait_for_room()

    asyncio.run(body())


def test_gate_that_refuses_a_message_did_not_commit_it() -> None:
    """A gate that is closed already settles nothing; its messages count as not committed."""
    gate, heard = ListGate(), Heard()
    gate.is_refusing = True

    async def body() -> None:
        bridge = build(gate, heard)
        bridge.submit(Ticket(PUBLISH, heard, 1))
        assert heard.events == []
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(body())

    assert heard.events == [(1, False)]
