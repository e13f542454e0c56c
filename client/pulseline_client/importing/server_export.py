"""A running server, ActivityWatch's or another Pulseline: the exports of its buckets, one after another.

Ranges of events would not do: the python server clips events to the range and misses those that began a day before it
(aw-core 0.5.18 storages/peewee.py). An export has all of them, whole. Each is saved to a temporary file first, so that
the server is done with it soon.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import IO, Final

from pulseline_client.importing.export_file import ExportFile
from pulseline_client.importing.source import SourceBucket
from pulseline_client.rest import RestReader
from pulseline_core.data_folder import is_disk_full
from pulseline_core.errors import DiskFull, NotAuthorized, NotFound
from pulseline_core.types import JSONValue

#: What people copy from a browser, beside the address.
_PATH: Final = re.compile(r"/+(?:api/*(?:0/*)?)?$")


def build_base_url(text: str) -> str:
    """Return a server's address without the path of its interface; ``http`` where no scheme is given."""
    url = text if "://" in text else f"http://{text}"
    return _PATH.sub("", url.partition("#")[0])


class ServerExport:
    """A source that reads a running server."""

    def __init__(self, rest: RestReader) -> None:
        self._rest = rest
        self._read = 0
        self._total = 1
        self._export: ExportFile | None = None
        self._weight = 0

    @property
    def fraction(self) -> float:
        """How many of its events have been read, 0 to 1."""
        inner = 0.0 if self._export is None else self._export.fraction * self._weight
        return (self._read + inner) / self._total

    def iter_buckets(self, *, now: datetime) -> Iterator[SourceBucket]:
        """Yield the buckets; see ``Source``. Those that are deleted meanwhile are left out."""
        buckets = self._fetch_buckets()
        weights = {bucket_id: 1 + self._count(bucket_id) for bucket_id in buckets}
        self._total = max(1, sum(weights.values()))
        for bucket_id, described in buckets.items():
            self._weight = weights[bucket_id]
            with tempfile.TemporaryFile(prefix="pulseline-import-") as file:
                if self._save(bucket_id, file):
                    self._export = ExportFile(file, name=f"the export of bucket {bucket_id!r}")
                    yield from self._iter_export(self._export, described, now)
            self._export = None
            self._read += self._weight

    def _iter_export(self, export: ExportFile, described: JSONValue, now: datetime) -> Iterator[SourceBucket]:
        known = described if isinstance(described, dict) else {}
        for bucket in export.iter_buckets(now=now):
            yield replace(bucket, fields={**bucket.fields, **known})

    def _fetch_buckets(self) -> dict[str, JSONValue]:
        try:
            return self._rest.get_buckets()
        except NotAuthorized as error:
            error.hint = "name the server's key with --key or PULSELINE_IMPORT_KEY"
            raise

    def _count(self, bucket_id: str) -> int:
        try:
            return self._rest.get_eventcount(bucket_id)
        except NotFound:
            return 0

    def _save(self, bucket_id: str, file: IO[bytes]) -> bool:
        """Write a bucket's export to the file; return whether the bucket exists."""
        try:
            for chunk in self._rest.iter_export(bucket_id):
                file.write(chunk)
        except NotFound:
            return False
        except OSError as error:
            if is_disk_full(error):
                raise DiskFull(tempfile.gettempdir()) from error
            raise
        return True
