"""Text in CSV for spreadsheets, which run what looks like a formula.

Events come in from devices and foreign watchers. A text of theirs that begins like a formula gets an apostrophe before
it. Numbers are none: what is a number in the data stays one, with its sign.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

#: What makes a text a formula (OWASP, "CSV Injection"); a line feed is left out by some spreadsheets.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def neutralise(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def name_columns(keys: Iterable[str], *, taken: Collection[str]) -> list[str]:
    """Return the names of the data's columns: the keys, with ``data.`` before what is the name of another column."""
    names: list[str] = []
    used = set(taken)
    for key in keys:
        name = neutralise(key)
        while name in used:
            name = f"data.{name}"
        used.add(name)
        names.append(name)
    return names
