"""The Pulseline client: durable writes over MQTT, reads over REST."""

from pulseline_client.activitywatch import ActivityWatchClient
from pulseline_client.client import Client, ClientStatus
from pulseline_client.event import Event
from pulseline_client.folders import ensure_path_exists, get_cache_dir, get_config_dir, get_data_dir, get_log_dir
from pulseline_client.log_files import get_latest_log_file, get_log_file_path, setup_logging
from pulseline_client.outbox import OutboxLimits
from pulseline_client.query_refused import QueryRefused
from pulseline_client.rest import RestReader
from pulseline_client.toml_config import load_config_toml, save_config_toml
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
    "ActivityWatchClient",
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
    "QueryRefused",
    "ReplyTimeout",
    "RestReader",
    "ServerUnavailable",
    "Unavailable",
    "ensure_path_exists",
    "get_cache_dir",
    "get_config_dir",
    "get_data_dir",
    "get_latest_log_file",
    "get_log_dir",
    "get_log_file_path",
    "load_config_toml",
    "save_config_toml",
    "setup_logging",
]
