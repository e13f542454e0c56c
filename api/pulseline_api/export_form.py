"""The forms of an export, by what they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from pulseline_api.answer import JSON_TYPE
from pulseline_api.export_csv import iter_csv
from pulseline_api.export_json import iter_json, iter_ndjson
from pulseline_api.export_selection import Selection
from pulseline_core.errors import BadInput


class UnknownForm(BadInput):
    """A form that no export has."""

    def __init__(self, name: str) -> None:
        super().__init__(f"format {name[:64]!r} is not one of {', '.join(FORMS)}")
        self.name = name


class Form(NamedTuple):
    """One of the forms of an export."""

    content_type: str
    iter_chunks: Callable[[Selection], Iterator[bytes]]


#: The name is also how the file's name ends.
FORMS: Final[Mapping[str, Form]] = {
    "json": Form(JSON_TYPE, iter_json),
    "csv": Form("text/csv; charset=utf-8", iter_csv),
    "ndjson": Form("application/x-ndjson", iter_ndjson),
}


def get_form(name: str) -> Form:
    """Return a form; raise ``UnknownForm``."""
    if name not in FORMS:
        raise UnknownForm(name)
    return FORMS[name]
