"""How many requests of a kind run at a time, where one may hold its thread for long."""

from __future__ import annotations

import threading
from typing import Final

from werkzeug.exceptions import ServiceUnavailable

#: Seconds after which a client that was turned away may ask again.
RETRY_AFTER_S: Final = 10


class Places:
    """A number of places; who gets none is turned away.

    Args:
        count: how many there are, 1 or more.
        refusal: what is said to who comes when all are taken.
    """

    def __init__(self, count: int, refusal: str) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._refusal = refusal

    def take(self) -> None:
        """Take a place; raise ``ServiceUnavailable`` with ``Retry-After``."""
        if not self._free.acquire(blocking=False):
            raise ServiceUnavailable(self._refusal, retry_after=RETRY_AFTER_S)

    def give_back(self) -> None:
        """Let the next one have it."""
        self._free.release()
