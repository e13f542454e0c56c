"""The Pulseline client: durable writes over MQTT, reads over REST."""

from pulseline_client.client import Client, ClientStatus
from pulseline_client.event import Event
from pulseline_client.outbox import OutboxLimits
from pulseline_client.rest import RestReader
from pulseline_core.errors import (
    BadInput,
    BrokerUnavailable,
    Closed,
    ConfigError,
    NotAuthorized,
    NotFound,
    OutboxFull,
    OutboxInUse,
    PayloadTooLarge,
    PulselineError,
    ReplyTimeout,
    ServerUnavailable,
    Unavailable,
)

__all__ = [
    "BadInput",
    "BrokerUnavailable",
    "Client",
    "ClientStatus",
    "Closed",
    "ConfigError",
    "Event",
    "NotAuthorized",
    "NotFound",
    "OutboxFull",
    "OutboxInUse",
    "OutboxLimits",
    "PayloadTooLarge",
    "PulselineError",
    "ReplyTimeout",
    "RestReader",
    "ServerUnavailable",
    "Unavailable",
]
