"""The figures of $SYS: averages as Mosquitto computes them, and one name for each figure."""

from __future__ import annotations

import math

from pulseline_broker.counters import Counters
from pulseline_broker.system_topics import Gauges, Loads, build_load_totals, iter_figures

GAUGES = Gauges(
    version="1.2.3",
    uptime_s=61,
    connected=3,
    absent=2,
    subscriptions=4,
    retained=5,
    stored_messages=6,
    stored_bytes=7,
    heap_bytes=8,
    heap_maximum_bytes=9,
    pending_messages=10,
    pending_bytes=11,
)


def test_load_moves_towards_the_rate() -> None:
    """After one interval it has moved by ``1 - exp(-interval / window)``; at a steady rate it gets there."""
    loads = Loads()

    first = dict(loads.update({"x": 10}, elapsed_s=10.0))
    assert math.isclose(first["x", 1], 60 * (1 - math.exp(-10 / 60)))
    for total in range(20, 20_000, 10):
        loads.update({"x": total}, elapsed_s=10.0)

    assert math.isclose(loads.update({"x": 20_000}, elapsed_s=10.0)["x", 15], 60.0, rel_tol=0.01)


def test_figures_have_mosquittos_form() -> None:
    """Uptime in seconds with the word, the version with a name, loads with two digits, no name twice."""
    counters = Counters(publish_dropped=12)
    loads = Loads().update(build_load_totals(counters), elapsed_s=10.0)

    figures = list(iter_figures(counters, GAUGES, loads))

    by_topic = dict(figures)
    assert len(by_topic) == len(figures)
    assert by_topic["$SYS/broker/uptime"] == "61 seconds"
    assert by_topic["$SYS/broker/version"] == "pulseline version 1.2.3"
    assert by_topic["$SYS/broker/clients/total"] == "5"
    assert by_topic["$SYS/broker/retained messages/count"] == "5"
    assert by_topic["$SYS/broker/load/publish/dropped/1min"] == f"{12 * 6 * (1 - math.exp(-10 / 60)):.2f}"
