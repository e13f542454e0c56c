"""``pulseline setup``: the key of the REST server, made and handed on."""

from __future__ import annotations

import click

from pulseline_client.commands.output import Form, json_option, show_json
from pulseline_client.commands.server import check_ports
from pulseline_client.commands.server_extra import check_server_extra
from pulseline_core import settings as settings_module
from pulseline_core.api_key import find_key_file, make_key, read_key
from pulseline_core.errors import ConfigError, ExitCode
from pulseline_core.help_text import build_epilog
from pulseline_core.settings import Settings

_CODES = (ExitCode.OK, ExitCode.FAILURE, ExitCode.USAGE, ExitCode.NOT_PERMITTED, ExitCode.DISK_FULL)


@click.group("setup", epilog=build_epilog("pulseline setup key", "pulseline setup aw-client", codes=_CODES))
def command() -> None:
    """Set up the key that clients of the REST server have to show.

    Without a key, whoever can reach the server at this machine may read and write; it listens nowhere else then.
    """


@command.command("key", epilog=build_epilog("pulseline setup key", codes=_CODES))
@settings_module.options("api.key", "api.key_file")
@json_option
def key(settings: Settings, form: Form) -> None:
    """Make a random key, in a file of the data folder.

    The server asks for it from its next start on, and the commands show it. A key that is there stays. To have
    another one, remove the file first; to ask for none, remove it and start the server again.
    """
    is_new, path = make_key(settings), find_key_file(settings)
    if form is Form.JSON:
        show_json({"file": str(path), "new": is_new})
        return
    click.echo(f"{'made a key' if is_new else 'there is a key already'}: {path}")
    if is_new:
        click.echo("The REST server asks for it from its next start on.", err=True)


@command.command("aw-client", epilog=build_epilog("pulseline setup aw-client --testing", codes=_CODES))
@settings_module.options("api")
@json_option
def aw_client(settings: Settings, form: Form) -> None:
    """Write the key to where ActivityWatch's aw-client looks for it.

    That is the settings file of aw-server-rust, of which all but the key and the port stays as it is. Programs whose
    aw-client knows of keys then show it by themselves. Without a key there is nothing to write: the server asks for
    none.
    """
    check_server_extra("setup aw-client")
    check_ports(settings)
    known = read_key(settings)
    if known is None:
        raise ConfigError("there is no key: the server asks for none", hint="'pulseline setup key' makes one")
    from pulseline_client import aw_client_settings  # noqa: PLC0415  tomlkit comes with pulseline[server]

    path, port = aw_client_settings.get_settings_file(testing=settings.testing), settings.api.port
    is_new = aw_client_settings.write_key(path, key=known, port=port)
    if form is Form.JSON:
        show_json({"file": str(path), "port": port, "new": is_new})
        return
    click.echo(f"{'wrote the key' if is_new else 'the key is there already'} for port {port}: {path}")
