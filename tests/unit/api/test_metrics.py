"""The metrics, as Prometheus reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.broker_figures import TOPICS
from pulseline_api.status_board import StatusBoard
from pulseline_core.errors import StoreUnavailable
from pulseline_core.types import JSONObject
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

#: As a worker beside an external broker publishes it.
STATUS: JSONObject = {
    "worker": "main",
    "state": "online",
    "problem": None,
    "interval_s": 5.0,
    "counters": {"received": 6, "applied": 1, "duplicates": 2, "dead_letters": 3, "ignored": 4},
    "queue": 7,
    "unacknowledged": 9,
    "lag_s": 0.25,
    "partitions": [0, 2, 5],
    "commit": {
        "merged": 8,
        "refused": 5,
        "seconds": {"bounds": [0.001, 0.5], "counts": [3, 1, 1], "sum": 1.75},
        "sizes": {"bounds": [1, 10], "counts": [2, 3, 0], "sum": 16},
    },
    "broker": {"connected": True, "reconnects": 2, "progress_age_s": 1.5},
}

#: One topic for each figure that a broker may tell.
BROKER: JSONObject = {topics[0]: 1 for topics in TOPICS.values()}

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Samples:
    """What a scrape found: values by name and labels, those in the order of their names."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = {family.name: family for family in families}
        self._values = {
            (sample.name, *dict(sorted(sample.labels.items())).values()): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def get(self, name: str, *labels: str) -> float | None:
        """Return a value, ``None`` if there is none."""
        return self._values.get((name, *labels))

    def find(self, name: str) -> list[Sequence[str]]:
        """Return the labels under which a name has values."""
        return [labels for found, *labels in self._values if found == name]


def scrape(
    reader: MemoryReader, *, workers: JSONObject | None = None, broker: JSONObject | None = None, **options: Any
) -> Samples:
    """Return the metrics of a server that has heard of these workers, and figures of the broker."""
    board = StatusBoard("pulseline/v1")
    for name, status in (workers or {}).items():
        board.note(f"pulseline/v1/_status/{name}", json.dumps(status).encode())
    for topic, value in (broker or {}).items():
        board.note(f"$SYS/broker/{topic}", str(value).encode())
    options = {"read_link": lambda: {"connected": True, "waiting": 3}, **options}
    app = create_app(reader, RecordingWriter(reader.store), INFO, AppOptions(board=board, **options))
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return Samples(text_string_to_metric_families(answer.text))


def test_worker_s_figures_carry_its_name(reader: MemoryReader) -> None:
    """Each is there once for every worker."""
    samples = scrape(reader, workers={"main": STATUS, "second": {**STATUS, "queue": 0}})

    expected = {
        "pulseline_worker_up": 1,
        "pulseline_worker_progress": 1,
        "pulseline_partitions": 3,
        "pulseline_messages_received_total": 6,
        "pulseline_messages_applied_total": 1,
        "pulseline_messages_duplicate_total": 2,
        "pulseline_messages_dead_total": 3,
        "pulseline_messages_ignored_total": 4,
        "pulseline_messages_refused_total": 5,
        "pulseline_heartbeats_merged_total": 8,
        "pulseline_reconnects_total": 2,
        "pulseline_queue_messages": 7,
        "pulseline_unacknowledged_messages": 9,
        "pulseline_lag_seconds": 0.25,
        "pulseline_progress_age_seconds": 1.5,
    }
    assert {name: samples.get(name, "main") for name in expected} == expected
    assert samples.get("pulseline_queue_messages", "second") == 0


def test_commits_are_histograms(reader: MemoryReader) -> None:
    """Cumulative, with bounds in seconds and in messages."""
    samples = scrape(reader, workers={"main": STATUS})

    buckets = [samples.get("pulseline_commit_seconds_bucket", bound, "main") for bound in ("0.001", "0.5", "+Inf")]
    assert buckets == [3, 4, 5]
    assert samples.get("pulseline_commit_seconds_count", "main") == 5
    assert samples.get("pulseline_commit_seconds_sum", "main") == 1.75
    assert samples.get("pulseline_batch_messages_bucket", "10.0", "main") == 5


def test_worker_that_is_gone_has_nothing_but_that(reader: MemoryReader) -> None:
    """Figures of before would look like the present."""
    samples = scrape(reader, workers={"main": {**STATUS, "state": "offline"}})

    assert samples.get("pulseline_worker_up", "main") == 0
    assert samples.get("pulseline_worker_progress", "main") == 0
    assert samples.find("pulseline_lag_seconds") == []
    assert samples.find("pulseline_messages_received_total") == []


def test_figures_that_are_none_are_left_out(reader: MemoryReader) -> None:
    """Whoever may write the topic can not break the scrape."""
    broken: JSONObject = {
        "state": "online",
        "counters": {"received": "6", "applied": True},
        "commit": {
            "seconds": {"bounds": [2, 1], "counts": [1, 1, 1], "sum": 1},
            "sizes": {"bounds": ["x"], "counts": 7, "sum": 1},
        },
        "partitions": "all",
    }

    samples = scrape(reader, workers={'ma"in\n\\': broken, "list": [1]})

    assert samples.find("pulseline_worker_up") == [["list"], ['ma"in\n\\']]
    for name in ("messages_received_total", "messages_applied_total", "commit_seconds_bucket", "partitions"):
        assert samples.find(f"pulseline_{name}") == []


def test_broker_s_figures_have_one_name(reader: MemoryReader) -> None:
    """Whichever of the dialects it speaks; what it does not tell is left out."""
    mosquitto = scrape(
        reader, broker={"publish/messages/received": 80, "uptime": "73 seconds", "version": "mosquitto 2"}
    )
    amqtt = scrape(reader, broker={"messages/publish/received": 80, "uptime": 73})

    for samples in (mosquitto, amqtt):
        assert samples.get("pulseline_broker_messages_received_total") == 80
        assert samples.get("pulseline_broker_uptime_seconds") == 73
        assert samples.find("pulseline_broker_messages_dropped_total") == []
    assert mosquitto.get("pulseline_broker_info", "mosquitto 2") == 1


def test_broker_that_is_away_has_no_figures(reader: MemoryReader) -> None:
    """What it said last is not how it is."""
    samples = scrape(reader, broker={"uptime": 73}, read_link=lambda: {"connected": False, "waiting": 3})

    assert samples.get("pulseline_api_connected") == 0
    assert samples.get("pulseline_api_outbox_messages") == 3
    assert samples.find("pulseline_broker_uptime_seconds") == []


def test_only_so_many_buckets_are_named(reader: MemoryReader, store: MemoryStore) -> None:
    """Those with the newest events: each name is a time series that Prometheus keeps."""
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(50):
        store.add_bucket(f"bucket-{number}", last_updated=begin + timedelta(hours=number))

    samples = scrape(reader, metrics_buckets=3)

    name = "pulseline_bucket_last_seen_timestamp_seconds"
    assert samples.find(name) == [["bucket-49"], ["bucket-48"], ["bucket-47"]]
    assert samples.get(name, "bucket-49") == (begin + timedelta(hours=49)).timestamp()
    assert samples.get("pulseline_buckets") == 51  # "plug" has no events


def test_names_of_buckets_may_hold_anything(reader: MemoryReader, store: MemoryStore) -> None:
    """They are escaped as the format asks for."""
    name = 'a "quoted"\\back\u2028{b="c"} \U0001f50c'
    store.add_bucket("x")
    store.buckets[name] = replace(store.buckets["x"], id=name, last_updated=datetime(2026, 11, 1, tzinfo=UTC))  # type: ignore[arg-type]  # a name

    samples = scrape(reader)

    assert samples.find("pulseline_bucket_last_seen_timestamp_seconds") == [[name]]


def test_store_that_can_not_be_read_is_said_to_be_down(reader: MemoryReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is answered all the same."""

    def fail() -> None:
        raise StoreUnavailable("it is gone")

    monkeypatch.setattr(reader, "read_buckets", fail)

    samples = scrape(reader, workers={"main": STATUS})

    assert samples.get("pulseline_store_up") == 0
    assert samples.find("pulseline_buckets") == []
    assert samples.get("pulseline_worker_up", "main") == 1


def test_openmetrics_is_answered_to_who_asks_for_it(reader: MemoryReader) -> None:
    """Its own parser is stricter than the old one."""
    board = StatusBoard("pulseline/v1")
    board.note("pulseline/v1/_status/main", json.dumps(STATUS).encode())
    app = create_app(reader, RecordingWriter(reader.store), INFO, AppOptions(board=board))

    answer = app.test_client().get("/metrics", headers={"Accept": OPENMETRICS})

    assert answer.content_type.startswith(OPENMETRICS)
    samples = Samples(openmetrics.text_string_to_metric_families(answer.text))  # type: ignore[no-untyped-call]  # the library's
    assert samples.get("pulseline_messages_received_total", "main") == 6


def test_page_about_monitoring_has_every_metric_and_no_other(reader: MemoryReader) -> None:
    """Those of a scrape with all that there may be; what it scrapes and alerts on among them."""
    everything = scrape(reader, workers={"main": STATUS}, broker={"version": "mosquitto 2", **BROKER})
    metrics = {name: family.type for name, family in everything.families.items() if name.startswith("pulseline")}
    suffixes = {"counter": "_total", "info": "_info"}
    expected = {f"{name}{suffixes.get(kind, '')}" for name, kind in metrics.items()}
    expected |= {f"{name}_info" for name in ("pulseline", "pulseline_broker")}

    page = (Path(__file__).parents[3] / "docs/how-to/monitor.md").read_text(encoding="utf-8")

    named = {name.removesuffix("_bucket") for name in re.findall(r"pulseline_[a-z_]+", page)}
    assert named == expected
