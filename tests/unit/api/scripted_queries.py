"""What runs queries, without running any."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from pulseline_api.client_watch import ClientWatch
from pulseline_api.query_request import QueryRequest


@dataclass
class ScriptedQueries:
    """Answers every query alike, and notes it."""

    chunks: tuple[bytes, ...] = (b"[", b"1]")
    warnings: tuple[str, ...] = ()
    error: Exception | None = None
    asked: list[QueryRequest] = field(default_factory=list)
    closed: int = 0

    def run(self, query: QueryRequest, client: ClientWatch) -> Generator[bytes, None, tuple[str, ...]]:
        """Yield the pieces, then raise or return what is scripted."""
        self.asked.append(query)
        try:
            yield from self.chunks
            if self.error is not None:
                raise self.error
            return self.warnings
        finally:
            self.closed += 1
