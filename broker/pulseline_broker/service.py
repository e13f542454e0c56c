"""The broker as a service: an event loop on a thread of its own, and the gate behind it.

Start: the gate first, so that the first message finds it; then the listeners. Stop, within the time given:

1. stop accepting, so that nobody new comes in;
2. stop reading, so that nothing new is submitted;
3. close the gate: it commits what was submitted, and the acknowledgements go out;
4. end the connections, which send what is still buffered;
5. stop the listeners and the loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pulseline_broker.door import Door
from pulseline_broker.gate import Gate
from pulseline_broker.hub import Hub
from pulseline_broker.limits import Limits
from pulseline_broker.login import FileUsers, Login, UserSource
from pulseline_broker.report import Report
from pulseline_broker.server import Listener, Server
from pulseline_broker.users import UsersFile
from pulseline_core import runtime
from pulseline_core.address import is_loopback
from pulseline_core.data_folder import DataFolder
from pulseline_core.errors import ConfigError, PulselineError
from pulseline_core.settings import Settings

try:
    from uvloop import new_event_loop as build_loop
except ImportError:  # there is none for this platform; asyncio's own does, at about half the speed
    from asyncio import new_event_loop as build_loop  # type: ignore[assignment]  # a loop is a loop

logger = logging.getLogger(__name__)

#: What the gate may take to commit what was submitted; the supervisor allows 5 s for everything.
_GATE_TIMEOUT_S: Final = 3.0

#: What all connections together may take to send their last bytes.
_CONNECTIONS_TIMEOUT_S: Final = 1.2

_LIMITS: Final = Limits()

#: How often ``wait`` looks whether the gate still lives.
_CHECK_S: Final = 0.5


class GateFailed(PulselineError):
    """The gate's own thread died: nothing can be committed any more."""


class BrokerService:
    """The embedded broker.

    Args:
        settings: of the whole project.
        gate: not started; it is closed with the service.
        limits: that are no settings.
    """

    def __init__(self, settings: Settings, gate: Gate, *, limits: Limits = _LIMITS) -> None:
        self._settings = settings
        self._gate = gate
        self._limits = limits
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._settled = threading.Event()
        self._failure: BaseException | None = None
        self._ports: tuple[int, int] = (0, 0)

    def __enter__(self) -> Self:
        """Start the gate and the listeners; return when clients can connect.

        Raises:
            PulselineError: it can not start; nothing is left behind.
        """
        self._thread = runtime.spawn(self._run, name="pulseline-broker-loop")
        self._settled.wait()
        if self._failure is not None:
            failure = self._failure
            self.close()
            raise failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The TCP port, also when the system has chosen it."""
        return self._ports[0]

    @property
    def websocket_port(self) -> int:
        """The WebSocket port; 0 is none."""
        return self._ports[1]

    def wait(self, stop: threading.Event) -> None:
        """Wait for ``stop``.

        Raises:
            GateFailed: the gate died; only a new process helps.
        """
        while not stop.wait(_CHECK_S):
            if self._failure is not None:
                raise self._failure  # a bug: the loop has ended by itself
            failure = self._gate.failure
            if failure is not None:
                raise GateFailed(f"the gate ended: {failure!r}") from failure

    def close(self) -> None:
        """Commit and acknowledge what was taken in, and end; a second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None and thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        runtime.join(thread, _GATE_TIMEOUT_S + 2 * _CONNECTIONS_TIMEOUT_S)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=build_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the thread's end; whoever waits for the service is told
            self._failure = error
        finally:
            self._loop = None
            self._settled.set()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        check_exposure(self._settings)
        login = Login(
            build_user_source(self._settings),
            api_token=DataFolder(self._settings.data_dir).read_api_token(),
            root=self._settings.mqtt.root,
        )
        hub = Hub(self._settings, self._gate, self._limits)
        door = Door(hub, login)
        server = self._build_server(door)
        async with AsyncExitStack() as stack:
            stack.callback(login.close)
            stack.callback(server.release)
            server.bind()
            await asyncio.to_thread(hub.bridge.start)
            try:
                await server.start()
            except BaseException:
                await asyncio.to_thread(hub.bridge.close, _GATE_TIMEOUT_S)
                raise
            stack.push_async_callback(self._end, hub, door, server)
            self._ports = (server.get_port(), server.get_port(is_websocket=True) if self._has_websocket else 0)
            await self._work(hub)

    async def _work(self, hub: Hub) -> None:
        """Report and clean up, until it is time to stop."""
        assert self._stop is not None, "made by _serve"
        self._loop = asyncio.get_running_loop()
        self._settled.set()
        report, interval_s = Report(hub), self._settings.broker.sys_interval_s
        while not self._stop.is_set():
            report.publish()
            hub.expire_sessions()
            with suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    await self._stop.wait()

    async def _end(self, hub: Hub, door: Door, server: Server) -> None:
        """Stop in the order that the module describes."""
        server.stop_accepting()
        door.is_open = False
        hub.is_stopping = True
        await asyncio.to_thread(hub.bridge.close, _GATE_TIMEOUT_S)
        await asyncio.sleep(0)  # what the gate said last is heard before the connections end
        await door.close(_CONNECTIONS_TIMEOUT_S)
        await server.shutdown()

    @property
    def _has_websocket(self) -> bool:
        return self._settings.broker.websocket_port != 0

    def _build_server(self, door: Door) -> Server:
        host, broker = self._settings.mqtt.host, self._settings.broker
        listeners = [Listener(is_websocket=False, host=host, port=self._settings.mqtt.port, flag="--mqtt-port")]
        if self._has_websocket:
            listeners.append(
                Listener(is_websocket=True, host=host, port=broker.websocket_port, flag="--broker-websocket-port")
            )
        return Server(
            tuple(listeners),
            door.handle,
            connect_timeout_s=broker.connect_timeout_s,
            max_frame_bytes=broker.max_packet_bytes,
        )


def find_users_file(settings: Settings) -> Path:
    """Return where the users file is: the one that is named, or ``users.toml`` in the data folder."""
    return settings.broker.users_file or settings.data_dir / "users.toml"


def has_users(settings: Settings) -> bool:
    """Return whether clients have to log in: a file is named, or there is one in the data folder."""
    return settings.broker.users_file is not None or find_users_file(settings).exists()


def build_user_source(settings: Settings) -> UserSource:
    """Return where users come from.

    Raises:
        ConfigError: the users file does not fit, or is not there though it is named.
    """
    return FileUsers(UsersFile(find_users_file(settings)), is_required=has_users(settings))


def check_exposure(settings: Settings) -> None:
    """Raise ``ConfigError`` when others than this machine could come in without a password."""
    if has_users(settings) or is_loopback(settings.mqtt.host):
        return
    raise ConfigError(
        f"the broker would let anybody in at {settings.mqtt.host!r}",
        hint="make users with 'pulseline users add NAME', or listen on 127.0.0.1 (mqtt.host)",
    )
