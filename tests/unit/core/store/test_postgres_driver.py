"""SQLite's statements in PostgreSQL's words."""

from __future__ import annotations

import pytest

from pulseline_core.store.postgres_driver import adapt


@pytest.mark.parametrize(
    ("sql", "adapted"),
    [
        ("SELECT a FROM b WHERE c = ? AND d < ?", "SELECT a FROM b WHERE c = %s AND d < %s"),
        ("SELECT CAST(json AS BLOB) FROM event_data", "SELECT convert_to(json, 'UTF8') FROM event_data"),
        ("SELECT group_concat(id) FROM event", "SELECT string_agg(id::text, ',') FROM event"),
        (
            "CREATE TABLE a (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, b INTEGER, c BLOB, d TEXT) WITHOUT ROWID",
            'CREATE TABLE a (id BIGSERIAL NOT NULL PRIMARY KEY, b BIGINT, c BYTEA, d TEXT COLLATE "C")',
        ),
        ("ALTER TABLE a ADD COLUMN b TEXT", 'ALTER TABLE a ADD COLUMN b TEXT COLLATE "C"'),
    ],
    ids=["marks", "bytes", "list", "table", "column"],
)
def test_a_statement_is_put_into_postgresql_s_words(sql: str, adapted: str) -> None:
    """Each of SQLite's own by PostgreSQL's."""
    assert adapt(sql) == adapted


def test_a_word_within_a_query_is_no_type() -> None:
    """Only statements that define tables have types."""
    assert adapt("SELECT TEXT FROM a") == "SELECT TEXT FROM a"
