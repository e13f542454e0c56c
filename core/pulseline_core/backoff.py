"""How long to wait before the next attempt. Pure: chance comes in as an argument, and nobody asks a clock."""

from __future__ import annotations

from collections.abc import Callable

from pulseline_core.errors import Misuse


class Backoff:
    """Delays that double from ``initial_s`` to ``maximum_s``, each spread by chance.

    ::

        attempt   1          2          3                 n
        delay     initial    2 initial  4 initial   ...   maximum      each times 1 - jitter to 1
    """

    def __init__(self, initial_s: float, maximum_s: float, jitter: float = 0.2) -> None:
        """Check the bounds.

        Args:
            initial_s: the first delay, more than 0.
            maximum_s: the longest delay.
            jitter: the part of a delay that chance may take away, 0 to 1, so that many do not come back at once.
        """
        if not 0 < initial_s <= maximum_s or not 0 <= jitter <= 1:
            raise Misuse(f"backoff from {initial_s} s to {maximum_s} s with jitter {jitter} makes no sense")
        self._initial_s = initial_s
        self._maximum_s = maximum_s
        self._jitter = jitter
        self._delay_s = initial_s

    def next_delay_s(self, random: Callable[[], float]) -> float:
        """Return the next delay; ``random`` returns a number from 0 to 1, as ``random.random`` does."""
        delay_s = self._delay_s
        self._delay_s = min(2 * delay_s, self._maximum_s)
        return delay_s * (1 - self._jitter * random())

    def reset(self) -> None:
        """Begin anew: the last attempt was a success."""
        self._delay_s = self._initial_s
