"""What can be said of a database on a server without asking it."""

from __future__ import annotations

import psycopg
import pytest

from pulseline_core.errors import (
    DiskFull,
    InvalidSetting,
    Misuse,
    NotPermitted,
    PulselineError,
    StoreUnavailable,
    WriteConflict,
)
from pulseline_core.store import postgres_errors
from pulseline_core.store.postgres import PostgresBackend


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:secret@db.example:6000/pulse", "postgresql://me@db.example:6000/pulse"),
        ("postgresql://me@/pulse?host=/run/socket&password=secret", "postgresql://me@/pulse"),
        ("postgresql:///pulse?application_name=a", "postgresql:///pulse"),
    ],
)
def test_the_place_that_messages_name_has_no_password(url: str, place: str) -> None:
    """Wherever the URL has it."""
    assert PostgresBackend(url).place == place


def test_a_url_that_is_none_is_named_without_its_password() -> None:
    """Its form is the hint."""
    with pytest.raises(InvalidSetting, match="is no URL of a database") as caught:
        PostgresBackend("postgresql://me:secret@[::1/pulse")

    assert "postgresql://user@host/database" in caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull, DiskFull),
        (psycopg.errors.InsufficientPrivilege, NotPermitted),
        (psycopg.errors.DeadlockDetected, WriteConflict),
        (psycopg.errors.ForeignKeyViolation, WriteConflict),
        (psycopg.errors.UniqueViolation, WriteConflict),
        (psycopg.errors.LockNotAvailable, StoreUnavailable),
        (psycopg.errors.AdminShutdown, StoreUnavailable),
        (psycopg.errors.ReadOnlySqlTransaction, StoreUnavailable),
        (psycopg.errors.UndefinedTable, StoreUnavailable),
        (psycopg.OperationalError, StoreUnavailable),
        (psycopg.errors.SyntaxError, Misuse),
        (psycopg.errors.NotNullViolation, Misuse),
        (psycopg.errors.NumericValueOutOfRange, Misuse),
        (psycopg.errors.ProgramLimitExceeded, Misuse),
    ],
)
def test_an_error_of_the_server_is_one_of_ours(error: type[psycopg.Error], kind: type[PulselineError]) -> None:
    """By its code: what may work later is no bug."""
    translated = postgres_errors.translate(error("why\nLINE 1: SELECT"), "postgresql:///pulse")

    assert type(translated) is kind
    assert "LINE 1" not in str(translated)
