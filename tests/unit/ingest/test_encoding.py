"""JSON on its way out: compact, in UTF-8, and what went in comes out."""

from __future__ import annotations

import json

from hypothesis import given

from pulseline_core.types import JSONValue
from pulseline_ingest.encoding import encode
from tests.unit.core.test_json_value import json_values


def test_json_is_compact_and_not_escaped() -> None:
    """A byte that says nothing is not sent."""
    assert encode({"seq": 5, "title": "Büro 📱"}) == '{"seq":5,"title":"Büro 📱"}'.encode()


@given(json_values)
def test_every_value_comes_back(value: JSONValue) -> None:
    """Whatever a store holds, another decoder reads it."""
    assert json.loads(encode(value)) == value
