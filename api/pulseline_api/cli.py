"""``pulseline api``: the REST server as a command."""

from __future__ import annotations

import click

from pulseline_api.service import LOG_NAME, Service
from pulseline_core import log, runtime
from pulseline_core.help_text import SERVICE_CODES, build_epilog
from pulseline_core.settings import Settings, options


@click.command(
    "api",
    short_help="Run the REST server.",
    epilog=build_epilog("pulseline api", "pulseline api --port 5700", codes=SERVICE_CODES, is_service=True),
)
@options("api", "mqtt", "store", "log")
def command(settings: Settings) -> None:
    """Run the REST server in front of a broker and its database.

    'pulseline up' runs it together with the broker.
    """
    runtime.keep_memory_in_one_place()
    is_alone = runtime.is_alone()
    log.setup_logging(LOG_NAME, settings.log, testing=settings.testing)
    listeners = runtime.take_listeners()
    with runtime.stop_on_signals() as stop, Service(settings, stop, listeners=listeners) as service:
        runtime.notify_ready()
        if is_alone:
            click.echo(f"The REST server listens at {settings.api.host}, port {service.port}. Ctrl-C stops it.")
        stop.wait()
