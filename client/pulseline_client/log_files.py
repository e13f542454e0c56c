"""Logging for a program that is set up as those of ActivityWatch are (aw-core 0.5.18 aw_core/log.py).

The modules that do it are loaded at the first call: who only uses the client does not pay for them.
"""

from __future__ import annotations

import logging
import os


def setup_logging(  # noqa: PLR0917  programs pass them by place
    name: str, testing: bool = False, verbose: bool = False, log_stderr: bool = True, log_file: bool = False
) -> None:
    """Send the process's log to standard error and, if wanted, to a new file; replaces what handlers there were.

    Args:
        name: the program, the name of its folder and files.
        testing: keeps the file apart from those of real use.
        verbose: logs from level ``debug`` on; else from ``info``. The variable ``LOG_LEVEL`` goes before it.
        log_stderr: whether to log to standard error.
        log_file: whether to log to a file.

    Raises:
        InvalidSetting: ``LOG_LEVEL`` is no level.
    """
    from pulseline_core import log  # noqa: PLC0415  see above
    from pulseline_core.settings import LogSettings  # noqa: PLC0415

    level = os.environ.get("LOG_LEVEL", "").lower() or ("debug" if verbose else "info")
    log.setup_logging(name, LogSettings(level=level, file=log_file), testing=testing, stderr=log_stderr)
    # It logs a line of level info for each request; what aw-client asks with logs those at debug.
    logging.getLogger("httpx").setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


def get_latest_log_file(name: str, testing: bool = False) -> str | None:
    """Return the newest log file of a program, ``None`` where there is none."""
    from pulseline_core import log  # noqa: PLC0415

    path = log.get_latest_log_file(name, testing=testing)
    return None if path is None else str(path)


def get_log_file_path() -> str | None:
    """Return the file that this process logs to, ``None`` where it logs to none."""
    handlers = logging.getLogger().handlers
    return next((each.baseFilename for each in handlers if isinstance(each, logging.FileHandler)), None)
