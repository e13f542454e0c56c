"""Distinct ``data`` objects, each under a number, its code; equal data has one code.

What a query does with data is a function of the data alone: a filter, a category, the parts of a URL. So it is done
once per distinct object and remembered under a key that says what was done; the events only have their codes looked up
in the result. A pool lives as long as its codes are wanted, which may be many queries; it only grows.

Equality is that of JSON text with sorted keys, as in the store. Used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from pulseline_core.types import JSONObject

Integers: TypeAlias = npt.NDArray[np.int64]
"""Numbers of rows, codes or microseconds."""

Booleans: TypeAlias = npt.NDArray[np.bool_]
"""One truth a row."""

Rewrite: TypeAlias = Callable[[JSONObject], JSONObject]
"""Makes new data of data; must not change what it is given."""

Predicate: TypeAlias = Callable[[JSONObject], bool]
"""Judges data; must not change it."""

_UNKNOWN: Final = -1

_SORTED: Final = orjson.OPT_SORT_KEYS

#: Numbers that are spread over more than so many times their count are sorted.
_SPARSE: Final = 16

#: Text of the objects that are kept decoded until the end of a query; they take about four times as much.
_MAX_DECODED_BYTES: Final = 32 * 1024 * 1024

#: After so many objects the pool's ``check`` is called: some 100 microseconds.
_CHECK_EVERY: Final = 64

#: After so much new text too: few objects can be large.
_CHECK_EVERY_BYTES: Final = 1024 * 1024

#: What an object costs beside its text: the entries of the dictionary and the list, and its codes.
_OBJECT_BYTES: Final = 200


def do_nothing() -> None:
    """Check nothing."""


class DataPool:
    """Distinct data, and what was made of it.

    Attributes:
        check: called every now and then while much data is worked on; may raise to stop it.
    """

    def __init__(self) -> None:
        self.check: Callable[[], None] = do_nothing
        self._codes: dict[bytes, int] = {}
        self._texts: list[bytes] = []
        self._decoded: dict[int, JSONObject] = {}
        self._decoded_bytes = 0
        self._results: dict[Hashable, npt.NDArray[np.int32]] = {}
        self._text_bytes = 0
        self._result_bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def size_bytes(self) -> int:
        """About how much memory the pool takes, decoded objects left out."""
        return self._text_bytes + _OBJECT_BYTES * len(self) + self._result_bytes

    def intern(self, data: JSONObject) -> int:
        """Return the code of a data object; it is kept as text, not as this object."""
        text = orjson.dumps(data, option=_SORTED)
        code = self._codes.get(text)
        return self._add(_copy(text)) if code is None else code

    def intern_texts(self, texts: Iterable[bytes]) -> list[int]:
        """Return the codes of the JSON texts of data objects, which have their keys sorted and no spaces."""
        known, kept = self._codes, self._texts
        codes = []
        for text in texts:
            code = known.get(text)
            if code is None:
                code = known[text] = len(kept)
                kept.append(text)
                self._text_bytes += len(text)
            codes.append(code)
        return codes

    def get(self, code: int) -> JSONObject:
        """Return a data object, which nobody may change."""
        data = self._decoded.get(code)
        if data is None:
            [data] = self._decode([code])
        return data

    def get_text(self, code: int) -> bytes:
        """Return a data object as JSON text, keys sorted."""
        return self._texts[code]

    def get_texts(self, codes: Integers) -> list[bytes]:
        """Return the data of each of some codes as JSON text."""
        return list(map(self._texts.__getitem__, codes.tolist()))

    def forget_decoded(self) -> None:
        """Forget the decoded objects: they take several times the memory of their texts."""
        self._decoded.clear()
        self._decoded_bytes = 0

    def rewrite(self, codes: Integers, key: Hashable, function: Rewrite) -> Integers:
        """Return the codes of what a function makes of the data.

        Args:
            codes: of the events' data.
            key: says what the function does, arguments included; the same for all calls that do the same.
            function: called once per distinct object of all calls with this key.
        """
        return self._look_up(codes, key, lambda unknown: self._rewrite_each(unknown, function))

    def project(self, codes: Integers, keys: tuple[str, ...]) -> Integers:
        """Return the codes of data that holds of some keys those that are there, and nothing else."""
        project = partial(self._project_one, *keys) if len(keys) == 1 else partial(self._project_each, keys)
        return self._look_up(codes, ("project", keys), project)

    def test(self, codes: Integers, key: Hashable, predicate: Predicate) -> Booleans:
        """Return which data a predicate holds for; called once per distinct object of all calls with this key."""
        return self._look_up(codes, key, lambda unknown: map(predicate, self._iter_data(unknown))).astype(np.bool_)

    def _look_up(self, codes: Integers, key: Hashable, find: Callable[[Sequence[int]], Iterable[int]]) -> Integers:
        """Return what is known of codes under a key; what is not, ``find`` finds out."""
        results = self._get_results(key)
        found = results[codes]
        unknown, _ = find_distinct(codes[found == _UNKNOWN])
        if len(unknown):
            results[unknown] = list(find(unknown.tolist()))
            found = results[codes]
        return found.astype(np.int64)

    def _rewrite_each(self, codes: Sequence[int], function: Rewrite) -> Iterator[int]:
        known, dumps = self._codes, orjson.dumps
        for code, data in zip(codes, self._iter_data(codes), strict=True):
            made = function(data)
            if made is data:
                yield code
                continue
            text = dumps(made, option=_SORTED)
            new_code = known.get(text)
            if new_code is None:
                new_code = self._add(_copy(text))
                self._decoded[new_code] = made
                self._decoded_bytes += len(text)
            yield new_code

    def _project_each(self, keys: Sequence[str], codes: Sequence[int]) -> Iterator[int]:
        for data in self._iter_data(codes):
            yield self.intern({key: data[key] for key in keys if key in data})

    def _project_one(self, key: str, codes: Sequence[int]) -> Iterator[int]:
        """Do the same for one key, which many objects have the same value under."""
        known: dict[object, int] = {}  # by values that are texts: of others Python takes 1 for true
        for data in self._iter_data(codes):
            value: object = data.get(key)
            if type(value) is list:
                value = tuple(value)
            try:
                code = known.get(value)
            except TypeError:  # an object, or something in a list, has no hash
                code = None
            if code is None:
                code = self.intern({key: data[key]} if key in data else {})
                if _is_text(value):
                    known[value] = code
            yield code

    def _iter_data(self, codes: Sequence[int]) -> Iterator[JSONObject]:
        """Yield data objects, and check now and then."""
        for first in range(0, len(codes), _CHECK_EVERY):
            self.check()
            checked_bytes = self._text_bytes
            for data in self._decode(codes[first : first + _CHECK_EVERY]):
                if self._text_bytes > checked_bytes + _CHECK_EVERY_BYTES:
                    checked_bytes = self._text_bytes
                    self.check()
                yield data

    def _decode(self, codes: Sequence[int]) -> list[JSONObject]:
        """Return data objects; those that are not decoded yet are decoded together."""
        decoded = self._decoded
        if self._decoded_bytes > _MAX_DECODED_BYTES:
            self.forget_decoded()
        missing = [code for code in codes if code not in decoded]
        if missing:
            texts = b",".join(map(self._texts.__getitem__, missing))
            decoded.update(zip(missing, orjson.loads(b"[%b]" % texts), strict=True))
            self._decoded_bytes += len(texts)
        return list(map(decoded.__getitem__, codes))

    def _add(self, text: bytes) -> int:
        code = self._codes[text] = len(self._texts)
        self._texts.append(text)
        self._text_bytes += len(text)
        return code

    def _get_results(self, key: Hashable) -> npt.NDArray[np.int32]:
        """Return what is known under a key, by code, with room for all codes."""
        results = self._results.get(key)
        if results is None or len(results) < len(self):
            grown = np.full(len(self) * 5 // 4 + 16, _UNKNOWN, dtype=np.int32)
            if results is None:
                self._result_bytes += _measure(key)
            else:
                grown[: len(results)] = results
                self._result_bytes -= results.nbytes
            self._result_bytes += grown.nbytes
            results = self._results[key] = grown
        return results


def find_distinct(numbers: Integers) -> tuple[Integers, Integers]:
    """Return the different ones of some numbers, in order, and at which place of these each of the numbers is.

    The same as ``numpy.unique``; where the numbers lie close together, it does without sorting them.
    """
    lowest, highest = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if highest - lowest > _SPARSE * len(numbers):
        return np.unique(numbers, return_inverse=True)
    offsets = numbers - lowest
    occurs = np.zeros(highest - lowest + 1, dtype=np.bool_)
    occurs[offsets] = True
    places = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs) + lowest, places[offsets]


def _measure(key: Hashable) -> int:
    """Return about how much memory a key takes."""
    if isinstance(key, (tuple, frozenset)):
        return _OBJECT_BYTES + sum(map(_measure, key))
    return _OBJECT_BYTES + (len(key) if isinstance(key, str) else 0)


def _copy(text: bytes) -> bytes:
    """Return a text in no more room than it takes; what orjson returns keeps some KiB."""
    return b"%b" % text


def _is_text(value: object) -> bool:
    """Return whether a value is a text, or a tuple of texts."""
    return isinstance(value, str) or (isinstance(value, tuple) and all(isinstance(item, str) for item in value))
