"""The outbox: messages that are safe on disk until the server has confirmed them.

Theory of operation. One thread, the writer, has the writing connection. It takes all drafts that wait, numbers and
writes them in one transaction, and tells those who brought them; who comes meanwhile goes with the next::

    thread 1  put --------> waits .....................> returns
    thread 2      put ---------> waits .....................................> returns
    thread 3        leave -> goes on                                        (told)
    writer              [number, insert 1, COMMIT, tell] [insert 2 3, COMMIT, tell]

So an exception that the system throws into a caller, as Ctrl-C does, never meets a transaction.

Invariants: ids grow in the order of commits; the seqs of a bucket follow one another without a gap, also when a
commit fails and when the outbox ran empty; only the writer touches the writing connection and the numbers.

One reader, the sender's thread, takes messages in order: from memory while it keeps up (``_tail`` holds what was
committed last), from the file through a connection of its own when it is behind. What the server confirmed is deleted
with the next commit, so that a message costs one sync in all; a deletion that gets lost with the process only means
that the server is told twice. When the disk is full, deletion comes first: see ``outbox_room``.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Self, TypeAlias

from pulseline_client import outbox_file
from pulseline_client.outbox_file import map_errors, transaction
from pulseline_client.outbox_room import Room, delete
from pulseline_client.queued_message import Draft, QueuedMessage
from pulseline_core import runtime
from pulseline_core.errors import Closed, DiskFull, Misuse, OutboxFull, PulselineError, StoreUnavailable
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId, PublisherId

logger = logging.getLogger(__name__)

#: What a row costs beyond its body: ids, keys, the index; measured with short bucket ids.
ROW_BYTES: Final = 100

#: For the writer to end: one commit on a slow disk.
CLOSE_TIMEOUT_S: Final = 5.0

#: What is kept in memory for a reader that keeps up; beyond it the reader goes to the file.
TAIL_MESSAGES: Final = 2000
TAIL_BYTES: Final = 4 * 1024 * 1024

#: What one reading takes at most, and the message that exceeds it.
READ_BYTES: Final = 4 * 1024 * 1024

_INSERT: Final = "INSERT INTO message (id, bucket_id, seq, kind, size, body) VALUES (?, ?, ?, ?, ?, ?)"
_READ: Final = "SELECT id, bucket_id, seq, kind, body FROM message WHERE id > ? ORDER BY id LIMIT ?"
_READ_BUCKET: Final = (
    "SELECT id, bucket_id, seq, kind, body FROM message WHERE bucket_id = ? AND seq > ? ORDER BY seq LIMIT ?"
)


Settled: TypeAlias = Callable[[Sequence[QueuedMessage], PulselineError | None], None]
"""Told what became of the drafts that were left: the numbered messages, or why none of them was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLimits:
    """How much may wait: a month of one heartbeat in three seconds, or what a small disk can spare."""

    max_messages: int = 1_000_000
    max_bytes: int = 1024**3


@dataclass(slots=True)
class _Deposit:
    """What one call of ``put`` or ``leave`` brings."""

    drafts: Sequence[Draft]
    settled: Settled
    messages: list[QueuedMessage] = field(default_factory=list[QueuedMessage])


@dataclass(slots=True)
class _Group:
    """What one commit writes and deletes."""

    deposits: list[_Deposit]
    discards: dict[BucketId, int]
    publisher: PublisherId | None


def _do_nothing() -> None:
    pass


