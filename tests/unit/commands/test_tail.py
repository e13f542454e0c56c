"""``pulseline tail`` without a broker: what is subscribed to, read and shown."""

from __future__ import annotations

import pytest

from pulseline_client.commands.tail import State, build_filters, build_note, build_row, read_state
from pulseline_core.types import BucketId, JSONObject

ROOT = "pulseline/v1"
EVENT = b'{"id": 1, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 5.0, "data": {"value": "ON"}}'


def test_build_filters_follows_every_bucket_unless_some_are_named() -> None:
    """Named buckets become topics, each once."""
    assert build_filters(ROOT, ()) == ["pulseline/v1/+/state"]
    assert build_filters(ROOT, ("plug", "my bucket", "plug")) == [
        "pulseline/v1/plug/state",
        "pulseline/v1/my%20bucket/state",
    ]


def test_read_state_decodes_bucket_and_event() -> None:
    """The topic's level becomes the bucket's id."""
    state = read_state("pulseline/v1/my%20bucket/state", EVENT, root=ROOT)

    assert state is not None
    assert state.bucket_id == "my bucket"
    assert state.event["data"] == {"value": "ON"}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("pulseline/v1/plug/state", b""),
        ("pulseline/v1/plug/state", b"[]"),
        ("pulseline/v1/plug/state", b"\xff"),
        ("other/plug/state", EVENT),
        ("pulseline/v1/_status/main", EVENT),
    ],
    ids=["deleted bucket", "no object", "not utf-8", "other root", "not a bucket"],
)
def test_note_passes_over_what_is_no_state(topic: str, payload: bytes) -> None:
    """Called on the MQTT thread, it neither raises nor hands on."""
    states: list[State] = []

    build_note(ROOT, states.append)(topic, payload)

    assert states == []


def test_build_row_is_cut_to_the_terminal() -> None:
    """A long bucket id and long data end in an ellipsis."""
    event: JSONObject = {"timestamp": "2026-11-23T10:00:00+00:00", "duration": 5.0, "data": {"title": "t" * 200}}

    row = build_row(State(BucketId("b" * 100), event), width=80)

    assert len(row) == 80
    assert "b…" in row
    assert row.endswith("t…")
