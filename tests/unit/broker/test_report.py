"""The broker's report of itself."""

from __future__ import annotations

import asyncio

import pytest

from pulseline_broker import report as report_module
from pulseline_broker.hub import Hub
from pulseline_broker.limits import Limits
from pulseline_broker.report import Report
from pulseline_core.settings import Settings
from tests.integration.broker.gates import HeldGate


def test_heap_maximum_is_never_below_heap_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel notes the maximum now and then only, so that the present may be above it."""
    monkeypatch.setattr(report_module, "_read_resident_bytes", lambda: 2**50)
    said = {}

    async def publish() -> None:
        hub = Hub(Settings(), HeldGate(), Limits())
        Report(hub).publish()
        said.update({each.topic: each.payload for each in hub.router.get_retained().iter_matching("$SYS/#")})

    asyncio.run(publish())

    assert said["$SYS/broker/heap/maximum"] == said["$SYS/broker/heap/current"] == str(2**50).encode()
