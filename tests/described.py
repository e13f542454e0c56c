"""What it takes to ask a server about its whole description (``/api/openapi.json``), and to check its answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pulseline_api import create_app
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

CHECKS: Final[list[CheckFunction]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

# Most years that a date-time may have are refused; these are taken.
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 23), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001  (hypothesis adds the zone)
)


def aim(case: Case[Any], stored: Mapping[str, Any]) -> None:
    """Make a request one about things that are stored."""
    case.path_parameters = {name: stored[name] for name in case.path_parameters}


def load_description() -> Any:
    """Return the operations; no object in them has other fields than those that it names."""
    app = create_app(MemoryReader(MemoryStore()), RecordingWriter(MemoryStore()), INFO)
    document = app.test_client().get("/api/openapi.json").json
    return schemathesis.openapi.from_dict(_close_objects(document))


def _close_objects(schema: Any) -> Any:
    """Return a description whose objects have no other fields than those that it names."""
    if isinstance(schema, list):
        return [_close_objects(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _close_objects(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed
