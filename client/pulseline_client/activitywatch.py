"""``ActivityWatchClient``: what a program written for ActivityWatch uses, with nothing but its imports changed.

Theory of operation. There are two ways to the server, as in aw-client 0.5.15:

- Queued heartbeats and buckets go through the outbox of a ``Client``, over MQTT: they are on disk when the call returns
  and are sent until the server confirms them. Heartbeats are pre-merged before (``premerge``); what is kept back for
  that is handed over by ``disconnect``, at the latest when the interpreter ends.
- All else goes over REST, and needs no ``connect``: a program inserts and reads after its ``with`` statement, as the
  documentation of ActivityWatch shows. So the server says at once that a bucket does not exist, a server that is away
  is an error and leaves nothing behind that would be stored later beside the repetition, and what was written can be
  read when the call returns.

A write over REST first lets the outbox come to its end for that bucket, for a moment and unless the server is known to
be away; so a bucket that was just created in the queue is there for an insert, and a deleted one does not come back.
"""

from __future__ import annotations

import atexit
import os
import random
import socket
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

from pulseline_client.activitywatch_config import find_key, load_activitywatch_config, parse_port
from pulseline_client.client import Client
from pulseline_client.event import Event, EventLike, copy_event
from pulseline_client.premerge import Pending, take_heartbeat
from pulseline_client.rest_session import RestSession
from pulseline_core.backoff import Backoff
from pulseline_core.bucket import BucketDescription, parse_bucket_id, parse_pulsetime
from pulseline_core.errors import ReplyTimeout, ServerUnavailable
from pulseline_core.types import JSONValue

#: How long a call waits for the outbox where that is a courtesy: many round trips, a short end of a program.
PATIENCE_S: Final = 2.0

#: Between two looks whether the server is there: the first, doubling, and the longest.
POLL_S: Final = 0.1
MAX_POLL_S: Final = 1.0


