"""``pulseline api``: the REST server as a command."""

from __future__ import annotations

import click

from pulseline_api.service import Service
from pulseline_core import log, runtime
from pulseline_core.settings import Settings, options


@click.command("api", short_help="Run the REST server.")
@options
def command(settings: Settings) -> None:
    """Run the REST server in front of a broker and its database.

    ``pulseline up`` runs it together with the broker. Exit codes: 0 stopped, 2 wrong settings, 4 port in use,
    6 no access to the data folder.
    """
    log.setup_logging("pulseline-api", settings.log, testing=settings.testing)
    with runtime.stop_on_signals() as stop, Service(settings, stop):
        runtime.notify_ready()
        stop.wait()
