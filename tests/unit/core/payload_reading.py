"""Reads payloads as ingest does, for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pulseline_core.message import Message
from pulseline_core.payload import PayloadRules, parse_message

NOW = datetime.now(UTC)
RULES = PayloadRules(root="pulseline/v1")


def parse(payload: bytes | str | dict[str, Any] | list[Any], *, topic: str = "plug/heartbeat") -> Message:
    """Read a payload that was published under our root."""
    if isinstance(payload, dict | list):
        payload = json.dumps(payload)
    raw = payload.encode() if isinstance(payload, str) else payload
    return parse_message(f"pulseline/v1/{topic}", raw, now=NOW, rules=RULES)
