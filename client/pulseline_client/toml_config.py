"""A program's own settings file: TOML, with defaults that the program brings (aw-core 0.5.18 aw_core/config.py).

The file is ``<config folder>/<program>/<program>.toml``. Where there is none, one is written that holds the defaults
as comments, for a person to find.
"""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Any

from pulseline_core import paths
from pulseline_core.data_folder import map_os_error
from pulseline_core.errors import ConfigError

logger = logging.getLogger(__name__)


def load_config_toml(appname: str, default_config: str) -> dict[str, Any]:
    """Return a program's settings: the defaults, and over them what its file says, table by table.

    A file that can not be written for the first time is reported in the log; the defaults hold without it.

    Args:
        appname: the program.
        default_config: TOML.

    Raises:
        ConfigError: the defaults or the file are not TOML.
        NotPermitted: the file can not be read.
    """
    defaults = _parse(default_config, "the defaults are")
    path = _get_path(appname)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        _write_sample(path, default_config)
        return defaults
    except UnicodeDecodeError as error:
        raise ConfigError(f"settings file '{path}' is not UTF-8") from error
    except OSError as error:
        raise map_os_error(error, path) from error
    return _merge(defaults, _parse(text, f"settings file '{path}' is"))


def save_config_toml(appname: str, config: str) -> None:
    """Write a program's settings file as it is given.

    Raises:
        ConfigError: it is not TOML; nothing is written.
        NotPermitted: the file can not be written.
        DiskFull: there is no space for it.
    """
    _parse(config, "the settings to save are")
    path = _get_path(appname)
    try:
        _write(path, config)
    except OSError as error:
        raise map_os_error(error, path) from error


def _get_path(appname: str) -> Path:
    return paths.get_config_dir() / appname / f"{appname}.toml"


def _parse(text: str, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{what} not TOML: {error}") from error


def _write_sample(path: Path, default_config: str) -> None:
    lines = [line if not line.strip() or line.startswith("[") else f"#{line}" for line in default_config.splitlines()]
    try:
        _write(path, "\n".join(lines) + "\n")
    except OSError as error:
        logger.warning("no settings file was made: %s", error, extra={"action": "sample_refused"})


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _merge(defaults: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    merged = {**defaults, **chosen}
    for key, value in chosen.items():
        default = defaults.get(key)
        if isinstance(default, dict) and isinstance(value, dict):
            merged[key] = _merge(default, value)
    return merged
