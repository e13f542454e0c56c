"""``pulseline dead-letters``: messages that could not be applied, to look at, replay or drop."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Final

import click

from pulseline_client.commands.event_columns import format_exact_instant_of, format_instant_of, format_text_of
from pulseline_client.commands.human import escape
from pulseline_client.commands.output import Column, Form, json_option, show_json, show_records
from pulseline_client.commands.server import Server, server_options
from pulseline_core.errors import BadInput, ExitCode, NotFound
from pulseline_core.help_text import CLIENT_CODES, build_epilog
from pulseline_core.types import JSONObject, JSONValue

#: Of a time on a terminal, as in ``2026-11-23 10:00``: the rest of the line belongs to the reason.
_TO_THE_MINUTE: Final = 16

_CODES: Final = (*CLIENT_CODES, ExitCode.NOT_FOUND)


def build_columns(root: str) -> tuple[Column, ...]:
    """Return what a list shows; people know the root of the topics."""
    return (
        Column(title="ID", cell=lambda letter: format_text_of(letter, "id"), is_number=True),
        Column(
            title="RECEIVED",
            cell=lambda letter: format_instant_of(letter, "received")[:_TO_THE_MINUTE],
            field=lambda letter: format_exact_instant_of(letter, "received"),
        ),
        Column(
            title="TOPIC",
            cell=lambda letter: format_text_of(letter, "topic").removeprefix(f"{root}/"),
            field=lambda letter: format_text_of(letter, "topic"),
            limit=24,
        ),
        Column(title="REASON", cell=lambda letter: format_text_of(letter, "reason"), is_wrapped=True, limit=None),
    )


@click.group(
    "dead-letters",
    short_help="List, show, replay or drop what could not be applied.",
    invoke_without_command=True,
    epilog=build_epilog("pulseline dead-letters list", "pulseline dead-letters replay 7", codes=_CODES),
)
@click.pass_context
def command(context: click.Context) -> None:
    """Look after messages that could not be applied: each is kept with its topic, bytes, reason and time."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command("list", epilog=build_epilog("pulseline dead-letters list --limit 5"))
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@server_options
@json_option
def list_(*, limit: int, server: Server, form: Form) -> None:
    """List dead letters, newest first.

    In a pipe: id, time, topic and reason, separated by tabs.
    """
    with server.open_rest() as rest:
        letters = rest.get_dead_letters(limit=limit)
    records = [letter for letter in letters if isinstance(letter, dict)]
    columns = build_columns(server.settings.mqtt.root)
    show_records(records, columns, form=form, nothing="There are no dead letters.")


@command.command("show", epilog=build_epilog("pulseline dead-letters show 7", codes=_CODES))
@click.argument("number", metavar="ID", type=int)
@server_options
@json_option
def show(*, number: int, server: Server, form: Form) -> None:
    """Show all that is known of one dead letter, its payload too.

    A payload that is not UTF-8 is shown as Python writes bytes. In a pipe: name and value of each field, separated by
    a tab.
    """
    with server.open_rest() as rest:
        letter = rest.get_dead_letter(number)
    if form is Form.JSON:
        show_json(letter)
        return
    fields = describe(letter)
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name}\t{escape(value)}" if form is Form.LINES else f"{name:<{width}}  {escape(value)}")


def describe(letter: JSONObject) -> dict[str, str]:
    """Return the fields of a dead letter as text."""
    text = letter.get("text")
    payload = text if isinstance(text, str) else repr(base64.b64decode(format_text_of(letter, "payload")))
    return {
        "id": format_text_of(letter, "id"),
        "received": format_exact_instant_of(letter, "received"),
        "client id": format_text_of(letter, "client_id"),
        "topic": format_text_of(letter, "topic"),
        "reason": format_text_of(letter, "reason"),
        "size": f"{format_text_of(letter, 'size_bytes')} bytes",
        "payload": payload,
    }


@command.command("replay", epilog=build_epilog("pulseline dead-letters replay 7", codes=_CODES))
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@server_options
@json_option
def replay(*, numbers: tuple[int, ...], server: Server, form: Form) -> None:
    """Apply dead letters again, as if they had just come in.

    One that can be applied now is gone then; the first one that can not is the error, and stays. With --json: an
    array of {"id", "state"}.
    """
    with server.open_rest() as rest:
        _for_each(numbers, rest.replay_dead_letter, "replayed", form)


@command.command("drop", epilog=build_epilog("pulseline dead-letters drop 7 8", codes=_CODES))
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@server_options
@json_option
def drop(*, numbers: tuple[int, ...], server: Server, form: Form) -> None:
    """Forget dead letters for good.

    With --json: an array of {"id", "state"}.
    """
    with server.open_rest() as rest:
        _for_each(numbers, rest.drop_dead_letter, "dropped", form)


def _for_each(numbers: Iterable[int], act: Callable[[int], object], state: str, form: Form) -> None:
    """Act on dead letters until one fails, and tell of each that it is done; its id is in the error."""
    done: list[JSONValue] = []
    try:
        for number in numbers:
            _act_on(number, act)
            done.append({"id": number, "state": state})
            if form is Form.LINES:
                click.echo(f"{number}\t{state}")
            elif form is Form.TABLE:
                click.echo(f"Dead letter {number} is {state}.")
    finally:
        if form is Form.JSON and done:
            show_json(done)


def _act_on(number: int, act: Callable[[int], object]) -> None:
    try:
        act(number)
    except NotFound:
        raise
    except BadInput as error:
        raise BadInput(f"dead letter {number} stays: {error}", hint=error.hint) from error
