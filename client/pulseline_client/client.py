"""The client: what a watcher or a script uses to write to Pulseline, durably, and to read from it.

Writes go into the outbox, a file, and from there over MQTT to the server by a thread of their own; with
``queued=True`` a call returns when the message is on disk, with ``queued=False`` when the server has committed it, with
the result. Reads go over REST.

Bad input raises at the call and never reaches the outbox. A message that is in the outbox is sent until the server
confirms it, also by the next process that opens the same outbox.
"""

from __future__ import annotations

import ssl
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, Self

from pulseline_client.connection import BrokerAddress, Connection
from pulseline_client.event import Event
from pulseline_client.outbox import Outbox, OutboxLimits
from pulseline_client.queued_message import Draft
from pulseline_client.reply import Outcome, Reply
from pulseline_client.rest import RestReader
from pulseline_client.sender import Sender
from pulseline_client.writer import Writer
from pulseline_core import paths
from pulseline_core.errors import Closed, ReplyTimeout
from pulseline_core.message import DEFAULT_MAX_PAYLOAD_BYTES
from pulseline_core.topic import ACK_LEVEL, DEFAULT_ROOT, encode_level
from pulseline_core.types import BucketId, JSONObject, JSONValue
from pulseline_core.waker import Waker

#: Where a broker listens unless it is told otherwise.
DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 1883

#: For the sender's thread to end and the outbox to be left tidy.
CLOSE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """How it goes.

    Attributes:
        publisher: the outbox's id, also the MQTT client id.
        is_connected: whether there is a connection to the broker.
        problem: why messages do not get through, or an empty text.
        waiting: messages in the outbox; confirmed ones count for a moment, until they are deleted.
        confirmed: messages that the server confirmed since the start.
        rejected: messages that the server answered with an error and nobody waited for.
    """

    publisher: str
    is_connected: bool
    problem: str
    waiting: int
    confirmed: int
    rejected: int


