"""The API without HTTP: what each request of the REST interface does, on values.

Methods have the names and the arguments of ActivityWatch's ``ServerAPI`` (aw-server 0.13.2, ``aw_server/api.py``), so
that what was written against it finds its way here. The routes read a request, call one of them and write the answer.

Any thread may call. Every method raises ``NotFound`` where the bucket does not exist, and ``BadInput`` for what can not
be stored; what else may go wrong with a write is said in ``writes``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO

import orjson

from pulseline_api.client_watch import ClientWatch
from pulseline_api.export_form import get_form
from pulseline_api.export_selection import Selection
from pulseline_api.info import ServerInfo
from pulseline_api.log_file import read_log
from pulseline_api.query_request import QueryRequest, parse_periods
from pulseline_api.query_runner import NoQueries, QueryResult, QueryRunner
from pulseline_api.reader import Reader
from pulseline_api.settings import Settings
from pulseline_api.writer import Writer
from pulseline_api.writes import Writes
from pulseline_client.importing.export_file import ExportFile
from pulseline_client.importing.importer import Importer
from pulseline_client.importing.tally import Tally
from pulseline_client.importing.writer_target import WriterTarget
from pulseline_core.bucket import Bucket, BucketDescription, parse_bucket_id
from pulseline_core.event import Event
from pulseline_core.store import EventRow
from pulseline_core.types import BucketId, JSONObject


def find_no_log() -> None:
    """Find no log file: the server logs to none."""


class ServerAPI:
    """What the REST interface can do.

    Attributes:
        settings: what clients keep under keys.

    Args:
        reader: where committed data is read.
        writer: what publishes writes.
        info: what the server says of itself.
        queries: what runs queries.
        find_log: returns the file that the server logs to, if it does.
    """

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        info: ServerInfo,
        *,
        queries: QueryRunner | None = None,
        find_log: Callable[[], Path | None] = find_no_log,
    ) -> None:
        self._reader = reader
        self._writes = Writes(reader, writer)
        self._info = info
        self._queries = NoQueries() if queries is None else queries
        self._find_log = find_log
        self._import_target = WriterTarget(self._writes, reader.has_bucket)
        self.settings = Settings(reader, self._writes)

    def get_info(self) -> JSONObject:
        """Return ``{"hostname", "version", "testing", "device_id"}``."""
        return self._info.to_json()

    def get_log(self) -> list[JSONObject]:
        """Return the newest entries of the server's log, oldest first; see ``log_file``."""
        path = self._find_log()
        return [] if path is None else read_log(path)

    # --- buckets

    def get_buckets(self) -> dict[str, JSONObject]:
        """Return all buckets by id."""
        self._writes.settle_all()
        return {bucket.id: bucket.to_json() for bucket in self._reader.read_buckets()}

    def get_bucket_metadata(self, bucket_id: str) -> JSONObject:
        """Return a bucket without its events."""
        self._writes.settle(BucketId(bucket_id))
        return self._reader.read_bucket(bucket_id).to_json()

    def create_bucket(  # noqa: PLR0917  ActivityWatch's signature, and one more
        self,
        bucket_id: str,
        event_type: str,
        client: str,
        hostname: str,
        created: datetime | None = None,
        data: JSONObject | None = None,
        *,
        pulsetime: timedelta | None = None,
    ) -> bool:
        """Create a bucket; return false, and change nothing, when it exists.

        Args:
            bucket_id: 1 to 256 bytes of UTF-8.
            event_type: what its events are, as in ``currentwindow``.
            client: what writes it.
            hostname: where its events happen; ``!local`` is the server's own.
            created: when it was made, aware; ``None`` is now.
            data: anything else.
            pulsetime: how long its heartbeats hold if they do not say; ``None`` is the server's setting.
        """
        description = BucketDescription(
            type=event_type, client=client, hostname=hostname, created=created, data=data, pulsetime=pulsetime
        )
        return self._writes.create_bucket(parse_bucket_id(bucket_id), description)

    def update_bucket(  # noqa: PLR0917  ActivityWatch's signature
        self,
        bucket_id: str,
        event_type: str | None = None,
        client: str | None = None,
        hostname: str | None = None,
        data: JSONObject | None = None,
    ) -> None:
        """Change what is named of a bucket; ``data`` takes the place of the data before."""
        description = BucketDescription(type=event_type, client=client, hostname=hostname, data=data)
        self._writes.update_bucket(parse_bucket_id(bucket_id), description)

    def delete_bucket(self, bucket_id: str) -> None:
        """Delete a bucket with its events."""
        self._writes.delete_bucket(parse_bucket_id(bucket_id))

    def export_all(
        self, form: str = "json", *, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[bytes]:
        """Return an iterator over the export of all buckets, a piece at a time, in flat memory.

        Args:
            form: ``json``, which ActivityWatch imports, ``csv`` or ``ndjson``; another one is ``BadInput``.
            start: the first instant, to which events are cut; ``None`` is the beginning of time.
            end: the last instant; ``None`` is the end of time.
        """
        self._writes.settle_all()
        return self._export(self._reader.read_buckets(), form, start, end)

    def export_bucket(
        self, bucket_id: str, form: str = "json", *, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[bytes]:
        """Return an iterator over the export of one bucket; see ``export_all``."""
        self._writes.settle(BucketId(bucket_id))
        return self._export([self._reader.read_bucket(bucket_id)], form, start, end)

    def _export(
        self, buckets: Sequence[Bucket], form: str, start: datetime | None, end: datetime | None
    ) -> Iterator[bytes]:
        return get_form(form).iter_chunks(Selection(reader=self._reader, buckets=buckets, start=start, end=end))

    def import_bucket(self, bucket: JSONObject) -> Tally:
        """Import one bucket with its events, an object with ``id`` and ``events``; see ``import_file``."""
        return self.import_all({str(bucket.get("id", "")): bucket})

    def import_all(self, buckets: JSONObject) -> Tally:
        """Import buckets by id, as an export has them under ``buckets``; see ``import_file``."""
        return self.import_file(BytesIO(orjson.dumps({"buckets": buckets})))

    def import_file(self, file: IO[bytes]) -> Tally:
        """Import an export of ActivityWatch or Pulseline as it is read, in flat memory.

        Buckets that exist keep their description, and get those events that they do not have: so it can be repeated,
        and what broke off is completed by doing it again. Events that can not be stored are skipped and counted.

        Args:
            file: seekable, binary, at any place.

        Raises:
            BadInput: it is no export from some place on; what came before is imported.
            ReplyTimeout, BrokerUnavailable: ingest is away; some of it is imported.
        """
        return Importer(self._import_target, now=datetime.now(UTC)).run(ExportFile(file))

    # --- events

    def get_events(
        self, bucket_id: str, limit: int = -1, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Event]:
        """Return the events within [start, end], cut to it, newest first; a negative limit is none."""
        self._writes.settle(BucketId(bucket_id))
        return self._reader.read_events(bucket_id, start=start, end=end, limit=None if limit < 0 else limit)

    def open_event_rows(
        self, bucket_id: str, limit: int = -1, start: datetime | None = None, end: datetime | None = None
    ) -> AbstractContextManager[Iterator[EventRow]]:
        """Give an iterator over what ``get_events`` would return, as the store's rows, for those who write them out."""
        self._writes.settle(BucketId(bucket_id))
        return self._reader.open_event_rows(bucket_id, start=start, end=end, limit=None if limit < 0 else limit)

    def get_event(self, bucket_id: str, event_id: int) -> Event | None:
        """Return one event, never cut; ``None`` if the bucket does not have it."""
        self._writes.settle(BucketId(bucket_id))
        return self._reader.read_event(bucket_id, event_id)

    def get_eventcount(self, bucket_id: str, start: datetime | None = None, end: datetime | None = None) -> int:
        """Return how many events ``get_events`` finds."""
        self._writes.settle(BucketId(bucket_id))
        return self._reader.count_events(bucket_id, start=start, end=end)

    def create_events(self, bucket_id: str, events: Sequence[Event]) -> list[Event]:
        """Insert events, or replace those whose id exists in this bucket; return them as stored, in their order."""
        return self._writes.store_events(parse_bucket_id(bucket_id), events)

    def heartbeat(self, bucket_id: str, heartbeat: Event, pulsetime: float) -> Event:
        """Merge a heartbeat; return the event that holds it now.

        Args:
            bucket_id: the bucket.
            heartbeat: its id means nothing.
            pulsetime: how long after the event before it still belongs to that, in seconds.
        """
        return self._writes.merge_heartbeat(parse_bucket_id(bucket_id), heartbeat, timedelta(seconds=pulsetime))

    def delete_event(self, bucket_id: str, event_id: int) -> bool:
        """Delete an event; return whether it existed."""
        return self._writes.delete_event(parse_bucket_id(bucket_id), event_id)

    def delete_events(self, bucket_id: str, start: datetime, end: datetime) -> int | None:
        """Delete the events that begin within [start, end].

        Returns:
            How many they were; ``None`` when ingest is away and will do it later.
        """
        return self._writes.delete_events(parse_bucket_id(bucket_id), start, end)

    # --- queries

    def query2(
        self,
        name: str,
        query: Sequence[str],
        timeperiods: Sequence[str],
        cache: bool = False,  # noqa: ARG002  means nothing, as in ActivityWatch
        *,
        client: ClientWatch | None = None,
    ) -> QueryResult:
        """Run a query over what is committed now; return the pieces of a JSON array of its results, to be closed.

        Args:
            name: the value of ``NAME`` in the query.
            query: its text, in pieces.
            timeperiods: each ``START/END``, two ISO 8601 times.
            cache: whatever it is.
            client: who waits for the result, if that can hang up.

        Raises:
            BadInput: a period is none; what is wrong with the query is told when the result is read.
        """
        request = QueryRequest(statements=tuple(query), periods=parse_periods(timeperiods), name=name)
        self._writes.settle_all()
        return QueryResult(self._queries.run(request, client or ClientWatch()))
