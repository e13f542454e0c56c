"""The commands ``pulseline broker`` and ``pulseline users``: flags in, exit code out."""

from __future__ import annotations

import logging
from typing import Final

import click

from pulseline_broker.gate import load_gate
from pulseline_broker.service import BrokerService
from pulseline_broker.users_cli import users
from pulseline_core import runtime
from pulseline_core.errors import InvalidSetting
from pulseline_core.help_text import SERVICE_CODES, build_epilog
from pulseline_core.log import setup_logging
from pulseline_core.settings import Settings, options

__all__ = ["command", "users"]

#: Settings of sections that are read, for other brokers than this one.
_OF_EXTERNAL_BROKERS: Final = (
    *("mqtt.broker", "mqtt.username", "mqtt.ca_file", "mqtt.certificate_file", "mqtt.key_file"),
    *("ingest.partitions", "ingest.partition", "ingest.broker_partitions", "ingest.session_expiry_s"),
)

#: Libraries that log each connection and state as news.
_TALKATIVE: Final = ("amqtt", "transitions", "websockets")


@click.command(
    "broker",
    short_help="Run the MQTT broker and the ingest worker.",
    epilog=build_epilog("pulseline broker", "pulseline broker --mqtt-port 1900", codes=SERVICE_CODES, is_service=True),
)
@options("mqtt", "broker", "ingest", "store", "log", but=_OF_EXTERNAL_BROKERS)
def command(settings: Settings) -> None:
    """Run the MQTT broker and what commits its messages, until SIGTERM or Ctrl-C."""
    if settings.mqtt.is_external:
        raise InvalidSetting(
            "mqtt.broker", f"is {settings.mqtt.broker!r}, another broker than this one", hint="use 'pulseline ingest'"
        )
    is_alone = runtime.is_alone()
    setup_logging("pulseline-broker", settings.log, testing=settings.testing)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    with (
        runtime.stop_on_signals() as stop,
        runtime.lock_folder(settings.data_dir),
        BrokerService(settings, load_gate(settings)) as service,
    ):
        runtime.notify_ready()
        if is_alone:
            click.echo(f"The broker listens at {settings.mqtt.host}, port {service.port}. Ctrl-C stops it.")
        service.wait(stop)
