"""The command line as a whole: help pages, errors in one line, exit codes."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pulseline_client import cli
from pulseline_client.commands.session import Session
from pulseline_core.errors import BrokerUnavailable, ExitCode, PulselineError, StoreUnavailable


def iter_commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command and those below it, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from iter_commands(command, f"{path} {name}")


ALL_COMMANDS = dict(iter_commands(cli.group, "pulseline"))

#: Commands that only do something; programs read their exit code.
NO_ANSWER = {
    "pulseline broker",
    "pulseline ingest",
    "pulseline api",
    *(f"pulseline health {part}" for part in ("api", "ingest")),
    *(f"pulseline users {verb}" for verb in ("add", "passwd", "remove")),
}


@pytest.mark.parametrize("path", ALL_COMMANDS)
def test_help_tells_summary_example_and_exit_codes(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what it does, a command line to copy, and what the exit codes mean."""
    code = cli.run([*path.split()[1:], "--help"])

    page = capsys.readouterr().out
    usage, _, summary, *_ = page.splitlines()
    assert code == 0
    assert usage.startswith(f"Usage: {path}")
    assert summary.strip().endswith((".", ":")) or "," in summary
    assert f"  {path}" in page.split("Example")[1]
    assert "  0    done\n" in page.split("Exit codes:")[1]


