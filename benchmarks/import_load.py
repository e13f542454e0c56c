"""Imports: an export of ActivityWatch's form, from the file to the last commit."""

from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.seed import DISTINCT, build_event
from pulseline_client import Client
from pulseline_client.importing.export_file import ExportFile
from pulseline_client.importing.importer import Importer
from pulseline_client.importing.writer_target import WriterTarget

#: For one batch, on a machine that is busy.
REPLY_TIMEOUT_S = 60.0


def measure_rates(mqtt_port: int, http_port: int, folder: Path, *, count: int) -> tuple[float, float]:
    """Import ``count`` window events into a new bucket, and again; return both rates in events a second."""
    export = _build_export(f"bench-import-{time.time_ns()}", count)
    url = f"http://127.0.0.1:{http_port}"
    with Client(
        port=mqtt_port, url=url, name="bench-import", outbox=folder / "bench-import.db", timeout_s=REPLY_TIMEOUT_S
    ) as client:
        first, again = (_measure_rate(client, export, count) for _ in range(2))
    return first, again


def _build_export(bucket_id: str, count: int) -> bytes:
    first = datetime.now(UTC) - timedelta(days=1, seconds=10 * count)
    events = [build_event(first, n, distinct=DISTINCT).to_json() for n in reversed(range(count))]
    labels = {"type": "currentwindow", "client": "bench", "hostname": "bench", "created": first.isoformat()}
    return json.dumps({"buckets": {bucket_id: {"id": bucket_id, **labels, "events": events}}}).encode()


def _measure_rate(client: Client, export: bytes, count: int) -> float:
    began = time.perf_counter()
    tally = Importer(WriterTarget(client, client.has_bucket), now=datetime.now(UTC)).run(ExportFile(io.BytesIO(export)))
    assert tally.stored == count, tally
    return count / (time.perf_counter() - began)
