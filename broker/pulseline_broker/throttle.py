"""Failed log-ins cost time: the more of them came from an address lately, the longer the answer takes. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

#: The delay after the first failure; it doubles with each.
_FIRST_DELAY_S: Final = 0.1

#: Well below the time that a connection has to log in.
_LONGEST_DELAY_S: Final = 3.2

#: After this time without a failure an address starts anew.
_FORGET_S: Final = 60.0

#: Addresses that are remembered; the one that failed longest ago goes first.
_MAX_ADDRESSES: Final = 10_000


class Throttle:
    """Counts failed log-ins by address; instants are monotonic seconds."""

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def note_failure(self, address: str, *, now: float) -> float:
        """Count a failure and return how many seconds to wait before it is answered."""
        count, at = self._failures.pop(address, (0, now))
        count = 1 if now - at >= _FORGET_S else count + 1
        self._failures[address] = (count, now)
        while len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return float(min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (min(count, 10) - 1)))

    def note_success(self, address: str) -> None:
        """Forget the failures of an address."""
        self._failures.pop(address, None)
