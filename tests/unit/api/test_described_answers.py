"""Every operation of the description, asked with what fits it and what does not: the answers are as described."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIEnvironment

import hypothesis
import schemathesis

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_core.event import Event
from tests.described import CHECKS, aim, load_description
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter
from tests.unit.api.scripted_queries import ScriptedQueries

#: Of what is stored before each request.
STORED: Final = {"bucket_id": "plug", "event_id": 1, "dead_letter_id": 2, "key": "theme"}

READER: Final = MemoryReader(MemoryStore())
WRITER: Final = RecordingWriter(READER.store)
APP: Final = create_app(READER, WRITER, INFO, AppOptions(max_exports=1_000_000, queries=ScriptedQueries()))


def fill_store() -> MemoryStore:
    """Return one with something of everything."""
    store = MemoryStore()
    store.add_bucket("plug", type="power", client="meter", hostname="desk")
    store.add_event("plug", Event(timestamp=datetime(2026, 11, 10, tzinfo=UTC), duration=timedelta(seconds=5)))
    store.add_dead_letter(b"{")
    store.settings["theme"] = {"dark": True}
    return store


def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request; it finds everything as the one before it did."""
    READER.store = WRITER.store = fill_store()
    return APP(environ, start_response)


description = load_description()
description.app = serve


@description.parametrize()  # type: ignore[untyped-decorator]  # it has no types
@hypothesis.settings(max_examples=25, derandomize=True)
def test_answer_is_as_described(case: schemathesis.Case[Any]) -> None:
    """Of things that are there as of things that are not."""
    case.call_and_validate(checks=CHECKS)
    aim(case, STORED)
    case.call_and_validate(checks=CHECKS)
