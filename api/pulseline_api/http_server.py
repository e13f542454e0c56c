"""The HTTP server, waitress, as an object that starts when told and stops in time.

Threads: one runs the sockets (``pulseline-api-sockets``), ``threads`` run requests. Stopping goes::

    close the listening sockets -> let requests end for a moment -> hang up on the rest -> end the request threads

A request that still streams (an export to a slow reader) is hung up on: its response breaks off without the last
chunk, so that no client takes it for whole. So is a client that takes nothing of its response for ``stall_s``: the
request thread that waits for it is free again then.

Five of waitress's ways are changed here. Its own error pages, for requests that never reach the application, become
JSON. One path may have larger bodies than all others (``LargeBodies``). Its dispatcher gives way to ``RequestThreads``.
The environment of a request holds the client's socket, so that a long one can see whether the client is still there
(``client_watch``). And its loop is called a round at a time, because its own ``run`` ends only by an exception in the
main thread.
"""

from __future__ import annotations

import copy
import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from math import inf
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self, cast
from wsgiref.types import WSGIApplication

import orjson
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask, WSGITask

from pulseline_api.answer import JSON_TYPE
from pulseline_api.client_watch import CLIENT_SOCKET
from pulseline_api.request_threads import RequestThreads
from pulseline_core import listening, runtime

logger = logging.getLogger(__name__)

#: How long the requests that run at a stop may take to end by themselves.
_DRAIN_S: Final = 1.0

#: How long the threads of requests that were hung up on may take to notice.
_JOIN_S: Final = 1.0

#: The sockets' thread looks this often for idle and stuck connections, and for a stop that no trigger announced.
_ROUND_S: Final = 1.0

#: Waitress counts its own sockets, too.
_MAX_CONNECTIONS: Final = 500

#: A connection without traffic is closed: longer than any watcher's poll, shorter than a forgotten laptop's lid.
_IDLE_S: Final = 120

#: A client that takes not a byte for this long is gone, or holds a request thread for nothing; a network that loses
#: packets is silent for less.
_STALL_S: Final = 30.0

#: Bytes of a response that wait in memory for a slow reader before its request waits as well.
_MAX_WAITING_BYTES: Final = 1024 * 1024

#: Less of a response waits for its end, so that its head and body leave together, sent by the sockets' thread.
_SEND_BYTES: Final = 16_384

#: Bodies up to this size are read to their end (into a file), so that the client gets to see its 413.
_MAX_READ_BYTES: Final = 64 * 1024 * 1024

#: What is read of a refused request before its connection is closed: 1 MiB.
_UNREAD_READS: Final = 16
_UNREAD_BYTES: Final = 65_536


class _JsonErrorTask(ErrorTask):
    """Answers a request that is not HTTP, or over a limit, in JSON."""

    def execute(self) -> None:
        """Write the response; waitress calls it on a request thread."""
        request: Any = self.request  # typed as an error by types-waitress
        error = request.error
        body = orjson.dumps({"message": f"{error.reason}: {error.body}"})
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", JSON_TYPE), ("Connection", "close")]
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


class _Task(WSGITask):
    """Runs a request."""

    def get_environment(self) -> Any:
        """Return the environment of the request, and in it what tells whether its client is there."""
        environ = super().get_environment()
        environ[CLIENT_SOCKET] = self.channel.socket
        return environ


#: Ours, among waitress's adjustments.
_LARGE_BODIES: Final = "pulseline_large_bodies"


@dataclass(frozen=True, slots=True)
class LargeBodies:
    """The one path to which a body may be larger than all others.

    Attributes:
        path: decoded; a slash at its end does not matter.
        limit_bytes: so large.
        admits: says by the headers of a request whether its client may send so much.
    """

    path: str
    limit_bytes: int
    admits: Callable[[Mapping[str, str]], bool]


class _Parser(HTTPRequestParser):
    """Reads a request.

    Attributes:
        adj: the server's adjustments, among them the limit of the body.
        path: decoded.
    """

    adj: Any
    path: str

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the request's head, and let its body be large if that is for its path."""
        super().parse_header(header_plus)
        large: LargeBodies | None = getattr(self.adj, _LARGE_BODIES)
        if large is None or self.path.rstrip("/") != large.path:
            return
        if large.admits(self.headers):
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = large.limit_bytes


