"""Who the worker is at an external broker and what it wants there, and what can keep it out. Values only."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pulseline_core.errors import BrokerUnavailable, ConfigError, ExitCode
from pulseline_ingest.share import Share
from pulseline_ingest.source import Outgoing

_LOGIN_HINT: Final = "see [mqtt] of the settings: broker, password, ca_file"

#: What helps where two workers have one name.
RIVAL_HINT: Final = "stop one of them; one that stores elsewhere needs a name of its own, with --ingest-worker"


class Level(Enum):
    """The protocol's version."""

    MQTT_3_1_1 = "3.1.1"
    MQTT_5 = "5"


class BrokerRefused(BrokerUnavailable):
    """The broker does not want us, or is not who it should be: another set-up would help."""

    exit_code = ExitCode.NOT_PERMITTED

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason, hint=_LOGIN_HINT)

    def __str__(self) -> str:
        return f"no way in to the MQTT broker at {self.host}:{self.port}: {self.reason}"


class LevelRefused(BrokerUnavailable):
    """The broker does not speak this version of the protocol, or did not get as far as an answer."""

    def __str__(self) -> str:
        return f"the MQTT broker at {self.host}:{self.port} does not take this version of MQTT: {self.reason}"


class SessionMissing(BrokerUnavailable):
    """The broker had no session for us; it has made one, if it makes any."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, "it had no session for us", hint="")


class ConnectionEnded(BrokerUnavailable):
    """There was a connection, and it is no more, or is of no use any more."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason, hint="")

    def __str__(self) -> str:
        return f"the connection to the MQTT broker at {self.host}:{self.port} ended: {self.reason}"


class ConnectionClosed(ConnectionEnded):
    """The broker closed it and did not say why."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, "it was closed")


class WorkerReplaced(ConfigError):
    """Another process has taken the session over: two with one name would take it from one another for ever."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"another worker has connected to the broker as {client_id!r}", hint=RIVAL_HINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where the broker is, who the worker is there and what it wants.

    Attributes:
        tls: encrypts the connection; ``None`` is plain TCP.
        share: what of all messages it wants.
        receive_maximum: how many unacknowledged messages we take, where the broker asks.
        max_packet_bytes: how much of a message's packet we keep.
        will: what the broker publishes when the connection is lost.
    """

    host: str
    port: int
    username: str
    password: str
    tls: ssl.SSLContext | None
    client_id: str
    session_expiry_s: int
    receive_maximum: int
    max_packet_bytes: int
    share: Share
    will: Outgoing

    @property
    def needs_session(self) -> bool:
        """Whether the broker has to keep a session for whoever connects next in our place."""
        return self.share.partition is not None

    @property
    def topic_filters(self) -> Sequence[str]:
        """What to subscribe to."""
        return self.share.topic_filters
