"""An HTTP server on a real port that answers what a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pulseline_core.types import JSONValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked; ``path`` has its parameters."""

    method: str
    path: str
    body: bytes
    authorization: str | None

    @property
    def value(self) -> JSONValue:
        """The body as JSON; nothing if there is none."""
        value: JSONValue = json.loads(self.body) if self.body else None
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to it, with the length of the body unless the headers name another."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def build_answer(value: object, *, status: int = 200) -> Answer:
    """Answer JSON."""
    return Answer(status=status, body=json.dumps(value).encode())


@contextmanager
def serve(answer: Callable[[Request], Answer]) -> Iterator[int]:
    """Answer every request on threads of the server's, and give the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            key = self.headers.get("Authorization")
            said = answer(Request(method=self.command, path=self.path, body=body, authorization=key))
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        do_POST = do_DELETE = do_GET  # noqa: N815  the same

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield http.server_port
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
