"""A worker's message to itself: numbered like any client's, by the time when it was sent. Pure."""

from __future__ import annotations

from pulseline_core.errors import InvalidPayload
from pulseline_core.payload import decode_json
from pulseline_core.types import JSONObject
from pulseline_ingest.encoding import encode


def build_probe(client_id: str, *, now_ms: int) -> bytes:
    """Return a probe's payload; its number grows from one start of the worker to the next."""
    probe: JSONObject = {"publisher": client_id, "seq": now_ms, "base": now_ms}
    return encode(probe)


def read_probe_age_s(payload: bytes, *, now_ms: int) -> float | None:
    """Return how long ago a probe was sent, in seconds; ``None`` if it is none of ours."""
    try:
        probe = decode_json(payload)
    except InvalidPayload:
        return None
    sent_ms = probe.get("seq") if isinstance(probe, dict) else None
    return max(0, now_ms - sent_ms) / 1000 if isinstance(sent_ms, int) else None
