"""A TCP proxy that is a bad network: it resets, stalls, splits, duplicates, holds back, swallows and falls silent.

Theory of operation. One thread runs an asyncio loop; each connection has two pipes, one a direction. A pipe passes on
packet by packet, and after a random time it does one of the faults that its next packet allows. Until ``rage``, and
after ``calm``, all is passed on as it comes. What is allowed is what TCP and MQTT allow, and a little more: a message
that is numbered may be overtaken by others, which tests that the numbers are heeded.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Final, Self

from tests.storm.packets import Cutter, get_qos, is_numbered, mark_duplicate

#: Of what a pipe reads at once.
_READ_BYTES: Final = 64 * 1024

#: The longest time that a pipe stands still, and that a message is held back while others pass.
_MAX_STALL_S: Final = 10.0
_MAX_HOLD_S: Final = 2.0

#: How much of a packet goes byte by byte.
_SPLIT_BYTES: Final = 200

_START_TIMEOUT_S: Final = 10.0

#: Close with RST, and forget what was not sent.
_LINGER: Final = struct.pack("ii", 1, 0)


class Fault(Enum):
    """What can happen to a packet, and to what it goes over."""

    #: Byte by byte.
    SPLIT = "split"
    #: The pipe stands still for a while, the other one does not.
    STALL = "stall"
    #: Half of it arrives, then the connection is reset in both directions.
    RESET = "reset"
    #: A message comes twice, which QoS 1 allows.
    DUPLICATE = "duplicate"
    #: A message comes late; those behind it overtake it.
    HOLD_BACK = "hold back"
    #: A message does not come, which QoS 0 allows.
    SWALLOW = "swallow"


#: How often each happens, of those that can happen.
ANY_STREAM: Final[Mapping[Fault, int]] = {Fault.SPLIT: 12, Fault.STALL: 4, Fault.RESET: 8}
MQTT: Final[Mapping[Fault, int]] = {**ANY_STREAM, Fault.DUPLICATE: 24, Fault.HOLD_BACK: 24, Fault.SWALLOW: 24}


def is_possible(fault: Fault, packet: bytes) -> bool:
    """Return whether this can happen to that."""
    match fault:
        case Fault.DUPLICATE:
            return bool(get_qos(packet))
        case Fault.HOLD_BACK:
            return is_numbered(packet)
        case Fault.SWALLOW:
            return get_qos(packet) == 0
        case _:
            return True


class Proxy:
    """Listens on loopback while entered.

    Args:
        upstream: the port on loopback, or the socket's path, of what is behind it.
        faults: what happens, and how often compared with one another.
        every_s: how often something happens to a pipe, on average.
        build_cutter: what cuts one direction of a connection.

    Attributes:
        port: where it listens.
        counts: how often each fault has happened.
    """

    def __init__(
        self,
        upstream: int | Path,
        *,
        faults: Mapping[Fault, int],
        every_s: float,
        build_cutter: Callable[[], Cutter],
        chance: random.Random,
    ) -> None:
        self.port = 0
        self.counts: Counter[str] = Counter()
        self.chance = chance
        self.faults = faults
        self.every_s = every_s
        self.is_raging = False
        self._upstream = upstream
        self._build_cutter = build_cutter
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storm-proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = started.result(_START_TIMEOUT_S)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_START_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def rage(self) -> None:
        """Let faults happen from now on."""
        self.is_raging = True

    def deafen(self) -> None:
        """Let nothing come over the connections that there are, in either direction, and tell nobody; new ones work."""
        self.counts["deafen"] += 1
        for link in list(self._links):
            link.is_deaf = True

    def calm(self) -> None:
        """Let nothing happen any more; what is cut off stays so."""
        self.is_raging = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._upstream, Path):
                inner = await asyncio.open_unix_connection(self._upstream)
            else:
                inner = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), inner)
        self._links.add(link)
        with suppress(asyncio.CancelledError):  # of the whole; asyncio would take it for an error
            await link.run(self._build_cutter)
        self._links.discard(link)

    async def _end(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:  # ending one may begin another
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One connection to the proxy with the one behind it."""

    def __init__(self, proxy: Proxy, outer: _Streams, inner: _Streams) -> None:
        self.proxy = proxy
        self.is_deaf = False
        self._outer = outer
        self._inner = inner

    async def run(self, build_cutter: Callable[[], Cutter]) -> None:
        """Pass on until one side ends."""
        pipes = (
            _Pipe(self, self._outer[0], self._inner[1], build_cutter()),
            _Pipe(self, self._inner[0], self._outer[1], build_cutter()),
        )
        self._tasks = [asyncio.ensure_future(pipe.run()) for pipe in pipes]  # kept: asyncio holds them weakly
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            for _, writer in (self._outer, self._inner):
                writer.close()

    def reset(self) -> None:
        """End the connection as a network does that has forgotten it."""
        for _, writer in (self._outer, self._inner):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            writer.transport.abort()


class _Pipe:
    """One direction of a link."""

    def __init__(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cutter: Cutter) -> None:
        self._link = link
        self._proxy = link.proxy
        self._reader = reader
        self._writer = writer
        self._cutter = cutter
        self._is_whole = asyncio.Lock()
        self._fault_at = 0.0
        self._plan_fault()

    def _plan_fault(self) -> None:
        self._fault_at = asyncio.get_running_loop().time() + self._proxy.chance.expovariate(1 / self._proxy.every_s)

    async def run(self) -> None:
        """Pass on what comes until the end."""
        with suppress(OSError):
            while data := await self._reader.read(_READ_BYTES):
                for packet in self._cutter.cut(data):
                    await self._pass_on(packet)

    async def _pass_on(self, packet: bytes) -> None:
        if self._link.is_deaf:
            await asyncio.Event().wait()  # until the link ends
        fault = self._draw(packet)
        if fault is None:
            await self._write(packet)
        else:
            self._proxy.counts[fault.value] += 1
            await self._do(fault, packet)

    def _draw(self, packet: bytes) -> Fault | None:
        """Return what happens to the packet, if it is time."""
        now = asyncio.get_running_loop().time()
        if not self._proxy.is_raging or now < self._fault_at:
            return None
        self._plan_fault()
        weights = {fault: weight for fault, weight in self._proxy.faults.items() if is_possible(fault, packet)}
        return self._proxy.chance.choices(list(weights), list(weights.values()))[0]

    async def _do(self, fault: Fault, packet: bytes) -> None:
        chance = self._proxy.chance
        match fault:
            case Fault.SPLIT:
                await self._write(*(packet[place : place + 1] for place in range(_SPLIT_BYTES)), packet[_SPLIT_BYTES:])
            case Fault.STALL:
                await asyncio.sleep(chance.uniform(0.0, _MAX_STALL_S))
                await self._write(packet)
            case Fault.RESET:
                await self._write(packet[: len(packet) // 2])
                self._link.reset()
            case Fault.DUPLICATE:
                await self._write(packet, mark_duplicate(packet))
            case Fault.HOLD_BACK:
                self._held = asyncio.ensure_future(self._write_late(packet, chance.uniform(0.0, _MAX_HOLD_S)))
            case Fault.SWALLOW:
                pass

    async def _write_late(self, packet: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with suppress(OSError):
            await self._write(packet)

    async def _write(self, *pieces: bytes) -> None:
        """Write pieces one after the other, and nothing in between."""
        async with self._is_whole:
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()
                if len(pieces) > 1:
                    await asyncio.sleep(0.001)  # so that they leave apart
