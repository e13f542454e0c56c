"""The REST server as a whole: what it is made of, and the order in which that starts and stops.

::

    reader            waits for the database, which ingest makes
      client          outbox and connection to the broker
      subscriber      hears what ingest and broker say of themselves
      queries         processes that run queries
        HTTP server   listens last, so that what it answers works

Stopping goes the other way: the server stops listening and lets requests end, those that wait for a query get an
error as its process ends, the client wakes those that wait for a confirmation (their writes are in the outbox), then
the request threads end, then the reader closes.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final, Self

from pulseline_api.admission import Admission
from pulseline_api.app import BASE_PATH, AppOptions, create_app
from pulseline_api.http_server import HttpServer, LargeBodies
from pulseline_api.imports import IMPORT_PATH, MAX_IMPORT_BYTES
from pulseline_api.info import ServerInfo
from pulseline_api.key_check import KeyCheck
from pulseline_api.query_pool import QueryPool
from pulseline_api.query_wire import WorkerOptions
from pulseline_api.status_board import StatusBoard
from pulseline_client import Client
from pulseline_client.connection import BrokerAddress
from pulseline_client.subscriber import Subscriber
from pulseline_core import __version__, log, times
from pulseline_core.address import is_loopback
from pulseline_core.api_key import read_key
from pulseline_core.data_folder import API_USER, DataFolder
from pulseline_core.errors import ConfigError, StoreUnavailable
from pulseline_core.settings import Secret, Settings
from pulseline_core.store import Reader, open_reader
from pulseline_core.types import JSONObject

logger = logging.getLogger(__name__)

#: How long to wait at the start for a database that is not there yet.
_STORE_WAIT_S: Final = 15.0

_STORE_RETRY_S: Final = 0.1

#: The program, in the log's folder and files.
LOG_NAME: Final = "pulseline-api"

#: One request thread in so many, at least one, may be held by an export: its client decides how long that takes.
_EXPORT_SHARE: Final = 4

#: One request thread in so many may be held by queries, those that wait for their turn included.
_QUERY_SHARE: Final = 2


class Service:
    """The REST server; entered, it answers.

    Args:
        settings: all settings.
        stop: set from outside to give up waiting for the database.
        listeners: sockets that are bound to the address of the settings already, if a supervisor did that.
    """

    def __init__(self, settings: Settings, stop: threading.Event, *, listeners: Sequence[socket.socket] = ()) -> None:
        self._settings = settings
        self._stop = stop
        self._listeners = listeners
        self._stack = ExitStack()
        self._server: HttpServer | None = None

    def __enter__(self) -> Self:
        """Start; raise ``ConfigError`` (``PortInUse``, ``OutboxInUse``, ``NotPermitted``) or ``StoreUnavailable``."""
        key = read_key(self._settings)
        check_exposure(self._settings.api.host, key)
        with ExitStack() as stack:
            reader = stack.enter_context(open_reader(self._settings.database))
            self._wait_for_store(reader)
            board = StatusBoard(self._settings.mqtt.root)
            address = self._build_address()
            client = self._build_client(address)
            queries = self._build_queries()
            server = self._build_server(reader, client, self._build_options(client, board, key, queries))
            stack.callback(server.join)
            stack.enter_context(client)
            subscriber = stack.enter_context(Subscriber(address))
            for topic_filter in board.topic_filters:
                subscriber.subscribe(topic_filter, board.note)
            stack.enter_context(queries)
            server.start()
            stack.callback(server.close)
            self._stack = stack.pop_all()
        self._server = server
        logger.info("serving at port %d", server.port, extra={"action": "api_started"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._settings.api.port if self._server is None else self._server.port

    def _wait_for_store(self, reader: Reader) -> None:
        """Return when the database can be read; raise ``StoreUnavailable`` when that takes too long."""
        deadline = monotonic() + _STORE_WAIT_S
        is_told = False
        while True:
            try:
                return reader.check()
            except StoreUnavailable:
                if not is_told:
                    logger.info(
                        "waiting up to %g s for the database '%s', which 'pulseline broker' or 'ingest' makes",
                        _STORE_WAIT_S,
                        reader.place,
                        extra={"action": "waiting_for_store"},
                    )
                    is_told = True
                if monotonic() >= deadline or self._stop.wait(_STORE_RETRY_S):
                    raise

    def _build_client(self, address: BrokerAddress) -> Client:
        mqtt = self._settings.mqtt
        return Client(
            address.host,
            address.port,
            name=API_USER,
            outbox=self._settings.data_dir / "api-outbox.db",
            username=address.username,
            password=address.password,
            tls=address.tls,
            root=mqtt.root,
            timeout_s=self._settings.api.reply_timeout_s,
            max_payload_bytes=mqtt.max_payload_bytes,
            creates_buckets=False,
        )

    def _build_address(self) -> BrokerAddress:
        """Return where the broker is and who we are there: the settings' user, or the one of the data folder."""
        address = BrokerAddress.of(self._settings.mqtt)
        if self._settings.mqtt.username or self._settings.mqtt.is_external:
            return address
        token = DataFolder(self._settings.data_dir).read_api_token()
        return replace(address, username=API_USER, password=token)

    def _build_queries(self) -> QueryPool:
        api = self._settings.api
        options = WorkerOptions(
            place=self._settings.database,
            timeout_s=api.query_timeout_s,
            memory_bytes=api.query_memory_bytes,
        )
        places = max(api.query_workers, api.threads // _QUERY_SHARE)
        return QueryPool(options, workers=api.query_workers, places=places)

    def _build_options(self, client: Client, board: StatusBoard, key: Secret | None, queries: QueryPool) -> AppOptions:
        api = self._settings.api

        def read_link() -> JSONObject:
            status = client.status
            return {"connected": status.is_connected, "problem": status.problem, "waiting": status.waiting}

        return AppOptions(
            host=api.host,
            key=key,
            origins=api.cors_origins,
            webui=api.webui,
            pages=api.page_folders,
            board=board,
            read_link=read_link,
            metrics_buckets=api.metrics_buckets,
            find_log=self._find_log,
            max_exports=max(1, api.threads // _EXPORT_SHARE),
            queries=queries,
        )

    def _build_server(self, reader: Reader, client: Client, options: AppOptions) -> HttpServer:
        api = self._settings.api
        app = create_app(reader, client, self._build_info(), options)
        access = options.build_access(testing=self._settings.testing)
        admission = Admission(access, None if options.key is None else KeyCheck(options.key))
        large_bodies = LargeBodies(f"{BASE_PATH}{IMPORT_PATH}", MAX_IMPORT_BYTES, admission.admits)
        return HttpServer(
            app, api.host, api.port, threads=api.threads, listeners=self._listeners, large_bodies=large_bodies
        )

    def _find_log(self) -> Path | None:
        return log.get_latest_log_file(LOG_NAME, testing=self._settings.testing) if self._settings.log.file else None

    def _build_info(self) -> ServerInfo:
        return ServerInfo(
            hostname=socket.gethostname(),
            version=__version__,
            testing=self._settings.testing,
            device_id=DataFolder(self._settings.data_dir).read_device_id(),
            started=times.format_timestamp(datetime.now(UTC)),
        )


def check_exposure(host: str, key: Secret | None) -> None:
    """Raise ``ConfigError`` when others than this machine could ask without a key."""
    if key is None and not is_loopback(host):
        raise ConfigError(
            f"the REST server would answer anybody at {host!r}",
            hint="make a key with 'pulseline setup key', or listen on 127.0.0.1 (api.host)",
        )
