"""What the settings mean to the commands that talk to a running server."""

from __future__ import annotations

import pytest

from pulseline_client.commands.server import Server
from pulseline_core.errors import PayloadTooLarge
from pulseline_core.settings import load


def test_a_command_refuses_what_the_server_would_not_take() -> None:
    """The limit is that of the settings, and the heartbeat never reaches the outbox."""
    server = Server(load({"mqtt.max_payload_bytes": "500"}, {}))
    client = server._build_client()

    with pytest.raises(PayloadTooLarge) as caught:
        client.heartbeat("plug", {"text": "x" * 500})

    assert caught.value.limit_bytes <= 500
