"""Ingest as the wire interface describes it, in a few lines: what the client has to work with."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

from pulseline_core.types import JSONObject, JSONValue


@dataclass(slots=True)
class ModelWorker:
    """Keeps watermarks and applies messages; ``epoch`` names its database.

    Attributes:
        applied: per bucket the seqs that took effect, in order.
        rejects: a key that makes a body a dead letter, answered with an error.
    """

    epoch: str = "first"
    window: int = 100
    watermarks: dict[tuple[str, str], int] = field(default_factory=dict)
    applied: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    bodies: list[JSONObject] = field(default_factory=list)
    duplicates: int = 0
    rejects: str = "reject"

    def receive(self, bucket_id: str, message: JSONObject) -> JSONObject:
        """Take a message in and return its acknowledgement."""
        publisher, seq, base = message["publisher"], message["seq"], message["base"]
        assert isinstance(publisher, str)
        assert isinstance(seq, int)
        assert isinstance(base, int)
        watermark = max(self.watermarks.get((publisher, bucket_id), 0), base - 1)
        if seq <= watermark:
            self.duplicates += 1
            return self._acknowledge(bucket_id, watermark, {}, None)
        if seq > watermark + 1:
            return self._acknowledge(bucket_id, watermark, {}, None)
        self.watermarks[publisher, bucket_id] = seq
        self.applied[bucket_id].append(seq)
        self.bodies.append(message)
        return self._acknowledge(bucket_id, seq, message, self._build_result(message))

    def _build_result(self, message: JSONObject) -> JSONValue:
        if self.rejects in message:
            return {"error": {"type": "InvalidEvent", "message": "rejected"}}
        if "events" in message:
            events = message["events"]
            assert isinstance(events, list)
            return [_store(event, place) for place, event in enumerate(events, start=1)]
        return _store(message, len(self.bodies)) if "data" in message else {"deleted": 1}

    def _acknowledge(self, bucket_id: str, seq: int, message: JSONObject, result: JSONValue) -> JSONObject:
        acknowledgement: JSONObject = {"bucket": bucket_id, "seq": seq, "epoch": self.epoch, "window": self.window}
        is_error = isinstance(result, dict) and "error" in result
        return {**acknowledgement, "result": result} if message.get("reply") or is_error else acknowledgement


def _store(event: JSONValue, event_id: int) -> JSONObject:
    assert isinstance(event, dict)
    return {
        "id": event_id,
        "timestamp": event.get("timestamp", "2026-11-23T10:00:00+00:00"),
        "duration": event.get("duration", 0),
        "data": event["data"],
    }


def read(payload: bytes) -> JSONObject:
    """Decode what the client sent."""
    value: JSONObject = json.loads(payload)
    return value
