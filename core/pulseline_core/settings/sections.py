"""The settings themselves, a class for each component; an object that exists holds values that fit.

Times are seconds, sizes are bytes. A port of 0 is any free one, unless its help says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pulseline_core import paths
from pulseline_core.broker_url import InvalidBrokerUrl, parse_broker_url
from pulseline_core.errors import InvalidSetting, InvalidTopic
from pulseline_core.message import DEFAULT_MAX_PAYLOAD_BYTES
from pulseline_core.partition import MAX_PARTITIONS, parse_numbers
from pulseline_core.settings.spec import Secret, check_values, setting
from pulseline_core.topic import DEFAULT_ROOT, check_topic_name

_PORT: Final = (0, 65_535)

#: From a tenth of a second, below which clocks and schedulers decide, to a day.
_SECONDS: Final = (0.1, 86_400)

#: MQTT 3.1.1 section 2.2.3: the remaining length of a packet has four bytes of seven bits.
_MAX_PACKET: Final = 268_435_455

#: What a PUBLISH may hold beside its payload: fixed header, length of the topic, a long topic, packet id.
_HEADER_BYTES: Final = 5 + 2 + 1_024 + 2

_GIB: Final = 2**30

#: A bearer token stands in one header as it is: RFC 6750 section 2.1, with all that is visible.
_KEY: Final = re.compile(r"[!-~]+")

#: RFC 6454 section 6.2, in the lower case that browsers send.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^A-Z/?#\s@*]+")

_DATABASE_SCHEMES: Final = ("postgresql://", "postgres://")

_PAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*=.+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The REST server."""

    host: str = setting("127.0.0.1", flag="--host", common=True, help="Address of the REST server.")
    port: int = setting(5600, flag="--port", common=True, testing=5666, limits=_PORT, help="Port of the REST server.")
    key: Secret | None = setting(
        None,
        flag="--api-key",
        default_text="none",
        help="Key that clients have to show; better in a variable or file, as command lines can be read by others.",
    )
    key_file: Path | None = setting(
        None,
        default_text="`api.key` in the data folder",
        help="File of that key; without a key, anybody on this machine may ask.",
    )
    cors_origins: tuple[str, ...] = setting(
        (), help="Origins of other web pages that may read and write, as in http://localhost:3000."
    )
    webui: Path | None = setting(
        None,
        flag="--webui",
        common=True,
        default_text="none, a plain page",
        help="Folder of a built ActivityWatch web interface to serve.",
    )
    pages: tuple[str, ...] = setting(
        (), help="Folders to serve below /pages/, each as NAME=PATH: custom visualisations of the web interface."
    )
    threads: int = setting(16, limits=(1, 256), help="Requests that are answered at the same time.")
    reply_timeout_s: float = setting(
        10.0, limits=_SECONDS, help="How long a write may wait for its commit before it is answered without the result."
    )
    metrics_buckets: int = setting(
        100, limits=(0, 10_000), help="Buckets that /metrics names, those with the newest events."
    )
    query_workers: int = setting(2, limits=(1, 64), help="Processes that run queries, each one at a time.")
    query_timeout_s: float = setting(
        10.0, limits=(0.1, 3_600), help="How long a query may run, and how long it may wait for a process before."
    )
    query_memory_bytes: int = setting(
        _GIB, limits=(_GIB // 2, 64 * _GIB), help="Memory of one such process; a query that needs more is refused."
    )

    def __post_init__(self) -> None:
        check_values("api", self)
        if self.key is not None and _KEY.fullmatch(self.key) is None:
            problem = "has characters other than visible ASCII ones" if self.key else "is empty, which would be no key"
            raise InvalidSetting("api.key", problem, hint="leave it away for none; 'pulseline setup key' makes one")
        for origin in self.cors_origins:
            if _ORIGIN.fullmatch(origin) is None:
                raise InvalidSetting("api.cors_origins", f"holds {origin!r}, not scheme://host or scheme://host:port")
        for page in self.pages:
            if _PAGE.fullmatch(page) is None:
                raise InvalidSetting("api.pages", f"holds {page!r}, not of the form 'NAME=PATH'")

    @property
    def page_folders(self) -> dict[str, Path]:
        """The folder of each page by its name."""
        named = (page.partition("=") for page in self.pages)
        return {name: Path(path).expanduser() for name, _, path in named}


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """Where the broker is, and what is said there.

    Attributes:
        is_tls: whether connections to it are encrypted; follows from ``broker``.
    """

    broker: str = setting(
        "",
        flag="--broker",
        common=True,
        default_text="none, the embedded one",
        help="URL of an external broker, as in mqtts://user@host:8883; it goes before host, port and username.",
    )
    host: str = setting("127.0.0.1", common=True, help="Address of the MQTT broker.")
    port: int = setting(1883, common=True, testing=1884, limits=_PORT, help="Port of the MQTT broker.")
    root: str = setting(DEFAULT_ROOT, help="The topic levels above all of Pulseline's topics.")
    max_payload_bytes: int = setting(
        DEFAULT_MAX_PAYLOAD_BYTES,
        limits=(1, _MAX_PACKET),
        help="The largest payload that is applied; a larger one is a dead letter.",
    )
    username: str = setting("", help="User name for the broker; empty is anonymous.")
    password: Secret = setting(Secret(""), help="Password for the broker.")
    ca_file: Path | None = setting(
        None,
        default_text="the system's certificates",
        help="File of the certificates (PEM) that may vouch for a broker at mqtts://.",
    )
    certificate_file: Path | None = setting(
        None, default_text="none", help="File of the certificate (PEM) that we show to such a broker."
    )
    key_file: Path | None = setting(
        None, default_text="in the certificate's file", help="File of that certificate's key."
    )
    is_tls: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check_values("mqtt", self)
        if self.broker:
            self._take_broker()
        self._check_tls_files()
        try:
            check_topic_name(self.root)
        except InvalidTopic as error:
            raise InvalidSetting("mqtt.root", f"is {self.root!r}, which is not a topic: it {error.problem}") from error
        if self.root[0] in "/$" or self.root.endswith("/"):
            raise InvalidSetting("mqtt.root", f"is {self.root!r}: no '/' at either end, and no '$' at the beginning")

    def _take_broker(self) -> None:
        """Let the URL of an external broker say where it is."""
        try:
            url = parse_broker_url(self.broker)
        except InvalidBrokerUrl as error:
            raise InvalidSetting("mqtt.broker", str(error), hint=error.hint) from error
        found = {"host": url.host, "port": url.port, "username": url.username or self.username, "is_tls": url.is_tls}
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def _check_tls_files(self) -> None:
        """Refuse files that would change nothing: whoever names one believes that connections are encrypted."""
        files = {"ca_file": self.ca_file, "certificate_file": self.certificate_file, "key_file": self.key_file}
        for name, file in files.items():
            if file is not None and not self.is_tls:
                raise InvalidSetting(
                    f"mqtt.{name}",
                    f"is {str(file)!r}, while connections to the broker are not encrypted",
                    hint="let mqtt.broker (--broker) begin with mqtts://, or leave the file away",
                )
        if self.key_file is not None and self.certificate_file is None:
            raise InvalidSetting("mqtt.key_file", "is set without mqtt.certificate_file, whose key it would be")

    @property
    def is_external(self) -> bool:
        """Whether the broker is not the embedded one."""
        return bool(self.broker)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """The embedded MQTT broker."""

    websocket_port: int = setting(0, limits=_PORT, help="Port for MQTT over WebSocket; 0 is off.")
    users_file: Path | None = setting(
        None,
        default_text="`users.toml` in the data folder",
        help="File of users and their rights; without one anybody on this machine may publish.",
    )
    max_connections: int = setting(500, limits=(1, 100_000), help="Connections at the same time.")
    max_packet_bytes: int = setting(
        300_000,
        limits=(1_024, _MAX_PACKET),
        help=f"A larger packet closes its connection; at least mqtt.max_payload_bytes and {_HEADER_BYTES} more.",
    )
    connect_timeout_s: float = setting(10.0, limits=_SECONDS, help="How long a new connection may take to log in.")
    max_subscriptions: int = setting(100, limits=(1, 100_000), help="Topic filters of one client.")
    max_keepalive_s: int = setting(600, limits=(1, 65_535), help="The longest silence that a client may ask for.")
    max_unacknowledged: int = setting(
        2_000, limits=(1, 65_535), help="Messages of one connection that wait for their commit before it is read on."
    )
    max_pending_bytes: int = setting(
        67_108_864, limits=(_MAX_PACKET // 256, 64 * _GIB), help="Bytes of all messages that wait for their commit."
    )
    sys_interval_s: float = setting(10.0, limits=_SECONDS, help="Time between two $SYS reports.")
    session_expiry_s: int = setting(
        604_800, limits=(1, 366 * 86_400), help="How long the session of an absent client is kept."
    )
    gate: str = setting(
        "pulseline_ingest.gate:IngestGate",
        help="What commits messages, as module:callable; it is called with the settings.",
    )

    def __post_init__(self) -> None:
        check_values("broker", self)
        module, _, name = self.gate.partition(":")
        if not module or not name:
            raise InvalidSetting("broker.gate", f"is {self.gate!r}, not of the form 'module:callable'")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """The ingest worker, which applies messages to the store."""

    create_buckets: bool = setting(True, help="Create a bucket at its first heartbeat; else that is a dead letter.")
    pulsetime_s: float = setting(
        60.0, limits=(0, 366 * 86_400), help="Pulsetime of heartbeats and buckets that name none."
    )
    max_batch: int = setting(1_000, limits=(1, 100_000), help="Messages in one transaction, at most.")
    window: int = setting(1_000, limits=(1, 65_535), help="Messages that a library client may have in flight.")
    session_expiry_s: int = setting(
        604_800, limits=(1, 366 * 86_400), help="How long an external broker keeps messages for an absent worker."
    )
    state_interval_s: float = setting(1.0, limits=_SECONDS, help="Least time between two states of one bucket.")
    status_interval_s: float = setting(5.0, limits=_SECONDS, help="Time between two status reports.")
    worker: str = setting("main", help="Name of the worker in its session and status; the same for all that share.")
    partitions: int = setting(
        1,
        flag="--partitions",
        common=True,
        limits=(1, MAX_PARTITIONS),
        help="Shares of the buckets, which several workers hold between them; 1 is one worker for all.",
    )
    partition: tuple[str, ...] = setting(
        (),
        flag="--partition",
        common=True,
        default_text="a fair share of those that are free",
        help="Partitions that this worker takes, and no others, as in 0-3,6.",
    )
    broker_partitions: bool = setting(
        False, help="The broker deals the partitions out, as NATS does with deploy/nats; else each worker looks."
    )

    def __post_init__(self) -> None:
        check_values("ingest", self)
        try:
            parse_numbers(self.partition, self.partitions)
        except ValueError as error:
            raise InvalidSetting("ingest.partition", str(error), hint="say how many there are: --partitions") from error
        if self.broker_partitions and not self.is_partitioned:
            raise InvalidSetting(
                "ingest.broker_partitions",
                "is on, while there is one partition, so nothing that the broker deals out would be heard",
                hint="say how many it deals out to: --partitions",
            )
        if not self.worker or set(self.worker) & set("/+#\0"):
            raise InvalidSetting("ingest.worker", f"is {self.worker!r}, not the text of one topic level")

    @property
    def is_partitioned(self) -> bool:
        """Whether several workers share the buckets."""
        return self.partitions > 1

    @property
    def told_partitions(self) -> frozenset[int]:
        """The partitions that this worker is told to take; none is a fair share."""
        return parse_numbers(self.partition, self.partitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The database."""

    url: Secret | None = setting(
        None,
        flag="--database",
        common=True,
        default_text="none, the file `pulseline.db` in the data folder",
        help="PostgreSQL database, as postgresql://USER@HOST/NAME; with a password only in the variable or the file.",
    )

    def __post_init__(self) -> None:
        check_values("store", self)
        if self.url and not self.url.startswith(_DATABASE_SCHEMES):
            raise InvalidSetting("store.url", "does not begin with postgresql://")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged, and how."""

    level: str = setting(
        "info",
        choices=("debug", "info", "warning", "error"),
        common=True,
        help="The least level that is logged: debug, info, warning or error.",
    )
    json: bool = setting(False, help="Log one JSON object a line instead of text.")
    file: bool = setting(True, help="Log into files as well, in the platform's log folder.")

    def __post_init__(self) -> None:
        check_values("log", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; each object is handed the section that it needs."""

    data_dir: Path = setting(
        None, common=True, default_text="the platform's data folder", help="Folder of the database and tokens."
    )
    testing: bool = setting(False, common=True, help="Other ports and another data folder, to try things out.")
    api: ApiSettings = field(default_factory=ApiSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def __post_init__(self) -> None:
        if self.data_dir is None:
            object.__setattr__(self, "data_dir", paths.get_data_dir(self.testing))
        least = self.mqtt.max_payload_bytes + _HEADER_BYTES
        if self.broker.max_packet_bytes < least:
            raise InvalidSetting(
                "broker.max_packet_bytes",
                f"is {self.broker.max_packet_bytes}, not {least} or more: mqtt.max_payload_bytes"
                f" ({self.mqtt.max_payload_bytes}), and {_HEADER_BYTES} for the topic and the headers",
            )

    @property
    def database(self) -> Path | str:
        """Where the database is: its URL, or the file ``<data_dir>/pulseline.db``."""
        return self.store.url or self.data_dir / "pulseline.db"
