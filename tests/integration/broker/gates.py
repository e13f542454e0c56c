"""Gates that tests hold in their hand."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from pulseline_broker.gate import Outgoing, Publish, SendOut, Settle
from pulseline_core.settings import Settings

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a gate publishes."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class HeldGate:
    """Keeps what is submitted until the test settles it; ``is_open`` settles at once.

    Attributes:
        is_applying: whether what is committed is applied too.
        published: everything that was submitted, in order.
    """

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open = is_open
        self.is_applying = True
        self.published: list[Publish] = []
        self.failure: BaseException | None = None
        self.is_closed = False
        self._waiting: list[object] = []
        self._changed = threading.Condition()
        self._settle: Settle | None = None
        self._publish: SendOut | None = None

    def start(self, *, settle: Settle, publish: SendOut) -> None:
        """Keep what answers go through."""
        self._settle = settle
        self._publish = publish

    def submit(self, publish: Publish, ticket: object) -> None:
        """Take a message in."""
        with self._changed:
            self.published.append(publish)
            self._changed.notify_all()
            if not self.is_open:
                self._waiting.append(ticket)
                return
        self._answer((ticket,), committed=True)

    def close(self, timeout_s: float) -> None:
        """Commit what waits."""
        self.settle(committed=True)
        self.is_closed = True

    def settle(self, count: int | None = None, *, committed: bool) -> None:
        """Settle the oldest ``count`` messages, all by default, as one group."""
        with self._changed:
            group, self._waiting = self._waiting[:count], self._waiting[count:] if count is not None else []
        if group:
            self._answer(group, committed=committed)

    def open(self) -> None:
        """Commit what waits, and from now on all that comes."""
        with self._changed:
            self.is_open = True
        self.settle(committed=True)

    def send(self, *messages: Outgoing) -> None:
        """Publish as ingest does."""
        assert self._publish is not None
        self._publish(messages)

    def wait_for(self, count: int) -> list[Publish]:
        """Wait until at least ``count`` messages were submitted, and return all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.published) >= count, TIMEOUT_S), (
                f"{len(self.published)} of {count} messages reached the gate"
            )
            return list(self.published)

    def _answer(self, tickets: Sequence[object], *, committed: bool) -> None:
        assert self._settle is not None
        self._settle(tickets, committed, () if self.is_applying else tickets)


def build_gate(settings: Settings) -> HeldGate:
    """Build a gate as ``broker.gate`` names it."""
    return HeldGate()
