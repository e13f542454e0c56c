"""What SQLite's result codes mean to us.

SQLite tells a full disk in two ways: ``SQLITE_FULL``, and ``SQLITE_IOERR_WRITE`` where a quota or a limit on file size
stops a write; an input/output error for another reason looks like the latter, so the disk is asked.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sqlite3
from pathlib import Path
from typing import Final

import peewee

from pulseline_core.errors import Closed, DiskFull, Misuse, NotPermitted, PulselineError, StoreUnavailable

#: With less than this left, an error on writing is put down to the full disk.
_FEW_BYTES: Final = 1024 * 1024

_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_REFUSED: Final = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
)
_BUGS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)


def translate(error: Exception, path: Path) -> PulselineError:
    """Return our error for one of sqlite3 or peewee."""
    cause = _find_cause(error)
    primary = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if isinstance(cause, sqlite3.ProgrammingError) and "closed" in str(cause):
        return Closed("store")
    if isinstance(cause, _BUGS):
        return Misuse(f"database {str(path)!r} refuses a statement: {cause}")
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and not _is_space_left(path)):
        return DiskFull(str(path))
    return _explain(cause, primary, path)


def _explain(cause: BaseException, primary: int, path: Path) -> PulselineError:
    place, name = str(path), getattr(cause, "sqlite_errorname", type(cause).__name__)
    if primary in _LOCKED:
        return StoreUnavailable(f"database {place!r} is locked by another program", hint="close the other program")
    if primary in _REFUSED:
        return _explain_refusal(path, name)
    if primary == sqlite3.SQLITE_NOTADB:
        return not_ours(path)
    if primary == sqlite3.SQLITE_CORRUPT:
        return StoreUnavailable(f"database {place!r} is damaged: {cause}", hint="restore a backup of it")
    return StoreUnavailable(f"database {place!r} failed with {name}: {cause}")


def translate_os_error(error: OSError, path: Path) -> PulselineError:
    """Return our error for one of the operating system."""
    if isinstance(error, FileNotFoundError):
        return missing(path)
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(str(path))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NotPermitted(str(path), reason.lower())
    return StoreUnavailable(f"database {str(path)!r} can not be opened: {reason.lower()}")


def not_ours(path: Path) -> StoreUnavailable:
    """Return the error for a file that somebody else wrote."""
    return StoreUnavailable(
        f"file {str(path)!r} is not a Pulseline database", hint="move it away, or choose another folder with --data-dir"
    )


def missing(path: Path) -> StoreUnavailable:
    """Return the error for a database that nobody has made yet."""
    return StoreUnavailable(
        f"database {str(path)!r} does not exist yet",
        hint="it is made when 'pulseline up', 'pulseline broker' or 'pulseline ingest' starts",
    )


def _find_cause(error: BaseException) -> BaseException:
    """Return the driver's error, which peewee's was raised in the handling of."""
    if isinstance(error, peewee.PeeweeException) and error.__context__ is not None:
        return error.__context__
    return error


def _explain_refusal(path: Path, name: str) -> PulselineError:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return NotPermitted(str(path.parent), "the folder is read-only for this user")
    if not path.exists():
        return missing(path)
    if not path.is_file():
        return NotPermitted(str(path), "not a file")
    if not os.access(path, os.R_OK | os.W_OK):
        return NotPermitted(str(path), "the file is read-only for this user")
    return StoreUnavailable(f"database {str(path)!r} can not be opened: {name}")


def _is_space_left(path: Path) -> bool:
    try:
        if shutil.disk_usage(path.parent).free < _FEW_BYTES:
            return False
    except OSError:
        return True
    return not _is_size_limit_reached(path)


def _is_size_limit_reached(path: Path) -> bool:
    """Return whether a file of the database is as large as the process may make one (``ulimit -f``)."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY:
        return False
    files = (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
    return any(file.exists() and file.stat().st_size + _FEW_BYTES > limit for file in files)