class _Channel(HTTPChannel):
    """One connection."""

    task_class = _Task
    error_task_class = _JsonErrorTask
    parser_class = _Parser

    #: Since when the client has taken nothing of what waits for it.
    _stuck_since = inf

    def hang_up_if_stuck(self, stall_s: float) -> None:
        """Close if the client has taken nothing for ``stall_s``; called by the sockets' thread.

        Sending is tried once more first: the kernel reports room late, and this process may have been stopped.
        """
        if self.total_outbufs_len < self.adj.send_bytes or not self.outbuf_lock.acquire(blocking=False):
            return
        try:
            self.handle_write()
            is_stuck = monotonic() - self._stuck_since >= stall_s
        finally:
            self.outbuf_lock.release()
        if is_stuck:
            logger.info("hanging up on %s, which reads nothing", self.addr, extra={"action": "connection_stuck"})
            self.handle_close()

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Hand bytes to the kernel; return how many it took."""
        sent: int = super().send(data, do_close)
        self._stuck_since = min(self._stuck_since, monotonic()) if sent == 0 else inf
        return sent

    def handle_close(self) -> None:
        """Close; read what has arrived first, because the kernel answers unread bytes with a reset.

        A reset overtakes the answer, and the client of a refused request would not see why.
        """
        if self.socket is not None:
            _read_away(self.socket)
        super().handle_close()


def _read_away(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        for _ in range(_UNREAD_READS):
            if not connection.recv(_UNREAD_BYTES):
                return


class HttpServer:
    """Serves a WSGI application; a context manager that listens when entered.

    Args:
        application: called on the request threads.
        host: the address to listen on.
        port: 0 is any free one, see ``port``.
        threads: how many requests run at a time.
        stall_s: how long a client may take nothing of its response.
        listeners: sockets that are bound to host and port already; without any, the server binds its own.
        large_bodies: where bodies may be larger than 64 MiB.
    """

    def __init__(
        self,
        application: WSGIApplication,
        host: str,
        port: int,
        *,
        threads: int,
        stall_s: float = _STALL_S,
        listeners: Sequence[socket.socket] = (),
        large_bodies: LargeBodies | None = None,
    ) -> None:
        self._application = application
        self._host = host
        self._wanted_port = port
        self._threads = threads
        self._stall_s = stall_s
        self._listeners = listeners
        self._large_bodies = large_bodies
        self._sockets: dict[int, Any] = {}
        self._request_threads: RequestThreads | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        for listener in self._get_listeners():
            return int(listener.getsockname()[1])
        return self._wanted_port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        self.join()

    def start(self) -> None:
        """Listen and serve.

        Raises:
            PortInUse: another program listens there.
            NotPermitted: the port needs more rights.
            InvalidSetting: the host is no address of this machine.
        """
        with ExitStack() as undo:
            request_threads = RequestThreads(self._threads)
            undo.callback(wasyncore.close_all, self._sockets)
            self._listen(request_threads)
            undo.pop_all()
        request_threads.start()
        self._request_threads = request_threads
        self._thread = runtime.spawn(self._run, name="pulseline-api-sockets")

    def close(self) -> None:
        """Stop listening, give running requests a moment, then hang up on them; idempotent."""
        if self._thread is None:
            return
        self._is_stopping.set()
        self._pull_trigger()
        runtime.join(self._thread, _DRAIN_S + _ROUND_S)
        self._thread = None

    def join(self) -> None:
        """End the request threads; a separate step, since some may wait for what is closed in between."""
        if self._request_threads is None:
            return
        self._request_threads.close(_JOIN_S)
        self._request_threads = None
        wasyncore.close_all(self._sockets)  # the triggers, which the request threads pulled until now

    def _listen(self, request_threads: RequestThreads) -> None:
        bound = list(self._listeners) or listening.bind(self._host, self._wanted_port, setting="api.host")
        try:
            create_server(
                self._application,
                map=self._sockets,
                _dispatcher=cast("Any", request_threads),
                sockets=bound,
                threads=self._threads,
                ident=None,
                clear_untrusted_proxy_headers=False,  # nobody here reads them
                connection_limit=_MAX_CONNECTIONS,
                channel_timeout=_IDLE_S,
                max_request_body_size=_MAX_READ_BYTES,
                outbuf_high_watermark=_MAX_WAITING_BYTES,
                asyncore_use_poll=True,
            )
        except OSError as error:  # another program that bound the address, too, listens already
            for each in bound:
                each.close()
            raise listening.map_error(error, self._host, self._wanted_port, setting="api.host") from error
        for listener in self._get_listeners():
            listener.channel_class = _Channel
            listener.adj.send_bytes = _SEND_BYTES
            setattr(listener.adj, _LARGE_BODIES, self._large_bodies)

    def _get_listeners(self) -> list[BaseWSGIServer]:
        return [each for each in list(self._sockets.values()) if isinstance(each, BaseWSGIServer)]

    def _get_channels(self) -> list[_Channel]:
        return [each for each in list(self._sockets.values()) if isinstance(each, _Channel)]

    def _pull_trigger(self) -> None:
        for listener in self._get_listeners():
            listener.pull_trigger()
            return

    def _run(self) -> None:
        looked_at = monotonic()
        while not self._is_stopping.is_set():
            self._run_round()
            if monotonic() - looked_at >= _ROUND_S:
                looked_at = monotonic()
                for channel in self._get_channels():
                    channel.hang_up_if_stuck(self._stall_s)
        for listener in self._get_listeners():
            wasyncore.dispatcher.close(listener)
        deadline = monotonic() + _DRAIN_S
        while monotonic() < deadline and any(each.requests or each.total_outbufs_len for each in self._get_channels()):
            self._run_round(timeout_s=0.05)
        for channel in self._get_channels():
            channel.handle_close()

    def _run_round(self, timeout_s: float = _ROUND_S) -> None:
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self._sockets, count=1)
