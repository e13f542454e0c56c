"""Measure everything at each scale and print one table.

``python -m benchmarks [--only writes|reads|queries|broker] [--quick] [--json FILE]``; the figures of a full run stand
in docs/performance.md.

Machines that are shared get faster and slower by the minute. So a whole Pulseline runs for each scale at the same time,
each is measured in turn, several times over, and the medians are compared. Reads have a Pulseline of their own, and
queries one for each size of what they ask about. Brokers and databases are measured one pair after the other, since
servers that wait take their share, too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks import broker_load, client_load, import_load, latency, mqtt_load, query_load, read_load, rest_load
from benchmarks.activity import build_activity
from benchmarks.seed import TIMELINE, Scale, build_store, build_timeline
from benchmarks.set_up import Broker, Database, SetUp
from tests.storm.system import System, find_descendants

SCALES = [
    Scale(events=10_000, buckets=10),
    Scale(events=1_000_000, buckets=10),
    Scale(events=10_000, buckets=10_000),
]

#: Events of the bucket that reads are measured on, and how often each read is done.
READ_EVENTS = 1_000_000
READS = 300

#: Window events that queries are asked about.
QUERIED_EVENTS = (10_000, 100_000, 1_000_000)

#: Each broker with each database, and two workers beside one.
SET_UPS = [
    *(
        SetUp(broker=broker, database=database)
        for database in Database
        for broker in (Broker.EMBEDDED, Broker.MOSQUITTO, Broker.NATS)
    ),
    SetUp(broker=Broker.MOSQUITTO, database=Database.POSTGRES, workers=2),
    SetUp(broker=Broker.NATS_OF_THREE, database=Database.POSTGRES),
    SetUp(broker=Broker.NATS_OF_THREE, database=Database.POSTGRES, workers=2),
]

#: Heartbeats that a set-up is sent one by one.
BROKER_EVENTS = 80_000

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


def measure_reads(*, rounds: int, share: float, console: Console) -> dict[str, Figures]:
    """Return the median of each figure of reading a long timeline."""
    events = int(READ_EVENTS * share)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_timeline(folder / "data" / "pulseline.db", events)
        with System(home=folder) as system:
            bucket = httpx.get(f"{system.url}/buckets/{TIMELINE}").json()["metadata"]
            paths = read_load.build_paths(*(datetime.fromisoformat(bucket[end]) for end in ("start", "end")))
            api_pid = find_servers(system.pid)["pulseline_api"]
            found: list[Figures] = []
            for number in range(rounds):
                reads = read_load.measure_reads(system.http_port, paths, count=int(READS * share))
                found.append(reads | read_load.measure_exports(system.http_port, api_pid, events=events))
                console.print(f"round {number + 1} of {rounds}: reads")
    return {f"{events:,} events in one bucket": {name: median(each[name] for each in found) for name in found[0]}}


def measure_queries(*, rounds: int, share: float, console: Console) -> dict[str, Figures]:
    """Return the median of each figure of queries, by how many window events there are."""
    with ExitStack() as stack:
        systems: dict[str, tuple[System, tuple[datetime, datetime]]] = {}
        for events in (int(events * share) for events in QUERIED_EVENTS):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            span = build_activity(folder / "data" / "pulseline.db", events)
            systems[f"{events:,} window events"] = stack.enter_context(System(home=folder)), span
        found: dict[str, list[Figures]] = {label: [] for label in systems}
        for number in range(rounds):
            for label, (system, (first, last)) in systems.items():
                port, api_pid = system.http_port, find_servers(system.pid)["pulseline_api"]
                figures = query_load.measure_queries(port, api_pid, query_load.build_spans(first, last))
                figures |= query_load.measure_month(port, api_pid, last)
                ports = system.mqtt_port, port
                figures |= query_load.measure_beside(ports, (first, last), seconds=5 * share)
                found[label].append(figures | query_load.measure_memory(api_pid))
                console.print(f"round {number + 1} of {rounds}: {label}")
    return {
        label: {name: median(each[name] for each in figures) for name in figures[0]} for label, figures in found.items()
    }


def measure_set_ups(*, rounds: int, share: float, console: Console) -> dict[str, Figures]:
    """Return the median of each figure of workers, by the broker before them and the database behind them."""
    found: dict[str, list[Figures]] = {set_up.label: [] for set_up in SET_UPS}
    for number in range(rounds):
        for set_up in SET_UPS:
            with tempfile.TemporaryDirectory() as name:
                figures = broker_load.measure_rates(
                    set_up, Path(name), count=int(BROKER_EVENTS * share), seconds=5 * share
                )
            found[set_up.label].append(figures)
            console.print(f"round {number + 1} of {rounds}: {set_up.label}")
    return {
        label: {name: median(each[name] for each in figures) for name in figures[0]} for label, figures in found.items()
    }


def read_memory(pid: int) -> Figures:
    """Return the resident memory of the two servers in MB."""
    servers = find_servers(pid)
    labels = {"pulseline_broker": "broker and ingest, MB", "pulseline_api": "API, MB"}
    return {label: read_load.read_memory_mb(servers[module], "VmRSS") for module, label in labels.items()}


def find_servers(pid: int) -> dict[str, int]:
    """Return the process ids of the servers below ``pid``, by the module that they run."""
    commands = {child: Path(f"/proc/{child}/cmdline").read_text().split("\0") for child in find_descendants(pid)}
    modules = ("pulseline_broker", "pulseline_api")
    return {module: child for child, command in commands.items() for module in modules if module in command}


def build_table(results: dict[str, Figures]) -> Table:
    """Return one row a figure, one column a scale, and how far the scales are apart."""
    table = Table(title=describe_machine())
    table.add_column("figure")
    has_spread = len(results) > 1
    for label in [*results, *(["spread"] if has_spread else [])]:
        table.add_column(label, justify="right")
    for name in next(iter(results.values())):
        values = [figures[name] for figures in results.values()]
        spread = [f"{max(values) / min(values):.2f}"] if has_spread else []
        table.add_row(name, *map(format_figure, values), *spread)
    return table


def build_overview(results: dict[str, Figures]) -> Table:
    """Return one row a set-up, one column a figure."""
    table = Table(title=describe_machine())
    table.add_column("broker, database")
    for name in next(iter(results.values())):
        table.add_column(name, justify="right")
    for label, figures in results.items():
        table.add_row(label, *map(format_figure, figures.values()))
    return table


def describe_machine() -> str:
    """Return what the figures depend on most."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def format_figure(value: float) -> str:
    """Return a figure with two or three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, to see that it works")
    parser.add_argument("--only", choices=["writes", "reads", "queries", "broker"], help="measure one of them")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    chosen = parser.parse_args()
    rounds, share = (1, 0.1) if chosen.quick else (ROUNDS, 1.0)
    console = Console(stderr=True)
    tables: list[dict[str, Figures]] = []
    overview: dict[str, Figures] = {}
    if chosen.only in (None, "writes"):
        tables.append(measure_all(SCALES, rounds=rounds, share=share, console=console))
    if chosen.only in (None, "reads"):
        tables.append(measure_reads(rounds=rounds, share=share, console=console))
    if chosen.only in (None, "queries"):
        tables.append(measure_queries(rounds=rounds, share=share, console=console))
    if chosen.only in (None, "broker"):
        overview = measure_set_ups(rounds=rounds, share=share, console=console)
    for results in tables:
        Console().print(build_table(results))
    if overview:
        Console().print(build_overview(overview))
    if chosen.json is not None:
        found = {label: figures for results in [*tables, overview] for label, figures in results.items()}
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
