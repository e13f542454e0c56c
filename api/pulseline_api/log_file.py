"""The newest entries of the server's log, read from its file, whether that is written as text or as JSON."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import orjson

from pulseline_core.types import JSONObject

#: How much of the file's end is read: some thousand lines.
TAIL_BYTES: Final = 256 * 1024

#: A line of ``pulseline_core.log`` as text; what does not look like one goes on with the entry before it.
_LINE: Final = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \[(?P<level>\w+) *\]: (?P<message>.*?)"
    r"(?:  \((?P<logger>[\w.]+):\d+\))?"
)


def read_log(path: Path) -> list[JSONObject]:
    """Return the entries at the end of a log file, oldest first.

    Each is ``{"time", "level", "message", "logger"?, "action"?, "traceback"?}``; the time is local in a text file, UTC
    in one of JSON lines. A file that is gone has none.
    """
    entries: list[JSONObject] = []
    for line in _read_tail(path).removesuffix("\n").split("\n"):
        entry = _parse(line)
        if entry is not None:
            entries.append(entry)
        elif entries:
            entries[-1]["message"] = f"{entries[-1]['message']}\n{line}"
    return entries


def _read_tail(path: Path) -> str:
    """Return the last whole lines of a file."""
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            start = max(0, size_bytes - TAIL_BYTES)
            file.seek(start)
            tail = file.read(TAIL_BYTES)
    except FileNotFoundError:
        return ""
    if start:
        tail = tail.partition(b"\n")[2]
    return tail.decode(errors="replace")


def _parse(line: str) -> JSONObject | None:
    if line.startswith("{"):
        return _parse_json(line)
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    return {
        name: value.lower() if name == "level" else value
        for name, value in match.groupdict().items()
        if value is not None
    }


def _parse_json(line: str) -> JSONObject | None:
    """Return what is an entry; a message of several lines may hold any other JSON."""
    try:
        entry: JSONObject = orjson.loads(line)  # takes nothing that could not be answered
    except ValueError:
        return None
    return entry if isinstance(entry.get("time"), str) and isinstance(entry.get("message"), str) else None
