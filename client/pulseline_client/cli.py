"""``pulseline``: one command with subcommands, the client's own and those that other components register.

Another component's command is an entry point of the group ``pulseline.commands`` whose value is a click command.
Commands are imported when they are called or listed. ``run`` is the only place where an error becomes a line and an
exit code.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from keyword import iskeyword
from typing import Final, NoReturn

import click

import pulseline_core
from pulseline_client.commands.crash_report import write_crash_report
from pulseline_client.commands.server_extra import SERVER_MODULES, ServerExtraMissing
from pulseline_client.commands.session import Session
from pulseline_core import paths
from pulseline_core.errors import ExitCode, PulselineError
from pulseline_core.help_text import INTERRUPTED, PIPE_CLOSED

ENTRY_POINT_GROUP: Final = "pulseline.commands"

#: The client's commands in the order of ``--help``.
_NAMES: Final = (
    *("up", "demo", "buckets", "events", "query", "report", "tail"),
    *("export", "import", "status", "health", "heartbeat", "dead-letters", "setup", "doctor"),
)

#: Each of them as module and attribute; a name that is a keyword of Python gets an underscore (PEP 8).
COMMANDS: Final = {
    name: f"pulseline_client.commands.{name.replace('-', '_')}{'_' if iskeyword(name) else ''}:command"
    for name in _NAMES
}


class CommandGroup(click.Group):
    """Finds commands by name when they are needed."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the client's commands, then the others' by name."""
        others = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} - COMMANDS.keys()
        return [*COMMANDS, *sorted(others)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, ``None`` if there is none of the name."""
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name].partition(":")
            return _check_command(getattr(import_module(module), attribute))
        del ctx
        for point in entry_points(group=ENTRY_POINT_GROUP, name=cmd_name):
            return _load(point)
        return None

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; when nobody reads its output any more, end without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would make an exit code 1 of it
            ctx.exit(_give_up_output(PIPE_CLOSED))


def _load(point: EntryPoint) -> click.Command:
    try:
        return _check_command(point.load())
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SERVER_MODULES:
            raise
        return _build_stand_in(point.name, str(error.name))


def _build_stand_in(name: str, missing: str) -> click.Command:
    """Return a command that says what to install."""

    @click.command(name, short_help="(needs pulseline[server])", context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def stand_in(arguments: tuple[str, ...]) -> None:
        del arguments
        raise ServerExtraMissing(name, [missing])

    return stand_in


def _check_command(command: object) -> click.Command:
    if not isinstance(command, click.Command):
        raise TypeError(f"{command!r} is not a click command")
    return command


@click.command(
    cls=CommandGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with 'pulseline up', then 'pulseline demo' in another terminal. 'pulseline COMMAND -h' tells more.",
)
@click.version_option(pulseline_core.__version__, prog_name="pulseline")
@click.pass_context
def group(context: click.Context) -> None:
    """Turn heartbeats published over MQTT into a durable, queryable timeline."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> NoReturn:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no Unicode gets escapes, no crash
    logging.getLogger().addHandler(logging.NullHandler())  # without one, Python prints warnings as bare lines
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; what goes wrong is one line on standard error."""
    session = Session()
    try:
        result = group.main(list(arguments), prog_name="pulseline", obj=session, standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as request:
        return _read_code(request.code)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the outermost frame: a bug is one line, too
        return _report_error(error, session)
    return _read_code(result)


def _report_error(error: Exception | KeyboardInterrupt, session: Session) -> int:
    code: int
    match error:
        case click.Abort() | KeyboardInterrupt():
            code = INTERRUPTED
        case click.UsageError():
            code = _report_usage(error)
        case click.ClickException():
            code = _report(error.format_message(), code=ExitCode.USAGE)
        case PulselineError():
            code = _report(str(error), hint=error.hint, code=error.exit_code)
        case BrokenPipeError():
            code = _give_up_output(PIPE_CLOSED)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            _give_up_output(ExitCode.DISK_FULL)
            code = _report("no space left for the output", code=ExitCode.DISK_FULL)
        case _:
            code = _report_bug(error, session)
    return code


def _read_code(code: object) -> int:
    if isinstance(code, str):
        return _report(code, code=ExitCode.FAILURE)
    return code if isinstance(code, int) else ExitCode.OK


def _report(message: str, *, hint: str = "", code: int) -> int:
    line = f"pulseline: error: {message}" + (f" ({hint})" if hint else "")
    click.echo(" ".join(line.split()), err=True)
    return code


def _report_usage(error: click.UsageError) -> int:
    path = error.ctx.command_path if error.ctx is not None else "pulseline"
    message = error.format_message().rstrip(".")
    return _report(message[:1].lower() + message[1:], hint=f"see '{path} --help'", code=ExitCode.USAGE)


def _give_up_output(code: int) -> int:
    """Point standard output nowhere, so that the interpreter's last flush is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code


def _report_bug(error: Exception, session: Session) -> int:
    if session.is_verbose:
        traceback.print_exception(error)
    path = write_crash_report(error, log_dir=paths.get_log_dir(), now=datetime.now().astimezone())
    hint = f"this is a bug; the traceback is in {path}" if path is not None else "this is a bug; --verbose shows more"
    return _report(f"{type(error).__name__}: {error}", hint=hint, code=ExitCode.FAILURE)
