"""A connection to a server that notices when no answer will come.

TCP tells of a server that is gone, but not of one that hangs, nor of a proxy before it that has forgotten us. So after
a while of silence another connection asks the server whether it still works on our statement; statements that take
long, as those that build an index, are waited for as long as it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready

T = TypeVar("T")

#: How long nothing may come before the server is asked; its answers to what we do for each group take far less.
SILENCE_S: Final = 10.0

#: How often a wait is interrupted for a look at the clock.
_INTERVAL_S: Final = 1.0

#: A server that waits for us to read is one that can not reach us.
_IS_WORKING: Final = (
    "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Client'"
)


class SilenceError(psycopg.OperationalError):
    """The server does not answer."""


class PostgresConnection(psycopg.Connection[Any]):
    """psycopg's connection, whose waits end with ``SilenceError`` when there is nothing to wait for.

    Attributes:
        parameters: by which to connect again; none where nobody is to be asked.
        pid: of the server's process.
    """

    parameters: Mapping[str, Any] | None = None
    pid = 0

    @classmethod
    def open(cls, parameters: Mapping[str, Any]) -> Self:
        """Connect, each statement its own transaction unless it says otherwise."""
        connection = cls.connect(**parameters, autocommit=True)
        is_ready = False
        try:
            [(connection.pid,)] = connection.execute("SELECT pg_backend_pid()")
            is_ready = True
        finally:
            if not is_ready:
                connection.close()
        connection.parameters = parameters
        return connection

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL_S, timeout: float | None = None) -> T:
        """Return what psycopg's generator does when the server has answered; psycopg calls this."""
        return super().wait(self._watch(gen), min(interval, _INTERVAL_S), timeout)

    def _watch(self, generator: PQGen[T]) -> PQGen[T]:
        """Stand between psycopg and its generator, and look at the clock when nothing comes."""
        silent_since = monotonic()
        ready: Ready | int | None = None
        while True:
            try:
                wanted = generator.send(ready)  # type: ignore[arg-type]  # reason: a generator begins with None
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # reason: what it returns is T
            ready = yield wanted
            if ready:
                silent_since = monotonic()
            elif monotonic() - silent_since >= SILENCE_S:
                if not self._is_worked_for():
                    raise SilenceError(f"it has not answered for {SILENCE_S:g} s")
                silent_since = monotonic()

    def _is_worked_for(self) -> bool:
        """Ask the server, by a connection of its own, whether it works on our statement."""
        if self.parameters is None:
            return False
        try:
            with PostgresConnection.connect(**self.parameters, autocommit=True) as asking:
                return asking.execute(_IS_WORKING, (self.pid,)).fetchone() is not None
        except psycopg.Error:
            return False
