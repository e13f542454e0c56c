"""A PostgreSQL server of the tests' own: in a folder of its own, on a socket in there, run by who may run one."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from tests.storm.system import find_descendants, is_running, wait_until

#: Where Debian keeps the server's programs, of each version.
_DEBIAN: Final = Path("/usr/lib/postgresql")

_USER: Final = "postgres"
_START_S: Final = 30.0


class PostgresServer:
    """A server; entered, it answers. ``stop``, ``kill`` and ``start`` do what they say.

    Args:
        is_durable: whether commits reach the disk; without it tests are quicker.
        port: where it listens on loopback; without one it answers at its socket alone.
    """

    def __init__(self, *, is_durable: bool = True, port: int | None = None) -> None:
        self._is_durable = is_durable
        self._port = port
        self._numbers = itertools.count(1)
        self._folder = Path(tempfile.mkdtemp(prefix="pulseline-pg-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[Any] | None = None
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        if os.geteuid() == 0:  # which a server refuses to be run by
            owner = pwd.getpwnam(_USER)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        command = [_find_program("initdb"), "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([*command, "-D", str(self._data)], check=True, capture_output=True, **_as_owner())
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGQUIT)  # the quickest way that leaves no memory behind
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start; returns when it answers."""
        command = [_find_program("postgres"), "-D", str(self._data), "-k", str(self._folder), "-N", "50"]
        command += ["-h", ""] if self._port is None else ["-h", "127.0.0.1", "-p", str(self._port)]
        if not self._is_durable:
            command += ["-c", "fsync=off", "-c", "full_page_writes=off"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **_as_owner())
        wait_until(self._is_answering, timeout_s=_START_S, what="the start of PostgreSQL")

    def stop(self) -> None:
        """Stop as an administrator does: what runs is ended, what is committed is kept."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill -9 it and its children, and wait until they are gone."""
        children = [] if self._process is None else find_descendants(self._process.pid)
        self._end(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)), timeout_s=_START_S, what="the end of all children")

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._folder / ".s.PGSQL.5432"

    def make_url(self, address: str = "") -> str:
        """Return the URL of an empty schema; ``address`` is that of a proxy, if one is to stand between."""
        name = f"place_{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        host = "" if address else f"host={self._folder}&"
        return f"postgresql://{_USER}@{address}/postgres?{host}options=-csearch_path%3D{name}"

    def delete_rows(self, url: str) -> None:
        """Delete the rows of all tables at a URL that programs change."""
        name = _get_schema(url)
        tables = "event", "event_data", "bucket", "watermark", "dead_letter", "rewrite"
        if self.execute("SELECT 1 FROM pg_tables WHERE schemaname = %s", name):
            self.execute(";".join(f"DELETE FROM {name}.{table}" for table in tables))

    def empty(self, url: str) -> None:
        """Drop what is at a URL, and with it, as when a database is dropped, who is connected."""
        name = _get_schema(url)
        self.terminate_backends()
        self.execute(f"DROP SCHEMA {name} CASCADE")
        self.execute(f"CREATE SCHEMA {name}")

    def execute(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        if self._connection is None:
            self._connection = self._connect()
        cursor = self._connection.execute(sql.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def terminate_backends(self) -> int:
        """End the connections of all programs, as an administrator does; return how many they were."""
        rows = self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'pulseline'"
        )
        return len(rows)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(user=_USER, dbname="postgres", host=str(self._folder), port=self._port, autocommit=True)

    def _end(self, number: signal.Signals) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(_START_S)

    def _is_answering(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        with suppress(psycopg.OperationalError):
            self._connect().close()
            return True
        return False


def _get_schema(url: str) -> str:
    return url.rpartition("search_path%3D")[2]


def _find_program(name: str) -> str:
    found = [str(path) for path in sorted(_DEBIAN.glob(f"*/bin/{name}"))]
    program = found[-1] if found else shutil.which(name)
    assert program is not None, f"the program {name!r} is missing; on Debian and Ubuntu: apt-get install postgresql"
    return program


def _as_owner() -> dict[str, Any]:
    """Return how to start a program as the user who owns the server's files."""
    if os.geteuid() != 0:
        return {"cwd": "/"}
    return {"user": _USER, "group": _USER, "extra_groups": [], "cwd": "/"}
