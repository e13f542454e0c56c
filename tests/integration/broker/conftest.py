"""A broker on a free port with a gate in the test's hand, and clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pulseline_broker.limits import Limits
from pulseline_broker.service import BrokerService
from pulseline_core.settings import Settings, load
from tests.integration.broker.gates import HeldGate
from tests.integration.broker.wire import Wire

StartBroker: TypeAlias = Callable[..., BrokerService]
Dial: TypeAlias = Callable[..., Wire]


@pytest.fixture
def gate() -> HeldGate:
    """A gate that commits at once, until the test says otherwise."""
    return HeldGate()


@pytest.fixture
def build_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that makes settings; names as in ``mqtt__port=0``."""

    def build(**changes: Any) -> Settings:
        overrides = {"data_dir": str(tmp_path / "data"), "mqtt.port": "0"}
        overrides |= {name.replace("__", "."): str(value) for name, value in changes.items()}
        return load(overrides, {})

    return build


@pytest.fixture
def start_broker(gate: HeldGate, build_settings: Callable[..., Settings]) -> Iterator[StartBroker]:
    """Return a function that starts a broker with changed settings; it ends with the test."""
    with ExitStack() as stack:

        def start(*, limits: Limits | None = None, **changes: Any) -> BrokerService:
            settings = build_settings(**changes)
            return stack.enter_context(BrokerService(settings, gate, limits=limits or Limits()))

        yield start


@pytest.fixture
def broker(start_broker: StartBroker) -> BrokerService:
    """A broker with default settings."""
    return start_broker()


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Return a function that opens a connection to a broker; it is closed with the test."""
    with ExitStack() as stack:

        def open_connection(broker: BrokerService, **kwargs: Any) -> Wire:
            return stack.enter_context(Wire(broker.port, **kwargs))

        yield open_connection
