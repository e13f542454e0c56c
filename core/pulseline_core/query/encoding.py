"""The results of a query as JSON text.

Each column of the events becomes texts in one go, each ending with the key of the next; the text of each distinct data
object is there already. What is left to do event by event is the joining::

    },{"timestamp":"2026-11-23T10:00:00+00:00","duration":  5.0,"id":  7,"data":  {"app":"code"}
    ------------------------ 1 ---------------------------  --- 2 ---  --- 3 ---  ----- 4 ------
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from pulseline_core.query.measured import Value
from pulseline_core.transforms.columns import NO_ID, Columns
from pulseline_core.transforms.data_pool import Integers

#: Events of one piece: about 1 MB of text.
_PIECE_EVENTS: Final = 8192

_BEFORE_INSTANT: Final = b'},{"timestamp":"'
_BEHIND_INSTANT: Final = b'+00:00","duration":'
_BEHIND_DURATION: Final = b',"id":'
_BEHIND_ID: Final = b',"data":'

#: Between the texts of a column; no JSON holds it.
_MARK: Final = b"\0"

_SECOND_US: Final = 1_000_000
_DAY_S: Final = 86_400

_Characters = npt.NDArray[np.uint8]


def _lay_out(texts: list[str]) -> _Characters:
    """Return texts of one length as rows of characters."""
    return np.array(texts, dtype=f"S{len(texts[0])}").view(np.uint8).reshape(len(texts), -1)


#: Each second of a day, and each number of three digits.
_TIMES: Final = _lay_out([f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}." for s in range(_DAY_S)])
_THOUSANDS: Final = _lay_out([f"{number:03d}" for number in range(1000)])


def iter_json(value: Value) -> Iterator[bytes]:
    """Yield the JSON text of a result, a piece at a time.

    Events are ``{"timestamp", "duration", "id", "data"}``: the timestamp in RFC 3339, the duration in seconds, the id
    null for those that were computed. The keys of data are sorted.
    """
    match value:
        case Columns():
            yield from _iter_events(value)
        case list():
            yield from _iter_list(value)
        case dict():
            yield from _iter_object(value)
        case _:
            yield orjson.dumps(value)


def _iter_list(values: list[Value]) -> Iterator[bytes]:
    yield b"["
    for number, value in enumerate(values):
        if number:
            yield b","
        yield from iter_json(value)
    yield b"]"


def _iter_object(values: dict[str, Value]) -> Iterator[bytes]:
    yield b"{"
    for number, key in enumerate(sorted(values)):
        yield b"," * bool(number) + orjson.dumps(key) + b":"
        yield from iter_json(values[key])
    yield b"}"


def _iter_events(events: Columns) -> Iterator[bytes]:
    yield b"["
    for first in range(0, len(events), _PIECE_EVENTS):
        text = _write_events(events.take(slice(first, first + _PIECE_EVENTS)))
        yield text if first else text[len(b"},") :]
    yield b"}]" if len(events) else b"]"


def _write_events(events: Columns) -> bytes:
    """Return events as text that begins with the end of the event before, and lacks its own."""
    pieces = [b""] * (4 * len(events))
    pieces[0::4] = _write_instants(events.start)
    pieces[1::4] = _write_numbers(events.duration / _SECOND_US, _BEHIND_DURATION)
    pieces[2::4] = _write_ids(events.ids)
    pieces[3::4] = events.pool.get_texts(events.data)
    return b"".join(pieces)


def _write_numbers(numbers: npt.NDArray[np.float64] | Integers, behind: bytes) -> list[bytes]:
    """Return the text of each number, with what stands behind it."""
    text = orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return (text.replace(b",", behind + _MARK) + behind).split(_MARK)


def _write_ids(ids: Integers) -> list[bytes]:
    if (ids == NO_ID).all():
        return [b"null" + _BEHIND_ID] * len(ids)
    nothing = b"%d%b" % (NO_ID, _BEHIND_ID)
    return [b"null" + _BEHIND_ID if text == nothing else text for text in _write_numbers(ids, _BEHIND_ID)]


def _write_instants(instants: Integers) -> list[bytes]:
    """Return each instant as ``times.format_us`` writes it, with what stands before and behind it."""
    seconds, fraction = np.divmod(instants, _SECOND_US)
    days, second = np.divmod(seconds, _DAY_S)
    milliseconds, microseconds = np.divmod(fraction, 1000)
    rows = np.concatenate(
        (
            _repeat(_BEFORE_INSTANT, len(instants)),
            _write_dates(days),
            _TIMES[second],
            _THOUSANDS[milliseconds],
            _THOUSANDS[microseconds],
            _repeat(_BEHIND_INSTANT, len(instants)),
        ),
        axis=1,
    )
    is_whole = fraction == 0
    point = rows.shape[1] - len(_BEHIND_INSTANT) - len(".000000")
    rows[is_whole, point : point + len(_BEHIND_INSTANT)] = np.frombuffer(_BEHIND_INSTANT, dtype=np.uint8)
    rows[is_whole, point + len(_BEHIND_INSTANT) :] = 0  # numpy leaves zeros at the end out of a text
    texts: list[bytes] = rows.view(f"S{rows.shape[1]}").ravel().tolist()
    return texts


def _write_dates(days: Integers) -> _Characters:
    distinct, places = np.unique(days, return_inverse=True)
    return _lay_out([str(day) for day in distinct.astype("datetime64[D]")])[places]


def _repeat(text: bytes, count: int) -> _Characters:
    return np.broadcast_to(np.frombuffer(text, dtype=np.uint8), (count, len(text)))
