"""The variables of a query.

``STARTTIME`` and ``ENDTIME`` (aw-server) and ``TIMEINTERVAL`` (aw-server-rust) are the period that buckets are read
over. They can be assigned, which changes it; the third is always the first two with ``/`` between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from pulseline_core.query.budget import Budget
from pulseline_core.query.errors import QueryFunctionError, QueryInterpretError, shorten, suggest
from pulseline_core.query.measured import Measured, Value, measure
from pulseline_core.times import to_us

#: What no query assigns to, though it may; ``null`` stands in the JSON that clients paste into queries.
CONSTANTS: Final[Mapping[str, bool | None]] = MappingProxyType(
    {"True": True, "true": True, "False": False, "false": False, "null": None}
)

_START: Final = "STARTTIME"
_END: Final = "ENDTIME"
_INTERVAL: Final = "TIMEINTERVAL"


class Namespace:
    """Variables, which begin with the constants that every query has.

    Args:
        budget: each value is kept in it as long as a variable has it.
        name: of the query.
        period: its first and its last instant, aware.
    """

    def __init__(self, budget: Budget, *, name: str, period: tuple[datetime, datetime]) -> None:
        self._budget = budget
        self._variables: dict[str, Measured] = {}
        start, end = period
        constants: dict[str, Value] = {
            **CONSTANTS,
            "NAME": name,
            _START: start.isoformat(),
            _END: end.isoformat(),
        }
        for each, value in constants.items():
            self.assign(each, measure(value))

    def get(self, name: str) -> Measured:
        """Return the value of a variable.

        Raises:
            QueryInterpretError: nothing was assigned to it.
        """
        if name == _INTERVAL:
            return measure(f"{self._variables[_START].value}/{self._variables[_END].value}")
        value = self._variables.get(name)
        if value is None:
            meant = suggest(name, self._variables)
            raise QueryInterpretError(f"Tried to reference variable '{shorten(name)}' which is not defined{meant}")
        return value

    def find(self, name: str) -> Measured | None:
        """Return the value of a variable that may not exist."""
        return self._variables.get(name)

    def assign(self, name: str, value: Measured) -> None:
        """Give a variable a value; what else had its old one keeps it.

        Raises:
            QueryTooLarge: no more can be kept.
            QueryInterpretError: ``TIMEINTERVAL`` gets something else than two times.
        """
        if name == _INTERVAL:
            self._assign_interval(value.value)
            return
        self._budget.keep(value)
        old = self._variables.get(name)
        if old is not None:
            self._budget.drop(old)
        self._variables[name] = value

    def clear(self) -> None:
        """Forget all variables."""
        for value in self._variables.values():
            self._budget.drop(value)
        self._variables.clear()

    def read_period(self) -> tuple[int, int]:
        """Return the first and the last microsecond that buckets are read over.

        Raises:
            QueryFunctionError: the query made them something else than times.
        """
        return _read_us(self._variables[_START].value), _read_us(self._variables[_END].value)

    def _assign_interval(self, value: Value) -> None:
        start, slash, end = value.partition("/") if isinstance(value, str) else ("", "", "")
        if not slash or "/" in end:
            raise QueryInterpretError(f"TIMEINTERVAL {shorten(value)!r} is not two times with '/' between")
        self.assign(_START, measure(start))
        self.assign(_END, measure(end))


def _read_us(value: Value) -> int:
    """Read ISO 8601; a day alone is its midnight, and a time without a zone is UTC, as in aw-server."""
    try:
        instant = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        shown = f": {shorten(value)!r} is no ISO 8601 time" if isinstance(value, str) else ""
        raise QueryFunctionError(f"Unable to parse starttime/endtime for query_bucket{shown}") from None
    return to_us(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
