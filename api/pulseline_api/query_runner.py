"""What runs queries, as the API asks for it: ``query_pool`` has processes for it, tests have scripts."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol

from pulseline_api.client_watch import ClientWatch
from pulseline_api.query_request import QueryRequest
from pulseline_core.errors import Unavailable


class QueryRunner(Protocol):
    """Runs queries; called on many threads."""

    def run(self, query: QueryRequest, client: ClientWatch) -> Generator[bytes, None, tuple[str, ...]]:
        """Yield pieces of JSON, an array with a result for each period; return warnings.

        Raises:
            QueryError: the query is wrong, or beyond a limit.
            ServiceUnavailable: too many others run.
            Unavailable: not now; ``ClientGone`` if nobody waits for it.
        """
        ...


class NoQueries:
    """Runs none."""

    def run(self, query: QueryRequest, client: ClientWatch) -> Generator[bytes, None, tuple[str, ...]]:  # noqa: ARG002
        """Refuse."""
        raise Unavailable("this server runs no queries")


class QueryResult:
    """The result of a query, as pieces of JSON, to be taken once; it has to be closed.

    Attributes:
        warnings: what of the query was passed over; known when all pieces are taken.
    """

    def __init__(self, run: Generator[bytes, None, tuple[str, ...]]) -> None:
        self.warnings: tuple[str, ...] = ()
        self._run = run

    def __iter__(self) -> Iterator[bytes]:
        self.warnings = yield from self._run

    def close(self) -> None:
        """Stop what still runs of it; idempotent."""
        self._run.close()
