"""One connection to a database, whichever kind it is, with foreign errors made ours at this edge.

Statements that run for each message are SQL text on the driver's connection, which keeps them prepared; building them
with peewee costs more than running them. The rest are peewee queries on the same connection (``run``, ``fetch``).

After an error the connection ``is_broken``: the driver may have ended the transaction on its own, so nothing more is
sent on it. Whoever owns it closes it and opens another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, TypeAlias

import peewee

from pulseline_core.errors import PulselineError, StoreUnavailable

#: One row, or the parameters of one statement.
Row: TypeAlias = tuple[Any, ...]

#: How many rows are taken from the driver at once: 25 MB if all of them have the largest data that a message holds.
FETCH_ROWS: Final = 100


class Driver(Protocol):
    """A connection of the driver's. Statements are in SQLite's words, which others put into their own."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """Run a statement and return the driver's cursor."""
        ...

    def execute_locking(self, sql: str, parameters: Sequence[object]) -> Any:
        """Run a query, and keep other writers from its rows until the transaction ends."""
        ...

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each row of parameters and return how many rows were changed in all."""
        ...

    def insert(self, sql: str, parameters: Sequence[object]) -> int:
        """Insert one row and return its number."""
        ...

    def take_numbers(self, table: str, count: int) -> list[int]:
        """Return numbers for new rows, in their order, which nobody else gets."""
        ...

    def iter_batches(self, sql: str, parameters: Sequence[object]) -> Iterator[list[Row]]:
        """Yield the rows of a query, up to ``FETCH_ROWS`` at once; the transaction must stay open meanwhile."""
        ...

    def lock(self, name: str) -> None:
        """Keep other writers from what has this name until the transaction ends."""
        ...


class Backend(Protocol):
    """A kind of database: what differs from one to the next."""

    #: Whether others may write meanwhile, so that a transaction must not go by what another one read.
    is_shared: bool
    #: Whether the right to write ends with the connection, so that somebody else may have had it since.
    is_leased: bool
    #: What the driver and peewee raise.
    errors: tuple[type[Exception], ...]
    #: Begins a transaction that may write, and one that sees one state of the data.
    begin_write: str
    begin_read: str

    def open_writer(self) -> peewee.Database:
        """Connect for writing; makes an empty database if there is none."""
        ...

    def open_reader(self) -> peewee.Database:
        """Connect for reading; ``StoreUnavailable`` if there is no database."""
        ...

    def get_driver(self, database: peewee.Database) -> Driver:
        """Return what runs statements on an open database."""
        ...

    def is_lost(self, database: peewee.Database) -> bool:
        """Return whether an idle connection is known to be of no use any more."""
        ...

    def get_identity(self) -> object:
        """Return what changes when another database takes the place of the one that is open."""
        ...

    def get_log_identity(self) -> object:
        """Return what changes when the log of committed changes is deleted."""
        ...

    def translate(self, error: Exception) -> PulselineError:
        """Return our error for the driver's or peewee's."""
        ...

    def is_empty(self, connection: Connection) -> bool:
        """Return whether nothing has been created in the database."""
        ...

    def read_version(self, connection: Connection) -> int:
        """Return the schema's version; ``StoreUnavailable`` if the database is not ours."""
        ...

    def write_version(self, connection: Connection, version: int) -> None:
        """Set the schema's version, as part of the transaction that is open."""
        ...

    def set_up(self, connection: Connection) -> None:
        """Do what changes a database and so must wait until it is known to be ours; at each start of the writer."""
        ...

    def back_up(self, connection: Connection, version: int) -> object:
        """Copy the whole database, complete or not at all, and return where to."""
        ...

    def tidy(self, connection: Connection) -> None:
        """Do what keeps the files small; called by the writer after a commit, must be quick."""
        ...

    def finish(self, connection: Connection) -> bool:
        """Do what leaves the files complete, and return whether they are; called by the writer before it closes."""
        ...

    @property
    def place(self) -> str:
        """Where the database is, for messages."""
        ...


class map_errors:  # noqa: N801 - reads as the statement it is
    """Raise our errors for the driver's within the block; on leaving by one, the connection is broken."""

    __slots__ = ("_backend", "is_broken")

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.is_broken = False

    def __enter__(self) -> None:
        if self.is_broken:
            raise StoreUnavailable(f"the connection to database {self._backend.place!r} broke, the transaction is lost")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or not isinstance(error, self._backend.errors):
            return
        self.is_broken = True
        raise self._backend.translate(error) from error


