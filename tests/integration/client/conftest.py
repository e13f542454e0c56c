"""A server that can misbehave, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pulseline_client import Client
from tests.integration.client.fake_server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """Return a server that behaves."""
    with FakeServer() as running:
        yield running


@pytest.fixture
def build_client(server: FakeServer, tmp_path: Path) -> Callable[..., Client]:
    """Return what builds clients of the server, all with one outbox."""

    def build(**options: object) -> Client:
        values = {"port": server.port, "outbox": tmp_path / "outbox.db", "name": "test", "timeout_s": 10.0}
        return Client(**(values | options))  # type: ignore[arg-type]  # the tests pass what fits

    return build


@pytest.fixture
def client(build_client: Callable[..., Client]) -> Iterator[Client]:
    """Return a client that is open."""
    with ExitStack() as stack:
        yield stack.enter_context(build_client())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the outbox goes, in a folder that does not exist."""
    return tmp_path / "client" / "outbox.db"
