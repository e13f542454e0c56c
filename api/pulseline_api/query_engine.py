"""What runs queries in a worker: the query language over the store's columns."""

from __future__ import annotations

from typing import Final

from pulseline_api.query_request import QueryRequest
from pulseline_api.query_wire import WorkerOptions
from pulseline_api.query_worker import QueryAnswer
from pulseline_core.query.answer import Question, answer
from pulseline_core.query.budget import Budget
from pulseline_core.query.encoding import iter_json
from pulseline_core.store.column_reader import CACHE_BYTES, open_column_reader

#: What is kept of events may take so much of the process's memory: a query needs several times what it reads.
_CACHE_SHARE: Final = 4


class QueryEngine:
    """Reads with a connection of its own, and keeps what it read; both end with the process."""

    def __init__(self, options: WorkerOptions) -> None:
        cache_bytes = min(CACHE_BYTES, options.memory_bytes // _CACHE_SHARE)
        self._columns = open_column_reader(options.place, cache_bytes=cache_bytes)

    def run(self, query: QueryRequest, budget: Budget) -> QueryAnswer:
        """Answer a query about one state of the store; the pieces are made as they are taken."""
        question = Question(statements=query.statements, periods=query.periods, name=query.name)
        with self._columns.open_snapshot() as snapshot:
            found = answer(question, snapshot, budget)
        return QueryAnswer(chunks=iter_json(list(found.results)), warnings=found.warnings)
