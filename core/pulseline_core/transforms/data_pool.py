"""Distinct ``data`` objects, each under a number, its code; equal data has one code.

What a query does with data is a function of the data alone: a filter, a category, the parts of a URL. So it is done
once per distinct object and remembered under a key that says what was done; the events only have their codes looked up
in the result. A pool lives as long as its codes are wanted, which may be many queries; it only grows.

Equality is that of JSON text with sorted keys, as in the store. Used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
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

#: Objects that are kept decoded, about a kilobyte each: a busy month's titles.
_MAX_DECODED: Final = 40_000

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
        self._results: dict[Hashable, npt.NDArray[np.int32]] = {}
        self._text_bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def size_bytes(self) -> int:
        """About how much memory the pool takes, decoded objects left out."""
        return self._text_bytes + _OBJECT_BYTES * len(self) + sum(result.nbytes for result in self._results.values())

    def intern(self, data: JSONObject) -> int:
        """Return the code of a data object; it is kept as text, not as this object."""
        return self.intern_text(orjson.dumps(data, option=orjson.OPT_SORT_KEYS))

    def intern_text(self, text: bytes) -> int:
        """Return the code of a data object's JSON text, which has its keys sorted and no spaces."""
        code = self._codes.get(text)
        return self._add(text) if code is None else code

    def get(self, code: int) -> JSONObject:
        """Return a data object, which nobody may change."""
        data = self._decoded.get(code)
        if data is None:
            if len(self._decoded) >= _MAX_DECODED:
                self._decoded.clear()
            data = self._decoded[code] = orjson.loads(self._texts[code])
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

    def rewrite(self, codes: Integers, key: Hashable, function: Rewrite) -> Integers:
        """Return the codes of what a function makes of the data.

        Args:
            codes: of the events' data.
            key: says what the function does, arguments included; the same for all calls that do the same.
            function: called once per distinct object of all calls with this key.
        """
        return self._look_up(codes, key, lambda unknown: self._rewrite_each(unknown, function))

    def test(self, codes: Integers, key: Hashable, predicate: Predicate) -> Booleans:
        """Return which data a predicate holds for; called once per distinct object of all calls with this key."""
        return self._look_up(codes, key, lambda unknown: map(predicate, self._iter_data(unknown))).astype(np.bool_)

    def _look_up(self, codes: Integers, key: Hashable, find: Callable[[Sequence[int]], Iterable[int]]) -> Integers:
        """Return what is known of codes under a key; what is not, ``find`` finds out."""
        results = self._get_results(key)
        unknown = np.unique(codes[results[codes] == _UNKNOWN])
        if len(unknown):
            results[unknown] = list(find(unknown.tolist()))
        return results[codes].astype(np.int64)

    def _rewrite_each(self, codes: Iterable[int], function: Rewrite) -> Iterator[int]:
        known, dumps = self._codes, orjson.dumps
        for data in self._iter_data(codes):
            text = dumps(function(data), option=orjson.OPT_SORT_KEYS)
            code = known.get(text)
            yield self._add(text) if code is None else code

    def _iter_data(self, codes: Iterable[int]) -> Iterator[JSONObject]:
        """Yield data objects, and check now and then."""
        checked_bytes = self._text_bytes
        for number, code in enumerate(codes):
            if number % _CHECK_EVERY == 0 or self._text_bytes > checked_bytes + _CHECK_EVERY_BYTES:
                checked_bytes = self._text_bytes
                self.check()
            yield self.get(code)

    def _add(self, text: bytes) -> int:
        text = bytes(memoryview(text))  # a copy: what orjson returns has 4 KiB of room, and keeps it
        code = self._codes[text] = len(self._texts)
        self._texts.append(text)
        self._text_bytes += len(text)
        return code

    def _get_results(self, key: Hashable) -> npt.NDArray[np.int32]:
        """Return what is known under a key, by code, with room for all codes."""
        results = self._results.get(key)
        if results is None or len(results) < len(self):
            grown = np.full(len(self) * 5 // 4 + 16, _UNKNOWN, dtype=np.int32)
            if results is not None:
                grown[: len(results)] = results
            results = self._results[key] = grown
        return results
