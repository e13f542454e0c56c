"""What a bug leaves behind: a file with the traceback, so that the terminal gets one line."""

from __future__ import annotations

import platform
import sys
import traceback
from datetime import datetime
from pathlib import Path

import pulseline_core


def write_crash_report(error: BaseException, *, log_dir: Path, now: datetime) -> Path | None:
    """Write the traceback of an error that nobody expected into a new log file (0600).

    Args:
        error: what came out.
        log_dir: the folder of log files; the report goes where ``get_latest_log_file("pulseline")`` looks.
        now: the time in the file's name.

    Returns:
        The file, or ``None`` where none can be written.
    """
    folder = log_dir / "pulseline"
    path = folder / f"pulseline_{now:%Y-%m-%dT%H-%M-%S}.log"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(_build_report(error, now), encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return path


def _build_report(error: BaseException, now: datetime) -> str:
    head = [
        f"time: {now.isoformat(timespec='seconds')}",
        f"version: pulseline {pulseline_core.__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(sys.argv)}",
    ]
    return "\n".join([*head, "", *traceback.format_exception(error)])
