"""The running server that a command talks to, and the flags that say where it is.

The flags stand above the settings: ``PULSELINE_*`` variables and the settings file say the same things to the client
that they say to the server, so that a command needs no flag on the machine where ``pulseline up`` runs.
"""

from __future__ import annotations

import functools
import random
import shlex
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar

import click

from pulseline_client.client import Client
from pulseline_client.commands.session import Session
from pulseline_client.connection import BrokerAddress, LoginRefused
from pulseline_client.rest import KeyRefused, RestReader
from pulseline_client.subscriber import Subscriber
from pulseline_core import paths
from pulseline_core.address import is_loopback, reach
from pulseline_core.api_key import is_key_named, read_key
from pulseline_core.backoff import Backoff
from pulseline_core.errors import BrokerUnavailable, InvalidSetting, OutboxInUse, ReplyTimeout, Unavailable
from pulseline_core.settings import Settings
from pulseline_core.settings.options import load_from_machine
from pulseline_core.tls import build_tls

#: Names the outbox that commands share.
CLIENT_NAME: Final = "pulseline-cli"

#: How long a command waits for the server to confirm what it wrote.
REPLY_TIMEOUT_S: Final = 5.0

#: How long a command waits for others that have the outbox: somebody's loop over 'pulseline heartbeat'.
OUTBOX_TIMEOUT_S: Final = 15.0

