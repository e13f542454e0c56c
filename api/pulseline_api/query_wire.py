"""What the API and a process that runs its queries say to each other, over one ``Connection``.

::

    API                            worker
     |------ WorkerOptions ---------->|     once
     |<----- b"" ---------------------|     it is ready
     |------ QueryRequest ----------->|
     |------ None ------------------->|     perhaps: stop, nobody waits any more
     |<----- b"[{...", b"...]", b"" --|     pieces of JSON, an empty one behind them
     |<----- Report ------------------|     how it went

The report comes last, because what goes wrong may do so in any piece. The worker is trusted with pickles of the API;
what comes back is bytes and JSON alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import orjson

#: What a worker sends when it is ready, and behind the pieces of each answer.
NOTHING: Final = b""

#: What a worker is told when nobody waits for the answer any more.
STOP: Final = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker has to know.

    Attributes:
        place: the database.
        timeout_s: how long one query may run.
        memory_bytes: how much address space the process may have.
        engine: what runs the queries, as module:callable; it is called with these options.
    """

    place: Path | str
    timeout_s: float
    memory_bytes: int
    engine: str = "pulseline_api.query_engine:QueryEngine"


class Outcome(StrEnum):
    """How a query went."""

    DONE = "done"  #: All of the answer was sent.
    REFUSED = "refused"  #: The query is wrong, or beyond a limit; ``kind`` and ``message`` say how.
    UNAVAILABLE = "unavailable"  #: The store can not be read now; ``message`` says why.
    FAILED = "failed"  #: A bug; ``message`` is its traceback.


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker says after the pieces.

    Attributes:
        outcome: how it went.
        kind: ActivityWatch's name for the error.
        message: what is wrong.
        warnings: what of the query was passed over.
        is_spent: whether the worker should not be asked again.
    """

    outcome: Outcome
    kind: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()
    is_spent: bool = False

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, text: bytes) -> Self:
        """Return what ``to_bytes`` was given."""
        fields = orjson.loads(text)
        fields["outcome"] = Outcome(fields["outcome"])
        fields["warnings"] = tuple(fields["warnings"])
        return cls(**fields)
