"""A REST server that answers queries with what a test says, on a real port."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class QueryServer:
    """Answers; as a context manager.

    Attributes:
        answers: by path below ``/api/0``; what is not among them is ``null``.
        status: of the answer to a query.
        warnings: what the answer to a query says was passed over.
        queries: what was asked: the path with its parameters, and the body.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.status = 200
        self.warnings: list[str] = []
        self.queries: list[tuple[str, dict[str, Any]]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._build_handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._http.server_port

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
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _build_handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # http.server's name
                path = self.path.removeprefix("/api/0")
                if self.command == "POST":
                    body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                    server.queries.append((path, body))
                body = json.dumps(server.answers.get(path.partition("?")[0])).encode()
                self.send_response(server.status if self.command == "POST" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Pulseline-Warnings", json.dumps(server.warnings))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  the same

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
