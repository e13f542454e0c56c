"""What the broker relies on in amqtt: when it changes, this fails before a user finds out."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from importlib.metadata import version

import pytest
from amqtt.broker import Broker
from amqtt.broker import Server as Listening

from pulseline_broker.server import Listener, Server

#: The source of each method that is overridden or called, as ``server`` was written against it (amqtt 0.12.1).
DIGESTS = {
    "__init__": "5158ff3ca6493baf",
    "_create_server_instance": "3925f48239680074",
    "_start_listeners": "5ac2d716d33babb4",
    "shutdown": "800adcdd80ded223",
    "start": "bd1c165101f6fcbb",
    "stream_connected": "d1c68240cb49f94a",
    "ws_connected": "e2db3c958489f513",
}


def compute_digest(function: object) -> str:
    """Return a short digest of a function's source."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]  # type: ignore[arg-type]


def test_amqtt_has_the_minor_version_that_is_known() -> None:
    """The package is pinned to 0.12; another one has to be read first."""
    assert version("amqtt").startswith("0.12.")


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_method_of_amqtt_is_as_it_was(name: str) -> None:
    """A method that we override or call has changed: read it, mend ``server``, then write the new digest here."""
    assert compute_digest(getattr(Broker, name)) == DIGESTS[name]


def test_every_overridden_method_is_named() -> None:
    """The source of what ``Server`` replaces of ``Broker`` is compared with what it was."""
    replaced = {name for name in vars(Server) if name in vars(Broker) and callable(vars(Server)[name])}

    assert {"start", "stream_connected", "ws_connected"} < replaced <= set(DIGESTS)


def test_what_is_reached_into_is_there() -> None:
    """The two private names that ``Server`` reads exist with the meaning that they had."""
    assert "self._servers: dict[str, Server]" in inspect.getsource(Broker.__init__)
    assert "self.instance = server_instance" in inspect.getsource(Listening.__init__)


def test_no_plugin_of_amqtt_is_loaded() -> None:
    """With none named, amqtt would load its own: one lets everybody in, two log each packet."""

    async def build() -> Server:
        listener = Listener(is_websocket=False, host="127.0.0.1", port=0, flag="--mqtt-port")
        return Server((listener,), serve=asyncio.sleep, connect_timeout_s=1.0, max_frame_bytes=1)  # type: ignore[arg-type]

    assert asyncio.run(build()).plugins_manager.plugins == []
