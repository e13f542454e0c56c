"""``pulseline users``: who may log in at the embedded broker.

Passwords come from a prompt, or as the first line of standard input; never from the command line, which every user of
the machine can read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import click

from pulseline_broker.access import Rights, build_watcher_rights
from pulseline_broker.password import hash_password
from pulseline_broker.service import find_users_file, has_users
from pulseline_broker.users import User, UsersFile
from pulseline_broker.users_table import build_line, show_table
from pulseline_core.errors import BadInput, ExitCode, InvalidTopic, NotFound
from pulseline_core.help_text import build_epilog
from pulseline_core.settings import Settings, options
from pulseline_core.types import JSONObject

_RIGHT_HELP = "Topic filter; may be given several times. %u is the user's name, %c the client id."

#: What ``list`` says when there is nobody: the two mean the opposite.
_EVERYBODY: Final = "No users file: everybody on this machine may publish."
_NOBODY: Final = "No users: nobody can log in."

#: What all of these can end with.
_CODES: Final = (ExitCode.OK, ExitCode.FAILURE, ExitCode.USAGE, ExitCode.NOT_PERMITTED)


@click.group("users", epilog=build_epilog("pulseline users list", "pulseline users add desk", codes=_CODES))
def users() -> None:
    """Manage the users of the embedded broker.

    Without a users file everybody on this machine may publish. The first user makes the file, and with it every client
    has to log in. A running broker notices changes at the next log-in.
    """


@users.command(
    "add",
    epilog=build_epilog("pulseline users add desk", "pulseline users add nas < password.txt", codes=_CODES),
)
@click.argument("name")
@click.option("--publish", multiple=True, metavar="FILTER", help=f"{_RIGHT_HELP} Default: all buckets.")
@click.option("--subscribe", multiple=True, metavar="FILTER", help=f"{_RIGHT_HELP} Default: states and descriptions.")
@click.option("--admin", is_flag=True, help="May change and delete what is stored.")
@options("broker.users_file", "mqtt.root")
def add(settings: Settings, name: str, *, publish: tuple[str, ...], subscribe: tuple[str, ...], admin: bool) -> None:
    """Add a user, with a password from a prompt or standard input."""
    file, known = _open(settings)
    if name in known:
        raise BadInput(f"user {name!r} exists already", hint="change the password with 'pulseline users passwd'")
    rights = _build_rights(settings.mqtt.root, publish=publish, subscribe=subscribe, admin=admin)
    user = User(name=name, password_hash=hash_password(read_password(name)), rights=rights)
    file.write({**known, name: user})
    click.echo(f"added {name} to {file.path}")


@users.command("passwd", epilog=build_epilog("pulseline users passwd desk", codes=(*_CODES, ExitCode.NOT_FOUND)))
@click.argument("name")
@options("broker.users_file", "mqtt.root")
def passwd(settings: Settings, name: str) -> None:
    """Change a user's password."""
    file, known = _open(settings)
    user = _find(known, name)
    file.write({**known, name: replace(user, password_hash=hash_password(read_password(name)))})
    click.echo(f"changed the password of {name}")


@users.command("remove", epilog=build_epilog("pulseline users remove desk", codes=(*_CODES, ExitCode.NOT_FOUND)))
@click.argument("name")
@options("broker.users_file", "mqtt.root")
def remove(settings: Settings, name: str) -> None:
    """Remove a user; a connection that is open stays until it ends."""
    file, known = _open(settings)
    _find(known, name)
    file.write({other: user for other, user in known.items() if other != name})
    click.echo(f"removed {name}")


@users.command("list", epilog=build_epilog("pulseline users list --json", codes=_CODES))
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@options("broker.users_file", "mqtt.root")
def list_users(settings: Settings, as_json: bool) -> None:
    """List users and their rights; never passwords.

    In a pipe: name, role, and the filters of both rights, separated by tabs.
    """
    known = UsersFile(find_users_file(settings)).read() if has_users(settings) else None
    listed = [user for _, user in sorted((known or {}).items())]
    if as_json:
        click.echo(json.dumps([_describe(user) for user in listed], indent=2))
    elif not listed:
        click.echo(_EVERYBODY if known is None else _NOBODY, err=True)
    elif sys.stdout.isatty():
        show_table(listed)
    else:
        click.echo("\n".join(map(build_line, listed)))


def _describe(user: User) -> JSONObject:
    return {
        "name": user.name,
        "publish": list(user.rights.publish),
        "subscribe": list(user.rights.subscribe),
        "admin": user.rights.admin,
    }


def read_password(name: str, *, prompt: Callable[..., str] = click.prompt) -> str:
    """Return the password that a person types twice, or the first line of standard input.

    Raises:
        BadInput: it is empty.
    """
    if sys.stdin.isatty():
        password = prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise BadInput("the password is empty", hint="give it at the prompt, or as the first line of standard input")
    return password


def _open(settings: Settings) -> tuple[UsersFile, dict[str, User]]:
    file = UsersFile(find_users_file(settings))
    return file, file.read() if file.path.exists() else {}


def _find(known: dict[str, User], name: str) -> User:
    if name not in known:
        raise NotFound("user", name)
    return known[name]


def _build_rights(root: str, *, publish: tuple[str, ...], subscribe: tuple[str, ...], admin: bool) -> Rights:
    default = build_watcher_rights(root)
    if admin:
        default = replace(default, publish=(f"{root}/#",), subscribe=(f"{root}/#", "$SYS/#"))
    try:
        return Rights(publish=publish or default.publish, subscribe=subscribe or default.subscribe, admin=admin)
    except InvalidTopic as error:
        raise BadInput(f"a right does not fit: {error}") from error
