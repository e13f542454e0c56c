"""Measure everything at each scale and print one table.

``python -m benchmarks [--quick] [--json FILE]``; the figures of a full run stand in docs/performance.md.

Machines that are shared get faster and slower by the minute. So a whole Pulseline runs for each scale at the same time,
each is measured in turn, several times over, and the medians are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks import client_load, import_load, latency, mqtt_load, rest_load
from benchmarks.seed import Scale, build_store
from tests.storm.system import System, find_descendants

SCALES = [
    Scale(events=10_000, buckets=10),
    Scale(events=1_000_000, buckets=10),
    Scale(events=10_000, buckets=10_000),
]

#: How often each scale is measured.
ROUNDS = 3

Figures = dict[str, float]


def measure(system: System, buckets: int, *, share: float) -> Figures:
    """Return every figure of one system, by name; ``share`` shortens the run."""
    ports = system.mqtt_port, system.http_port

    def few(count: int) -> int:
        return max(100, int(count * share))

    mqtt_load.measure_rate(ports[0], count=few(5_000), buckets=buckets, client_id="bench-warm-up")
    wait = latency.measure_latency(*ports, seconds=5 * share)
    put_p50, put_p99 = client_load.measure_puts(ports[0], system.home, count=few(2_000))
    clients = [
        client_load.measure_rate(ports[0], system.home, threads=threads, count=few(8_000) // threads, buckets=buckets)
        for threads in (1, 8)
    ]
    rest = [
        rest_load.measure_rate(ports[1], connections=count, count=few(4_000) // count, buckets=buckets)
        for count in (1, 8)
    ]
    imports = import_load.measure_rates(*ports, system.home, count=few(100_000))
    return {
        "plain QoS 1 heartbeats/s": mqtt_load.measure_rate(ports[0], count=few(80_000), buckets=buckets),
        "client heartbeats/s, 1 thread": clients[0],
        "client heartbeats/s, 8 threads": clients[1],
        "client heartbeats/s, 100 a call": client_load.measure_batches(ports[0], system.home, count=few(20_000)),
        "client put p50 ms": put_p50,
        "client put p99 ms": put_p99,
        "publish to readable p50 ms": wait.p50_ms,
        "publish to readable p99 ms": wait.p99_ms,
        "REST heartbeats/s, 1 connection": rest[0],
        "REST heartbeats/s, 8 connections": rest[1],
        "imported events/s": imports[0],
        "imported again, events/s": imports[1],
        **read_memory(system.pid),
    }


def measure_all(scales: list[Scale], *, rounds: int, share: float, console: Console) -> dict[str, Figures]:
    """Return the median of each figure, by scale."""
    with ExitStack() as stack:
        systems: list[System] = []
        for scale in scales:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            build_store(folder / "data" / "pulseline.db", scale)
            systems.append(stack.enter_context(System(home=folder)))
        found: dict[str, list[Figures]] = {scale.label: [] for scale in scales}
        for number in range(rounds):
            for scale, system in zip(scales, systems, strict=True):
                found[scale.label].append(measure(system, scale.buckets, share=share))
                console.print(f"round {number + 1} of {rounds}: {scale.label}")
    return {
        label: {name: median(each[name] for each in figures) for name in figures[0]} for label, figures in found.items()
    }


def read_memory(pid: int) -> Figures:
    """Return the resident memory of the two servers in MB."""
    names = {"pulseline_broker": "broker and ingest, MB", "pulseline_api": "API, MB"}
    memory: Figures = {}
    for child in find_descendants(pid):
        command = Path(f"/proc/{child}/cmdline").read_text()
        status = Path(f"/proc/{child}/status").read_text()
        resident_kb = int(status.partition("VmRSS:")[2].split()[0])
        memory |= {label: resident_kb / 1024 for module, label in names.items() if module in command}
    return memory


def build_table(results: dict[str, Figures]) -> Table:
    """Return one row a figure, one column a scale, and how far the scales are apart."""
    table = Table(title=f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    table.add_column("figure")
    for label in [*results, "spread"]:
        table.add_column(label, justify="right")
    for name in next(iter(results.values())):
        values = [figures[name] for figures in results.values()]
        spread = f"{max(values) / min(values):.2f}"
        table.add_row(name, *(f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in values), spread)
    return table


def main() -> None:
    """Run at each scale."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, to see that it works")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    chosen = parser.parse_args()
    rounds, share = (1, 0.1) if chosen.quick else (ROUNDS, 1.0)
    results = measure_all(SCALES, rounds=rounds, share=share, console=Console(stderr=True))
    Console().print(build_table(results))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