@pytest.mark.parametrize("path", ["pulseline up", "pulseline broker", "pulseline ingest", "pulseline api"])
def test_help_of_a_part_lists_the_code_of_a_database_that_is_away(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What opens the database when it starts may find no server there."""
    cli.run([*path.split()[1:], "--help"])

    assert f"\n    {StoreUnavailable.exit_code:<5}" in capsys.readouterr().out.split("Exit codes:")[1]


@pytest.mark.parametrize("path", ALL_COMMANDS)
def test_help_fits_eighty_columns(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing wraps on a terminal of the usual width."""
    cli.run([*path.split()[1:], "--help"])

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    "path", [path for path, command in ALL_COMMANDS.items() if not isinstance(command, click.Group)]
)
def test_help_lists_the_flags_that_it_speaks_of(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What its text and its examples name has a line of its own."""
    command = ALL_COMMANDS[path]
    shown = {flag for each in command.params if not getattr(each, "hidden", False) for flag in each.opts}

    cli.run([*path.split()[1:], "--help"])

    text, _, options = capsys.readouterr().out.partition("Options:")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text + options.partition("Examples:")[2]))
    assert named <= shown


@pytest.mark.parametrize(
    "path",
    [path for path, command in ALL_COMMANDS.items() if path not in NO_ANSWER and not isinstance(command, click.Group)],
)
def test_every_command_has_a_form_for_programs(path: str) -> None:
    """--json is everywhere."""
    assert any("--json" in parameter.opts for parameter in ALL_COMMANDS[path].params)


@pytest.mark.parametrize("path", ALL_COMMANDS)
def test_every_flag_and_command_has_help(path: str) -> None:
    """No flag without a sentence, no command without a line in the list."""
    command = ALL_COMMANDS[path]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]

    assert command.get_short_help_str(60).endswith(".")
    assert all(option.help for option in options), [option.opts for option in options if not option.help]


def test_nothing_shows_the_list_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command there is help, and no error."""
    code = cli.run([])

    page = capsys.readouterr().out
    assert code == 0
    assert [line.split()[0] for line in page.split("Commands:\n")[1].splitlines()[: len(cli.COMMANDS)]] == [
        *cli.COMMANDS
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["upp"], "pulseline: error: no such command 'upp'"),
        (["up", "--bogus"], "pulseline: error: no such option '--bogus'"),
        (["events"], "pulseline: error: missing argument 'BUCKET' (see 'pulseline events --help')"),
        (["up", "--port", "99999"], "pulseline: error: --port: setting 'api.port' is 99999, not between 0 and 65535"),
        (
            ["events", "x", "--start", "now", "--stop", "yesterday"],
            "pulseline: error: the range ends before it begins: 'now' is later than 'yesterday'",
        ),
        (
            ["export", "--start", "now", "--end", "yesterday"],
            "pulseline: error: the range ends before it begins: 'now' is later than 'yesterday'",
        ),
        (["export", "--format", "xml"], "pulseline: error: invalid value for '--format': 'xml' is not one of 'json'"),
        (["events", "x", "--start", "soon"], "pulseline: error: time 'soon' is not understood"),
        (["heartbeat", "x", "--duration", "inf"], "pulseline: error: duration inf s is not between 0 and 366 days"),
        (["heartbeat", "x", "--duration", "nan"], "pulseline: error: duration nan s is not between 0 and 366 days"),
        (["heartbeat", "x", "--duration", "1e300"], "pulseline: error: duration 1e+300 s is not between 0 and 366"),
        (["heartbeat", "x", "[" * 5_000], "pulseline: error: data '[[[["),
        (["status", "--host", "[::1"], "pulseline: error: setting 'url' is 'http://[[::1]:5600', which is no address"),
        (["heartbeat", "x", "--host", "[::1"], "pulseline: error: setting 'url' is 'http://[[::1]:5600', which is no"),
        (["buckets", "--host", "a..b"], "pulseline: error: setting 'url' is 'http://a..b:5600', which is no address"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, and where to look."""
    code = cli.run(arguments)

    output = capsys.readouterr()
    assert code == ExitCode.USAGE
    assert output.out == ""
    assert output.err.startswith(line)
    assert output.err.count("\n") == 1


def _raise(error: BaseException) -> click.Command:
    @click.command("broken")
    def command() -> None:
        raise error

    return command


@pytest.fixture(name="group")
def _group(monkeypatch: pytest.MonkeyPatch) -> click.Group:
    """Return a group whose commands tests add, in place of the real one."""
    group = click.Group("pulseline")
    monkeypatch.setattr(cli, "group", group)
    return group


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            BrokerUnavailable("localhost", 1883, "refused"),
            3,
            "pulseline: error: no MQTT broker answers at localhost:1883: refused (is 'pulseline up' running?)\n",
        ),
        (PulselineError("two\nlines"), 1, "pulseline: error: two lines\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 7, "pulseline: error: no space left for the output\n"),
        (BrokenPipeError(), 141, ""),
        (SystemExit(6), 6, ""),
        (click.ClickException("odd"), 2, "pulseline: error: odd\n"),
    ],
    ids=["unavailable", "folded", "disk full", "broken pipe", "exit", "click"],
)
def test_an_error_is_one_line_and_its_exit_code(
    group: click.Group, error: BaseException, code: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """No traceback, whatever it is."""
    group.add_command(_raise(error))

    assert cli.run(["broken"]) == code
    assert capfd.readouterr().err == line


def test_ctrl_c_is_quiet(group: click.Group, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but a line end, so that the prompt stands alone, and 130."""
    group.add_command(_raise(KeyboardInterrupt()))

    assert cli.run(["broken"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_bug_is_one_line_and_a_file_with_the_traceback(
    group: click.Group, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """The terminal shows what and where; the file, readable by its owner alone, shows all."""
    group.add_command(_raise(ZeroDivisionError("division by zero")))

    code = cli.run(["broken"])

    (report,) = home.rglob("pulseline_*.log")
    assert code == 1
    assert capsys.readouterr().err == (
        f"pulseline: error: ZeroDivisionError: division by zero (this is a bug; the traceback is in {report})\n"
    )
    assert "Traceback" in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_bug_shows_its_traceback_when_asked(group: click.Group, capsys: pytest.CaptureFixture[str]) -> None:
    """--verbose shows it at once."""
    command = _raise(ZeroDivisionError("division by zero"))

    @group.command("verbose")
    @click.pass_obj
    def verbose(session: Session) -> None:
        session.is_verbose = True
        click.get_current_context().invoke(command)

    code = cli.run(["verbose"])

    assert code == 1
    assert capsys.readouterr().err.startswith("Traceback")


class _EntryPoint:
    """An entry point whose module can not be imported."""

    name = "broker"

    def __init__(self, missing: str) -> None:
        self._missing = missing

    def load(self) -> object:
        """Fail as an import does."""
        raise ModuleNotFoundError(f"No module named {self._missing!r}", name=self._missing)


def test_a_command_of_the_server_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an installation of the client alone it is listed, takes any flags, and tells how to get it."""
    monkeypatch.setattr(cli, "entry_points", lambda **_: [_EntryPoint("amqtt.broker")])

    listed, called = cli.run(["--help"]), cli.run(["broker", "--mqtt-port", "1900"])

    output = capsys.readouterr()
    assert (listed, called) == (0, ExitCode.USAGE)
    assert "broker        (needs pulseline[server])" in output.out
    assert output.err == (
        "pulseline: error: 'pulseline broker' needs packages that are not installed: amqtt.broker "
        "(pip install 'pulseline[server]')\n"
    )


def test_a_command_that_can_not_be_imported_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module of ours that is missing is no matter of extras."""
    monkeypatch.setattr(cli, "entry_points", lambda **_: [_EntryPoint("pulseline_broker.cli")])

    code = cli.run(["broker"])

    assert code == ExitCode.FAILURE
    assert "this is a bug" in capsys.readouterr().err
