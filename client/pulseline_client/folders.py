"""Where a program keeps its files: folders of its own below Pulseline's, made when they are asked for.

The functions of aw-core 0.5.18 aw_core/dirs.py; the root is ``pulseline`` in place of ``activitywatch``.
"""

from __future__ import annotations

from pathlib import Path

from pulseline_core import paths
from pulseline_core.data_folder import map_os_error


def get_data_dir(module: str | None = None) -> str:
    """Return the folder of data, or a program's own in it; on Linux ``~/.local/share/pulseline``."""
    return _make(paths.get_data_dir(), module)


def get_config_dir(module: str | None = None) -> str:
    """Return the folder of settings, or a program's own in it; on Linux ``~/.config/pulseline``."""
    return _make(paths.get_config_dir(), module)


def get_cache_dir(module: str | None = None) -> str:
    """Return the folder of what can be made anew, or a program's own in it; on Linux ``~/.cache/pulseline``."""
    return _make(paths.get_cache_dir(), module)


def get_log_dir(module: str | None = None) -> str:
    """Return the folder of log files, or a program's own in it; on Linux ``~/.local/state/pulseline/log``."""
    return _make(paths.get_log_dir(), module)


def ensure_path_exists(path: str) -> None:
    """Make a folder for its owner alone, and those above it; one that exists is left alone.

    Raises:
        NotPermitted: the file system refuses it.
        DiskFull: there is no space for it.
    """
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise map_os_error(error, Path(path)) from error


def _make(folder: Path, module: str | None) -> str:
    path = folder / module if module else folder
    for each in (folder, path):
        ensure_path_exists(str(each))
    return str(path)
