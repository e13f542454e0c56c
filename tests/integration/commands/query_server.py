"""A REST server that answers queries with what a test says, on a real port."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any, Self

from tests.integration.scripted_http import Answer, Request, serve


class QueryServer:
    """Answers; as a context manager.

    Attributes:
        answers: by path below ``/api/0``; what is not among them is ``null``.
        status: of the answer to a query.
        warnings: what the answer to a query says was passed over.
        queries: what was asked: the path with its parameters, and the body.
        port: where it listens, while it does.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.status = 200
        self.warnings: list[str] = []
        self.queries: list[tuple[str, dict[str, Any]]] = []
        self.port = 0
        self._stack = ExitStack()

    def say(self, *results: Any) -> None:
        """Answer queries with these, one for each period."""
        self.answers["/query/"] = list(results)

    def refuse(self, kind: str, message: str) -> None:
        """Answer queries with 400."""
        self.status, self.answers["/query/"] = 400, {"type": kind, "message": message}

    @property
    def lines(self) -> list[str]:
        """The lines of the last query."""
        lines: list[str] = self.queries[-1][1]["query"]
        return lines

    @property
    def period(self) -> tuple[str, str]:
        """The one period of the last query."""
        (period,) = self.queries[-1][1]["timeperiods"]
        start, stop = period.split("/")
        return start, stop

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.port = stack.enter_context(serve(self._answer))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _answer(self, request: Request) -> Answer:
        path = request.path.removeprefix("/api/0")
        if request.method == "POST":
            self.queries.append((path, json.loads(request.body)))
        return Answer(
            status=self.status if request.method == "POST" else 200,
            body=json.dumps(self.answers.get(path.partition("?")[0])).encode(),
            headers={"Pulseline-Warnings": json.dumps(self.warnings)},
        )
