"""The commands ``pulseline broker`` and ``pulseline users`` as processes and through click."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulseline_broker.access import Rights
from pulseline_broker.cli import users
from pulseline_broker.password import hash_password, is_password_right
from pulseline_broker.users import User, UsersFile
from pulseline_broker.users_table import show_table
from pulseline_core.errors import ExitCode
from pulseline_core.log import get_latest_log_file

GATE = "tests.integration.broker.gates:build_gate"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where the commands work."""
    return tmp_path / "data"


def run_users(data_dir: Path, *arguments: str, text: str = "") -> Result:
    """Run ``pulseline users``."""
    return CliRunner().invoke(users, [*arguments, "--data-dir", str(data_dir)], input=text)


def test_added_user_has_a_hash_and_rights(data_dir: Path) -> None:
    """The file holds an argon2 hash and nobody else can read it; the rights are those of a watcher."""
    result = run_users(data_dir, "add", "desk", text="secret\n")

    assert result.exit_code == 0, result.output
    path = data_dir / "users.toml"
    user = UsersFile(path).read()["desk"]
    assert is_password_right(b"secret", user.password_hash)
    assert "secret" not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "pulseline/v1/+/heartbeat" in user.rights.publish
    assert not user.rights.admin


def test_rights_can_be_given(data_dir: Path) -> None:
    """Filters and the right to administer come from flags."""
    run_users(
        data_dir, "add", "boss", "--publish", "a/%u/#", "--publish", "b", "--subscribe", "#", "--admin", text="secret\n"
    )

    rights = UsersFile(data_dir / "users.toml").read()["boss"].rights

    assert (rights.publish, rights.subscribe, rights.admin) == (("a/%u/#", "b"), ("#",), True)


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (("add", "desk"), "secret\n", "exists already"),
        (("add", "other"), "\n", "password is empty"),
        (("add", "a/b"), "secret\n", "is not made of"),
        (("add", "pulseline-api"), "secret\n", "kept for the REST server"),
        (("add", "other", "--publish", "a/#/b"), "secret\n", "not a valid filter"),
        (("passwd", "nobody"), "secret\n", "no user 'nobody'"),
        (("remove", "nobody"), "", "no user 'nobody'"),
    ],
)
def test_users_commands_refuse_with_one_line(
    data_dir: Path, arguments: tuple[str, ...], text: str, message: str
) -> None:
    """What can not be done is said in a line, and the file stays as it was."""
    run_users(data_dir, "add", "desk", text="secret\n")
    before = (data_dir / "users.toml").read_text(encoding="utf-8")

    result = run_users(data_dir, *arguments, text=text)

    assert result.exit_code in (ExitCode.USAGE, ExitCode.NOT_FOUND)
    assert message in result.output
    assert result.output.count("\n") == 1
    assert (data_dir / "users.toml").read_text(encoding="utf-8") == before


def test_password_is_changed_and_user_removed(data_dir: Path) -> None:
    """``passwd`` keeps the rights; ``remove`` keeps the others."""
    run_users(data_dir, "add", "desk", "--publish", "a", text="old\n")
    run_users(data_dir, "add", "phone", text="secret\n")

    run_users(data_dir, "passwd", "desk", text="new\n")
    run_users(data_dir, "remove", "phone")

    known = UsersFile(data_dir / "users.toml").read()
    assert set(known) == {"desk"}
    assert is_password_right(b"new", known["desk"].password_hash)
    assert known["desk"].rights.publish == ("a",)


def test_list_tells_no_file_from_no_users(data_dir: Path) -> None:
    """Without a file everybody may publish, with an empty one nobody."""
    without = run_users(data_dir, "list")
    run_users(data_dir, "add", "desk", text="secret\n")
    run_users(data_dir, "remove", "desk")
    empty = run_users(data_dir, "list")

    assert (without.stdout, without.stderr) == ("", "No users file: everybody on this machine may publish.\n")
    assert (empty.stdout, empty.stderr) == ("", "No users: nobody can log in.\n")


