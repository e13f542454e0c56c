"""Queries that nobody should send, by what they try: each is a body of ``POST /query``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: The bucket that they ask about; its titles are made for patterns that backtrack.
BUCKET: Final = "titles"
TITLE: Final = "a" * 40 + "!"

_YEAR: Final = "2026-01-01T00:00:00+00:00/2027-01-01T00:00:00+00:00"
_EVENTS: Final = f'events = query_bucket("{BUCKET}");'


def _ask(*statements: str, periods: tuple[str, ...] = (_YEAR,)) -> dict[str, Any]:
    return {"query": list(statements), "timeperiods": list(periods)}


def _match(pattern: str) -> dict[str, Any]:
    return _ask(_EVENTS, f'RETURN = filter_keyvals_regex(events, "title", "{pattern}");')


def _categorize(pattern: str) -> dict[str, Any]:
    rule = f'[["Work"], {{"type": "regex", "regex": "{pattern}"}}]'
    return _ask(_EVENTS, f"RETURN = categorize(events, [{rule}]);")


def _repeat(statement: str, times: int, *, begin: str, result: str) -> dict[str, Any]:
    return _ask(begin, *[statement] * times, f"RETURN = {result};")


HOSTILE: Final[Mapping[str, dict[str, Any]]] = {
    # --- text that is no program
    "nothing": _ask(),
    "empty texts": _ask("", "", ""),
    "only a comment": _ask("# nothing"),
    "commas": _ask("," * 65_000),
    "semicolons": _ask(";" * 65_000),
    "too much": _ask(" " * 65_537),
    "much too much": _ask("x" * 10_000_000),
    "many texts": _ask(*["a = 1;"] * 50_000),
    "zero bytes": _ask("RETURN = '\0';\0"),
    "half of a character": _ask("RETURN = '\ud800';"),
    "letters of all kinds": _ask("RETURN = \u202e\u0661\u00b2\U0001f600;"),
    # --- what never closes, and what closes too often
    "open brackets": _ask("RETURN = " + "[" * 20_000),
    "open braces": _ask("RETURN = " + '{"a": ' * 10_000),
    "open calls": _ask("RETURN = " + "concat(" * 9_000),
    "open quote": _ask('RETURN = "' + "\\" * 60_000),
    "closing brackets": _ask("RETURN = " + "]" * 60_000),
    "nested brackets": _ask("RETURN = " + "[" * 30_000 + "]" * 30_000 + ";"),
    "nested parentheses": _ask("RETURN = " + "(" * 30_000 + "1" + ")" * 30_000 + ";"),
    "nested ifs": _ask("if 1 { " * 5_000 + "RETURN = 1;" + " }" * 5_000),
    # --- long and legal
    "many terms": _ask("RETURN = 1" + " + 1" * 10_000 + ";"),
    "many signs": _ask("RETURN = " + "-" * 60_000 + "1;"),
    "many names": _ask(*[f"a{n} = {n};" for n in range(5_000)], "RETURN = a1;"),
    "long list": _ask("RETURN = [" + "1," * 30_000 + "1];"),
    "long text": _ask(f'RETURN = "{"x" * 60_000}";'),
    # --- growth
    "list of lists": _repeat("a = [a, a, a, a];", 60, begin="a = [1];", result="a"),
    "text of texts": _repeat("a = a + a;", 60, begin='a = "aaaaaaaa";', result="a"),
    "lists in a row": _repeat("a = a + a;", 60, begin="a = [1];", result="a"),
    "events of events": _ask(_EVENTS, *["events = concat(events, events);"] * 40, "RETURN = events;"),
    "events many times": _ask(
        _EVENTS, "a = [events, events, events, events];", *["a = [a, a, a];"] * 12, "RETURN = a;"
    ),
    "numbers of numbers": _repeat("a = a * a;", 60, begin="a = 99999;", result="a"),
    "number of many digits": _ask("RETURN = " + "9" * 20_000 + ";"),
    "number beyond all": _ask(f"RETURN = {'9' * 400}.0 * 10;"),
    "division by zero": _ask("RETURN = 1 / 0;"),
    # --- patterns
    "pattern that backtracks": _match("^(a+)+$"),
    "pattern that backtracks elsewhere": _match("(a|aa)+$"),
    "pattern with look-ahead that backtracks": _match("^(?=a)(a+)+$"),
    "pattern with a reference that backtracks": _match("^(a+)+\\\\1$"),
    "pattern of patterns": _match("((a{1,100}){1,100}){1,100}"),
    "pattern that is open": _match("((((("),
    "pattern of many": _match("|".join("ab" * 8 for _ in range(3_000))),
    "rule that backtracks": _categorize("^(a+)+$"),
    "rule with look-ahead that backtracks": _categorize("^(?=a)(a+)+$"),
    "rule that is open": _categorize("("),
    # --- arguments
    "function that is none": _ask("RETURN = __import__('os');"),
    "no arguments": _ask("RETURN = flood();"),
    "wrong arguments": _ask("RETURN = sum_durations('x');", "RETURN = limit_events(1, 2);"),
    "rules of nonsense": _ask(_EVENTS, "RETURN = categorize(events, [[1, 2, 3], {}, 'x']);"),
    "flood without end": _ask(_EVENTS, f"RETURN = flood(events, {'9' * 30});"),
    "limit below zero": _ask(_EVENTS, "RETURN = limit_events(events, -1);"),
    "bucket that is none": _ask('RETURN = query_bucket("nowhere");'),
    "bucket of any name": _ask(f'RETURN = query_bucket("{"%" * 10_000}");'),
    # --- periods
    "period of all time": _ask(_EVENTS, "RETURN = events;", periods=("0001-01-01/9999-12-31",)),
    "period backwards": _ask(_EVENTS, "RETURN = events;", periods=("2027-01-01/2026-01-01",)),
    "period that is none": _ask("RETURN = 1;", periods=("/",)),
    "many periods": _ask(_EVENTS, "RETURN = sort_by_duration(flood(events));", periods=(_YEAR,) * 1_000),
    "too many periods": _ask("RETURN = 1;", periods=(_YEAR,) * 100_000),
}
