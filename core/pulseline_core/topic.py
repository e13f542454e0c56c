"""Topics: how a bucket becomes a topic level, what a topic asks for, and which topics a filter matches.

Pure. The rules of levels, wildcards and ``$`` are MQTT 3.1.1 section 4.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from pulseline_core.bucket import parse_bucket_id
from pulseline_core.errors import InvalidTopic
from pulseline_core.types import BucketId

DEFAULT_ROOT: Final = "pulseline/v1"

#: MQTT 3.1.1 section 4.7.3: a topic is a UTF-8 string of at most 65,535 bytes.
MAX_TOPIC_BYTES: Final = 65_535

#: In the place of the bucket, for requests that concern the worker: ``{root}/_admin``.
ADMIN_LEVEL: Final = "_admin"

#: In the place of the bucket, for what a worker says to itself: ``{root}/_probe/{worker}``.
PROBE_LEVEL: Final = "_probe"

#: In the place of the bucket, for what is committed: ``{root}/_ack/{publisher}``.
ACK_LEVEL: Final = "_ack"

#: Levels whose ids are remembered: the same few come again and again, and decoding one costs 7 microseconds.
_KNOWN_LEVELS: Final = 16_384

_BYTE_AS_IT_IS: Final = re.compile(rb"[A-Za-z0-9_-]")
_PERCENT_CODE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Kind(Enum):
    """The last level of a bucket's topic: what a message there is for."""

    HEARTBEAT = "heartbeat"  #: One event or a batch, merged by pulsetime.
    EVENTS = "events"  #: Events to insert, never merged.
    META = "meta"  #: The bucket's description.
    ADMIN = "admin"  #: Replace or delete events, delete the bucket.
    AVAILABILITY = "availability"  #: ``online`` or ``offline``; the broker's matter, not stored.
    STATE = "state"  #: The bucket's newest event, from ingest.


@dataclass(frozen=True, slots=True)
class BucketTopic:
    """A topic that belongs to a bucket: ``{root}/{bucket}/{kind}``."""

    bucket_id: BucketId
    kind: Kind


@lru_cache(maxsize=_KNOWN_LEVELS)
def encode_level(bucket_id: str) -> str:
    """Return a bucket id as one topic level: bytes outside ``[A-Za-z0-9_-]`` and a leading ``_`` as ``%XX``."""
    raw = bucket_id.encode()
    return "".join(
        chr(byte) if _BYTE_AS_IT_IS.fullmatch(raw, place, place + 1) and (place or byte != ord("_")) else f"%{byte:02X}"
        for place, byte in enumerate(raw)
    )


@lru_cache(maxsize=_KNOWN_LEVELS)
def decode_level(level: str) -> BucketId:
    """Return the bucket id of a topic level; a level that arrives un-encoded is taken as it is.

    Raises:
        InvalidTopic: the level begins with ``_`` (those are ours), or its percent codes are not UTF-8.
        InvalidBucketId: the id itself does not fit.
    """
    if level.startswith("_"):
        raise InvalidTopic(level, "begins with '_', which is kept for pulseline; write '%5F' instead")
    if _PERCENT_CODE.search(level) is not None:
        return parse_bucket_id(level)
    try:
        return parse_bucket_id(unquote_to_bytes(level).decode())
    except UnicodeDecodeError as error:
        raise InvalidTopic(level, "holds percent codes that are not UTF-8") from error


def build_topic(root: str, bucket_id: str, kind: Kind) -> str:
    """Return ``{root}/{bucket}/{kind}``."""
    return f"{root}/{encode_level(bucket_id)}/{kind.value}"


def parse_topic(topic: str, *, root: str) -> BucketTopic:
    """Read a bucket's topic.

    Raises:
        InvalidTopic: the topic lies outside ``root``, has other levels, or an unknown last one.
        InvalidBucketId: the bucket level is no id.
    """
    prefix = f"{root}/"
    if not topic.startswith(prefix):
        raise InvalidTopic(topic, f"lies outside {root!r}")
    level, _, kind = topic[len(prefix) :].partition("/")
    try:
        return BucketTopic(decode_level(level), Kind(kind))
    except ValueError as error:
        kinds = ", ".join(each.value for each in Kind)
        raise InvalidTopic(topic, f"does not end in one of {kinds}") from error


def check_topic_name(topic: str) -> None:
    """Raise ``InvalidTopic`` unless a message can be published there (MQTT 3.1.1 section 4.7.1, 4.7.3)."""
    _check_text(topic)
    if "+" in topic or "#" in topic:
        raise InvalidTopic(topic, "holds a wildcard; '+' and '#' belong into filters")


def check_topic_filter(topic_filter: str) -> None:
    """Raise ``InvalidTopic`` unless a client can subscribe to it (MQTT 3.1.1 section 4.7.1)."""
    _check_text(topic_filter)
    *parents, last = topic_filter.split("/")
    if any("#" in level for level in parents) or (last != "#" and "#" in last):
        raise InvalidTopic(topic_filter, "is not a valid filter: '#' must be the last level, alone")
    if any(level != "+" and "+" in level for level in (*parents, last)):
        raise InvalidTopic(topic_filter, "is not a valid filter: '+' must be a whole level")


def _check_text(topic: str) -> None:
    if not topic:
        raise InvalidTopic(topic, "is empty")
    if "\0" in topic:
        raise InvalidTopic(topic, "holds a NUL character")
    try:
        size_bytes = len(topic.encode())
    except UnicodeEncodeError as error:
        raise InvalidTopic(topic, "holds a lone surrogate") from error
    if size_bytes > MAX_TOPIC_BYTES:
        raise InvalidTopic(topic[:64], f"has {size_bytes} bytes, the limit is {MAX_TOPIC_BYTES}")


def is_match(topic: str, topic_filter: str) -> bool:
    """Return whether a valid filter matches a valid topic.

    A filter that begins with a wildcard does not match a topic that begins with ``$`` (MQTT 3.1.1 section 4.7.2),
    and ``a/#`` matches ``a`` itself (section 4.7.1.2).
    """
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    levels = topic.split("/")
    filter_levels = topic_filter.split("/")
    for place, wanted in enumerate(filter_levels):
        if wanted == "#":
            return True
        if place >= len(levels):
            return False
        if wanted not in ("+", levels[place]):
            return False
    return len(levels) == len(filter_levels)