class ActivityWatchClient:
    """The client of a watcher, with the calls of ``aw_client.ActivityWatchClient``. Any thread may call.

    ::

        client = ActivityWatchClient("my-watcher", testing=True)
        client.create_bucket("my-bucket", "app.editor.activity", queued=True)
        with client:
            client.heartbeat("my-bucket", Event(data={"file": "notes.md"}), pulsetime=5, queued=True)

    Attributes:
        testing: whether it talks to a server that was started with ``--testing``.
        client_name: the ``client`` of buckets that it creates, and the folder of its outbox.
        client_hostname: the ``hostname`` of buckets that it creates; may be set.
        server_address: the REST server's, as in ``http://127.0.0.1:5600``.
        server_api_key: the REST server's bearer key, ``None`` without one.
        commit_interval: how long a queued heartbeat grows before it is handed over, in seconds; may be set.
    """

    def __init__(  # noqa: PLR0913, PLR0917  ActivityWatch's own, by place, and after them ours
        self,
        client_name: str = "unknown",
        testing: bool = False,
        host: str | None = None,
        port: int | str | None = None,
        protocol: str = "http",
        *,
        broker_host: str | None = None,
        broker_port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        outbox: Path | None = None,
    ) -> None:
        """Read the settings file; nothing is connected. What is ``None`` is as the file says.

        Args:
            client_name: of the program.
            testing: talk to the server for testing.
            host: the REST server's.
            port: the REST server's.
            protocol: the REST server's, ``http`` or ``https``.
            broker_host: the MQTT broker's; where the file names none either, the REST server's.
            broker_port: the MQTT broker's.
            username: at the broker.
            password: at the broker.
            api_key: the REST server's bearer key; for a server on loopback by default the data folder's.
            outbox: the outbox's file, instead of one in the user's data folder.

        Raises:
            ConfigError: the settings file, or an address, can not be.
        """
        config = load_activitywatch_config(testing=testing)
        self.testing = testing
        self.client_name = client_name
        self.client_hostname = socket.gethostname()
        self.commit_interval = config.commit_interval_s
        host = config.server.host if host is None else host
        self.server_api_key = find_key(config.api_key if api_key is None else api_key, host, testing=testing)
        port = config.server.port if port is None else parse_port(port, name="port")
        self.server_address = f"{protocol}://{host}:{port}"
        self._rest = RestSession(self.server_address, key=self.server_api_key or "")
        self._queue = Client(
            broker_host or config.broker.host or host,
            config.broker.port if broker_port is None else broker_port,
            name=client_name,
            outbox=outbox,
            username=config.username if username is None else username,
            password=config.password if password is None else password,
            creates_buckets=False,
        )
        self._pending: dict[str, Pending] = {}
        self._lock = threading.RLock()
        self._process: int | None = None

    def __repr__(self) -> str:
        return f"ActivityWatchClient({self.client_name!r}, {self.server_address!r})"

    @property
    def hostname(self) -> str:
        """The former name of ``client_hostname``."""
        return self.client_hostname

    # --- the queue

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def connect(self) -> None:
        """Open the outbox and start to send what is in it; does not wait for the server. A second call does nothing.

        Raises:
            OutboxInUse: another process, or another client of this one, has the outbox.
            NotPermitted: the file system refuses us.
            StoreUnavailable: the outbox can not be opened now.
        """
        with self._lock:
            if self._process is None:
                self._queue.__enter__()
                self._process = os.getpid()
                atexit.register(self._disconnect_at_exit)

    def disconnect(self) -> None:
        """Hand the last heartbeats over, give what is queued a moment to be confirmed, and close.

        What is not confirmed then stays in the outbox. A second call does nothing.
        """
        with self._lock:
            self._rest.close()
            if self._process is None:
                return
            try:
                for bucket_id in list(self._pending):
                    self._hand_over(bucket_id, self._pending[bucket_id])
                    del self._pending[bucket_id]
                self._await_queue()
            finally:
                self._process = None
                atexit.unregister(self._disconnect_at_exit)
                self._queue.close()

    def _disconnect_at_exit(self) -> None:
        if self._process == os.getpid():  # a fork has this, too, and not what it works on
            self.disconnect()

    def heartbeat(  # noqa: PLR0917  ActivityWatch's own
        self,
        bucket_id: str,
        event: EventLike,
        pulsetime: float,
        queued: bool = False,
        commit_interval: float | None = None,
    ) -> None:
        """Say that something holds: it becomes an event, or prolongs the one that it goes on with.

        Args:
            bucket_id: an existing bucket.
            event: what holds; its id means nothing.
            pulsetime: how far apart two heartbeats of one state may lie, in seconds.
            queued: keep it back to grow, then put it into the outbox; connects, if that was not done yet.
            commit_interval: for this heartbeat, in place of the client's.

        Raises:
            BadInput: it can not be taken as it is.
            NotFound: the bucket does not exist (``queued`` false).
            ServerUnavailable: the server is away (``queued`` false); nothing was taken.
            OutboxFull: too much waits for the server; this heartbeat was not taken.
        """
        held = Pending(event=_copy_heartbeat(event), pulsetime=parse_pulsetime(pulsetime))
        if not queued:
            self._settle(bucket_id)
            self._rest.heartbeat(bucket_id, held.event, held.pulsetime)
            return
        parse_bucket_id(bucket_id)
        self._queue.check_event(held.event)
        interval = timedelta(seconds=self.commit_interval if commit_interval is None else commit_interval)
        with self._lock:
            self.connect()
            ready, kept = take_heartbeat(self._pending.get(bucket_id), held, commit_interval=interval)
            self._hand_over(bucket_id, ready)
            self._pending[bucket_id] = kept

    def _hand_over(self, bucket_id: str, pending: Pending | None) -> None:
        if pending is not None and not pending.is_covered:
            self._queue.heartbeat(bucket_id, pending.event, pulsetime=pending.pulsetime, queued=True)

    def _settle(self, bucket_id: str) -> None:
        """Let what is queued for a bucket go first, if the server is there to take it."""
        if self._queue.has_unconfirmed(bucket_id):
            self._await_queue()

    def _await_queue(self) -> None:
        if not self._queue.status.problem:
            with suppress(ReplyTimeout):
                self._queue.flush(PATIENCE_S)

    # --- buckets

    def create_bucket(self, bucket_id: str, event_type: str, queued: bool = False) -> None:
        """Create a bucket; one that exists stays as it is."""
        description = BucketDescription(type=event_type, client=self.client_name, hostname=self.client_hostname)
        if queued:
            self.connect()
            self._queue.describe_bucket(bucket_id, description, update=False, queued=True)
        else:
            self._settle(bucket_id)
            self._rest.create_bucket(bucket_id, description.to_json())

    def setup_bucket(self, bucket_id: str, event_type: str) -> None:
        """Create a bucket in the queue."""
        self.create_bucket(bucket_id, event_type, queued=True)

    def delete_bucket(self, bucket_id: str, force: bool = False) -> None:
        """Delete a bucket with its events and with the heartbeat that is kept back for it; raise ``NotFound``.

        Without ``force`` a server that does not run for testing refuses it with ``NotAuthorized``.
        """
        with self._lock:
            self._pending.pop(bucket_id, None)
        self._settle(bucket_id)
        self._rest.delete_bucket(bucket_id, force=force)

    def get_buckets(self) -> dict[str, Any]:
        """Return all buckets by id."""
        return self._rest.get_buckets()

    # --- events

    def get_event(self, bucket_id: str, event_id: int) -> Event | None:
        """Return one event, never cut, or ``None`` where it does not exist."""
        return self._rest.get_event(bucket_id, event_id)

    def get_events(
        self, bucket_id: str, limit: int = -1, start: datetime | None = None, end: datetime | None = None
    ) -> list[Event]:
        """Return events, newest first, cut to the range; an instant without a time zone is UTC."""
        return self._rest.get_events(bucket_id, start=_to_utc(start), end=_to_utc(end), limit=_read_limit(limit))

    def get_eventcount(
        self,
        bucket_id: str,
        limit: int = -1,  # noqa: ARG002  ActivityWatch's own
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> int:
        """Return how many events there are, or touch the range; ``limit`` means nothing."""
        return self._rest.get_eventcount(bucket_id, start=_to_utc(start), end=_to_utc(end))

    def insert_event(self, bucket_id: str, event: EventLike) -> None:
        """Insert one event as it is, or replace the one with its id; raise ``NotFound`` for the bucket."""
        self.insert_events(bucket_id, [event])

    def insert_events(self, bucket_id: str, events: Iterable[EventLike]) -> None:
        """Insert events as they are, or replace those with their ids; raise ``NotFound`` for the bucket."""
        copied = [copy_event(event) for event in events]
        self._settle(bucket_id)
        self._rest.insert_events(bucket_id, copied)

    def delete_event(self, bucket_id: str, event_id: int) -> None:
        """Delete an event, if it exists; raise ``NotFound`` for the bucket."""
        self._settle(bucket_id)
        self._rest.delete_event(bucket_id, event_id)

    # --- the server

    def get_info(self) -> dict[str, Any]:
        """Return ``{"hostname", "version", "testing", "device_id"}``."""
        return self._rest.get_info()

    def wait_for_start(self, timeout: float = 10) -> None:
        """Return when the server answers, asking at once and then ever more seldom.

        Args:
            timeout: in seconds.

        Raises:
            ServerUnavailable: it did not start in time.
        """
        deadline, never = monotonic() + timeout, threading.Event()
        backoff = Backoff(POLL_S, MAX_POLL_S, jitter=0)
        while True:
            delay_s = backoff.next_delay_s(random.random)
            try:
                self._rest.get_info()
            except ServerUnavailable as error:
                if monotonic() + delay_s > deadline:
                    raise ServerUnavailable(self.server_address, f"it did not start within {timeout:g} s") from error
            else:
                return
            never.wait(delay_s)

    def query(
        self,
        query: str,
        timeperiods: Sequence[tuple[datetime, datetime]],
        name: str | None = None,
        cache: bool = False,
    ) -> list[Any]:
        """Run a query over periods of time; return one result for each.

        Args:
            query: statements, a line or several.
            timeperiods: starts and ends, aware.
            name: of the query, its variable ``NAME``.
            cache: as in ActivityWatch it changes nothing, and takes a name.

        Raises:
            ValueError: an instant has no time zone, or ``cache`` no name.
            QueryRefused: the server can not read or run the query.
        """
        if any(instant.tzinfo is None for period in timeperiods for instant in period):
            raise ValueError("start/stop needs to have a timezone set")
        if cache and not name:
            raise ValueError("a query that is cached needs a name")
        return self._rest.query(query, timeperiods, name=name)

    def export_all(self) -> dict[str, Any]:
        """Return ``{"buckets": {id: {..., "events": [...]}}}``."""
        return self._rest.get_export()

    def export_bucket(self, bucket_id: str) -> dict[str, Any]:
        """Return the same for one bucket; raise ``NotFound``."""
        return self._rest.get_export(bucket_id)

    def import_bucket(self, bucket: dict[str, Any]) -> None:
        """Import a bucket with its ``events``, as it stands in an export."""
        self._rest.import_buckets({bucket["id"]: bucket})

    def get_setting(self, key: str | None = None) -> Any:
        """Return a setting, ``None`` where it is not set; without a key all of them, by key."""
        return self._rest.get_settings() if key is None else self._rest.get_setting(key)

    def set_setting(self, key: str, value: JSONValue) -> None:
        """Store a setting, any JSON value."""
        self._rest.set_setting(key, value)


def _copy_heartbeat(event: EventLike) -> Event:
    return replace(copy_event(event), id=None)


def _to_utc(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant


def _read_limit(limit: int) -> int | None:
    return None if limit < 0 else limit
