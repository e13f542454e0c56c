"""The command ``pulseline ingest``: flags in, exit code out."""

from __future__ import annotations

import click

from pulseline_core import runtime
from pulseline_core.help_text import SERVICE_CODES, build_epilog
from pulseline_core.log import setup_logging
from pulseline_core.settings import Settings, options
from pulseline_ingest.partitions import PartitionedService
from pulseline_ingest.service import IngestService


@click.command(
    "ingest",
    short_help="Run the ingest worker beside an external MQTT broker.",
    epilog=build_epilog(
        "pulseline ingest --broker mqtt://127.0.0.1",
        "pulseline ingest --broker mqtts://pulseline-ingest@broker.example:8883",
        "pulseline ingest --broker mqtt://nats --partitions 8",
        codes=SERVICE_CODES,
        is_service=True,
    ),
)
@options("mqtt", "ingest", "store", "log", but=("mqtt.host", "mqtt.port"))
def command(settings: Settings) -> None:
    """Take messages from an external MQTT broker, and acknowledge them there when they are committed.

    'pulseline up --broker' runs it together with the REST server; 'pulseline broker' has it in its process.

    With --partitions several workers, each with a data folder of its own, share the buckets: one bucket is always one
    worker's, and what a worker leaves another one takes over. That takes a PostgreSQL database.
    """
    is_alone = runtime.is_alone()
    setup_logging("pulseline-ingest", settings.log, testing=settings.testing)
    with (
        runtime.stop_on_signals() as stop,
        runtime.lock_folder(settings.data_dir),
        build_service(settings) as service,
    ):
        runtime.notify_ready()
        if is_alone:
            click.echo(f"Ingest takes messages from {settings.mqtt.broker}. Ctrl-C stops it.")
        service.wait(stop)


def build_service(settings: Settings) -> IngestService | PartitionedService:
    """Return the worker of all buckets, or those of some partitions."""
    return PartitionedService(settings) if settings.ingest.is_partitioned else IngestService(settings)
