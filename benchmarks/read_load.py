"""Reads over REST on one connection that stays open: how long each takes, and how fast exports stream."""

from __future__ import annotations

import http.client
import time
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from benchmarks.seed import TIMELINE

#: The forms of an export.
FORMS = ("json", "ndjson", "csv")

#: What an export is read in.
READ_BYTES = 256 * 1024


def build_paths(first: datetime, last: datetime) -> dict[str, str]:
    """Return what is read, by name, of a timeline that lies between two instants."""
    events = f"/buckets/{TIMELINE}/events"
    middle = first + (last - first) / 2
    hour, day = timedelta(hours=1), timedelta(days=1)
    return {
        "newest event": f"{events}?limit=1",
        "newest 100 events": f"{events}?limit=100",
        "all buckets": "/buckets/",
        "last hour": f"{events}?{_build_range(last - hour, last)}",
        "an hour in the middle": f"{events}?{_build_range(middle, middle + hour)}",
        "last day": f"{events}?{_build_range(last - day, last)}",
        "count of the last day": f"{events}/count?{_build_range(last - day, last)}",
        "count of all": f"{events}/count",
    }


def measure_reads(port: int, paths: dict[str, str], *, count: int) -> dict[str, float]:
    """Read each path ``count`` times, in turn, and return p50 and p99 in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    waits: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(count):
        for name, path in paths.items():
            began = time.perf_counter()
            connection.request("GET", f"/api/0{path}")
            answer = connection.getresponse()
            answer.read()
            waits[name].append(1000 * (time.perf_counter() - began))
            if answer.status != http.client.OK:
                raise ConnectionError(f"{path} is answered with {answer.status}")
    connection.close()
    figures: dict[str, float] = {}
    for name, each in waits.items():
        each.sort()
        figures |= {f"{name} p50 ms": each[len(each) // 2], f"{name} p99 ms": each[len(each) * 99 // 100]}
    return figures


def measure_exports(port: int, api_pid: int, *, events: int) -> dict[str, float]:
    """Export the timeline in each form; return events a second, and by how many MB the server's memory grew."""
    figures: dict[str, float] = {}
    for form in FORMS:
        _forget_peak(api_pid)
        resident_mb = read_memory_mb(api_pid, "VmRSS")
        began = time.perf_counter()
        _export(port, form)
        figures[f"{form} export, events/s"] = events / (time.perf_counter() - began)
        figures[f"{form} export, MB more"] = read_memory_mb(api_pid, "VmHWM") - resident_mb
    return figures


def read_memory_mb(pid: int, field: str) -> float:
    """Return the resident memory of a process: ``VmRSS`` now, ``VmHWM`` at its peak."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def _forget_peak(pid: int) -> None:
    """Have ``VmHWM`` begin again (Linux, proc(5), "clear_refs")."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _export(port: int, form: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/api/0/buckets/{TIMELINE}/export?format={form}")
    answer = connection.getresponse()
    while answer.read(READ_BYTES):
        pass
    connection.close()


def _build_range(start: datetime, end: datetime) -> str:
    return f"start={quote(start.isoformat())}&end={quote(end.isoformat())}"
