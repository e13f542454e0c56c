"""The parts of a whole pipeline, in the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from pulseline_broker.service import BrokerService
from pulseline_core.settings import Settings, load
from pulseline_ingest.gate import IngestGate

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)
DESCRIPTION = {"type": "power", "client": "meter", "hostname": "desk"}


def build_settings(folder: str, *, port: int = 0, reply_timeout_s: float = 10.0) -> Settings:
    """Return the settings of a pipeline with its data in a folder."""
    overrides = {"data_dir": folder, "mqtt.port": str(port), "api.port": "0"}
    return load(overrides | {"api.reply_timeout_s": str(reply_timeout_s), "broker.sys_interval_s": "0.2"}, {})


def start_broker(settings: Settings) -> BrokerService:
    """Return the embedded broker with ingest behind it, to be entered."""
    return BrokerService(settings, IngestGate(settings))


def build_beat(seconds: float, **data: Any) -> dict[str, Any]:
    """Return a heartbeat so long after ``T0``."""
    return {"timestamp": (T0 + timedelta(seconds=seconds)).isoformat(), "duration": 0, "data": data}


def wait_for(read: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Return what ``read`` returns once that is something."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not (found := read()):
        assert monotonic() < deadline, "it did not come"
        pause.wait(0.05)
    return found
