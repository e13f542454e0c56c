"""``pulseline up``: broker, ingest and API together, kept running until Ctrl-C or SIGTERM.

Imports nothing of the server: it starts ``pulseline_broker`` (with the ingest worker in it) and ``pulseline_api`` as
processes, with the same flags, and supervises them. With an external broker ``pulseline_ingest`` comes first
instead. What keeps one of them from starting it says itself, in one line;
its exit code becomes this command's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from shlex import quote
from typing import Final

import click
from click.core import ParameterSource

from pulseline_client.commands.output import Form, json_option, show_json_line
from pulseline_client.commands.server import build_authority, check_ports
from pulseline_client.commands.server_extra import check_server_extra
from pulseline_core import settings as settings_module
from pulseline_core.address import reach
from pulseline_core.api_key import read_key
from pulseline_core.child import ChildCommand
from pulseline_core.help_text import SERVICE_CODES, build_epilog
from pulseline_core.log import setup_logging
from pulseline_core.settings import LogSettings, MqttSettings, Settings
from pulseline_core.settings.options import name_parameter
from pulseline_core.supervisor import ChildFailed, Supervisor
from pulseline_core.topic import Kind, build_topic
from pulseline_core.types import JSONObject

#: Each child as (name, package), in the order of their start: the API reads what the first one writes.
CHILDREN: Final = (("broker", "pulseline_broker"), ("api", "pulseline_api"))

#: The same beside an external broker.
CHILDREN_BESIDE_BROKER: Final = (("ingest", "pulseline_ingest"), ("api", "pulseline_api"))


class _UpCommand(click.Command):
    """Keeps the flags as they were written, for the children."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the arguments, then parse them."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


_ARGUMENTS: Final = "pulseline_client.commands.up.arguments"

#: How much is logged to a person who did not say: that all is well goes without saying.
_QUIET_LEVEL: Final = "warning"
_LEVEL_VARIABLE: Final = "PULSELINE_LOG_LEVEL"

#: Command lines can be read by every user of the machine, and children's stand there for as long as they run.
_KEY_FLAG: Final = "--api-key"
_KEY_VARIABLE: Final = "PULSELINE_API_KEY"


@click.command(
    "up",
    cls=_UpCommand,
    short_help="Start everything, and keep it running.",
    epilog=build_epilog(
        "pulseline up",
        "pulseline up --testing --port 5700 --mqtt-port 1900",
        "pulseline up --broker mqtts://pulseline-ingest@broker.example:8883",
        codes=SERVICE_CODES,
        is_service=True,
    ),
)
@settings_module.options()
@json_option
@click.pass_context
def command(context: click.Context, settings: Settings, form: Form) -> None:
    """Start broker, ingest and REST server, and keep them running; with --broker, ingest and REST server alone.

    Says so when all of it is ready. SIGTERM or Ctrl-C stops it within five seconds, with everything committed that was
    acknowledged; the exit code is 0 then. A second one stops it at once, with exit code 1. On a terminal only warnings
    are logged unless a log level is set.
    """
    check_server_extra("up")
    check_ports(settings)
    is_quiet = form is Form.TABLE and sys.stderr.isatty() and not _is_log_level_chosen(context, settings)
    environment = os.environ | ({_LEVEL_VARIABLE: _QUIET_LEVEL} if is_quiet else {})
    log_settings = replace(settings.log, level=_QUIET_LEVEL) if is_quiet else settings.log
    setup_logging("pulseline-up", log_settings, testing=settings.testing)
    if settings.api.key is not None:
        environment[_KEY_VARIABLE] = settings.api.key
    address = settings.api.host, settings.api.port
    children = CHILDREN_BESIDE_BROKER if settings.mqtt.is_external else CHILDREN
    commands = build_commands(context.meta[_ARGUMENTS], environment, api_address=address, children=children)
    try:
        Supervisor(commands, on_ready=lambda: _announce(settings, form)).run()
    except ChildFailed as error:
        if error.returncode is None or error.returncode <= 0:
            raise
        context.exit(error.returncode)  # the child has said why
    if form is Form.TABLE:
        click.echo("\nPulseline has stopped.")


