"""The key that clients of the REST server have to show: where it stands, and how one is made.

It is the setting ``api.key``, or the text of the file ``api.key_file``, or of ``api.key`` in the data folder where that
exists; else there is none. Server and commands read the same settings, so that a command on the server's machine needs
no word about it.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from pulseline_core.data_folder import DataFolder, map_os_error
from pulseline_core.errors import InvalidSetting, NotPermitted
from pulseline_core.settings import Secret, Settings
from pulseline_core.whole_file import create_whole

#: What the settings allow, RFC 6750 section 2.1.
_KEY: Final = re.compile(r"[!-~]+")

#: Whoever may do this to the file has the key, or chooses it; a group is what its owner made it for.
_TOO_OPEN: Final = stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP

#: Longer than any key that fits a header.
_MAX_CHARACTERS: Final = 4096

#: 256 bits, as tokens of the common web services have.
_KEY_BYTES: Final = 32

_FILE_NAME: Final = "api.key"


def find_key_file(settings: Settings) -> Path:
    """Return where the key's file is, or would be: the one that is named, or ``api.key`` in the data folder."""
    return settings.api.key_file or settings.data_dir / _FILE_NAME


def is_key_named(settings: Settings) -> bool:
    """Return whether the settings name a key, rather than the data folder having one."""
    return settings.api.key is not None or settings.api.key_file is not None


def read_key(settings: Settings) -> Secret | None:
    """Return the key, ``None`` where the server asks for none.

    Raises:
        InvalidSetting: the file that is named does not exist, or holds no key.
        NotPermitted: the file can not be read, or can be read by everybody.
    """
    if settings.api.key is not None:
        return settings.api.key
    if settings.api.key_file is None:
        return read_folder_key(settings.data_dir)
    key = _read_key_file(settings.api.key_file)
    if key is None:
        raise InvalidSetting(
            "api.key_file",
            f"names a file that does not exist: {str(settings.api.key_file)!r}",
            hint="make it with 'pulseline setup key'",
        )
    return key


def read_folder_key(data_dir: Path) -> Secret | None:
    """Return the key that a data folder has; raises as ``read_key``."""
    return _read_key_file(data_dir / _FILE_NAME)


def _read_key_file(path: Path) -> Secret | None:
    try:
        text = _read_private(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise map_os_error(error, path) from error
    if _KEY.fullmatch(text) is None:
        problem = "has more than one line of visible ASCII characters" if text else "is empty, which would be no key"
        raise InvalidSetting(
            "api.key_file", f"names {str(path)!r}, which {problem}", hint="remove it; 'pulseline setup key' makes one"
        )
    return Secret(text)


def _read_private(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        if os.fstat(file.fileno()).st_mode & _TOO_OPEN:
            raise NotPermitted(str(path), "others may read or change the key", hint=f"chmod 600 {str(path)!r}")
        return file.read(_MAX_CHARACTERS).strip()


def make_key(settings: Settings) -> bool:
    """Make a random key in its file; return ``False`` where there is one already, which stays.

    Raises:
        InvalidSetting: the key is a setting itself; or as ``read_key``.
        NotPermitted: the file can not be made.
        DiskFull: there is no space for it.
    """
    if settings.api.key is not None:
        raise InvalidSetting("api.key", "is the key already", hint="take it away to have one in a file")
    path = find_key_file(settings)
    if settings.api.key_file is None:
        DataFolder(settings.data_dir).create()
    try:
        is_new = create_whole(path, secrets.token_urlsafe(_KEY_BYTES) + "\n")
    except OSError as error:
        raise map_os_error(error, path) from error
    read_key(settings)
    return is_new
