"""An ActivityWatch export: JSON, read in one pass, an event at a time.

The real form is ``{"buckets": {id: bucket}}`` (both servers, and ours); ActivityWatch's schema says that ``buckets`` is
an array; a list of buckets and a single bucket are read, too. A bucket is ``{"id", "type", "client", "hostname",
"created", "data"?, "events": [...]}``, its keys in any order. Where the events come before something that describes
their bucket, the rest of the file is searched for that first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Final

from pulseline_client.importing.json_tokens import JsonTokens, Token, read_value, skip_value
from pulseline_client.importing.source import Refusal, SourceBucket, read_event
from pulseline_core.errors import BadInput
from pulseline_core.event import Event
from pulseline_core.types import JSONObject, JSONValue

#: What the events of a bucket have to wait for.
_NEEDED: Final = frozenset({"type", "client", "hostname", "created"})


class NoExport(BadInput):
    """A JSON document of another form."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} is JSON, but no ActivityWatch export: {problem}")
        self.name = name
        self.problem = problem


class ExportFile:
    """A source that reads a JSON export."""

    def __init__(self, file: IO[bytes], *, name: str = "the export") -> None:
        """Store what to read.

        Args:
            file: seekable, binary; the caller closes it.
            name: what errors call it.
        """
        self._file = file
        self._name = name
        self._size = max(1, file.seek(0, os.SEEK_END))
        self._tokens = JsonTokens(file, name)
        self._descriptions: list[JSONObject] | None = None

    @property
    def fraction(self) -> float:
        """How many of its bytes have been read, 0 to 1."""
        return self._tokens.position / self._size

    def iter_buckets(self, *, now: datetime) -> Iterator[SourceBucket]:
        """Yield the buckets; see ``Source``."""
        self._tokens = JsonTokens(self._file, self._name)
        for number, bucket in enumerate(_Walk(iter(self._tokens), self._name).iter_buckets()):
            fields = bucket.read_fields()
            events = bucket.iter_events(now)
            if bucket.has_events and not fields.keys() >= _NEEDED:
                fields = self._look_ahead(number) | fields
            yield SourceBucket(id=_name_bucket(fields, bucket.key, self._name), fields=fields, events=events)
            for _ in events:
                pass

    def _look_ahead(self, number: int) -> JSONObject:
        """Return all that the file says of its n-th bucket."""
        if self._descriptions is None:
            walk = _Walk(iter(JsonTokens(self._file, self._name)), self._name)
            self._descriptions = [bucket.read_all_fields() for bucket in walk.iter_buckets()]
        return self._descriptions[number]


def _name_bucket(fields: JSONObject, key: str | None, name: str) -> str:
    """Return a bucket's id; as a key of ``buckets`` it counts for less than its own ``id`` (aw-server 0.13.2)."""
    bucket_id = fields.get("id")
    if isinstance(bucket_id, str) and bucket_id:
        return bucket_id
    if key is None:
        raise NoExport(name, "a bucket has no id")
    return key


class _Walk:
    """One way through the document, from bucket to bucket."""

    def __init__(self, tokens: Iterator[Token], name: str) -> None:
        self._tokens = tokens
        self._name = name

    def iter_buckets(self) -> Iterator[_BucketWalk]:
        """Yield the buckets as they are met; each is read to its end when the next one is asked for."""
        first = next(self._tokens)
        if first[0] == "start_array":
            yield from self._iter_list()
        elif first[0] == "start_map":
            yield from self._iter_top()
        else:
            raise NoExport(self._name, f"it is a {first[0]}")
        for _ in self._tokens:  # what follows the document is an error
            pass

    def _iter_top(self) -> Iterator[_BucketWalk]:
        """Yield the buckets of ``buckets``; without that key the object itself is one."""
        top = _BucketWalk(self._tokens, key=None)
        while (key := top.read_to("buckets")) is not None:
            if key == "events":
                yield top
                top.finish()
                return
            yield from self._iter_container(next(self._tokens))
            top.has_buckets = True
        if not top.has_buckets and "id" in top.fields:
            yield top
        elif not top.has_buckets:
            raise NoExport(self._name, "it has no 'buckets'")

    def _iter_container(self, first: Token) -> Iterator[_BucketWalk]:
        match first[0]:
            case "start_map":
                for kind, key in self._tokens:
                    if kind == "end_map":
                        return
                    yield from self._iter_one(next(self._tokens), key)
            case "start_array":
                yield from self._iter_list()
            case "null":
                return
            case kind:
                raise NoExport(self._name, f"'buckets' is a {kind}")

    def _iter_list(self) -> Iterator[_BucketWalk]:
        for token in self._tokens:
            if token[0] == "end_array":
                return
            yield from self._iter_one(token, None)

    def _iter_one(self, first: Token, key: str | None) -> Iterator[_BucketWalk]:
        if first[0] != "start_map":
            raise NoExport(self._name, f"bucket {key or ''!r} is a {first[0]}")
        bucket = _BucketWalk(self._tokens, key=key)
        yield bucket
        bucket.finish()


class _BucketWalk:
    """A bucket whose opening brace has been read.

    Attributes:
        key: its key among the buckets, ``None`` in a list.
        fields: what was read of it so far, without the events.
        has_events: whether its events come next.
        has_buckets: whether it turned out to be an object with buckets.
    """

    def __init__(self, tokens: Iterator[Token], *, key: str | None) -> None:
        self.key = key
        self.fields: JSONObject = {}
        self.has_events = False
        self.has_buckets = False
        self._tokens = tokens
        self._is_over = False

    def read_to(self, *names: str) -> str | None:
        """Read fields up to the value of ``events`` or of one of the names; return which, ``None`` at the end."""
        if self._is_over:
            return None
        for kind, key in self._tokens:
            if kind == "end_map":
                break
            if key in names:
                return str(key)
            if key == "events":
                self.has_events = True
                return "events"
            self.fields[key] = read_value(self._tokens, next(self._tokens))
        self._is_over = True
        return None

    def read_fields(self) -> JSONObject:
        """Return what is said of the bucket before its events."""
        if not self.has_events:
            self.read_to()
        return self.fields

    def read_all_fields(self) -> JSONObject:
        """Return all that is said of the bucket; its events are passed over."""
        self.read_fields()
        self.finish()
        return self.fields

    def iter_events(self, now: datetime) -> Iterator[Event | Refusal]:
        """Yield the events, once."""
        if not self.has_events:
            return
        self.has_events = False
        first = next(self._tokens)
        if first[0] != "start_array":
            value: JSONValue = read_value(self._tokens, first)
            if value is not None:
                yield Refusal("event", f"{str(value)[:64]!r} stands where a list of events should be")
            return
        for token in self._tokens:
            if token[0] == "end_array":
                return
            yield read_event(read_value(self._tokens, token), now=now)

    def finish(self) -> None:
        """Read to the end of the bucket."""
        while not self._is_over:
            if self.has_events:
                self.has_events = False
                skip_value(self._tokens, next(self._tokens))
            self.read_to()