def test_list_of_a_named_file_that_is_missing_is_an_error(data_dir: Path) -> None:
    """With that setting the broker does not start either."""
    result = run_users(data_dir, "list", "--broker-users-file", str(data_dir / "missing.toml"))

    assert result.exit_code == ExitCode.USAGE
    assert "missing.toml" in result.output


def test_list_is_a_table_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A head, and a line for each filter; nothing is cut at 80 columns."""
    rights = Rights(publish=("pulseline/v1/plug/+", "a/%u/#"), subscribe=("pulseline/v1/+/state",), admin=False)

    show_table([User(name="desk", password_hash=hash_password("secret"), rights=rights)], width=80)

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "ROLE", "PUBLISH", "SUBSCRIBE"]
    assert first.split() == ["desk", "user", "pulseline/v1/plug/+", "pulseline/v1/+/state"]
    assert second.split() == ["a/%u/#"]


def test_list_shows_rights_and_no_hash(data_dir: Path) -> None:
    """A list is plain lines, or JSON."""
    run_users(data_dir, "add", "desk", "--publish", "a", "--subscribe", "b", text="secret\n")

    lines, as_json = run_users(data_dir, "list"), run_users(data_dir, "list", "--json")

    assert lines.output == "desk\tuser\tpublish a\tsubscribe b\n"
    assert json.loads(as_json.output) == [{"name": "desk", "publish": ["a"], "subscribe": ["b"], "admin": False}]


def start_broker_process(data_dir: Path, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """Start ``python -m pulseline_broker``; return it and the end of its readiness pipe."""
    reader, writer = os.pipe()
    root = Path(__file__).parents[3]
    path = os.pathsep.join(str(root / name) for name in ("core", "broker", "."))
    process = subprocess.Popen(
        [sys.executable, "-m", "pulseline_broker", "--data-dir", str(data_dir), "--broker-gate", GATE, *arguments],
        pass_fds=(writer,),
        env={**os.environ, "PULSELINE_READY_FD": str(writer), "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    return process, reader


def test_process_says_when_it_is_ready_and_stops_on_a_signal(data_dir: Path) -> None:
    """``python -m pulseline_broker`` serves after ``ready`` and ends with 0 on SIGTERM."""
    process, reader = start_broker_process(data_dir, "--mqtt-port", "0")
    with process, os.fdopen(reader) as ready:
        assert ready.read() == "ready\n"

        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0


def test_process_logs_under_its_own_name(data_dir: Path) -> None:
    """Its folder and files are named as those of the other programs are."""
    process, reader = start_broker_process(data_dir, "--mqtt-port", "0")
    with process, os.fdopen(reader) as ready:
        ready.read()
        process.terminate()
        process.wait(10)

    assert get_latest_log_file("pulseline-broker") is not None


def test_second_process_on_one_data_folder_is_refused(data_dir: Path) -> None:
    """Two brokers on one folder would be two writers."""
    first, reader = start_broker_process(data_dir, "--mqtt-port", "0")
    with first, os.fdopen(reader) as ready:
        assert ready.read() == "ready\n"
        second, other = start_broker_process(data_dir, "--mqtt-port", "0")
        os.close(other)

        _, said = second.communicate(timeout=15)
        first.send_signal(signal.SIGTERM)

        assert second.returncode == ExitCode.ALREADY_RUNNING
        assert said.count("\n") == 1
        assert "another pulseline" in said


def test_gate_that_does_not_exist_is_an_error_of_the_setting(data_dir: Path) -> None:
    """A wrong ``broker.gate`` is said in a line."""
    process, reader = start_broker_process(data_dir, "--broker-gate", "nowhere:nothing")
    os.close(reader)

    _, said = process.communicate(timeout=15)

    assert process.returncode == ExitCode.USAGE
    assert "broker.gate" in said
