"""What PostgreSQL's error codes (its manual's appendix A) mean to us.

What another writer was in the way of (locks, deadlocks, rows that are there or gone meanwhile) is no bug of ours: the
transaction is undone, and works when it is done again.
"""

from __future__ import annotations

from typing import Final

import peewee
import psycopg

from pulseline_core.errors import DiskFull, Misuse, NotPermitted, PulselineError, StoreUnavailable, WriteConflict

#: A foreign key or a unique value that another writer's commit took away or made; a deadlock.
_CONFLICTS: Final = frozenset({"23503", "23505", "40001", "40P01"})

#: A wait for another writer that was too long; it may last.
_LOCKED: Final = "55P03"

#: Tables and schemas that were there when we connected.
_GONE: Final = frozenset({"42P01", "3F000"})

_FULL: Final = "53100"

#: What is to be stored is larger than the server can ever take, as a key of an index: it will not do another time.
_TOO_LARGE: Final = "54000"

_NO_RIGHT: Final = "42501"
_READ_ONLY: Final = "25006"

_BUGS: Final = (
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    psycopg.DataError,
    psycopg.InterfaceError,
    psycopg.NotSupportedError,
)


def translate(error: Exception, place: str) -> PulselineError:
    """Return our error for one of psycopg or peewee."""
    cause = _find_cause(error)
    code = getattr(cause, "sqlstate", None)
    problem = str(cause).strip().partition("\n")[0]
    if code == _FULL:
        return DiskFull(place)
    if code == _NO_RIGHT:
        return NotPermitted(place, problem, hint="give the user the right to create and to change tables there")
    if code == _TOO_LARGE or (isinstance(cause, _BUGS) and code not in _CONFLICTS | _GONE):
        return Misuse(f"database {place!r} refuses a statement: {problem}")
    kind = WriteConflict if code in _CONFLICTS else StoreUnavailable
    return kind(f"database {place!r} failed: {problem}", hint=_advise(code))


def _advise(code: str | None) -> str:
    """Return the next step for a person; without a code there was no answer."""
    if code is None:
        return "see that the server runs, and that host, database, user and password are right"
    if code in _CONFLICTS or code == _LOCKED:
        return "another program writes to it at the same time; see that each bucket has one worker"
    if code in _GONE:
        return "its tables are gone; restart Pulseline if it was replaced"
    return "name the primary server: this one is read-only" if code == _READ_ONLY else ""


def not_ours(place: str) -> StoreUnavailable:
    """Return the error for a database that somebody else made."""
    return StoreUnavailable(f"{place!r} is not a Pulseline database", hint="name an empty one with --database")


def _find_cause(error: BaseException) -> BaseException:
    """Return the driver's error, which peewee's was raised in the handling of."""
    if isinstance(error, peewee.PeeweeException) and error.__context__ is not None:
        return error.__context__
    return error
