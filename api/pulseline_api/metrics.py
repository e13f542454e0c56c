"""``/metrics``: the figures of the whole pipeline for Prometheus; the one module that knows prometheus-client.

Ingest and broker have no HTTP of their own. They say how they are doing over MQTT, and this server hears it, so that
one address is to be scraped, however many workers there are.

What is not known is left out rather than told as it was: of a worker that is not up there is ``pulseline_worker_up 0``
and nothing else, and nothing of the broker while there is no connection to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from itertools import accumulate, pairwise
from typing import Final

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pulseline_api.info import ServerInfo
from pulseline_api.metric_list import (
    BROKER_COUNTERS,
    BROKER_GAUGES,
    WORKER_COUNTERS,
    WORKER_GAUGES,
    WORKER_HISTOGRAMS,
    Metric,
)
from pulseline_api.pipeline import Pipeline
from pulseline_core.bucket import Bucket
from pulseline_core.errors import PulselineError
from pulseline_core.types import JSONObject, JSONValue
from pulseline_core.worker_report import WorkerReport, find_number

_WORKER: Final = ("worker",)


def build_metrics_routes(pipeline: Pipeline, info: ServerInfo, *, max_buckets: int) -> Blueprint:
    """Return the route of the metrics.

    Args:
        pipeline: what is measured.
        info: this server.
        max_buckets: how many buckets are named, those with the newest events.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(PipelineCollector(pipeline, info, max_buckets=max_buckets))
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def get_metrics() -> Response:
        """Answer all metrics, in the form that the scraper asks for."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    return routes


class PipelineCollector(Collector):
    """Collects the metrics of the pipeline, anew each time."""

    def __init__(self, pipeline: Pipeline, info: ServerInfo, *, max_buckets: int) -> None:
        self._pipeline = pipeline
        self._info = info
        self._max_buckets = max_buckets

    def collect(self) -> Iterator[Family]:
        """Yield all metrics."""
        yield InfoMetricFamily("pulseline", "Which server this is.", {"version": self._info.version})
        yield from self._collect_link()
        yield from _collect_workers(self._pipeline.get_workers())
        if self._pipeline.is_connected:
            yield from _collect_broker(self._pipeline.get_broker())
        yield from self._collect_store()

    def _collect_link(self) -> Iterator[Family]:
        waiting = find_number(self._pipeline.get_link(), "waiting")
        yield GaugeMetricFamily(
            "pulseline_api_connected", "Whether the API has a connection to the broker.", self._pipeline.is_connected
        )
        if waiting is not None:
            yield GaugeMetricFamily("pulseline_api_outbox_messages", "Writes that wait for their commit.", waiting)

    def _collect_store(self) -> Iterator[Family]:
        try:
            buckets, letters = self._pipeline.read_buckets(), self._pipeline.count_dead_letters()
        except PulselineError:
            yield GaugeMetricFamily("pulseline_store_up", "Whether the store can be read.", 0)
            return
        yield GaugeMetricFamily("pulseline_store_up", "Whether the store can be read.", 1)
        yield GaugeMetricFamily("pulseline_buckets", "Buckets.", len(buckets))
        yield GaugeMetricFamily("pulseline_dead_letters", "Dead letters that are kept.", letters)
        yield _build_last_seen(buckets, self._max_buckets)


def _build_last_seen(buckets: Iterable[Bucket], limit: int) -> Family:
    """Return when the newest event of each bucket ends; of so many buckets, as each is a time series."""
    seen = [(bucket.last_updated.timestamp(), bucket.id) for bucket in buckets if bucket.last_updated is not None]
    family = GaugeMetricFamily(
        "pulseline_bucket_last_seen_timestamp_seconds",
        "When the newest event of a bucket ends; of the buckets with the newest events.",
        labels=("bucket",),
    )
    for timestamp, bucket_id in nlargest(limit, seen):
        family.add_metric((bucket_id,), timestamp)
    return family


def _collect_workers(workers: Sequence[WorkerReport]) -> Iterator[Family]:
    up = [worker for worker in workers if worker.is_up]
    yield _build_gauge("pulseline_worker_up", "Whether a worker runs.", ((each, each.is_up) for each in workers))
    yield _build_gauge(
        "pulseline_worker_progress",
        "Whether what is published comes through a worker into the store.",
        ((each, each.makes_progress) for each in workers),
    )
    yield _build_gauge("pulseline_partitions", "Partitions that a worker holds.", _iter_partitions(up))
    for build, metrics in ((CounterMetricFamily, WORKER_COUNTERS), (GaugeMetricFamily, WORKER_GAUGES)):
        for metric in metrics:
            family = build(metric.name, metric.text, labels=_WORKER)
            for worker in up:
                value = find_number(worker.figures, *metric.path)
                if value is not None:
                    family.add_metric((worker.name,), value)
            yield family
    for metric in WORKER_HISTOGRAMS:
        yield _build_histogram(metric, up)


def _iter_partitions(workers: Iterable[WorkerReport]) -> Iterator[tuple[WorkerReport, float]]:
    for worker in workers:
        partitions = worker.figures.get("partitions")
        if isinstance(partitions, list):
            yield worker, len(partitions)


def _build_gauge(name: str, text: str, values: Iterable[tuple[WorkerReport, float]]) -> Family:
    family = GaugeMetricFamily(name, text, labels=_WORKER)
    for worker, value in values:
        family.add_metric((worker.name,), value)
    return family


def _collect_broker(figures: JSONObject) -> Iterator[Family]:
    version = figures.get("version")
    if isinstance(version, str):
        yield InfoMetricFamily("pulseline_broker", "Which broker it is.", {"version": version})
    for build, metrics in ((CounterMetricFamily, BROKER_COUNTERS), (GaugeMetricFamily, BROKER_GAUGES)):
        for metric in metrics:
            value = find_number(figures, *metric.path)
            if value is not None:
                yield build(metric.name, metric.text, value)


def _build_histogram(metric: Metric, workers: Iterable[WorkerReport]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.text, labels=_WORKER)
    for worker in workers:
        bounds, counts = (_read_numbers(worker.figures, *metric.path, name) for name in ("bounds", "counts"))
        total = find_number(worker.figures, *metric.path, "sum")
        is_sound = all(earlier < later for earlier, later in pairwise(bounds)) and len(counts) == len(bounds) + 1
        if is_sound and total is not None:
            limits = [*map(floatToGoString, bounds), "+Inf"]
            family.add_metric((worker.name,), list(zip(limits, accumulate(counts), strict=True)), total)
    return family


def _read_numbers(figures: JSONValue, *path: str) -> list[float]:
    """Return the numbers in a list that lies below these names, none if it is no such list."""
    for name in path:
        figures = figures.get(name) if isinstance(figures, dict) else None
    items = figures if isinstance(figures, list) else []
    numbers = [item for item in items if isinstance(item, int | float) and not isinstance(item, bool)]
    return numbers if len(numbers) == len(items) else []
