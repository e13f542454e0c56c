"""Which share of the buckets is whose: partitions, told apart by a hash of the bucket's topic level. Pure.

The hash is FNV-1a with 32 bits, by which NATS's subject mapping ``{{partition(N,1)}}`` deals out subjects, too; so a
broker and a worker agree, whichever of them does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: In the place of the bucket, where the broker deals out: ``{root}/_partition/{count}/{number}/{bucket}/{kind}``.
PARTITION_LEVEL: Final = "_partition"

#: Each is a session at the broker, a thread and a few connections to the database.
MAX_PARTITIONS: Final = 256

_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
_MASK: Final = 0xFFFFFFFF

_RANGE: Final = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")

#: Levels whose hash is remembered: it takes a microsecond for each three characters.
_KNOWN_LEVELS: Final = 16_384


@dataclass(frozen=True, slots=True)
class Partition:
    """One share of the buckets.

    Attributes:
        number: which one, from 0.
        count: of how many.
    """

    number: int
    count: int

    def has(self, level: str) -> bool:
        """Return whether a bucket, by its topic level, belongs to it."""
        return find_partition(level, self.count) == self.number

    def __str__(self) -> str:
        return f"{self.number} of {self.count}"


#: The share of a worker that does not share.
EVERYTHING: Final = Partition(0, 1)


@lru_cache(maxsize=_KNOWN_LEVELS)
def find_partition(level: str, count: int) -> int:
    """Return the number of the partition that a topic level belongs to."""
    value = _OFFSET
    for byte in level.encode(errors="surrogatepass"):
        value = (value ^ byte) * _PRIME & _MASK
    return value % count


def parse_numbers(texts: Iterable[str], count: int) -> frozenset[int]:
    """Read numbers of partitions, as in ``("0-3", "6")``.

    Raises:
        ValueError: what it says goes on after the setting's name.
    """
    numbers: set[int] = set()
    for text in texts:
        found = _RANGE.fullmatch(text)
        if found is None:
            raise ValueError(f"holds {text!r}, neither a number nor a range as in 0-3")
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last < count:
            raise ValueError(f"holds {text!r}, not between 0 and {count - 1}")
        numbers.update(range(first, last + 1))
    return frozenset(numbers)


def get_fair_share(count: int, workers: int) -> int:
    """Return how many partitions one of so many workers may hold: all together at least all of them."""
    return -(-count // max(workers, 1))
