"""Bodies that nobody should send, by name: each must be refused alone, and hurt nothing beside it.

The same bytes are tried over MQTT (one dead letter each) and over REST (a 4xx with a message each).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

_TIME: Final = '"timestamp":"2026-03-01T12:00:00+00:00"'


def _event(fields: str) -> bytes:
    return f"{{{_TIME},{fields}}}".encode()


def _data(value: str) -> bytes:
    return _event(f'"data":{{"x":{value}}}')


def _timestamp(text: str) -> bytes:
    return json.dumps({"timestamp": text, "data": {}}).encode()


_FAR_AHEAD: Final = (datetime.now(UTC) + timedelta(days=3)).isoformat()

POISON: Final[dict[str, bytes]] = {
    # Not JSON, or not the JSON of RFC 8259.
    "broken object": b'{"data":{"x":1}',
    "broken array": b'[{"data":{}}',
    "broken text": b'"ON',
    "trailing comma": _event('"data":{},'),
    "trailing bytes": _data("1") + b"}",
    "single quotes": b"{'data':{}}",
    "comment": b'{"data":{} /* x */}',
    "byte order mark": b"\xef\xbb\xbf" + _data("1"),
    "utf-16": _data("1").decode().encode("utf-16"),
    "utf-16 without mark": b"{\x00}\x00\xff\xfe",
    "latin-1": _data('"\xe9"').decode().encode("latin-1"),
    "cut utf-8": _data('"€"')[:-4] + b'"}}',
    "overlong utf-8": b'{"data":{"x":"\xc0\xaf"}}',
    "raw control character": b'{"data":{"x":"a\nb"}}',
    "bad escape": _data(r'"\x41"'),
    # Numbers that JSON does not have, or that a store can not hold.
    "NaN alone": b"NaN",
    "Infinity alone": b"-Infinity",
    "1e999 alone": b"1e999",
    "NaN in data": _data("NaN"),
    "Infinity in data": _data("Infinity"),
    "minus Infinity in data": _data("-Infinity"),
    "1e999 in data": _data("1e999"),
    "minus 1e999 in data": _data("-1e999"),
    "2^63": _data(str(2**63)),
    "below -2^63": _data(str(-(2**63) - 1)),
    "2^64": _data(str(2**64)),
    "5,000 digits": _data("9" * 5000),
    "5,000 digits alone": b"9" * 5000,
    "leading zero": _data("01"),
    "plus sign": _data("+1"),
    "hexadecimal": _data("0x10"),
    # Text that a store can not hold.
    "lone high surrogate": _data(r'"\ud800"'),
    "lone low surrogate": _data(r'"\udc00"'),
    "surrogates in the wrong order": _data(r'"\udc00\ud800"'),
    "lone surrogate in a key": _event(r'"data":{"\ud800":1}'),
    "NUL in a text": _data(r'"a\u0000b"'),
    "NUL in a key": _event(r'"data":{"\u0000":1}'),
    "NUL byte": b'{"data":{"x":"a\x00b"}}',
    # Depth.
    "65 levels": _data("[" * 64 + "]" * 64),
    "1,000 levels": _data("[" * 1000 + "]" * 1000),
    "1,000 objects": _data('{"a":' * 1000 + "1" + "}" * 1000),
    "100,000 open brackets": b"[" * 100_000,
    "100,000 open objects": b'{"a":' * 50_000,
    # Timestamps.
    "year 1": _timestamp("0001-01-01T00:00:00+14:00"),
    "year 9999": _timestamp("9999-12-31T23:59:59+00:00"),
    "year 10000": _timestamp("10000-01-01T00:00:00Z"),
    "before 1970": _timestamp("1969-12-31T23:59:59Z"),
    "more than a day ahead": _timestamp(_FAR_AHEAD),
    "leap second": _timestamp("2016-12-31T23:59:60Z"),
    "week date": _timestamp("2026-W01-1T00:00:00Z"),
    "ordinal date": _timestamp("2026-060T00:00:00Z"),
    "basic format": _timestamp("20260301T120000Z"),
    "no time": _timestamp("2026-03-01"),
    "30 February": _timestamp("2026-02-30T00:00:00Z"),
    "hour 24": _timestamp("2026-03-01T24:00:00Z"),
    "month 13": _timestamp("2026-13-01T00:00:00Z"),
    "offset of 99 hours": _timestamp("2026-03-01T00:00:00+99:00"),
    "Arabic digits": _timestamp("٢٠٢٦-03-01T12:00:00Z"),
    "words": _timestamp("yesterday"),
    "empty time": _timestamp(""),
    "a number": b'{"timestamp":1772366400,"data":{}}',
    "a list as time": b'{"timestamp":[],"data":{}}',
    # Durations.
    "negative duration": _event('"data":{},"duration":-1'),
    "tiny negative duration": _event('"data":{},"duration":-0.000001'),
    "duration NaN": _event('"data":{},"duration":NaN'),
    "duration 1e999": _event('"data":{},"duration":1e999'),
    "duration 1e18": _event('"data":{},"duration":1e18'),
    "duration of 367 days": _event(f'"data":{{}},"duration":{367 * 86400}'),
    "duration true": _event('"data":{},"duration":true'),
    "duration as text": _event('"data":{},"duration":"1"'),
    "duration null": _event('"data":{},"duration":null'),
    "duration object": _event('"data":{},"duration":{}'),
    # Shapes.
    "data list": _event('"data":[]'),
    "data null": _event('"data":null'),
    "data text": _event('"data":"x"'),
    "data number": _event('"data":1'),
    "data true": _event('"data":true'),
    "array of numbers": b"[1,2,3]",
    "array of arrays": b"[[]]",
    "array of nulls": b"[null]",
}
"""One event's body each, wrong in one way."""

