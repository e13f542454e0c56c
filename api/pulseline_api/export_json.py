"""Exports as one JSON document, and as a JSON object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from pulseline_api.event_text import describe_rows
from pulseline_api.export_selection import Selection
from pulseline_core.store import EventRow


def iter_json(selection: Selection) -> Iterator[bytes]:
    """Yield ``{"buckets": {"<id>": {...the bucket, "events": [...]}}}``, which both ActivityWatch servers import."""
    lead = b""
    yield b'{"buckets":{'
    for bucket, pages in selection.iter_buckets():
        head = orjson.dumps(bucket.to_json())[:-1]
        yield lead + orjson.dumps(bucket.id) + b":" + head + b',"events":['
        yield from _join(pages)
        yield b"]}"
        lead = b","
    yield b"}}\n"


def iter_ndjson(selection: Selection) -> Iterator[bytes]:
    """Yield lines of ``{"bucket": "<id>", "timestamp", "duration", "data"}``."""
    for bucket, page in selection.iter_pages():
        lead = f'"bucket":{orjson.dumps(bucket.id).decode()},'
        yield "".join([f"{text}\n" for text in describe_rows(page, lead=lead)]).encode()


def _join(pages: Iterable[Sequence[EventRow]]) -> Iterator[bytes]:
    comma = ""
    for page in pages:
        yield (comma + ",".join(describe_rows(page))).encode()
        comma = ","
