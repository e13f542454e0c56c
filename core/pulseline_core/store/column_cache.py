"""Parts of timelines kept in memory, as arrays.

A timeline is kept in blocks of a fixed length of time, 19 hours. A block is complete up to some instant: it holds all
events that begin in it before that. Events may still be added behind the newest event of the bucket, so a block is
never taken for complete beyond where that begins; what is behind is read again each time::

    block         |a  b   c    d  |
    newest event               d
    complete up to ............^      d may grow, and others may follow it

Whatever else happens to a timeline is noted by the writer (``rewrites``), and cuts the blocks back.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from pulseline_core.store.column_text import EventArrays

#: A block is 2 to the power of this long, in microseconds: 19 hours.
_BLOCK_BITS: Final = 36


class BlockKey(NamedTuple):
    """A block of a bucket's timeline; the number counts from 1970."""

    bucket_key: int
    number: int

    @property
    def first_us(self) -> int:
        """The first instant of the block."""
        return self.number << _BLOCK_BITS

    @property
    def behind_us(self) -> int:
        """The first instant behind the block."""
        return (self.number + 1) << _BLOCK_BITS


class Block(NamedTuple):
    """What is known of a block.

    Attributes:
        events: all that begin in it before ``complete_us``; ``data`` is codes.
        complete_us: at most the end of the block.
    """

    events: EventArrays
    complete_us: int


def find_block(bucket_key: int, instant_us: int) -> BlockKey:
    """Return the block that an instant lies in."""
    return BlockKey(bucket_key, instant_us >> _BLOCK_BITS)


class ColumnCache:
    """Blocks, the latest used ones, up to so many bytes; used by one thread at a time."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._blocks: OrderedDict[BlockKey, Block] = OrderedDict()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How much the arrays take."""
        return self._size_bytes

    def get(self, key: BlockKey) -> Block | None:
        """Return a block, if it is kept."""
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def put(self, key: BlockKey, block: Block) -> None:
        """Keep a block in the place of what was kept of it; those not used for longest may go."""
        self._remove(key)
        self._blocks[key] = block
        self._size_bytes += _measure(block)
        while self._size_bytes > self._max_bytes and self._blocks:
            self._remove(next(iter(self._blocks)))

    def cut(self, bucket_key: int, from_us: int) -> None:
        """Forget the events of a bucket that begin at ``from_us`` or later."""
        for key in [key for key in self._blocks if key.bucket_key == bucket_key and key.behind_us > from_us]:
            block = self._blocks[key]
            if block.complete_us > from_us:
                self._remove(key)
                if key.first_us < from_us:
                    self.put(key, Block(block.events.starting(key.first_us, from_us), from_us))

    def clear(self) -> None:
        """Forget everything."""
        self._blocks.clear()
        self._size_bytes = 0

    def _remove(self, key: BlockKey) -> None:
        block = self._blocks.pop(key, None)
        if block is not None:
            self._size_bytes -= _measure(block)


def _measure(block: Block) -> int:
    return 500 + sum(column.nbytes for column in block.events)
