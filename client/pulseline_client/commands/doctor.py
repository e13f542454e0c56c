"""``pulseline doctor``: what is under Pulseline, and whether it keeps what Pulseline relies on."""

from __future__ import annotations

import secrets
from typing import Final

import click

from pulseline_client.commands.event_columns import format_text_of
from pulseline_client.commands.output import Column, Form, json_option, show_json, show_records
from pulseline_client.connection import BrokerAddress
from pulseline_client.doctor.bench import DEFAULT_PREFIX, DEFAULT_TIMEOUT_S, Plan
from pulseline_client.doctor.examination import Examination, build_url, examine
from pulseline_client.doctor.finding import get_exit_code
from pulseline_core.broker_url import InvalidBrokerUrl, parse_broker_url
from pulseline_core.errors import BadInput, ExitCode
from pulseline_core.help_text import MQTT_CODES, build_epilog
from pulseline_core.settings.options import load_from_machine
from pulseline_core.topic import check_topic_name

_CODES: Final = (*MQTT_CODES, ExitCode.LIMITED, ExitCode.NOT_GUARANTEED)

#: Of the random level below the prefix; two doctors at one broker at the same time do not meet.
_TOKEN_BYTES: Final = 4

_COLUMNS: Final = (
    Column(title="CHECK", cell=lambda row: format_text_of(row, "check"), is_wrapped=True, limit=17),
    Column(title="VERDICT", cell=lambda row: format_text_of(row, "verdict"), is_whole=True),
    Column(title="SEEN", cell=lambda row: format_text_of(row, "observed"), is_wrapped=True, limit=22),
    Column(title="FOR PULSELINE", cell=lambda row: format_text_of(row, "meaning"), is_wrapped=True, limit=None),
)


@click.group(
    "doctor",
    short_help="Examine what Pulseline runs on.",
    epilog=build_epilog("pulseline doctor broker mqtt://localhost", codes=_CODES),
)
def command() -> None:
    """Find out whether what is under Pulseline keeps what Pulseline relies on."""


@command.command(
    "broker",
    short_help="Probe what an MQTT broker really does.",
    epilog=build_epilog(
        "pulseline doctor broker mqtt://localhost",
        "pulseline doctor broker mqtts://ann@nas --json",
        "pulseline doctor broker mqtt://nas --restart-command './restart {signal}'",
        codes=_CODES,
    ),
)
@click.argument("url", metavar="URL")
@click.option(
    "--restart-command",
    metavar="COMMAND",
    default="",
    help="Shell command that restarts the broker; in it, {signal} becomes TERM, then KILL.",
)
@click.option("--refused-topic", metavar="TOPIC", default="", help="A topic that this user may not write, to try it.")
@click.option(
    "--prefix", metavar="TOPIC", default=DEFAULT_PREFIX, show_default=True, help="Topic levels above all that is tried."
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, 600),
    metavar="SECONDS",
    default=DEFAULT_TIMEOUT_S,
    show_default=True,
    help="How long to wait for what may never come.",
)
@json_option
@click.pass_context
def broker(
    context: click.Context,
    *,
    url: str,
    restart_command: str,
    refused_topic: str,
    prefix: str,
    timeout: float,
    form: Form,
) -> None:
    """Probe what the broker at URL really does, and say which guarantees of Pulseline hold with it.

    URL is mqtt://[USER@]HOST[:PORT], or mqtts:// for TLS. The password, the user when the URL names none, and the
    files for TLS are those of the settings: PULSELINE_MQTT_PASSWORD, PULSELINE_MQTT_CA_FILE and so on.

    The probes publish some 3,000 small messages and two large ones below a random topic, and leave nothing behind. With
    --restart-command they also see what survives a clean restart and a kill; without it the broker stays up.

    Verdicts: 'holds'; 'partly', within limits that can be met; 'fails'; 'unclear', the probe could not find out; and
    'note', nothing of Pulseline rests on it. The worst one is the exit code. In a pipe: check, verdict, what was seen
    and what it means, separated by tabs.
    """
    _check_url(url)
    check_topic_name(prefix)
    mqtt = load_from_machine({"mqtt.broker": url}).mqtt
    address = BrokerAddress.of(mqtt)
    plan = Plan(
        token=secrets.token_hex(_TOKEN_BYTES),
        prefix=prefix,
        timeout_s=timeout,
        max_payload_bytes=mqtt.max_payload_bytes,
        refused_topic=refused_topic,
        restart_command=restart_command,
    )
    if form is Form.TABLE:
        click.echo(f"Probing {build_url(address)}; this takes up to a minute.", err=True)
    examination = examine(address, plan)
    show(examination, form, is_restarted=bool(restart_command))
    context.exit(get_exit_code(examination.worst))


def _check_url(url: str) -> None:
    try:
        parse_broker_url(url)
    except InvalidBrokerUrl as error:
        raise BadInput(f"the broker's URL {error}", hint=error.hint) from error


def show(examination: Examination, form: Form, *, is_restarted: bool) -> None:
    """Print the result; what is no part of it goes to standard error."""
    if form is Form.JSON:
        show_json(examination.to_json())
    else:
        records = [finding.to_json() for finding in examination.findings]
        show_records(records, _COLUMNS, form=form, nothing="Nothing was found.")
    if form is Form.TABLE:
        named = f" ({examination.broker})" if examination.broker else ""
        click.echo(f"{examination.url}{named}: at worst '{examination.worst.value}'.", err=True)
        if not is_restarted:
            click.echo("What survives a restart was not tried: --restart-command.", err=True)
    for leftover in examination.leftovers:
        click.echo(f"warning: left behind on the broker: {leftover}", err=True)