POISON_BATCHES: Final[dict[str, bytes]] = {
    "events null": b'{"events":null}',
    "events object": b'{"events":{}}',
    "events text": b'{"events":"x"}',
    "one bad event among good ones": b'{"events":[{%s,"data":{}},{%s,"data":[]},{%s,"data":{}}]}'
    % ((_TIME.encode(),) * 3),
    "one event without data": b'[{%s,"data":{}},{%s}]' % ((_TIME.encode(),) * 2),
    "pulsetime negative": _event('"data":{},"pulsetime":-1'),
    "pulsetime text": _event('"data":{},"pulsetime":"60"'),
    "pulsetime true": _event('"data":{},"pulsetime":true'),
    "publisher without seq": _event('"data":{},"publisher":"p"'),
    "publisher number": _event('"data":{},"publisher":1,"seq":1,"base":1'),
    "publisher of 4 KB": _event(f'"data":{{}},"publisher":"{"p" * 4096}","seq":1,"base":1'),
    "publisher of another client": _event('"data":{},"publisher":"somebody","seq":1,"base":1'),
    "seq zero": _event('"data":{},"publisher":"p","seq":0,"base":0'),
    "seq text": _event('"data":{},"publisher":"p","seq":"1","base":1'),
    "seq 2^63": _event(f'"data":{{}},"publisher":"p","seq":{2**63},"base":1'),
    "base above seq": _event('"data":{},"publisher":"p","seq":1,"base":2'),
    "reply text": _event('"data":{},"publisher":"p","seq":1,"base":1,"reply":"yes"'),
    "payload over the limit": b'{"data":{"x":"' + b"x" * 262_144 + b'"}}',
}
"""Bodies that only the wire interface of MQTT gives a meaning to."""

POISON_TOPICS: Final[dict[str, str]] = {
    "unknown last level": "pulseline/v1/plug/power",
    "no last level": "pulseline/v1/plug",
    "two levels too many": "pulseline/v1/a/b/heartbeat",
    "empty bucket": "pulseline/v1//heartbeat",
    "codes that are not utf-8": "pulseline/v1/%FF%FE/heartbeat",
    "NUL in the bucket": "pulseline/v1/a%00b/heartbeat",
    "newline in the bucket": "pulseline/v1/a%0Ab/heartbeat",
    "bucket of 4 KB": f"pulseline/v1/{'b' * 4096}/heartbeat",
    "bucket that is ours": "pulseline/v1/_private/heartbeat",
}
"""Topics below the root that name no bucket or nothing to do with it; the broker may refuse them, too."""

STRANGE_BUCKETS: Final[dict[str, str]] = {
    "hash": "#",
    "plus": "+",
    "slash": "a/b",
    "dollar": "$SYS",
    "dot": ".",
    "dots": "..",
    "percent": "%2F",
    "space": "my bucket",
    "emoji": "📱 phone",
    "right to left": "ساعة",
    "composed": "é",
    "decomposed": "e\u0301",
    "sql": "'; DROP TABLE bucket; --",
    "html": "<script>alert(1)</script>",
    "underscore": "_mine",
    "longest": "b" * 256,
}
"""Bucket ids that are odd but legal: each must work, and be a bucket of its own."""