def _is_log_level_chosen(context: click.Context, settings: Settings) -> bool:
    """Return whether somebody said how much to log; the settings file can only say so by another level."""
    source = context.get_parameter_source(name_parameter("log.level"))
    is_default = settings.log.level == LogSettings().level
    return source is ParameterSource.COMMANDLINE or _LEVEL_VARIABLE in os.environ or not is_default


def build_commands(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    api_address: tuple[str, int],
    children: Sequence[tuple[str, str]] = CHILDREN,
) -> list[ChildCommand]:
    """Return the children's command lines, with the flags of this one but for the key: that is in their environment.

    ``-P`` keeps the current folder off their path: a ``json.py`` that lies there is not ours.
    """
    flags = [argument for argument in _drop_key(arguments) if argument != "--json"]
    first, api = (
        ChildCommand(name=name, argv=(sys.executable, "-P", "-m", package, *flags), environment=environment)
        for name, package in children
    )
    return [first, replace(api, address=api_address, address_setting="api.host")]


def _drop_key(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments without the key's flag and its value."""
    remaining = iter(arguments)
    for argument in remaining:
        flag, equals, _ = argument.partition("=")
        if flag != _KEY_FLAG:
            yield argument
        elif not equals:
            next(remaining, None)


def describe(settings: Settings) -> JSONObject:
    """Return where everything is; ``websocket`` and ``web`` are absent where that is off."""
    server = f"http://{build_authority(settings.api.host, settings.api.port)}/"
    described: JSONObject = {
        "rest": f"{server}api/0/",
        "mqtt": f"mqtt{'s' * settings.mqtt.is_tls}://{build_authority(settings.mqtt.host, settings.mqtt.port)}",
        "data_dir": str(settings.data_dir),
        "testing": settings.testing,
    }
    if settings.broker.websocket_port and not settings.mqtt.is_external:
        described["websocket"] = f"ws://{build_authority(settings.mqtt.host, settings.broker.websocket_port)}"
    if settings.api.webui is not None:
        described["web"] = server
    return described


def _announce(settings: Settings, form: Form) -> None:
    described = describe(settings)
    match form:
        case Form.JSON:
            show_json_line({"state": "ready", **described})
        case Form.LINES:
            places = " ".join(
                f"{name}={described[name]}" for name in ("rest", "mqtt", "websocket", "web") if name in described
            )
            click.echo(f"pulseline is ready: {places} data={described['data_dir']}")
        case Form.TABLE:
            click.echo(build_welcome(settings))
    sys.stdout.flush()


def build_welcome(settings: Settings) -> str:
    """Return what a person at a terminal sees when everything is ready."""
    described = describe(settings)
    titles = {"web": "Web", "rest": "REST", "mqtt": "MQTT", "websocket": "WebSocket", "data_dir": "Data"}
    places = [f"  {title:<11}{described[name]}" for name, title in titles.items() if name in described]
    topic = build_topic(settings.mqtt.root, "plug", Kind.HEARTBEAT)
    broker = _build_broker_flags(settings.mqtt)
    return "\n".join(
        [
            "Pulseline is ready" + (" (testing)" if settings.testing else "") + ".",
            "",
            *places,
            "",
            "Try it in another terminal:",
            "",
            "  pulseline demo" + (" --testing" if settings.testing else ""),
            f"  mosquitto_pub {broker} -q 1 -t {quote(topic)} -m ON",
            # The commands show the key by themselves.
            "  pulseline events plug" if read_key(settings) else f"  curl {described['rest']}buckets/plug/events",
            "",
            "Ctrl-C stops it.",
        ]
    )


def _build_broker_flags(mqtt: MqttSettings) -> str:
    """Return how Mosquitto's clients are told of the broker; a password is for the reader to add."""
    flags = ["-h", reach(mqtt.host), "-p", str(mqtt.port)]
    flags += ["-u", quote(mqtt.username)] if mqtt.username else []
    flags += ["--cafile", quote(str(mqtt.ca_file))] if mqtt.ca_file else []
    return " ".join(flags)