_Command = TypeVar("_Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Server:
    """Where REST and MQTT are.

    Attributes:
        settings: the effective settings; only what says where the server is, and as whom, matters here.
        flags: what the command line said about that, for command lines that we suggest.
    """

    settings: Settings
    flags: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The REST server's address, without a path."""
        return f"http://{build_authority(self.settings.api.host, self.settings.api.port)}"

    def open_rest(self) -> RestReader:
        """Return what reads over REST; a context manager."""
        return RestReader(self.url, key=self._read_key())

    def _read_key(self) -> str:
        """Return the key to show: what the settings name, or the data folder's, which is for this machine's server."""
        key = read_key(self.settings)
        if key is None or is_key_named(self.settings):
            return key or ""
        return key if is_of_this_machine(reach(self.settings.api.host)) else ""

    def open_subscriber(self, tell_link: Callable[[bool], object] = bool) -> Subscriber:
        """Return what listens to topics, and tells of the connection; a context manager."""
        return Subscriber(BrokerAddress.of(self.settings.mqtt), tell_link=tell_link)

    @contextmanager
    def open_client(
        self, name: str = CLIENT_NAME, *, timeout_s: float = REPLY_TIMEOUT_S, creates_buckets: bool = True
    ) -> Iterator[Client]:
        """Yield a client that writes.

        All commands on one machine that talk to one server share an outbox, so that what one leaves behind is sent by
        the next; one that runs for long has its own. Only one process at a time can have it open; the others wait for
        a while.

        Args:
            name: of the outbox.
            timeout_s: how long the client waits for the server to confirm what it wrote.
            creates_buckets: whether events may make an unknown bucket.

        Raises:
            OutboxInUse: another command holds the outbox for longer.
            LoginRefused: the broker does not know this user; what was to be sent is kept.
        """
        client = self._build_client(name, timeout_s, creates_buckets=creates_buckets)
        _enter_patiently(client)
        try:
            yield client
        except ReplyTimeout as error:
            error.hint = self.explain(error)
            raise error.problem if isinstance(error.problem, LoginRefused) else error from None
        finally:
            client.close()

    def explain(self, error: ReplyTimeout) -> str:
        """Return where a message was not confirmed and why, and how to name another broker if that is the wrong one."""
        mqtt, problem = self.settings.mqtt, error.problem
        if problem is not None and not isinstance(problem, BrokerUnavailable):
            return str(problem)
        reason = problem or f"nobody confirms at the broker {build_authority(mqtt.host, mqtt.port)}"
        return f"{reason}; PULSELINE_MQTT_BROKER names another broker"

    def _build_client(
        self, name: str = CLIENT_NAME, timeout_s: float = REPLY_TIMEOUT_S, *, creates_buckets: bool = True
    ) -> Client:
        mqtt = self.settings.mqtt
        folder = f"{name}-{reach(mqtt.host)}-{mqtt.port}".replace(":", "_")
        return Client(
            reach(mqtt.host),
            mqtt.port,
            name=name,
            outbox=paths.get_data_dir(self.settings.testing) / "client" / folder / "outbox.db",
            username=mqtt.username,
            password=mqtt.password,
            tls=build_tls(mqtt),
            url=self.url,
            key=self._read_key(),
            root=mqtt.root,
            timeout_s=timeout_s,
            max_payload_bytes=mqtt.max_payload_bytes,
            creates_buckets=creates_buckets,
        )


def _enter_patiently(client: Client) -> None:
    """Open the client's outbox once the command that has it now is done."""
    backoff, end = Backoff(0.01, 0.2), monotonic() + OUTBOX_TIMEOUT_S
    while True:
        try:
            client.__enter__()
        except OutboxInUse:
            if monotonic() >= end:
                raise
            threading.Event().wait(backoff.next_delay_s(random.random))  # the lock of a file tells nobody of its end
        else:
            return


def is_of_this_machine(host: str) -> bool:
    """Return whether a name or address leads here: whether one could listen there."""
    if is_loopback(host):
        return True
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
    except (OSError, UnicodeError):  # not an address of ours, or none at all
        return False
    return True


def check_ports(settings: Settings) -> None:
    """Raise ``InvalidSetting`` for a port of 0: whoever starts several parts could not say which one it became."""
    for name, port in (("api.port", settings.api.port), ("mqtt.port", settings.mqtt.port)):
        if port == 0:
            raise InvalidSetting(name, "is 0, which is any free port", hint="name a port from 1 to 65535")


def build_authority(host: str, port: int) -> str:
    """Return ``host:port`` as URLs write it, an IPv6 address in brackets."""
    reached = reach(host)
    return f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"


def server_options(command: _Command) -> _Command:
    """Give a click command the flags that say where the server is, and a ``Server`` as its argument ``server``."""

    @functools.wraps(command)
    def run(
        *args: Any, host: str | None, port: int | None, mqtt_port: int | None, testing: bool, **kwargs: Any
    ) -> object:
        flags = _collect_flags(host=host, port=port, mqtt_port=mqtt_port, testing=testing)
        overrides = {
            "api.host": host,
            "mqtt.host": host,
            "api.port": None if port is None else str(port),
            "mqtt.port": None if mqtt_port is None else str(mqtt_port),
            "testing": "true" if testing else None,
        }
        settings = load_from_machine({name: value for name, value in overrides.items() if value is not None})
        server = Server(settings, flags)
        try:
            return command(*args, server=server, **kwargs)
        except KeyRefused as error:
            if error.url == server.url:
                error.hint = "set PULSELINE_API_KEY, or api.key_file, to the one that it was started with"
            raise
        except Unavailable as error:
            if testing:
                error.hint = error.hint.replace("'pulseline up'", "'pulseline up --testing'")
            raise

    for option in (_VERBOSE, _TESTING, _MQTT_PORT, _PORT, _HOST):
        run = option(run)
    return run  # type: ignore[return-value]  # click's decorators keep the function


def _collect_flags(*, host: str | None, port: int | None, mqtt_port: int | None, testing: bool) -> tuple[str, ...]:
    """Return the flags that were given, each quoted for a shell."""
    values = {"--host": host, "--port": port, "--mqtt-port": mqtt_port}
    given = [f"{flag} {shlex.quote(str(value))}" for flag, value in values.items() if value is not None]
    return (*given, "--testing") if testing else tuple(given)


def _set_verbose(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    session = context.find_object(Session)
    if is_wanted and session is not None:
        session.set_verbose()


_HOST: Final = click.option(
    "--host", metavar="TEXT", help="Address of the server. [PULSELINE_API_HOST, PULSELINE_MQTT_HOST]"
)
_PORT: Final = click.option(
    "--port", type=click.IntRange(1, 65_535), metavar="INTEGER", help="Port of the REST server. [PULSELINE_API_PORT]"
)
_MQTT_PORT: Final = click.option(
    "--mqtt-port",
    type=click.IntRange(1, 65_535),
    metavar="INTEGER",
    help="Port of the MQTT broker. [PULSELINE_MQTT_PORT]",
)
_TESTING: Final = click.option("--testing", is_flag=True, help="Talk to 'pulseline up --testing'.")
_VERBOSE: Final = click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, callback=_set_verbose, help="Log each step, and bugs in full."
)
