"""A released client of ActivityWatch in a process and an environment of its own, called line by line."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

from tests.storm.system import clean_environment

HERE: Final = Path(__file__).parent

#: Where scripts/test puts the clients.
COMPAT: Final = HERE.parent.parent / ".compat"

#: Longer than any call here takes, the restart of a server included.
TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class ClientError(Exception):
    """What the client raised.

    Attributes:
        kind: the class of the exception.
        status: of the HTTP response, if that was the reason.
    """

    kind: str
    status: int | None

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class Remote:
    """The process; as a context manager, which ends it.

    Args:
        argv: the program and its arguments.
        home: the folder that is the client's home; its log lies there, too.
    """

    def __init__(self, argv: Sequence[str], home: Path) -> None:
        environment = clean_environment(home) | {"NODE_PATH": str(COMPAT / "js/node_modules")}
        environment.pop("PYTHONPATH", None)
        self._unread = b""
        self.log = home / "client.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(TIMEOUT_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Return what the client's method returns; raise ``ClientError`` when it raises."""
        self.send(method, *arguments, **named)
        return self.receive()

    def call_together(self, *calls: tuple[Any, ...]) -> list[Any]:
        """Make calls without waiting for one another; return what each returned or raised, in their order."""
        for method, *arguments in calls:
            self.send(method, *arguments)
        answers: list[Any] = []
        for _ in calls:
            try:
                answers.append(self.receive())
            except ClientError as error:
                answers.append(error)
        return answers

    def send(self, method: str, *arguments: Any, **named: Any) -> None:
        """Begin a call; ``receive`` ends it."""
        assert self.process.stdin is not None
        line = json.dumps({"method": method, "arguments": arguments, "named": named})
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def receive(self) -> Any:
        """Return what the oldest call that has begun returns; raise ``ClientError`` when it raises."""
        assert self.process.stdout is not None
        deadline = monotonic() + TIMEOUT_S
        while b"\n" not in self._unread:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - monotonic()))
            assert readable, f"no answer within {TIMEOUT_S:g} s; the client said: {self.log.read_text()[-2000:]}"
            found = os.read(self.process.stdout.fileno(), 65_536)
            assert found, f"the client ended; it said: {self.log.read_text()[-2000:]}"
            self._unread += found
        line, _, self._unread = self._unread.partition(b"\n")
        answer = json.loads(line)
        if "raised" in answer:
            raise ClientError(answer["raised"], answer["status"])
        return answer.get("returned")


def open_python(name: str, port: int, home: Path) -> Remote:
    """Return aw-client from PyPI, talking to a port on this machine."""
    return Remote([str(COMPAT / "bin/python"), str(HERE / "python/remote.py"), name, str(port)], home)


def open_npm(name: str, port: int, home: Path) -> Remote:
    """Return aw-client from npm, talking to a port on this machine."""
    return Remote([str(COMPAT / "bin/node"), str(HERE / "js/remote.cjs"), name, str(port)], home)