class Client(Writer):
    """Writes to and reads from a Pulseline server. A context manager; any thread may call.

    ::

        with Client() as client:
            client.create_bucket("plug", type="power", queued=True)
            client.heartbeat("plug", {"state": "on"}, pulsetime=60)

    The outbox is opened and the sender started by ``with``; reads also work without. One process at a time may have
    an outbox; its place follows from ``name`` and the broker unless ``outbox`` names a file.
    """

    def __init__(  # noqa: PLR0913  what a user says once, flat, is easier to read than an object of options
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        *,
        name: str = "pulseline-client",
        outbox: Path | None = None,
        username: str = "",
        password: str = "",
        tls: ssl.SSLContext | None = None,
        url: str = "http://127.0.0.1:5600",
        key: str = "",
        root: str = DEFAULT_ROOT,
        timeout_s: float = 10.0,
        max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
        creates_buckets: bool = True,
        limits: OutboxLimits | None = None,
    ) -> None:
        """Store the options; nothing is opened.

        Args:
            host: the MQTT broker's.
            port: the MQTT broker's.
            name: of the program; the ``client`` of buckets it creates, and with the broker the folder of its outbox.
            outbox: the outbox's file, instead of one in the user's data folder.
            username: at the broker; empty is anonymous.
            password: at the broker.
            tls: encrypts the connection to the broker, as in ``ssl.create_default_context()``.
            url: the REST server's.
            key: the REST server's, where it asks for one.
            root: of the MQTT topics.
            timeout_s: how long calls with ``queued=False`` wait for the server.
            max_payload_bytes: the largest message that the server takes.
            creates_buckets: whether heartbeats and events may make an unknown bucket.
            limits: how much may wait in the outbox.
        """
        super().__init__(name=name, max_payload_bytes=max_payload_bytes, creates_buckets=creates_buckets)
        self.timeout_s = timeout_s
        self.outbox_path = outbox if outbox is not None else get_outbox_path(name, host, port)
        self._address = BrokerAddress(host=host, port=port, username=username, password=password, tls=tls)
        self._root = root
        self._limits = limits
        self._rest = RestReader(url, key=key)
        self._outbox: Outbox | None = None
        self._sender: Sender | None = None

    def __repr__(self) -> str:
        return f"Client({self._address.host!r}, {self._address.port}, name={self.name!r})"

    def __enter__(self) -> Self:
        """Open the outbox and start sending; does not wait for the server.

        Raises:
            OutboxInUse: another process, or another client of this one, has the outbox.
            NotPermitted: the file system refuses us.
            StoreUnavailable: the outbox can not be opened now.
        """
        outbox = Outbox(self.outbox_path, limits=self._limits)
        outbox.__enter__()
        self._outbox = outbox

        def build_connection(waker: Waker, stop: threading.Event) -> Connection:
            ack_topic = f"{self._root}/{ACK_LEVEL}/{outbox.publisher}"  # the id may have changed since the last one
            return Connection(self._address, publisher=outbox.publisher, ack_topic=ack_topic, waker=waker, stop=stop)

        self._sender = Sender(outbox, build_connection, root=self._root)
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_sender", None) is not None:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Stop sending and close the outbox; what is not confirmed stays there. A second call does nothing.

        Calls that still wait for the server raise ``Closed``; their messages are kept, too.
        """
        sender, outbox = self._sender, self._outbox
        self._sender = self._outbox = None
        if sender is not None and outbox is not None:
            # The sender first: it works on the outbox.
            sender.close(timeout_s)
            outbox.close()
        self._rest.close()

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until everything that is in the outbox now is confirmed and the outbox is empty.

        Raises:
            ReplyTimeout: not within ``timeout_s``; all is kept and will be sent.
        """
        with self._explain_timeout(timeout_s):
            self._get_sender().flush(timeout_s)

    @property
    def status(self) -> ClientStatus:
        """How it goes; raises ``Closed`` before ``with`` and after ``close``."""
        sender, outbox = self._get_sender(), self._outbox
        return ClientStatus(
            publisher=outbox.publisher if outbox is not None else "",
            is_connected=sender.is_connected,
            problem="" if sender.problem is None else str(sender.problem),
            waiting=outbox.messages if outbox is not None else 0,
            confirmed=sender.delivery.counters.confirmed,
            rejected=sender.counters.rejected,
        )

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker."""
        return self._sender is not None and self._sender.is_connected

    def has_unconfirmed(self, bucket_id: str) -> bool:
        """Return whether messages of the bucket are in the outbox that the server has not confirmed."""
        return self._outbox is not None and self._outbox.has_unconfirmed(BucketId(bucket_id))

    @property
    def rejected(self) -> int:
        """How many messages the server answered with an error while nobody waited; each is in the log."""
        return self._get_sender().counters.rejected

    def send(self, drafts: Sequence[Draft], *, queued: bool) -> list[Outcome] | None:
        """Put messages into the outbox and, unless ``queued``, wait for all outcomes; raise the first error."""
        sender = self._get_sender()
        if queued or not drafts:
            sender.submit(drafts)
            return None if queued else []
        replies = [Reply() for _ in drafts]
        sender.ask(drafts, replies)
        deadline = monotonic() + self.timeout_s
        try:
            with self._explain_timeout(self.timeout_s):
                outcomes = [reply.wait(max(0.0, deadline - monotonic())) for reply in replies]
        except ReplyTimeout:
            sender.save()
            raise
        finally:
            for reply in replies:
                sender.replies.forget(reply)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return outcomes

    def _get_sender(self) -> Sender:
        if self._sender is None:
            raise Closed("client", hint="use it in a with statement: with Client(...) as client")
        return self._sender

    @contextmanager
    def _explain_timeout(self, timeout_s: float) -> Iterator[None]:
        """Let a ``ReplyTimeout`` name the time that was asked for, and what the matter with the connection is."""
        try:
            yield
        except ReplyTimeout:
            problem = None if self._sender is None else self._sender.problem
            raise ReplyTimeout(timeout_s, problem=problem) from None

    # --- reads

    def get_info(self) -> JSONObject:
        """Return ``{"hostname", "version", "testing", "device_id"}``."""
        return self._rest.get_info()

    def get_buckets(self) -> dict[str, JSONValue]:
        """Return all buckets by id."""
        return self._rest.get_buckets()

    def get_bucket(self, bucket_id: str) -> JSONObject:
        """Return a bucket; raise ``NotFound``."""
        return self._rest.get_bucket(bucket_id)

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether the server has a bucket."""
        return self._rest.has_bucket(bucket_id)

    def get_events(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None, limit: int | None = None
    ) -> list[Event]:
        """Return a bucket's events, newest first; see ``RestReader.get_events``."""
        return self._rest.get_events(bucket_id, start=start, end=end, limit=limit)

    def get_event(self, bucket_id: str, event_id: int) -> Event | None:
        """Return one event, or ``None`` where it does not exist."""
        return self._rest.get_event(bucket_id, event_id)

    def get_eventcount(self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None) -> int:
        """Return how many events a bucket has, or touch a time; raise ``NotFound``."""
        return self._rest.get_eventcount(bucket_id, start=start, end=end)

    def get_setting(self, key: str) -> JSONValue:
        """Return one setting, ``None`` where it is not set."""
        return self._rest.get_setting(key)

    def query(
        self, query: str, periods: Sequence[tuple[datetime, datetime]], *, name: str | None = None
    ) -> list[JSONValue]:
        """Return the results of a query, one for each period; see ``RestReader.query``."""
        return self._rest.query(query, periods, name=name)

    def iter_export(
        self,
        bucket_id: str | None = None,
        *,
        form: str = "json",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Iterator[bytes]:
        """Yield the export of a bucket, or of all, piece by piece: ``json``, ``csv`` or ``ndjson``."""
        return self._rest.iter_export(bucket_id, form=form, start=start, end=end)


def get_outbox_path(name: str, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> Path:
    """Return where the outbox of a program of this name lies: one for each broker, so that none gets another's."""
    folder = encode_level(name)
    if (host, port) != (DEFAULT_HOST, DEFAULT_PORT):
        folder = f"{folder}-{host}-{port}".replace(":", "_").replace("/", "_")
    return paths.get_data_dir() / "client" / folder / "outbox.db"
