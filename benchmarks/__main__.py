"""Measure everything at each scale and print one table.

``python -m benchmarks [--quick] [--json FILE]``; the figures of a full run stand in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import client_load, latency, mqtt_load, rest_load
from benchmarks.seed import Scale, build_store
from tests.storm.system import System, find_descendants

SCALES = [
    Scale(events=10_000, buckets=10),
    Scale(events=1_000_000, buckets=10),
    Scale(events=10_000, buckets=10_000),
]


def measure(scale: Scale, folder: Path, *, share: float) -> dict[str, float]:
    """Return every figure at one scale, by name; ``share`` shortens the run."""
    build_store(folder / "data" / "pulseline.db", scale)
    with System(home=folder) as system:
        ports = system.mqtt_port, system.http_port
        buckets = scale.buckets

        def few(count: int) -> int:
            return max(100, int(count * share))

        mqtt_load.measure_rate(ports[0], count=few(5_000), buckets=buckets, client_id="bench-warm-up")
        wait = latency.measure_latency(*ports, seconds=10 * share)
        put_p50, put_p99 = client_load.measure_puts(ports[0], folder, count=few(3_000))
        figures = {
            "plain QoS 1 heartbeats/s": mqtt_load.measure_rate(ports[0], count=few(50_000), buckets=buckets),
            "client heartbeats/s, 1 thread": client_load.measure_rate(
                ports[0], folder, threads=1, count=few(8_000), buckets=buckets
            ),
            "client heartbeats/s, 8 threads": client_load.measure_rate(
                ports[0], folder, threads=8, count=few(2_000), buckets=buckets
            ),
            "client put p50 ms": put_p50,
            "client put p99 ms": put_p99,
            "publish to readable p50 ms": wait.p50_ms,
            "publish to readable p99 ms": wait.p99_ms,
            "REST heartbeats/s, 1 connection": rest_load.measure_rate(
                ports[1], connections=1, count=few(2_000), buckets=buckets
            ),
            "REST heartbeats/s, 8 connections": rest_load.measure_rate(
                ports[1], connections=8, count=few(1_000), buckets=buckets
            ),
        }
        return figures | read_memory(system.pid)


def read_memory(pid: int) -> dict[str, float]:
    """Return the resident memory of the two servers in MB."""
    names = {"pulseline_broker": "broker and ingest, MB", "pulseline_api": "API, MB"}
    memory: dict[str, float] = {}
    for child in find_descendants(pid):
        command = Path(f"/proc/{child}/cmdline").read_text()
        status = Path(f"/proc/{child}/status").read_text()
        resident_kb = int(status.partition("VmRSS:")[2].split()[0])
        memory |= {label: resident_kb / 1024 for module, label in names.items() if module in command}
    return memory


def build_table(results: dict[str, dict[str, float]]) -> Table:
    """Return one row a figure and one column a scale."""
    table = Table(title=f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    table.add_column("figure")
    for label in results:
        table.add_column(label, justify="right")
    show: Callable[[float], str] = lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.2f}"  # noqa: E731  # reason: a format
    for name in next(iter(results.values())):
        table.add_row(name, *(show(figures[name]) for figures in results.values()))
    return table


def main() -> None:
    """Run at each scale."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, to see that it works")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    chosen = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    for scale in SCALES:
        with tempfile.TemporaryDirectory() as folder:
            results[scale.label] = measure(scale, Path(folder), share=0.1 if chosen.quick else 1.0)
        Console(stderr=True).print(f"measured: {scale.label}")
    Console().print(build_table(results))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
