"""``pulseline tail``: events as they are committed.

Follows the retained ``state`` topics: each bucket's newest event first, then whatever changes, at most once a second
for each bucket. The MQTT thread only notes the states on a board; this thread prints them.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import click

from pulseline_client.commands.event_columns import EVENT_COLUMNS
from pulseline_client.commands.human import escape
from pulseline_client.commands.output import Form, build_line, cut, json_option, show_json_line
from pulseline_client.commands.server import Server, server_options
from pulseline_core.errors import BadInput, Unavailable
from pulseline_core.help_text import MQTT_CODES, build_epilog
from pulseline_core.topic import Kind, build_topic, parse_topic
from pulseline_core.types import BucketId, JSONObject

#: How long the broker may take to let us in.
_CONNECT_TIMEOUT_S: Final = 2.0

#: What a bucket id takes of a line at most, on a terminal.
_MAX_NAME_LENGTH: Final = 28


@dataclass(frozen=True, slots=True)
class State:
    """A bucket's newest event."""

    bucket_id: BucketId
    event: JSONObject


@click.command(
    "tail",
    short_help="Follow events as they are committed.",
    epilog=build_epilog("pulseline tail", "pulseline tail demo-plug --json | jq .event.data", codes=MQTT_CODES),
)
@click.argument("buckets", metavar="[BUCKET]...", nargs=-1)
@server_options
@json_option
def command(*, buckets: tuple[str, ...], server: Server, form: Form) -> None:
    """Show the newest event of each BUCKET, or of all, and then every change, until Ctrl-C.

    A bucket that changes more often than once a second shows its newest event each second. In a pipe: bucket, start,
    duration in seconds and data, separated by tabs. With --json: {"bucket", "event"}, one object a line.
    """
    board = StateBoard()
    root = server.settings.mqtt.root
    show = _choose_show(form)
    with server.open_subscriber(LinkNotice().tell) as subscriber:
        for topic_filter in build_filters(root, buckets):
            subscriber.subscribe(topic_filter, build_note(root, board.put))
        subscriber.wait_connected(_CONNECT_TIMEOUT_S)
        _tell_unknown(server, buckets)
        while True:
            for state in board.take():
                show(state)
            sys.stdout.flush()


def _tell_unknown(server: Server, buckets: Collection[str]) -> None:
    """Say on standard error which buckets do not exist yet: one may be misspelt."""
    if not buckets:
        return
    with server.open_rest() as rest, suppress(Unavailable):  # what follows needs no REST server
        known = rest.get_buckets()
        for bucket in buckets:
            if bucket not in known:
                click.echo(f"no bucket {bucket!r} yet; waiting", err=True)


class LinkNotice:
    """Says on standard error when the connection is lost, and when it is back."""

    def __init__(self) -> None:
        self._is_lost = False

    def tell(self, is_connected: bool) -> None:
        """Hear of a change; called on the MQTT thread."""
        if not is_connected:
            click.echo("connection lost, trying again", err=True)
        elif self._is_lost:
            click.echo("connected again", err=True)
        self._is_lost = not is_connected


class StateBoard:
    """What waits to be shown: the newest state of each bucket, once.

    A terminal that is stopped (Ctrl-S) holds nothing up: what changes meanwhile takes the place of what waits. After a
    lost connection the broker says everything again, of which only what is new is taken.
    """

    def __init__(self) -> None:
        self._waiting: dict[BucketId, State] = {}
        self._known: dict[BucketId, State] = {}
        self._changed = threading.Condition()

    def put(self, state: State) -> None:
        """Take a state; never blocks."""
        with self._changed:
            if self._known.get(state.bucket_id) != state:
                self._known[state.bucket_id] = self._waiting[state.bucket_id] = state
                self._changed.notify()

    def take(self) -> list[State]:
        """Wait for states that were not taken yet, and return them."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            states = list(self._waiting.values())
            self._waiting.clear()
            return states


def build_filters(root: str, buckets: Collection[str]) -> list[str]:
    """Return what to subscribe to."""
    if not buckets:
        return [f"{root}/+/{Kind.STATE.value}"]
    return [build_topic(root, bucket_id, Kind.STATE) for bucket_id in dict.fromkeys(buckets)]


def build_note(root: str, put: Callable[[State], object]) -> Callable[[str, bytes], None]:
    """Return what hands each message that holds a state on; called on the MQTT thread."""

    def note(topic: str, payload: bytes) -> None:
        state = read_state(topic, payload, root=root)
        if state is not None:
            put(state)

    return note


def read_state(topic: str, payload: bytes, *, root: str) -> State | None:
    """Return the state that a message holds, ``None`` for a deleted bucket's (empty) and what is not ours."""
    try:
        event = json.loads(payload)
        bucket_id = parse_topic(topic, root=root).bucket_id
    except (ValueError, BadInput):
        return None
    return State(bucket_id, event) if isinstance(event, dict) else None


def _choose_show(form: Form) -> Callable[[State], None]:
    match form:
        case Form.JSON:
            return lambda state: show_json_line({"bucket": state.bucket_id, "event": state.event})
        case Form.LINES:
            return lambda state: click.echo(f"{escape(state.bucket_id)}\t{build_line(state.event, EVENT_COLUMNS)}")
        case Form.TABLE:
            return lambda state: click.echo(build_row(state, width=shutil.get_terminal_size().columns))


def build_row(state: State, *, width: int) -> str:
    """Return a state as a line of a terminal, cut to its width."""
    name = cut(escape(state.bucket_id), _MAX_NAME_LENGTH)
    start, duration, data = (escape(column.cell(state.event)) for column in EVENT_COLUMNS)
    return cut(f"{start}  {name:<22}  {duration:>7}  {data}", width)
