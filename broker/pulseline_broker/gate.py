"""The gate: what the broker hands every publish to, and whose word an acknowledgement waits for.

The broker knows nothing of what lies behind. It calls ``submit`` on its event loop for each publish that the access
rights allow; whatever commits messages answers on a thread of its own, group by group, through the ``settle`` that
``start`` was given. Only then does the client get its PUBACK (or PUBREC), and do subscribers get the message. A
message that the gate has put on record without applying it is acknowledged as well, but never retained: what later
subscribers get is what holds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

from pulseline_core.errors import InvalidSetting
from pulseline_core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """One PUBLISH that the access rights allow.

    Attributes:
        retain: the flag as the client sent it; a hint only.
        client_id: the session it came from.
        username: ``None`` for an anonymous client.
        received_at: aware UTC.
        connection: what it came over, to be told apart by identity and not kept alive; ``None`` for a will. It is
            closed when the message is not committed, so what follows on it is not to be committed either.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    client_id: str
    username: str | None
    received_at: datetime
    connection: object | None = None


class Outgoing(Protocol):
    """What the gate wants published; any object with these attributes."""

    @property
    def topic(self) -> str:
        """Where to."""

    @property
    def payload(self) -> bytes:
        """The message itself; empty and retained clears the topic."""

    @property
    def qos(self) -> int:
        """0, 1 or 2; a subscriber gets the smaller of this and its own."""

    @property
    def retain(self) -> bool:
        """Whether later subscribers get it too."""


class Settle(Protocol):
    """Takes the gate's word on a group of messages."""

    def __call__(self, tickets: Sequence[object], committed: bool, unapplied: Collection[object] = ()) -> None:
        """Take it.

        Args:
            tickets: of the group; those of one connection in order of submission.
            committed: whether they are on disk, in whatever form.
            unapplied: those of them that changed nothing, so that they are not to be retained.
        """


SendOut: TypeAlias = Callable[[Sequence[Outgoing]], None]
"""Messages that the gate publishes itself; they do not come back to it."""


@runtime_checkable
class Gate(Protocol):
    """Commits messages."""

    def start(self, *, settle: Settle, publish: SendOut) -> None:
        """Start; return when messages can be submitted.

        Args:
            settle: may be called from any thread, once a group; each ticket exactly once, those of one connection in
                order of submission.
            publish: may be called from any thread, at any time until ``close`` returns.

        Raises:
            PulselineError: it can not start.
        """

    def submit(self, publish: Publish, ticket: object) -> None:
        """Take a message in; called on the event loop's thread, must not block."""

    def close(self, timeout_s: float) -> None:
        """Commit and settle what was submitted, then stop; called once, not on the event loop's thread."""

    @property
    def failure(self) -> BaseException | None:
        """Set when the gate's own thread died: nothing will be settled any more."""


def load_gate(settings: Settings) -> Gate:
    """Build the gate that ``broker.gate`` names as ``module:callable``, by calling it with the settings.

    Raises:
        InvalidSetting: there is no such module or callable, or it does not make a gate.
    """
    module_name, _, attribute = settings.broker.gate.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidSetting("broker.gate", f"names no gate: {settings.broker.gate!r} ({error})") from error
    gate = factory(settings)
    if not isinstance(gate, Gate):
        raise InvalidSetting("broker.gate", f"names something that makes no gate: {settings.broker.gate!r}")
    return gate
