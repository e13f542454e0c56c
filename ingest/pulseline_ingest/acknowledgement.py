"""Acknowledgements of a committed group, from end to end: one message for each publisher.

An acknowledgement is cumulative: its seq covers all before it, so of several for one bucket only the last is sent.
Those that carry a result are sent each, in order, before it. Several acknowledgements for one publisher are one
array::

    handled      bucket a: 1, 2 (reply), 3, 4        bucket b: 7
    sent         [{a, 2, result}, {a, 4}, {b, 7}]

Of a group that can not be committed, each publisher is told why: ``{"problem": "no space left ..."}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pulseline_core.topic import ACK_LEVEL
from pulseline_core.types import JSONObject, JSONValue
from pulseline_ingest.encoding import encode
from pulseline_ingest.source import Outgoing

#: An array is sent when it has this many bytes, so that the results of a whole group do not make one huge packet.
MAX_ARRAY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementRules:
    """What every acknowledgement says or needs.

    Attributes:
        root: the topics' root.
        epoch: names the database.
        window: how many messages a publisher may have in flight.
    """

    root: str
    epoch: str
    window: int


class Acknowledgements:
    """What a group acknowledges, collected in the order of its messages."""

    def __init__(self) -> None:
        self._publishers: dict[str, _Answers] = {}

    def add(self, publisher: str, bucket_id: str, seq: int) -> None:
        """Acknowledge all of the publisher's messages for the bucket up to ``seq``."""
        answers = self._publishers.get(publisher)
        if answers is None:
            answers = self._publishers[publisher] = _Answers()
        if seq > answers.last.get(bucket_id, -1):
            answers.last[bucket_id] = seq

    def add_result(self, publisher: str, bucket_id: str, *, seq: int, result: JSONValue) -> None:
        """Acknowledge the same, and answer the message ``seq``."""
        self._publishers.setdefault(publisher, _Answers()).results.append((bucket_id, seq, result))

    def iter_messages(self, rules: AcknowledgementRules) -> Iterator[Outgoing]:
        """Yield the messages that carry the acknowledgements."""
        for publisher, answers in self._publishers.items():
            topic = _build_topic(rules, publisher)
            for payload in _iter_arrays([_encode(rules, item) for item in answers.iter_items()]):
                yield Outgoing(topic=topic, payload=payload)


def build_problems(rules: AcknowledgementRules, publishers: Iterable[str], problem: str) -> list[Outgoing]:
    """Return the messages that tell publishers, each once, why theirs can not be committed now."""
    payload = encode({"problem": problem})
    return [Outgoing(topic=_build_topic(rules, each), payload=payload) for each in dict.fromkeys(publishers)]


@dataclass(slots=True)
class _Answers:
    """The answers for one publisher: results, and the last seq of each bucket."""

    results: list[tuple[str, int, JSONValue]] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def iter_items(self) -> Iterator[JSONObject]:
        """Yield each result, and for each bucket the last seq unless a result covers it."""
        covered: dict[str, int] = {}
        for bucket_id, seq, result in self.results:
            covered[bucket_id] = max(seq, covered.get(bucket_id, 0))
            yield {"bucket": bucket_id, "seq": seq, "result": result}
        for bucket_id, seq in self.last.items():
            if bucket_id not in covered or seq > covered[bucket_id]:
                yield {"bucket": bucket_id, "seq": seq}


def _build_topic(rules: AcknowledgementRules, publisher: str) -> str:
    return f"{rules.root}/{ACK_LEVEL}/{publisher}"


def _encode(rules: AcknowledgementRules, item: JSONObject) -> bytes:
    return encode({**item, "epoch": rules.epoch, "window": rules.window})


def _iter_arrays(items: list[bytes]) -> Iterator[bytes]:
    """Yield items in arrays of a bounded size; an item that is alone stands without an array."""
    array: list[bytes] = []
    size_bytes = 0
    for item in items:
        if array and size_bytes + len(item) > MAX_ARRAY_BYTES:
            yield _join(array)
            array, size_bytes = [], 0
        array.append(item)
        size_bytes += len(item) + 1
    if array:
        yield _join(array)


def _join(array: list[bytes]) -> bytes:
    return array[0] if len(array) == 1 else b"[" + b",".join(array) + b"]"
