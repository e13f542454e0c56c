"""The users file: who may log in, with which password hash and which rights.

TOML, one table a user::

    [users.desk]
    password = "$argon2id$..."
    publish = ["pulseline/v1/%u/heartbeat"]
    subscribe = ["pulseline/v1/+/state"]
    admin = false

``parse_users`` and ``format_users`` are pure; ``UsersFile`` reads and replaces the file, as a whole and with mode
0600. ``pulseline users`` writes it, so comments of a person in it are not kept.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pulseline_broker.access import Rights
from pulseline_broker.password import is_hash
from pulseline_core.data_folder import API_USER, map_os_error
from pulseline_core.errors import ConfigError, InvalidSetting, InvalidTopic
from pulseline_core.whole_file import replace_whole

#: User names are topic levels in rights (``%u``) and words on a command line.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}", re.ASCII)

_KEYS: Final = frozenset({"password", "publish", "subscribe", "admin"})

_HEAD: Final = "# Written by 'pulseline users'; comments are not kept.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in."""

    name: str
    password_hash: str
    rights: Rights

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise UsersError(f"user name {self.name!r} is not made of 1 to 64 letters, digits and '_.@-'")
        if self.name == API_USER:
            raise UsersError(f"user name {self.name!r} is kept for the REST server")
        if not is_hash(self.password_hash):
            raise UsersError(f"user {self.name!r} has a password that is no argon2 hash; set it with 'pulseline users'")


class UsersError(ConfigError):
    """A users file, or an entry of it, that does not fit."""


def parse_users(text: str) -> dict[str, User]:
    """Read a users file.

    Raises:
        UsersError: it is not TOML, or an entry does not fit.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsersError(f"users file is not TOML: {error}") from error
    tables = document.pop("users", {})
    if document or not isinstance(tables, dict):
        raise UsersError("users file holds something else than tables [users.NAME]")
    return {name: _parse_user(name, table) for name, table in tables.items()}


def _parse_user(name: str, table: Any) -> User:
    if not isinstance(table, dict) or not table.keys() <= _KEYS:
        raise UsersError(f"user {name!r} has other entries than {', '.join(sorted(_KEYS))}")
    password, admin = table.get("password"), table.get("admin", False)
    if not isinstance(password, str) or not isinstance(admin, bool):
        raise UsersError(f"user {name!r} has no password, or 'admin' is not true or false")
    try:
        rights = Rights(
            publish=_parse_filters(table, "publish"), subscribe=_parse_filters(table, "subscribe"), admin=admin
        )
    except (InvalidTopic, TypeError) as error:
        raise UsersError(f"user {name!r} has a right that is no topic filter: {error}") from error
    return User(name=name, password_hash=password, rights=rights)


def _parse_filters(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    filters = table.get(key, [])
    if not isinstance(filters, list) or not all(isinstance(each, str) for each in filters):
        raise TypeError(f"{key!r} is not a list of texts")
    return tuple(filters)


def format_users(users: Mapping[str, User]) -> str:
    """Return the text of a users file."""
    return _HEAD + "".join(_format_user(user) for _, user in sorted(users.items()))


def _format_user(user: User) -> str:
    return (
        f"\n[users.{_quote(user.name)}]\n"
        f"password = {_quote(user.password_hash)}\n"
        f"publish = [{', '.join(map(_quote, user.rights.publish))}]\n"
        f"subscribe = [{', '.join(map(_quote, user.rights.subscribe))}]\n"
        f"admin = {'true' if user.rights.admin else 'false'}\n"
    )


def _quote(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are a part of TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


class UsersFile:
    """The file of users.

    Args:
        path: need not exist to be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, User]:
        """Return all users by name.

        Raises:
            InvalidSetting: there is no such file.
            NotPermitted: it can not be read.
            UsersError: what it says does not fit.
        """
        try:
            return parse_users(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InvalidSetting(
                "broker.users_file",
                f"names a file that does not exist: {str(self.path)!r}",
                hint="make it with 'pulseline users add NAME'",
            ) from error
        except UnicodeDecodeError as error:
            raise UsersError(f"users file {str(self.path)!r} is not UTF-8") from error
        except OSError as error:
            raise map_os_error(error, self.path) from error

    def write(self, users: Mapping[str, User]) -> None:
        """Replace the file; a reader sees the old one or the new one."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_whole(self.path, format_users(users))
        except OSError as error:
            raise map_os_error(error, self.path) from error

    def read_version(self) -> tuple[int, ...]:
        """Return what changes when the file does; empty when it is not there."""
        try:
            status = self.path.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino
