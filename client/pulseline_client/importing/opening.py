"""From what a user names to the source that reads it."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from pulseline_client.importing.database_copy import SQLITE_HEADER, get_tables, open_copy
from pulseline_client.importing.export_file import ExportFile
from pulseline_client.importing.peewee_file import PEEWEE_TABLES, PeeweeFile
from pulseline_client.importing.rust_file import RUST_TABLES, RustFile
from pulseline_client.importing.server_export import ServerExport, build_base_url
from pulseline_client.importing.source import Source
from pulseline_client.rest import RestReader
from pulseline_core.errors import BadInput, NotFound, NotPermitted, ServerUnavailable

#: The name that means standard input, by custom.
STANDARD_INPUT: Final = "-"

#: The databases in ActivityWatch's data folder, seen from there and from each server's own folder.
DATABASE_NAMES: Final = ("peewee-sqlite.v2.db", "sqlite.db")
_FOLDERS: Final = ("", "aw-server", "aw-server-rust")

_URL: Final = re.compile(r"https?://.+|(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d+(?:/.*)?", re.ASCII)


@contextmanager
def open_source(name: str, *, key: str = "") -> Iterator[Source]:
    """Yield the source that a name means.

    Args:
        name: a file, ActivityWatch's data folder, a server's address, or ``-`` for standard input.
        key: of a server that asks for one.

    Raises:
        NotFound: no such file.
        BadInput: it is nothing that can be imported.
        NotPermitted: it can not be read.
    """
    if name == STANDARD_INPUT:
        with _save_stream(sys.stdin.buffer) as path, _open_file(path, "standard input") as source:
            yield source
    elif Path(name).is_fifo():
        with _open(Path(name)) as stream, _save_stream(stream) as path, _open_file(path, repr(name)) as source:
            yield source
    elif _URL.fullmatch(name) and not Path(name).exists():
        with RestReader(build_base_url(name), key=key) as rest:
            try:
                yield ServerExport(rest)
            except ServerUnavailable as error:
                if error.url == rest.url:
                    error.hint = "is the server to import from running?"
                raise
    else:
        path = _choose_file(Path(name))
        with _open_file(path, repr(str(path))) as source:
            yield source


@contextmanager
def _save_stream(stream: IO[bytes]) -> Iterator[Path]:
    """Yield a file with all that comes in: a pipe can not be read twice."""
    with tempfile.NamedTemporaryFile(prefix="pulseline-import-") as file:
        shutil.copyfileobj(stream, file)
        file.flush()
        yield Path(file.name)


def _choose_file(path: Path) -> Path:
    """Return the file itself, or the one database in a folder."""
    if not path.is_dir():
        return path
    found = [each for folder in _FOLDERS for name in DATABASE_NAMES if (each := path / folder / name).is_file()]
    if not found:
        raise BadInput(f"folder {str(path)!r} holds no database of ActivityWatch", hint="name the file itself")
    if len(found) > 1:
        names = " and ".join(repr(str(each)) for each in found)
        raise BadInput(f"folder {str(path)!r} holds {len(found)} databases", hint=f"name one of {names}")
    return found[0]


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise NotFound("file", str(path)) from error
    except OSError as error:
        raise NotPermitted(str(path), (error.strerror or str(error)).lower()) from error


@contextmanager
def _open_file(path: Path, name: str) -> Iterator[Source]:
    with _open(path) as file:
        is_database = file.read(len(SQLITE_HEADER)) == SQLITE_HEADER
        if not is_database:
            yield ExportFile(file, name=f"file {name}")
            return
    with _open_database(path) as source:
        yield source


@contextmanager
def _open_database(path: Path) -> Iterator[Source]:
    with open_copy(path) as connection:
        tables = get_tables(connection)
        if tables >= PEEWEE_TABLES:
            yield PeeweeFile(connection)
        elif tables >= RUST_TABLES:
            yield RustFile(connection)
        else:
            raise BadInput(f"database {str(path)!r} is not one of ActivityWatch's: it has no table of buckets")