class Connection:
    """A connection; used by one thread at a time."""

    def __init__(self, backend: Backend, *, is_writer: bool) -> None:
        self.backend = backend
        self.note_identity()
        self._errors = map_errors(backend)
        with self._errors:
            self.database = backend.open_writer() if is_writer else backend.open_reader()
            self._driver = backend.get_driver(self.database)

    @property
    def is_broken(self) -> bool:
        """Whether an error has made the connection useless."""
        return self._errors.is_broken

    @property
    def is_lost(self) -> bool:
        """Whether the connection, which is idle, can not be used any more."""
        return self.is_broken or self.backend.is_lost(self.database)

    @property
    def is_replaced(self) -> bool:
        """Whether another database lies where this one was opened."""
        return self._identity != self.backend.get_identity()

    @property
    def is_log_lost(self) -> bool:
        """Whether the log that this connection has open does not lie there any more."""
        return self._log_identity != self.backend.get_log_identity()

    def note_identity(self) -> None:
        """Take what lies there now for what is open; the writer, which makes the files, calls it when they are made."""
        self._identity = self.backend.get_identity()
        self._log_identity = self.backend.get_log_identity()

    def fetch_one(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """Return the first row."""
        with self._errors:
            row: Row | None = self._driver.execute(sql, parameters).fetchone()
            return row

    def fetch_locked(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """Return the first row, which no other writer can lock or change until the transaction ends."""
        with self._errors:
            row: Row | None = self._driver.execute_locking(sql, parameters).fetchone()
            return row

    def fetch_all(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return all rows."""
        with self._errors:
            rows: list[Row] = self._driver.execute(sql, parameters).fetchall()
            return rows

    def iter_rows(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[Row]:
        """Yield the rows without holding them all; the transaction must stay open meanwhile."""
        batches = self._driver.iter_batches(sql, parameters)
        while True:
            with self._errors:
                rows = next(batches, None)
            if rows is None:
                return
            yield from rows

    def insert(self, sql: str, parameters: Sequence[object]) -> int:
        """Insert one row and return its number."""
        with self._errors:
            return self._driver.insert(sql, parameters)

    def take_numbers(self, table: str, count: int) -> list[int]:
        """Return numbers for new rows, in their order, which nobody else gets."""
        with self._errors:
            return self._driver.take_numbers(table, count)

    def change(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        with self._errors:
            count: int = self._driver.execute(sql, parameters).rowcount
            return count

    def change_many(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each row of parameters and return how many rows were changed in all."""
        with self._errors:
            return self._driver.execute_many(sql, rows)

    def lock(self, name: str) -> None:
        """Keep other writers from what has this name until the transaction ends."""
        with self._errors:
            self._driver.lock(name)

    def fetch(self, query: peewee.ModelSelect[Any]) -> list[Row]:
        """Run a peewee query and return its rows."""
        with self._errors:
            return list(query.tuples().execute(self.database))

    def run(self, query: peewee.ModelInsert | peewee.ModelUpdate | peewee.ModelDelete) -> int:
        """Run a peewee statement; return the number of the new row, or how many rows were changed."""
        with self._errors:
            number: int = query.execute(self.database)
            return number

    def create_tables(self, models: Iterable[type[peewee.Model]]) -> None:
        """Create the models' tables and indexes."""
        with self._errors:
            for model in models:
                peewee.SchemaManager(model, self.database).create_all(safe=False)

    @contextmanager
    def write(self) -> Iterator[None]:
        """Hold a transaction that writes, from begin to commit; what leaves the block by an error undoes it."""
        self.begin_write()
        is_committed = False
        try:
            yield
            self.commit()
            is_committed = True
        finally:
            if not is_committed:
                self.roll_back()

    @contextmanager
    def read(self) -> Iterator[None]:
        """Hold a transaction that sees one state of the data."""
        self.change(self.backend.begin_read)
        try:
            yield
        finally:
            self.roll_back()

    def begin_write(self) -> None:
        """Begin a transaction that may write; waits for another writer to finish."""
        self.change(self.backend.begin_write)

    def commit(self) -> None:
        """Make the transaction durable; on an error nothing of it is."""
        self.change("COMMIT")

    def roll_back(self) -> None:
        """Undo the transaction; does nothing if the connection is broken, since closing it undoes it too."""
        if not self.is_broken:
            self.change("ROLLBACK")

    def close(self) -> None:
        """Close; an error on the way can not hurt what is committed and is not raised."""
        try:
            self.database.close()
        except self.backend.errors:
            self._errors.is_broken = True
