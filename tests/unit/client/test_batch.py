"""Batches fit the payload limit, and together hold every event in order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_client.batch import Frame, build_batches, build_single, encode_event
from pulseline_client.queued_message import MAX_ENVELOPE_BYTES
from pulseline_core.errors import PayloadTooLarge
from pulseline_core.event import Event

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def build_event(text: str) -> Event:
    """Return an event whose size follows from ``text``."""
    return Event(timestamp=NOW, data={"text": text}, id=5)


def test_event_travels_without_its_id() -> None:
    """Ids are the store's to give."""
    assert json.loads(encode_event(build_event("é"))) == {
        "timestamp": "2026-11-23T10:00:00+00:00",
        "duration": 0.0,
        "data": {"text": "é"},
    }


def test_single_heartbeat_carries_its_pulsetime() -> None:
    """``pulsetime`` stands beside the event's own keys."""
    body = json.loads(build_single(build_event("x"), Frame(pulsetime=timedelta(seconds=2.5), limit_bytes=1000)))

    assert (body["pulsetime"], body["data"]) == (2.5, {"text": "x"})


def test_messages_say_that_they_make_no_bucket() -> None:
    """Single ones and batches."""
    frame = Frame(limit_bytes=1000, creates_bucket=False)

    single = json.loads(build_single(build_event("x"), frame))
    [(batch, _)] = build_batches([build_event("x")], frame)

    assert single["create_bucket"] is json.loads(batch)["create_bucket"] is False
    assert "create_bucket" not in json.loads(build_single(build_event("x"), Frame(limit_bytes=1000)))


def test_single_event_over_the_limit_is_refused() -> None:
    """The limit includes the envelope."""
    size_bytes = len(encode_event(build_event("x"))) + MAX_ENVELOPE_BYTES

    assert build_single(build_event("x"), Frame(limit_bytes=size_bytes))
    with pytest.raises(PayloadTooLarge, match=f"{size_bytes} bytes, the limit is {size_bytes - 1}"):
        build_single(build_event("x"), Frame(limit_bytes=size_bytes - 1))


def test_event_that_fits_no_batch_is_refused() -> None:
    """One event is never split."""
    with pytest.raises(PayloadTooLarge):
        list(build_batches([build_event("x"), build_event("x" * 1000)], Frame(limit_bytes=1000)))


def test_no_events_make_no_batch() -> None:
    """An empty batch would be a message for nothing."""
    assert list(build_batches([], Frame(limit_bytes=1000))) == []


@given(st.lists(st.text(max_size=60), min_size=1, max_size=30), st.integers(500, 1500), st.booleans())
def test_batches_hold_everything_in_order_and_fit(texts: list[str], limit_bytes: int, has_pulsetime: bool) -> None:
    """Whatever the sizes, each batch fits with its envelope, and none is empty."""
    events = [build_event(text.replace("\0", "").encode("utf-8", "ignore").decode()) for text in texts]
    pulsetime = timedelta(seconds=60) if has_pulsetime else None

    batches = list(build_batches(events, Frame(pulsetime=pulsetime, limit_bytes=limit_bytes)))

    assert [event for _, held in batches for event in held] == events
    for body, held in batches:
        value = json.loads(body)
        assert len(body) + MAX_ENVELOPE_BYTES <= limit_bytes
        assert [item["data"] for item in value["events"]] == [event.data for event in held]
        assert value.get("pulsetime") == (60.0 if has_pulsetime else None)
