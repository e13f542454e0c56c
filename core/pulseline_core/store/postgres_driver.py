"""The store's statements on PostgreSQL, by psycopg.

Statements are written once, in SQLite's words; here they are put into PostgreSQL's, each text once.

- Texts are compared by their code points, as SQLite does, whatever the database's own order is: ``COLLATE "C"``.
- Every integer is sent with 64 bits, so that a statement has one plan, whatever its numbers are.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

import psycopg
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from pulseline_core.store.connection import FETCH_ROWS, Row

#: What SQLite says otherwise, by what PostgreSQL says; in the order in which they are put.
_WORDS: Final = (
    (re.compile(r"\?"), "%s"),
    (re.compile(r"\bCAST\((\w+) AS BLOB\)"), r"convert_to(\1, 'UTF8')"),
    (re.compile(r"\bgroup_concat\((\w+)\)"), r"string_agg(\1::text, ',')"),
)

#: The same of statements that define tables.
_DEFINITIONS: Final = (
    (re.compile(r"\bINTEGER NOT NULL PRIMARY KEY AUTOINCREMENT\b"), "BIGSERIAL NOT NULL PRIMARY KEY"),
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\bTEXT\b"), 'TEXT COLLATE "C"'),
    (re.compile(r"\s*\bWITHOUT ROWID\b"), ""),
)

_DEFINES: Final = re.compile(r"\s*(CREATE|ALTER) TABLE\b")

#: Statements for one row, by those for many: each column is sent as an array. The first row shows whether it is one of
#: texts or of integers, so these statements write no column that may be NULL or holds anything else.
_OF_MANY: Final = (
    (re.compile(r"(INSERT INTO .*) VALUES \([?, ]+\)(.*)"), r"\1 SELECT * FROM unnest({arrays})\2"),
    (
        re.compile(r"UPDATE (\w+) SET (\w+) = \? WHERE id = \?"),
        r"UPDATE \1 SET \2 = new.value FROM unnest({arrays}) AS new (value, id) WHERE \1.id = new.id",
    ),
)


@cache
def adapt(sql: str) -> str:
    """Return a statement in PostgreSQL's words."""
    for pattern, word in _WORDS:
        sql = pattern.sub(word, sql)
    return adapt_definition(sql)


def adapt_definition(sql: str) -> str:
    """Return a statement with its types, if it defines a table, in PostgreSQL's words."""
    if _DEFINES.match(sql) is not None:
        for pattern, word in _DEFINITIONS:
            sql = pattern.sub(word, sql)
    return sql


class PostgresDriver:
    """A connection to a server, as ``connection.Driver``."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        connection.adapters.register_dumper(int, Int8Dumper)  # of lists
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        self._connection = connection
        self._cursor_numbers = itertools.count()

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """Run a statement."""
        return self._execute(adapt(sql), parameters)

    def execute_locking(self, sql: str, parameters: Sequence[object]) -> Any:
        """Run a query whose rows nobody else may lock or change until the transaction ends; waits until it can."""
        return self._execute(f"{adapt(sql)} FOR UPDATE", parameters)

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each row of parameters, without waiting for the answers one by one."""
        parameters = list(rows)
        if not parameters:
            return 0
        for pattern, word in _OF_MANY:
            if pattern.fullmatch(sql) is not None:
                columns = [list(column) for column in zip(*parameters, strict=True)]
                arrays = ", ".join("%s::text[]" if isinstance(first, str) else "%s::bigint[]" for first, *_ in columns)
                return self._execute(pattern.sub(word, sql).format(arrays=arrays), columns).rowcount
        with self._connection.cursor() as cursor:
            cursor.executemany(adapt(sql), parameters)
            return cursor.rowcount

    def insert(self, sql: str, parameters: Sequence[object]) -> int:
        """Insert a row and return its number."""
        [(number,)] = self._execute(f"{adapt(sql)} RETURNING id", parameters)
        return int(number)

    def take_numbers(self, table: str, count: int) -> list[int]:
        """Return numbers of the table's sequence."""
        sql = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        return [number for (number,) in self._execute(sql, (table, count))]

    def iter_batches(self, sql: str, parameters: Sequence[object]) -> Iterator[list[Row]]:
        """Yield a query's rows as the server finds them; it stops with the transaction."""
        name = f"rows_{next(self._cursor_numbers)}"
        self._execute(f"DECLARE {name} NO SCROLL CURSOR FOR {adapt(sql)}", parameters)
        while rows := self._execute(f"FETCH {FETCH_ROWS} FROM {name}").fetchall():
            yield rows

    def lock(self, name: str) -> None:
        """Wait until no other connection holds the lock, and hold it until the transaction ends."""
        self._execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"pulseline.{name}",))

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> psycopg.Cursor[Row]:
        # The texts are constants of this package; psycopg's type is for literal ones only.
        return self._connection.execute(sql.encode(), parameters or None)
