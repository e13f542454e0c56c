"""Logging, laid out as ActivityWatch's: text to standard error, and files that ``get_latest_log_file`` finds.

Files are ``<log folder>/<name>/<name>_[testing_]<YYYY-MM-DDTHH-MM-SS>.log``, one for each start, ten megabytes and
three older ones (aw-core 0.5.18 aw_core/log.py). Unlike there, a start removes all but the newest files of its folder.
Only a command sets logging up; the library's modules just log.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final

from pulseline_core import paths
from pulseline_core.settings import LogSettings

_TEXT_FORMAT: Final = "%(asctime)s [%(levelname)-5s]: %(message)s  (%(name)s:%(lineno)s)"
_TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

_MAX_FILE_BYTES: Final = 10 * 1000 * 1000
_OLD_FILES: Final = 3

#: Files of one program that a start leaves, its own among them: some 200 MB, however often it restarts.
_MAX_FILES: Final = 20

logger = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line: time, level, logger, message, action, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        action = getattr(record, "action", None)
        if action is not None:
            entry["action"] = str(action)
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def build_formatter(settings: LogSettings) -> logging.Formatter:
    """Return what writes a record as a line, in the form that the settings say."""
    return JsonFormatter() if settings.json else logging.Formatter(_TEXT_FORMAT, _TIME_FORMAT)


def setup_logging(
    name: str,
    settings: LogSettings,
    *,
    testing: bool = False,
    stderr: bool = True,
    log_dir: Path | None = None,
    now: datetime | None = None,
) -> Path | None:
    """Send the process's log to standard error and, where the settings say so, to a new file.

    Replaces what handlers there were, and has uncaught exceptions logged, of threads as well. Removes the program's
    oldest files where there are too many. A folder that can not be written is reported in the log; the program goes on
    without a file.

    Args:
        name: the program, as in ``pulseline-broker``; the name of its folder and files.
        settings: level, form and whether to write a file.
        testing: marks the file, and keeps it in the folder for testing.
        stderr: whether to log to standard error.
        log_dir: the folder above the program's own; by default the platform's.
        now: the time in the file's name; by default the present.

    Returns:
        The file, or ``None``.
    """
    formatter = build_formatter(settings)
    root = logging.getLogger()
    _remove_handlers(root)
    root.setLevel(settings.level.upper())
    if stderr:
        _add_handler(root, logging.StreamHandler(sys.stderr), formatter)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    if not settings.file:
        return None
    path = _build_path(name, testing, log_dir, now or datetime.now(UTC))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_MAX_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8")
    except OSError as error:
        logger.warning("no log file: %s", error, extra={"action": "log_file_refused"})
        return None
    _add_handler(root, handler, formatter)
    _remove_old_files(path.parent, name)
    return path


def get_latest_log_file(name: str, *, testing: bool = False, log_dir: Path | None = None) -> Path | None:
    """Return the newest log file of a program, ``None`` if there is none."""
    folder = _get_folder(name, testing, log_dir)
    files = [path for path in folder.glob(f"{name}_*.log") if ("_testing_" in path.name) is testing]
    return max(files, key=lambda path: path.name, default=None)


def _get_folder(name: str, testing: bool, log_dir: Path | None) -> Path:
    return (log_dir or paths.get_log_dir(testing)) / name


def _build_path(name: str, testing: bool, log_dir: Path | None, now: datetime) -> Path:
    mark = "testing_" if testing else ""
    return _get_folder(name, testing, log_dir) / f"{name}_{mark}{now.astimezone():%Y-%m-%dT%H-%M-%S}.log"


def _remove_old_files(folder: Path, name: str) -> None:
    """Remove the files that were written to longest ago; another start may do so at the same time."""
    try:
        files = sorted(folder.glob(f"{name}_*.log*"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-_MAX_FILES]:
            path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("old log files stay: %s", error, extra={"action": "log_files_stay"})


def _remove_handlers(target: logging.Logger) -> None:
    for handler in list(target.handlers):
        target.removeHandler(handler)
        handler.close()


def _add_handler(target: logging.Logger, handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    target.addHandler(handler)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logger.critical("uncaught exception", exc_info=(kind, error, traceback), extra={"action": "uncaught_exception"})


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None:
        return
    name = arguments.thread.name if arguments.thread is not None else "unknown"
    logger.critical(
        "uncaught exception in thread %s",
        name,
        exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback),
        extra={"action": "uncaught_exception"},
    )
