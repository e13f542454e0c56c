"""The listeners: amqtt's ``Broker`` starts and stops them, what connects there is served by ours.

This is the one module that touches amqtt. Of its ``Broker`` we use the life cycle (``start``, ``shutdown``) and the
listeners, and override how these are made and whom they hand a connection to. Everything behind that is ours
(``door``, ``connection``, ``router``): what amqtt does there acknowledges before anything is stored, drops what is not
acknowledged within five seconds, and can be cut off from its own session; see ``docs/reference/broker.md``. So amqtt's
registries of sessions, subscriptions and retained messages stay empty here, and its plugins are never called.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import websockets.asyncio.server
from amqtt.broker import Broker
from amqtt.contexts import ListenerType
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from pulseline_broker.transport import TcpTransport, Transport, WebSocketTransport
from pulseline_core.errors import ConfigError, InvalidSetting, NotPermitted, PortInUse

logger = logging.getLogger(__name__)

#: Connections that the kernel keeps while the loop is busy: a whole fleet that comes back at once.
_BACKLOG: Final = 512

#: Pages that may open a WebSocket: those of this machine. Programs send no Origin. Any other page in the user's browser
#: could otherwise read and write all there is.
_ORIGINS: Final[tuple[re.Pattern[str] | None, ...]] = (
    None,
    re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"),
)

#: A frame holds one packet or many; larger ones are cut off before they fill the memory.
_MAX_FRAME_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where to listen, and the names that a person knows the address by.

    Attributes:
        is_websocket: else plain TCP.
        port: 0 is any free one.
        flag: changes the port.
    """

    is_websocket: bool
    host: str
    port: int
    flag: str


class Server(Broker):
    """Listens; one object for all listeners.

    Args:
        listeners: the first is TCP.
        serve: called with each new connection, until its end.
        connect_timeout_s: for the opening of a WebSocket.
        max_frame_bytes: of one WebSocket frame.
    """

    def __init__(
        self,
        listeners: tuple[Listener, ...],
        serve: Callable[[Transport], Awaitable[None]],
        *,
        connect_timeout_s: float,
        max_frame_bytes: int,
    ) -> None:
        self._names = dict(zip(("default", "websocket"), listeners, strict=False))
        super().__init__(
            {
                "listeners": {name: self._describe(each) for name, each in self._names.items()},
                "plugins": {},  # without this, amqtt loads its own: everybody may log in, everything is logged
            }
        )
        self._serve = serve
        self._connect_timeout_s = connect_timeout_s
        self._max_frame_bytes = max(max_frame_bytes, _MAX_FRAME_BYTES)
        self._sockets: dict[str, socket.socket] = {}

    @staticmethod
    def _describe(listener: Listener) -> dict[str, str]:
        kind = ListenerType.WS if listener.is_websocket else ListenerType.TCP
        host = f"[{listener.host}]" if ":" in listener.host else listener.host
        return {"type": kind.value, "bind": f"{host}:{listener.port}"}

    def bind(self) -> None:
        """Take all addresses, without listening yet.

        Raises:
            PortInUse: another program listens there.
            ConfigError: the address is none of this machine's, or not allowed.
        """
        for name, listener in self._names.items():
            self._sockets[name] = bind(listener)

    def release(self) -> None:
        """Give the addresses back; those of listeners that are closed are already."""
        for bound in self._sockets.values():
            bound.close()

    async def start(self) -> None:
        """Listen on the addresses that ``bind`` took.

        Raises:
            PortInUse: another program that bound the address too was quicker.
        """
        for name, listener in self._names.items():
            try:
                self._sockets[name].listen(_BACKLOG)
            except OSError as error:
                raise _map_bind_error(error, listener) from error
        await super().start()

    def get_port(self, *, is_websocket: bool = False) -> int:
        """Return the port of a listener, also when the system has chosen it."""
        bound = self._sockets["websocket" if is_websocket else "default"]
        return int(bound.getsockname()[1])

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections go on."""
        for server in self._servers.values():
            if isinstance(server.instance, websockets.asyncio.server.Server):
                server.instance.close(close_connections=False)
            else:
                server.instance.close()

    async def stream_connected(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        listener_name: str,  # noqa: ARG002 - amqtt's signature
    ) -> None:
        """Serve a TCP connection."""
        await self._serve_safely(TcpTransport(reader, writer))

    async def ws_connected(self, websocket: ServerConnection, listener_name: str) -> None:  # noqa: ARG002 - amqtt's
        """Serve a WebSocket connection."""
        await self._serve_safely(WebSocketTransport(websocket))

    async def _create_server_instance(self, listener_name: str, listener_type: ListenerType, *_: Any) -> Any:
        """Listen on the socket that is bound already, with our limits."""
        bound = self._sockets[listener_name]
        if listener_type is ListenerType.TCP:
            return await asyncio.start_server(
                partial(self.stream_connected, listener_name=listener_name), sock=bound, backlog=_BACKLOG
            )
        return await websockets.asyncio.server.serve(
            partial(self.ws_connected, listener_name=listener_name),
            sock=bound,
            backlog=_BACKLOG,
            origins=_ORIGINS,
            subprotocols=[Subprotocol("mqtt")],
            compression=None,
            open_timeout=self._connect_timeout_s,
            max_size=self._max_frame_bytes,
            ping_interval=None,  # MQTT's keep-alive watches; a pong would wait behind messages that wait for room
        )

    async def _serve_safely(self, transport: Transport) -> None:
        try:
            await self._serve(transport)
        except asyncio.CancelledError:
            pass  # the broker stops; asyncio's streams would log a task that ends as cancelled
        except Exception:
            # The outermost level of a connection: a bug here must cost this connection only.
            logger.exception("a connection failed", extra={"action": "connection_failed"})
        finally:
            transport.abort()


def bind(listener: Listener) -> socket.socket:
    """Return a socket that is bound to the listener's address but does not listen yet.

    Raises:
        PortInUse: another program has it.
        NotPermitted: the port takes rights that we do not have.
        InvalidSetting: the host is none of this machine's.
    """
    try:
        found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InvalidSetting("mqtt.host", f"is {listener.host!r}, which is no address: {error.strerror}") from error
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _map_bind_error(error, listener) from error
    return bound


def _map_bind_error(error: OSError, listener: Listener) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(listener.host, listener.port, flag=listener.flag)
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotPermitted(f"{listener.host}:{listener.port}", "ports below 1024 are the system's")
    return InvalidSetting("mqtt.host", f"is {listener.host!r}, where nothing can listen: {error.strerror}")
