"""The settings file in which aw-client looks for the key of a server on its own machine: aw-server-rust's.

Reads and writes ``[auth] api_key`` and ``port``; an unmodified aw-client shows the key to a loopback server at that
port. Whatever else the file holds stays as it is, comments included.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs
import tomlkit
from tomlkit.exceptions import TOMLKitError

from pulseline_core.data_folder import map_os_error
from pulseline_core.errors import ConfigError
from pulseline_core.whole_file import replace_whole

#: ActivityWatch, docs of aw-server-rust 0.14 and aw_client/config.py: `dirs.get_config_dir("aw-server-rust")`.
_FOLDER: Final = ("activitywatch", "aw-server-rust")


class AwClientSettingsError(ConfigError):
    """The file is there, but is not what aw-server-rust would read."""


def get_settings_file(*, testing: bool) -> Path:
    """Return the file's path, on Linux below ``~/.config/activitywatch``."""
    application, folder = _FOLDER
    name = "config-testing.toml" if testing else "config.toml"
    return Path(platformdirs.user_config_dir(application)) / folder / name


def write_key(path: Path, *, key: str, port: int) -> bool:
    """Write key and port into the file, making it where it is missing; return ``False`` if both are there already.

    The file is its owner's alone afterwards (0600), and never half written. A symbolic link stays one.

    Raises:
        AwClientSettingsError: the file is not TOML, or ``auth`` in it is no table.
        NotPermitted: the file system refuses us.
        DiskFull: there is no space for it.
    """
    try:
        target = path.resolve()
        content = target.read_bytes() if target.exists() else b""
        edited = _edit(content, path, key=key, port=port)
        if edited.encode() == content and not target.stat().st_mode & 0o077:
            return False
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_whole(target, edited)
    except OSError as error:
        raise map_os_error(error, path) from error
    return True


def _edit(content: bytes, path: Path, *, key: str, port: int) -> str:
    try:
        document = tomlkit.parse(content)
    except (TOMLKitError, ValueError) as error:
        raise AwClientSettingsError(f"{str(path)!r} is not TOML: {error}", hint="mend it, or move it away") from error
    if document.get("port") != port:
        document["port"] = port
    table = document.setdefault("auth", tomlkit.table())
    if not isinstance(table, dict):
        raise AwClientSettingsError(f"{str(path)!r} has an 'auth' that is no table", hint="mend it, or move it away")
    if table.get("api_key") != key:
        table["api_key"] = key
    return tomlkit.dumps(document)