class Outbox:
    """The open outbox of one process; a context manager. Any thread may put, one thread reads."""

    def __init__(self, path: Path, *, limits: OutboxLimits | None = None) -> None:
        self.path = path
        self._limits = limits if limits is not None else OutboxLimits()
        #: Called on the writer when there is more to read; must not block.
        self.committed: Callable[[], None] = _do_nothing
        self._guard = threading.Lock()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting: list[_Deposit] = []
        self._discards: dict[BucketId, int] = {}
        self._new_publisher: PublisherId | None = None
        self._unconfirmed: dict[BucketId, int] = {}
        self._tail: deque[QueuedMessage] = deque()
        self._tail_bytes = 0
        self._process = os.getpid()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._room = Room(path)
        self._lock = -1

    def __enter__(self) -> Self:
        """Lock and open the file; see ``outbox_file`` for the errors."""
        self._lock = outbox_file.lock_outbox(self.path)
        try:
            self._writer = self._room.open()
            self._reader = outbox_file.connect(self.path)
            with map_errors(self.path):
                self._load(self._reader)
        except PulselineError:
            self._release()
            raise
        self._thread = runtime.spawn(self._run, name="pulseline-client-outbox")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self, connection: sqlite3.Connection) -> None:
        publisher, self._inode = connection.execute("SELECT id, inode FROM publisher").fetchone()
        self.publisher = PublisherId(publisher)
        last_seqs = {BucketId(name): seq for name, seq in connection.execute("SELECT bucket_id, last_seq FROM bucket")}
        self._messages, self._bytes, last_id = 0, 0, 0
        rows = connection.execute("SELECT bucket_id, max(seq), max(id), count(*), sum(size) FROM message GROUP BY 1")
        for name, seq, newest, count, size in rows:
            last_seqs[name] = max(seq, last_seqs.get(name, 0))
            self._unconfirmed[name] = seq
            self._messages += count
            self._bytes += size + count * ROW_BYTES
            last_id = max(last_id, newest)
        #: Up to here messages may have been sent by an earlier process.
        self.inherited: Mapping[BucketId, int] = dict(last_seqs)
        self._last_seqs = last_seqs
        #: The newest message's id, 0 before the first.
        self.last_id = last_id
        #: All messages after this id are in the tail.
        self._tail_floor = last_id

    def close(self) -> None:
        """Write what was left, delete what was confirmed, and let go of the file; a second call does nothing."""
        with self._guard:
            thread, self._thread = self._thread, None
            self._calls.put(False)
        if thread is not None and runtime.join(thread, CLOSE_TIMEOUT_S):
            self._release()

    def _release(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._reader = self._writer = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def messages(self) -> int:
        """How many messages are in the file; confirmed ones count until they are deleted."""
        return self._messages

    def has_unconfirmed(self, bucket_id: BucketId) -> bool:
        """Return whether messages of a bucket are in the file that have not been confirmed."""
        return bucket_id in self._unconfirmed

    def put(self, drafts: Sequence[Draft]) -> list[QueuedMessage]:
        """Take messages in; they are committed and synced when this returns, or none of them is.

        Raises:
            OutboxFull: there is no room for all of them.
            DiskFull: the disk has no space.
            StoreUnavailable: the file can not be written.
            Closed: the outbox is not open.
        """
        receipt: SimpleQueue[tuple[Sequence[QueuedMessage], PulselineError | None]] = SimpleQueue()
        self.leave(drafts, lambda messages, error: receipt.put((messages, error)))
        messages, error = receipt.get()
        if error is not None:
            raise error
        return list(messages)

    def leave(self, drafts: Sequence[Draft], settled: Settled) -> None:
        """Take messages in without waiting for their commit.

        Args:
            drafts: what to take, in order.
            settled: called after the commit and before anybody can read the messages, on the writer; must not block.

        Raises:
            OutboxFull: there is no room for all of them.
            Closed: the outbox is not open.
        """
        if os.getpid() != self._process:
            raise Misuse("the outbox was opened before a fork; open a client of its own in each process")
        with self._guard:
            if self._thread is None:
                raise Closed("outbox")
            self._reserve(drafts)
            self._waiting.append(_Deposit(drafts, settled))
            self._calls.put(True)

    def commit(self) -> None:
        """Wait until all that was left is written, and what was confirmed is deleted.

        Raises:
            DiskFull, StoreUnavailable: that failed. What was left is settled; deletions stay noted for the next commit.
        """
        self.put(())

    def _reserve(self, drafts: Sequence[Draft]) -> None:
        size_bytes = _get_size(drafts)
        is_full = self._messages + len(drafts) > self._limits.max_messages
        if is_full or self._bytes + size_bytes > self._limits.max_bytes:
            raise OutboxFull(messages=self._messages, size_bytes=self._bytes)
        self._messages += len(drafts)
        self._bytes += size_bytes

    def _run(self) -> None:
        """Commit what waits, until told to end; what waits then is committed, too."""
        is_going_on = True
        while is_going_on:
            is_going_on = self._calls.get()
            group = self._take_group()
            if group.deposits or group.discards:
                self._commit(group)

    def _take_group(self) -> _Group:
        with self._guard:
            group = _Group(self._waiting, self._discards, self._new_publisher)
            self._waiting, self._discards, self._new_publisher = [], {}, None
        return group

    def _commit(self, group: _Group) -> None:
        """Write the group and tell those who brought it."""
        error: PulselineError | None = None
        freed: list[int] = []
        try:
            self._write_or_make_room(group, freed)
        except PulselineError as problem:
            error = problem
        except Exception as problem:
            # The outermost loop of the thread: without it nobody would ever be told, nor anything be stored again.
            error = StoreUnavailable(f"outbox '{self.path}' was not written: {problem}")
            logger.exception("the outbox failed", extra={"action": "outbox_failed"})
        with self._guard:
            self._finish(group, freed, error)
        if error is None and any(deposit.drafts for deposit in group.deposits):
            self.committed()

    def _write_or_make_room(self, group: _Group, freed: list[int]) -> None:
        """Write the group, on a full disk after making room; ``freed`` gets the sizes of what is deleted."""
        if self._writer is None:
            raise Closed("outbox")
        try:
            freed += self._write(self._writer, group)
        except DiskFull:
            for sizes in self._room.make(self._writer, group.discards):
                freed += sizes
            group.discards = {}
            self._write(self._writer, group)

    def _write(self, connection: sqlite3.Connection, group: _Group) -> list[int]:
        """Run the transaction; return the sizes of the rows that were deleted."""
        last_seqs = self._number(group.deposits)
        outbox_file.check_place(self.path, self._inode)
        self._room.limit_growth(connection)
        with transaction(connection, self.path):
            for deposit in group.deposits:
                connection.executemany(_INSERT, map(_to_row, deposit.messages))
            if group.publisher is not None:
                connection.execute("UPDATE publisher SET id = ?", (group.publisher,))
            freed = [size for item in group.discards.items() for size in delete(connection, *item)]
        self._last_seqs.update(last_seqs)
        self.publisher = group.publisher or self.publisher
        return freed

    def _number(self, deposits: Iterable[_Deposit]) -> dict[BucketId, int]:
        """Give the drafts their numbers; return the last seq of each bucket, to be kept once the commit held."""
        given: dict[BucketId, int] = {}
        message_id = self.last_id
        for deposit in deposits:
            deposit.messages = []
            for draft in deposit.drafts:
                message_id += 1
                seq = given.get(draft.bucket_id, self._last_seqs.get(draft.bucket_id, 0)) + 1
                given[draft.bucket_id] = seq
                deposit.messages.append(
                    QueuedMessage(id=message_id, bucket_id=draft.bucket_id, seq=seq, kind=draft.kind, body=draft.body)
                )
        return given

    def _finish(self, group: _Group, freed: Sequence[int], error: PulselineError | None) -> None:
        """Account for the group; called under the lock."""
        if error is not None:
            for bucket_id, seq in group.discards.items():
                self._discards[bucket_id] = max(seq, self._discards.get(bucket_id, 0))
        self._messages -= len(freed)
        self._bytes -= sum(freed) + ROW_BYTES * len(freed)
        for deposit in group.deposits:
            deposit.settled(deposit.messages, error)
            if error is None:
                self._extend_tail(deposit.messages)
            else:
                self._messages -= len(deposit.drafts)
                self._bytes -= _get_size(deposit.drafts)

    def _extend_tail(self, messages: Sequence[QueuedMessage]) -> None:
        for message in messages:
            self._tail.append(message)
            self._tail_bytes += len(message.body)
            self._unconfirmed[message.bucket_id] = message.seq
            self.last_id = message.id
        while self._tail_bytes > TAIL_BYTES or len(self._tail) > TAIL_MESSAGES:
            self._shorten_tail()

    def _shorten_tail(self) -> None:
        oldest = self._tail.popleft()
        self._tail_bytes -= len(oldest.body)
        self._tail_floor = oldest.id

    def read_after(self, message_id: int, *, limit: int) -> list[QueuedMessage]:
        """Return the oldest messages after ``message_id``, at most ``limit``; for the one reader.

        The reader goes forward only: what it has passed is dropped from memory.
        """
        with self._guard:
            if message_id >= self._tail_floor:
                while self._tail and self._tail[0].id <= message_id:
                    self._shorten_tail()
                return list(islice(self._tail, limit))
        return self._read(_READ, (message_id, limit))

    def read_bucket_after(self, bucket_id: BucketId, seq: int, *, limit: int) -> list[QueuedMessage]:
        """Return a bucket's oldest messages after ``seq``, at most ``limit``; for the one reader."""
        return self._read(_READ_BUCKET, (bucket_id, seq, limit))

    def _read(self, query: str, arguments: tuple[int | str, ...]) -> list[QueuedMessage]:
        if self._reader is None:
            raise Closed("outbox")
        messages: list[QueuedMessage] = []
        size_bytes = 0
        with map_errors(self.path), closing(self._reader.execute(query, arguments)) as rows:
            for row in rows:
                messages.append(_from_row(row))
                size_bytes += len(messages[-1].body)
                if size_bytes >= READ_BYTES:
                    break
        return messages

    def renew_publisher(self) -> None:
        """Go on under a new id, since another outbox uses ours; errors as for ``commit``."""
        with self._guard:
            self._new_publisher = outbox_file.make_publisher()
        self.commit()

    def discard(self, bucket_id: BucketId, seq: int) -> None:
        """Delete a bucket's messages up to ``seq`` with the next commit; they count as waiting until then."""
        with self._guard:
            if self._unconfirmed.get(bucket_id, 0) <= seq:
                self._unconfirmed.pop(bucket_id, None)
            self._discards[bucket_id] = max(seq, self._discards.get(bucket_id, 0))


def _get_size(drafts: Iterable[Draft]) -> int:
    return sum(len(draft.body) + ROW_BYTES for draft in drafts)


def _to_row(message: QueuedMessage) -> tuple[int, str, int, str, int, bytes]:
    kind, body = message.kind.value, message.body
    return message.id, message.bucket_id, message.seq, kind, len(body), body


def _from_row(row: tuple[int, str, int, str, bytes]) -> QueuedMessage:
    message_id, bucket_id, seq, kind, body = row
    return QueuedMessage(id=message_id, bucket_id=BucketId(bucket_id), seq=seq, kind=Kind(kind), body=body)
