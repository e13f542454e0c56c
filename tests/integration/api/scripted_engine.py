"""An engine that does what the query's first text says, in a process of its own."""

from __future__ import annotations

import os
import re
import resource
import signal
import threading
from collections.abc import Iterator

from pulseline_api.query_request import QueryRequest
from pulseline_api.query_wire import WorkerOptions
from pulseline_api.query_worker import QueryAnswer
from pulseline_core.errors import StoreUnavailable
from pulseline_core.query.budget import Budget
from pulseline_core.query.errors import QueryParseError

MIB = 1024 * 1024

#: So much is sent at once, not kept back for more.
BEGUN = b"[" + b" " * 65_536


def open_engine(options: WorkerOptions) -> ScriptedEngine:
    """Return the engine, as a worker asks for it."""
    return ScriptedEngine()


def open_nothing(options: WorkerOptions) -> ScriptedEngine:
    """Fail, as when something is not installed."""
    os._exit(9)


class ScriptedEngine:
    """Knows the words below; each but ``refuse`` and the like first sends one piece, so that one can see it run."""

    def run(self, query: QueryRequest, budget: Budget) -> QueryAnswer:
        """Do as the first text says."""
        words = query.statements[0].split()
        return QueryAnswer(chunks=getattr(self, words[0])(query, budget, *words[1:]), warnings=query.statements[1:])

    def answer(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Tell what was asked, and who answers."""
        starts = ", ".join(f'"{start.isoformat()}"' for start, _ in query.periods)
        yield f'{{"name": "{query.name}", "starts": [{starts}], "pid": {os.getpid()}}}'.encode()

    def many(self, query: QueryRequest, budget: Budget, mebibytes: str) -> Iterator[bytes]:
        """Answer much."""
        yield b'["'
        for _ in range(int(mebibytes)):
            yield b"x" * MIB
        yield b'"]'

    def count(self, query: QueryRequest, budget: Budget, numbers: str) -> Iterator[bytes]:
        """Answer many small things."""
        yield b"[1"
        for _ in range(int(numbers) - 1):
            yield b""
            yield b",1"
        yield b"]"

    def loop(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Run until it is stopped."""
        yield BEGUN
        while True:
            budget.check()

    def hang(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Run for ever, whoever wants it to stop."""
        yield BEGUN
        threading.Event().wait()

    def hold(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Hold the interpreter, so that no other thread of the process runs."""
        yield BEGUN
        re.match(r"(a+)+$", "a" * 64 + "b")

    def fill(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Take all memory."""
        yield BEGUN
        kept = []
        while True:
            kept.append(bytearray(64 * MIB))

    def overflow(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Take too much of it at once, by way of a library that says so in other words."""
        yield BEGUN
        try:
            bytearray(1024 * MIB)
        except MemoryError as error:
            raise TypeError("not serializable") from error

    def memory(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Tell how much address space there may be."""
        yield str(resource.getrlimit(resource.RLIMIT_AS)[0]).encode()

    def crash(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """End as when the system has no memory left."""
        yield BEGUN
        os.kill(os.getpid(), signal.SIGKILL)

    def refuse(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Say that the query is wrong."""
        raise QueryParseError("Tried to parse nothing")

    def fail(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Meet a bug."""
        yield BEGUN
        raise KeyError("unforeseen")

    def away(self, query: QueryRequest, budget: Budget) -> Iterator[bytes]:
        """Find no store."""
        raise StoreUnavailable("database is away")
