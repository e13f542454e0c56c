"""``pulseline health``: whether a part does its work, for the health checks of containers and service managers.

The REST server is asked over HTTP. The ingest worker has none: what it last said at the broker is retained there, so
that one look shows whether broker and worker are there, and how the worker's own probe through both and the store goes.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

import click

from pulseline_client.commands.server import Server, server_options
from pulseline_core import times
from pulseline_core.data_folder import DataFolder
from pulseline_core.errors import BadInput, Unavailable
from pulseline_core.help_text import MQTT_CODES, build_epilog
from pulseline_core.topic import check_topic_name
from pulseline_core.types import JSONObject, JSONValue
from pulseline_core.worker_report import WorkerReport

#: Longer than a broker takes to let somebody in; health checks are given up after 30 s by default.
_CONNECT_TIMEOUT_S: Final = 5.0

#: For the broker to send what it retains.
_REPORT_TIMEOUT_S: Final = 2.0


class NotHealthy(Unavailable):
    """A part answers, and says that it can not do its work."""


@click.group(
    "health",
    short_help="Check whether a part does its work, for health checks.",
    epilog=build_epilog("pulseline health api", "pulseline health ingest", codes=MQTT_CODES),
)
def command() -> None:
    """Check whether a part does its work: exit code 0 if so, 3 if not."""


@command.command(
    "api",
    short_help="Check the REST server and what it depends on.",
    epilog=build_epilog("pulseline health api", "pulseline health api --live"),
)
@click.option("--live", "is_live", is_flag=True, help="Only whether the process answers, whatever it depends on.")
@server_options
def api(*, is_live: bool, server: Server) -> None:
    """Check whether the REST server is ready: broker and store can be reached, and ingest makes progress.

    It needs no key. This is GET /readyz, and with --live GET /healthz.
    """
    with server.open_rest() as rest:
        answer = rest.get_health("/healthz" if is_live else "/readyz")
    if not is_live:
        check_ready(answer)
    click.echo("alive" if is_live else "ready")


def check_ready(answer: JSONObject) -> None:
    """Raise ``NotHealthy`` unless the server is ready."""
    if answer.get("ready") is True:
        return
    parts = answer.get("parts")
    failing = [name for name, works in parts.items() if works is False] if isinstance(parts, dict) else []
    raise NotHealthy(f"the server is not ready: {', '.join(failing) or 'it does not say why'}")


@command.command(
    "ingest",
    short_help="Check an ingest worker and its broker.",
    epilog=build_epilog("pulseline health ingest", "pulseline health ingest --worker second", codes=MQTT_CODES),
)
@click.option("--worker", metavar="NAME", help="Name of the worker; that of the settings, if not given.")
@server_options
def ingest(*, worker: str | None, server: Server) -> None:
    """Check whether messages come through an ingest worker into the store.

    The worker says so itself at the broker, which is that of the settings (PULSELINE_MQTT_BROKER and so on). Of workers
    that share the buckets (PULSELINE_INGEST_PARTITIONS) it is the partitions that this machine holds that count. One
    that holds none, because others hold all, stands by: that is healthy, too.
    """
    ingest = server.settings.ingest
    if worker is None and ingest.is_partitioned:
        click.echo(_check_partitions(server))
        return
    name = worker or ingest.worker
    reports = _hear(server, [name])
    if not reports:
        raise NotHealthy(
            f"ingest worker {name!r} has not reported",
            hint="its name may be another (--worker), or this user may not read its topic",
        )
    check_worker(reports[0])
    click.echo(f"{name} is at work")


def _check_partitions(server: Server) -> str:
    """Return what this machine's worker does; raise ``NotHealthy`` if that is not what it should."""
    settings, host = server.settings, socket.gethostname()
    names = [f"{settings.ingest.worker}-{number}" for number in range(settings.ingest.partitions)]
    reports = _hear(server, names)
    own = check_share(reports, host=host)
    if own:
        return f"{', '.join(report.name for report in own)} at work"
    wanted = [names[number] for number in sorted(settings.ingest.told_partitions)] or names
    check_standby(reports, wanted=wanted, host=host)
    if not DataFolder(settings.data_dir).is_held:
        raise NotHealthy(f"no worker runs in {str(settings.data_dir)!r}")
    return f"standing by: others hold {', '.join(wanted)}"


def check_share(reports: Sequence[WorkerReport], *, host: str) -> Sequence[WorkerReport]:
    """Return the reports of the partitions that a worker of this host holds, if any; each has to make progress.

    Raises:
        NotHealthy: one does not.
    """
    own = [report for report in reports if report.figures.get("host") == host]
    for report in own:
        check_worker(report)
    return own


def check_standby(reports: Sequence[WorkerReport], *, wanted: Sequence[str], host: str) -> None:
    """Raise ``NotHealthy`` unless others hold all that a worker of this host, which holds nothing, should take."""
    held = {report.name for report in reports if report.figures.get("state") == "online"}
    free = [name for name in wanted if name not in held]
    if free:
        raise NotHealthy(f"no partition is held by a worker of {host!r}, and nobody holds {', '.join(free)}")


def check_worker(report: WorkerReport) -> None:
    """Raise ``NotHealthy`` unless the worker makes progress."""
    if report.makes_progress:
        return
    state, problem = report.figures.get("state"), report.figures.get("problem")
    if state != "online":
        reason = f"is {state if isinstance(state, str) else 'not known'}"
    elif report.is_late:
        reason = f"has been silent for {report.age_s:.0f} s"
    elif problem is not None:
        reason = f"can not store anything: {problem}"
    else:
        reason = "hears nothing from its broker"
    raise NotHealthy(f"ingest worker {report.name!r} {reason}")


def _hear(server: Server, workers: Sequence[str]) -> list[WorkerReport]:
    """Return what each of these workers said last; those that never said anything are left out."""
    topics = {f"{server.settings.mqtt.root}/_status/{worker}": worker for worker in workers}
    for topic in topics:
        check_topic_name(topic)
    heard: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    figures: dict[str, JSONObject] = {}
    with server.open_subscriber() as subscriber:
        for topic in topics:
            subscriber.subscribe(topic, lambda topic, payload: heard.put((topic, payload)))
        subscriber.wait_connected(_CONNECT_TIMEOUT_S)
        deadline = monotonic() + _REPORT_TIMEOUT_S
        with suppress(Empty):
            while len(figures) < len(topics):
                topic, payload = heard.get(timeout=max(0.0, deadline - monotonic()))
                figures[topics[topic]] = _read_report(payload)
    now = datetime.now(UTC)
    return [WorkerReport(name=name, figures=each, age_s=get_age_s(each, now=now)) for name, each in figures.items()]


def _read_report(payload: bytes) -> JSONObject:
    """Return what stands in a report, nothing if it is none."""
    try:
        report: JSONValue = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def get_age_s(figures: JSONObject, *, now: datetime) -> float:
    """Return how old a report is, by the worker's clock, which is this machine's or runs like it."""
    published = figures.get("published")
    try:
        instant = times.parse_timestamp(published if isinstance(published, str) else "")
    except BadInput:  # a last will, for one, carries no time
        return 0.0
    return max(0.0, (now - instant).total_seconds())
