"""Queries over REST: aw-client's query of a desktop, the first time and again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks import latency
from benchmarks.activity import AFK, BROWSER, WINDOW, build_rules
from benchmarks.read_load import read_memory_mb
from pulseline_client.queries import DesktopQueryParams, fullDesktopQuery
from tests.storm.system import find_descendants

#: How often a query is asked again.
REPEATS = 7

#: Numbers of category rules: those that aw-client brings, and a keen user's.
RULES = (13, 100)

Period = tuple[datetime, datetime]


def build_query(rules: int) -> str:
    """Return the query of a desktop with a browser and so many category rules."""
    params = DesktopQueryParams(bid_window=WINDOW, bid_afk=AFK, bid_browsers=[BROWSER], classes=build_rules(rules))
    return fullDesktopQuery(params)


def build_spans(first: datetime, last: datetime) -> dict[str, Period]:
    """Return the spans of time that are asked for, up to the end."""
    spans = {f"{days} days": (last - timedelta(days=days), last) for days in (1, 7, 30)}
    return {name.replace("1 days", "1 day"): span for name, span in spans.items()} | {"all": (first, last)}


def measure_queries(port: int, api_pid: int, spans: dict[str, Period]) -> dict[str, float]:
    """Ask for each span with each number of rules; return the milliseconds of the first answer and of the others."""
    figures: dict[str, float] = {}
    for rules in RULES:
        query = build_query(rules)
        for name, span in spans.items():
            forget(port, api_pid)
            figures[f"{name}, {rules} rules, first ms"] = ask(port, query, [span])
            again = [ask(port, query, [span]) for _ in range(REPEATS)]
            figures[f"{name}, {rules} rules, again ms"] = median(again)
    return figures


def measure_month(port: int, api_pid: int, last: datetime) -> dict[str, float]:
    """Ask for a month as one period and as 31; return the milliseconds of each, first and again."""
    day = timedelta(days=1)
    month = [(last - 31 * day, last)]
    days = [(last - number * day, last - (number - 1) * day) for number in range(31, 0, -1)]
    query, figures = build_query(RULES[-1]), {}
    for name, periods in (("a month", month), ("a month as 31 days", days)):
        forget(port, api_pid)
        figures[f"{name}, first ms"] = ask(port, query, periods)
        figures[f"{name}, again ms"] = median(ask(port, query, periods) for _ in range(REPEATS))
    return figures


def measure_beside(ports: tuple[int, int], span: Period, *, seconds: float) -> dict[str, float]:
    """Return how long others wait while two clients ask for everything over and over, in milliseconds."""
    mqtt_port, port = ports
    figures: dict[str, float] = {}
    alone = latency.measure_latency(mqtt_port, port, seconds=seconds)
    done = threading.Event()
    query = build_query(RULES[-1])
    with ThreadPoolExecutor(2) as clients:
        asking = [clients.submit(_ask_on, port, query, span, done) for _ in range(2)]
        beside = latency.measure_latency(mqtt_port, port, seconds=seconds)
        done.set()
    for each in asking:
        each.result()  # raises what a client met: figures without its load would say nothing
    for name, found in (("alone", alone), ("beside queries", beside)):
        figures[f"publish to readable {name}, p50 ms"] = found.p50_ms
        figures[f"publish to readable {name}, p99 ms"] = found.p99_ms
    return figures


def _ask_on(port: int, query: str, span: Period, done: threading.Event) -> None:
    while not done.is_set():
        ask(port, query, [span])


def measure_memory(api_pid: int) -> dict[str, float]:
    """Return the peak of the resident memory of the API and of its processes for queries, in MB."""
    workers = sum(read_memory_mb(pid, "VmHWM") for pid in find_workers(api_pid))
    return {"API, peak MB": read_memory_mb(api_pid, "VmHWM"), "query processes, peak MB": workers}


def ask(port: int, query: str, periods: Sequence[Period]) -> float:
    """Ask a query; return the milliseconds until its answer is read."""
    body = {"query": query.split("\n"), "timeperiods": [f"{a.isoformat()}/{b.isoformat()}" for a, b in periods]}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    connection.request("POST", "/api/0/query/", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    taken_ms = 1000 * (time.perf_counter() - began)
    connection.close()
    if answer.status != http.client.OK:
        raise ConnectionError(f"the query is answered with {answer.status}: {text[:200]!r}")
    return taken_ms


def forget(port: int, api_pid: int) -> None:
    """Have a new process for queries, which has read nothing yet."""
    for pid in find_workers(api_pid):
        os.kill(pid, signal.SIGKILL)
    now = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
    try:
        ask(port, "RETURN = 1;", [(now, now)])
    except ConnectionError:  # it was given to a process that had just been killed
        ask(port, "RETURN = 1;", [(now, now)])


def find_workers(api_pid: int) -> list[int]:
    """Return the processes for queries of a REST server."""
    return [pid for pid in find_descendants(api_pid) if "query_worker" in Path(f"/proc/{pid}/cmdline").read_text()]
