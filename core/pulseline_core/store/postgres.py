"""PostgreSQL: a database on a server, which several processes write and read.

- A commit is durable: ``synchronous_commit`` is switched on where the server has it off.
- Several writers are meant to have buckets of their own. If two of them write one bucket by mistake, the rows of the
  bucket and of the watermark, which a transaction locks before it goes by them, let one wait for the other; nothing
  that a transaction remembers of them is believed by the next.
- The tables are in the first schema of the search path, and ours if ``key_value`` holds the schema's version.
- Events are not partitioned by time; see docs/decisions/0022-events-in-one-table.md.
- The server ends a transaction of a writer that has fallen silent, since others wait for what it locked.
"""

from __future__ import annotations

import select
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import peewee
import psycopg
from psycopg.conninfo import conninfo_to_dict

from pulseline_core.errors import InvalidSetting, PulselineError, StoreUnavailable
from pulseline_core.store import postgres_errors
from pulseline_core.store.connection import Connection
from pulseline_core.store.models import TABLES
from pulseline_core.store.postgres_driver import PostgresDriver, adapt_definition
from pulseline_core.store.postgres_silence import PostgresConnection

#: What a connection is told unless the URL says otherwise: a server that is gone is noticed within half a minute.
_DEFAULTS: Final = {
    "connect_timeout": "10",
    "client_encoding": "UTF8",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "application_name": "pulseline",
}

#: How long a statement waits for what another writer has locked, and how long the server waits for a silent writer.
_LOCK_TIMEOUT: Final = "10s"
_SILENCE_TIMEOUT: Final = "20s"

_VERSION_KEY: Final = "schema_version"

#: Where the tables are in the schema.
_HAS_TABLE: Final = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"
_IS_OURS: Final = f"{_HAS_TABLE} AND tablename = 'key_value'"
_READ_VERSION: Final = "SELECT value FROM key_value WHERE key = ?"
_WRITE_VERSION: Final = (
    "INSERT INTO key_value (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


class _Database(peewee.PostgresqlDatabase):
    """Connects as we want it, and has peewee's definitions of tables in the words of ours."""

    def _connect(self) -> psycopg.Connection[Any]:
        return PostgresConnection.open(self.connect_params)

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement of peewee's."""
        return super().execute_sql(adapt_definition(sql), params)  # type: ignore[no-untyped-call]  # peewee's stubs


class PostgresBackend:
    """A database on a server, by its URL."""

    errors: tuple[type[Exception], ...] = (psycopg.Error, peewee.PeeweeException)
    begin_write = "BEGIN"
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    is_shared = True
    is_leased = False

    def __init__(self, url: str) -> None:
        try:
            stated = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            # Its message may quote all of it, and a password with it.
            raise InvalidSetting(
                "store.url", "is no URL of a database", hint="it has the form postgresql://user@host/database"
            ) from error
        self._parameters: dict[str, Any] = {**_DEFAULTS, **stated}

    @property
    def place(self) -> str:
        """The URL without its password and options, nor the folder of a socket."""
        known = self._parameters
        user = f"{quote(known['user'])}@" if "user" in known else ""
        host = known.get("host", "")
        port = f":{known['port']}" if "port" in known else ""
        return f"postgresql://{user}{'' if host.startswith('/') else host}{port}/{quote(known.get('dbname', ''))}"

    def open_writer(self) -> peewee.Database:
        """Connect for writing; the database itself must be there."""
        return self._connect(
            f"SET lock_timeout = '{_LOCK_TIMEOUT}';"
            f"SET idle_in_transaction_session_timeout = '{_SILENCE_TIMEOUT}';"
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )

    def open_reader(self) -> peewee.Database:
        """Connect for reading."""
        return self._connect("SET default_transaction_read_only = on")

    def connect(self) -> psycopg.Connection[Any]:
        """Connect for something else than the tables."""
        return PostgresConnection.open(self._parameters)

    def get_driver(self, database: peewee.Database) -> PostgresDriver:
        """Return what runs the statements."""
        return PostgresDriver(database.connection())  # type: ignore[no-untyped-call]  # peewee's stubs

    def get_identity(self) -> object:
        """Return nothing: a database is known by its epoch, which is looked at after each connect."""
        return None

    def get_log_identity(self) -> object:
        """Return nothing: the log is the server's."""
        return None

    def is_lost(self, database: peewee.Database) -> bool:
        """Return whether the server has closed an idle connection, or has something to say, which is its farewell."""
        connection: psycopg.Connection[Any] = database.connection()  # type: ignore[no-untyped-call]
        if connection.closed:
            return True
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def translate(self, error: Exception) -> PulselineError:
        """Return our error for one of psycopg or peewee."""
        return postgres_errors.translate(error, self.place)

    def is_empty(self, connection: Connection) -> bool:
        """Return whether the schema has no table."""
        return connection.fetch_one(_HAS_TABLE) is None

    def read_version(self, connection: Connection) -> int:
        """Return the schema's version; ``StoreUnavailable`` if another program made the tables."""
        row = None if connection.fetch_one(_IS_OURS) is None else connection.fetch_one(_READ_VERSION, (_VERSION_KEY,))
        if row is None:
            raise postgres_errors.not_ours(self.place)
        return int(row[0])

    def write_version(self, connection: Connection, version: int) -> None:
        """Set the schema's version."""
        connection.change(_WRITE_VERSION, (_VERSION_KEY, str(version)))

    def set_up(self, connection: Connection) -> None:
        """See that the database can hold every text."""
        [(encoding,)] = connection.fetch_all("SHOW server_encoding")
        if encoding != "UTF8":
            raise StoreUnavailable(
                f"database {self.place!r} has the encoding {encoding}, which can not hold every text",
                hint="make one with: createdb --encoding UTF8 --template template0",
            )

    def back_up(self, connection: Connection, version: int) -> str:
        """Copy the rows of all tables into a schema of their own, and return its name."""
        moment = datetime.now(UTC).strftime("%Y%m%dt%H%M%S%f")
        schema = f"pulseline_backup_v{version}_{moment}"
        with connection.write():
            connection.change(f"CREATE SCHEMA {schema}")
            for name in (model._meta.table_name for model in TABLES):  # noqa: SLF001 - where peewee keeps it
                if connection.fetch_one(f"{_HAS_TABLE} AND tablename = ?", (name,)) is not None:
                    connection.change(f"CREATE TABLE {schema}.{name} AS TABLE {name}")
        return schema

    def tidy(self, connection: Connection) -> None:
        """Do nothing: the server does it."""

    def finish(self, connection: Connection) -> bool:  # noqa: ARG002 - other kinds need it
        """Do nothing: the server has it all."""
        return True

    def _connect(self, settings: str) -> peewee.Database:
        database = _Database(
            self.place,
            prefer_psycopg3=True,
            thread_safe=False,  # peewee's way to say: one connection, not one a thread
            **self._parameters,
        )
        database.connect()
        connection: psycopg.Connection[Any] = database.connection()  # type: ignore[no-untyped-call]
        is_ready = False
        try:
            connection.execute(f"SET jit = off; {settings}".encode())
            is_ready = True
        finally:
            if not is_ready:
                connection.close()
        return database
