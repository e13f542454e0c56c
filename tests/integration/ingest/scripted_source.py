"""A source in the test's hand: it hands out groups, one after the other, and keeps all that the worker says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pulseline_core.types import JSONObject
from pulseline_ingest.source import Outgoing, Received
from tests.unit.ingest.samples import ROOT, read_acknowledgements, read_json

Group: TypeAlias = Sequence[Received] | Callable[[], Sequence[Received]]
"""What waits when the worker asks: messages, or what makes them at that moment; without any, time goes by."""


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is told to go on."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Go on."""
        self.now += seconds


@dataclass(frozen=True, slots=True)
class Settled:
    """Messages that the worker settled with one call."""

    messages: tuple[Received, ...]
    committed: bool


@dataclass(frozen=True, slots=True)
class Paused:
    """The worker waited for the store."""

    timeout_s: float


class ScriptedSource:
    """A source that ends when its script does.

    Args:
        groups: the script; a group beyond the worker's limit comes in parts.
        clock: goes on by the time that the worker would have waited.
        is_resending: refused messages come again, as from publishers at QoS 1, before the rest of the script.
        on_pause: called when the worker pauses.

    Attributes:
        log: what the worker settled, published and waited for, in order.
    """

    def __init__(
        self,
        *groups: Group,
        clock: Clock | None = None,
        is_resending: bool = False,
        on_pause: Callable[[], object] = lambda: None,
    ) -> None:
        self._script: deque[Group] = deque(groups)
        self._again: list[Received] = []
        self._clock = clock or Clock()
        self._is_resending = is_resending
        self._on_pause = on_pause
        self.log: list[Settled | Outgoing | Paused] = []

    @property
    def queue_len(self) -> int:
        """How many messages wait."""
        return sum(len(group) for group in self._script if not callable(group))

    @property
    def report(self) -> JSONObject:
        """Return nothing."""
        return {}

    @property
    def lag_s(self) -> float:
        """Return nothing, either."""
        return 0.0

    def receive(self, max_messages: int, timeout_s: float) -> Sequence[Received] | None:
        """Return the next group of the script."""
        if self._again:
            self._script.appendleft(tuple(self._again))
            self._again.clear()
        if not self._script:
            return None
        group = self._script.popleft()
        group = group() if callable(group) else group
        if not group:
            self._clock.advance(timeout_s)
        if len(group) > max_messages:
            self._script.appendleft(group[max_messages:])
        return group[:max_messages]

    def settle(self, messages: Sequence[Received], *, committed: bool, unapplied: Sequence[Received] = ()) -> None:
        """Keep what became of messages."""
        self.log.append(Settled(tuple(messages), committed))
        if self._is_resending and not committed:
            self._again.extend(messages)

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Keep messages."""
        self.log.extend(messages)

    def pause(self, timeout_s: float) -> None:
        """Let the time go by."""
        self.log.append(Paused(timeout_s))
        self._clock.advance(timeout_s)
        self._on_pause()

    @property
    def settled(self) -> list[tuple[Received, bool]]:
        """Each message that was settled, and whether as committed, in order."""
        return [(each, entry.committed) for entry in self.log if isinstance(entry, Settled) for each in entry.messages]

    @property
    def committed(self) -> list[Received]:
        """The messages that were settled as committed, in order."""
        return [message for message, committed in self.settled if committed]

    @property
    def pauses(self) -> list[float]:
        """How long the worker waited for the store, each time, in seconds."""
        return [entry.timeout_s for entry in self.log if isinstance(entry, Paused)]

    def get_published(self, topic: str) -> list[Outgoing]:
        """Return what was published on a topic below the root, in order."""
        return [entry for entry in self.log if isinstance(entry, Outgoing) and entry.topic == f"{ROOT}/{topic}"]

    def get_acknowledgements(self, publisher: str = "outbox") -> list[dict[str, Any]]:
        """Return what was acknowledged to a publisher, in order, without what is common to all acknowledgements."""
        return [
            {name: value for name, value in item.items() if name not in ("epoch", "window")}
            for message in self.get_published(f"_ack/{publisher}")
            for item in read_acknowledgements(message)
            if "problem" not in item
        ]

    def get_results(self, publisher: str = "outbox") -> list[Any]:
        """Return the results that a publisher was told, in order."""
        return [item["result"] for item in self.get_acknowledgements(publisher) if "result" in item]

    def get_reports(self) -> list[dict[str, Any]]:
        """Return the worker's reports of itself, in order."""
        return [read_json(message) for message in self.get_published("_status/main")]

    def get_counters(self) -> dict[str, int]:
        """Return the counters of the last report that has any."""
        counters: dict[str, int] = [report["counters"] for report in self.get_reports() if "counters" in report][-1]
        return counters
