"""Settings on the command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pulseline_core.errors import ExitCode, PortInUse
from pulseline_core.settings import Settings, options
from pulseline_core.settings.load import SPECS


@click.command()
@click.option("--limit", type=int, help="An option of the command's own.")
@options()
def command(settings: Settings, limit: int | None) -> None:
    """Show some settings."""
    click.echo(f"{limit} {settings.api.port} {settings.mqtt.port} {settings.testing}")


@click.command()
@options()
def failing(settings: Settings) -> None:
    """Fail as a service does."""
    raise PortInUse(settings.api.host, settings.api.port)


def run(*arguments: str, command: click.Command = command) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(command, arguments)


def test_a_command_gets_the_settings_beside_its_own_options() -> None:
    """Neither stands in the other's way."""
    result = run("--limit", "3", "--port", "1", "--mqtt-port", "2", "--testing")

    assert (result.exit_code, result.output) == (0, "3 1 2 True\n")


def test_a_flag_may_be_taken_back() -> None:
    """What the environment switches on, a flag switches off."""
    result = CliRunner().invoke(command, ["--no-testing"], env={"PULSELINE_TESTING": "1"})

    assert result.output == "None 5600 1883 False\n"


def test_the_settings_file_of_the_home_folder_is_read(home: Path) -> None:
    """Where it exists."""
    file = home / ".config/pulseline/pulseline.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[api]\nport = 7", encoding="utf-8")

    assert run().output == "None 7 1883 False\n"


@pytest.mark.parametrize("is_flag", [True, False], ids=["flag", "variable"])
def test_another_settings_file_may_be_named(tmp_path: Path, is_flag: bool) -> None:
    """It is read in place of the one at home."""
    file = tmp_path / "mine.toml"
    file.write_text("[api]\nport = 8", encoding="utf-8")

    arguments = ["--config", str(file)] if is_flag else []
    result = CliRunner().invoke(command, arguments, env={} if is_flag else {"PULSELINE_CONFIG": str(file)})

    assert result.output == "None 8 1883 False\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "names a file that does not exist", id="missing"),
        pytest.param(b"\xff\xfe", "names a file that is not UTF-8", id="not UTF-8"),
        pytest.param(b"[api", "is not TOML", id="broken"),
    ],
)
def test_a_named_file_that_can_not_be_read_is_an_error(tmp_path: Path, content: bytes | None, words: str) -> None:
    """One line, and the exit code for wrong usage."""
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)

    result = run("--config", str(file))

    assert result.exit_code == ExitCode.USAGE
    assert words in result.stderr
    assert result.stderr.startswith("pulseline: error: ")
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_a_folder_is_not_permitted(tmp_path: Path) -> None:
    """The file system's refusals have a code of their own."""
    result = run("--config", str(tmp_path))

    assert result.exit_code == ExitCode.NOT_PERMITTED


def test_a_wrong_value_is_one_line_with_an_exit_code() -> None:
    """No traceback, no usage page."""
    result = run("--mqtt-port", "x")

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == "pulseline: error: --mqtt-port: setting 'mqtt.port' is 'x', not an integer\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[api]\nport = 'x'", "{}: setting 'api.port' is 'x', not an integer\n"),
        ("[api]\nprot = 1", "{}: setting 'api.prot' does not exist (did you mean 'api.port'?)\n"),
        ("[mqtt]\nroot = 'a/'", "{}: setting 'mqtt.root' is 'a/': no '/' at either end, and no '$' at the beginning\n"),
        ("[api", "settings file '{}' is not TOML: Expected ']' at the end of a table declaration"),
    ],
    ids=["value", "name", "seen when all is put together", "not TOML"],
)
def test_an_error_in_a_file_names_the_file(home: Path, content: str, problem: str) -> None:
    """Also when nobody named it."""
    file = home / ".config/pulseline/pulseline.toml"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")

    result = run()

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("pulseline: error: " + problem.format(file))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("PULSELINE_API_PORT", "PULSELINE_API_PORT: setting 'api.port' is 'x', not an integer\n"),
        ("PULSELINE_API_PROT", "environment: setting 'PULSELINE_API_PROT' does not exist"),
    ],
)
def test_an_error_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch, name: str, line: str) -> None:
    """Nobody looks for it in the file."""
    monkeypatch.setenv(name, "x")

    assert run().stderr.startswith("pulseline: error: " + line)


def test_an_error_in_the_command_is_one_line_with_its_exit_code() -> None:
    """Whatever the command does."""
    result = run(command=failing)

    assert result.exit_code == ExitCode.PORT_IN_USE
    assert result.stderr.startswith("pulseline: error: port 5600 on '127.0.0.1' is already in use (stop the other")


def test_help_shows_the_common_flags_and_help_all_every_one() -> None:
    """A page that can be read, and a page that is complete."""
    short, full = run("--help").output, run("--help-all").output

    for spec in SPECS:
        if spec.flag is not None:
            assert spec.flag in full
            assert (spec.flag in short) is spec.facts.is_common
    assert "--help-all" in short


@click.command()
@options("log", "mqtt.port", but=("log.json",))
def reading(settings: Settings) -> None:
    """Read few of the settings."""
    click.echo(settings.api.port)


def test_help_lists_the_settings_that_the_command_reads() -> None:
    """General ones, sections and single ones, but for those that are left out."""
    short, full = (run(flag, command=reading).output for flag in ("--help", "--help-all"))

    listed = {spec.name for spec in SPECS if spec.environment_name in full}
    assert listed == {"data_dir", "testing", "log.level", "log.file", "mqtt.port"}
    assert "--mqtt-port" in short
    assert "--log-file" not in short


def test_flags_of_other_settings_are_taken() -> None:
    """'pulseline up' hands its own to all that it starts."""
    assert run("--port", "7", command=reading).output == "7\n"


def test_print_config_shows_values_and_origins_and_runs_nothing() -> None:
    """What is in effect, and why."""
    result = run("--print-config", "--port", "9", command=failing)

    assert result.exit_code == 0
    assert "port = 9  # --port\n" in result.output
    assert 'host = "127.0.0.1"  # default\n' in result.output
