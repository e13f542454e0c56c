"""Values as the query language writes them.

It looks like JSON and is not: in a text only the quotes are escaped, every other backslash is one. There is no null,
and a text can not end with a backslash.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from pulseline_core.errors import BadInput

#: A backslash that is escaped itself, at the end of a pattern.
_LAST_BACKSLASH: Final = re.compile(r"(?<!\\)(?:\\\\)+\Z")


def write_literal(value: object) -> str:
    """Return a value's text in a query.

    Raises:
        BadInput: the language can not say it.
    """
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return quote(value)
        case list() | tuple():
            return f"[{', '.join(map(write_literal, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{quote(key)}: {write_literal(item)}' for key, item in value.items())}}}"
        case _:
            raise BadInput(f"{value!r:.64} can not be written in a query")


def quote(text: str) -> str:
    """Return text as a literal; a line end is written as a regular expression writes it."""
    escaped = text.replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def write_pattern(regex: str) -> str:
    """Return a regular expression as a literal."""
    return quote(_LAST_BACKSLASH.sub(lambda found: f"{found[0]}(?:)", regex))  # an empty group moves it from the end


def write_rule(rule: Any) -> str:
    """Return a category's rule as a literal: a mapping, or a dataclass with its fields."""
    fields = dataclasses.asdict(rule) if dataclasses.is_dataclass(rule) and not isinstance(rule, type) else dict(rule)
    if fields.get("type", "") is None:
        fields["type"] = "none"  # a category of the web interface without a rule
    written = [
        f"{quote(name)}: {write_pattern(value) if name == 'regex' and isinstance(value, str) else write_literal(value)}"
        for name, value in fields.items()
        if value is not None
    ]
    return f"{{{', '.join(written)}}}"
