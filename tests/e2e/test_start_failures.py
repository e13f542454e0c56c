"""What keeps ``pulseline up`` from starting: one line, its own exit code, and nothing left running."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from pulseline_core.errors import ExitCode
from tests.e2e.command_line import run_pulseline
from tests.e2e.up_process import Up, build_small_disk
from tests.storm.system import find_free_port

#: A user that owns nothing here.
NOBODY = 65_534


def fail_to_start(
    home: Path, *flags: str, http_port: int | None = None, mqtt_port: int | None = None, wrapper: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a ``pulseline up`` that ends by itself, with only its last word logged."""
    ports = ("--port", str(http_port or find_free_port()), "--mqtt-port", str(mqtt_port or find_free_port()))
    return run_pulseline("up", *ports, "--log-level", "error", *flags, home=home, wrapper=wrapper)


def check_one_line(done: subprocess.CompletedProcess[str], code: ExitCode, *words: str) -> None:
    """Fail unless the command ended with the code and one line that holds the words."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("pulseline: error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert [word for word in words if word not in done.stderr] == []


@pytest.fixture(name="busy_port")
def _busy_port() -> Iterator[int]:
    """Return a port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_second_instance_on_one_data_folder_is_refused(tmp_path: Path) -> None:
    """It ends within seconds, names the folder and the way out, and the first one does not notice."""
    with Up(home=tmp_path) as system:
        done = fail_to_start(tmp_path)

        answer = httpx.get(f"{system.url}/info")

    check_one_line(done, ExitCode.ALREADY_RUNNING, "another pulseline", str(tmp_path), "--data-dir")
    assert answer.status_code == 200


@pytest.mark.parametrize(("which", "flag"), [("http_port", "--port"), ("mqtt_port", "--mqtt-port")])
def test_a_port_that_is_taken_is_named(tmp_path: Path, busy_port: int, which: str, flag: str) -> None:
    """The line names the port and the flag that chooses another one; then the same folder can be started."""
    ports = {which: busy_port}
    done = fail_to_start(tmp_path, **ports)  # type: ignore[arg-type]  # the two ports are integers

    check_one_line(done, ExitCode.PORT_IN_USE, str(busy_port), flag)
    with Up(home=tmp_path) as system:
        assert httpx.get(f"{system.url}/info").status_code == 200


def test_a_port_that_another_pulseline_has_is_named(tmp_path: Path) -> None:
    """Two data folders, one port."""
    (tmp_path / "first").mkdir()
    with Up(home=tmp_path / "first") as system:
        done = fail_to_start(tmp_path, mqtt_port=system.mqtt_port)

    check_one_line(done, ExitCode.PORT_IN_USE, str(system.mqtt_port), "--mqtt-port")


def test_a_data_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """The line names the folder and both users."""
    folder = Path("/etc")
    if os.geteuid() == 0:
        folder = tmp_path / "data"
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)

    done = fail_to_start(tmp_path, "--data-dir", str(folder))

    check_one_line(done, ExitCode.NOT_PERMITTED, str(folder), "belongs to user")


def test_a_data_folder_without_access_is_refused(tmp_path: Path) -> None:
    """Mode 0000 keeps us out, also root where it may not override modes."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0)
    wrapper = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()

    done = fail_to_start(tmp_path, "--data-dir", str(folder), wrapper=wrapper)

    folder.chmod(0o700)
    check_one_line(done, ExitCode.NOT_PERMITTED, str(folder))


def test_a_data_folder_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    """Somebody else could put a database there."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)

    check_one_line(fail_to_start(tmp_path, "--data-dir", str(folder)), ExitCode.NOT_PERMITTED, "everybody may write")


def test_a_file_in_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    """The line says what it is not."""
    (tmp_path / "data").touch()

    done = fail_to_start(tmp_path, "--data-dir", str(tmp_path / "data"))

    check_one_line(done, ExitCode.NOT_PERMITTED, "not a folder")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """No room for an empty database: the line says so."""
    wrapper = build_small_disk(tmp_path / "disk", size_bytes=4096)

    done = fail_to_start(tmp_path, "--data-dir", str(tmp_path / "disk/data"), wrapper=wrapper)

    check_one_line(done, ExitCode.DISK_FULL, "no space left", str(tmp_path / "disk/data"))


def test_a_setting_that_does_not_fit_is_named(tmp_path: Path) -> None:
    """Before anything is started."""
    check_one_line(fail_to_start(tmp_path, "--ingest-max-batch", "0"), ExitCode.USAGE, "ingest.max_batch")


def test_a_host_that_is_open_to_the_network_needs_users(tmp_path: Path) -> None:
    """The broker does not let strangers in by mistake."""
    done = fail_to_start(tmp_path, "--mqtt-host", "0.0.0.0")

    check_one_line(done, ExitCode.USAGE, "users")


def test_a_rest_server_that_is_open_to_the_network_needs_a_key(tmp_path: Path) -> None:
    """It says how to make one; on loopback it needs none."""
    done = fail_to_start(tmp_path, "--host", "0.0.0.0")

    check_one_line(done, ExitCode.USAGE, "anybody at '0.0.0.0'", "pulseline setup key", "api.host")


def test_an_empty_key_is_named(tmp_path: Path) -> None:
    """It is no key, but was meant to be one."""
    check_one_line(fail_to_start(tmp_path, "--api-key", ""), ExitCode.USAGE, "--api-key", "is empty")


def test_a_key_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    """The line has the command that mends it."""
    key_file = tmp_path / "my.key"
    key_file.write_text("s3cret\n")
    key_file.chmod(0o644)

    done = fail_to_start(tmp_path, "--api-key-file", str(key_file))

    check_one_line(done, ExitCode.NOT_PERMITTED, str(key_file), "chmod 600")


@pytest.mark.parametrize("flag", ["--webui", "--api-pages"])
def test_a_web_interface_without_a_page_is_named(tmp_path: Path, flag: str) -> None:
    """Before anything is served."""
    value = str(tmp_path) if flag == "--webui" else f"clock={tmp_path}"

    check_one_line(fail_to_start(tmp_path, flag, value), ExitCode.USAGE, "without an index.html", str(tmp_path))


def test_a_database_that_is_none_is_one_line(tmp_path: Path) -> None:
    """No traceback for a file that somebody has overwritten."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "pulseline.db").write_text("this is no database, however long one looks at it" * 100)

    done = fail_to_start(tmp_path, "--data-dir", str(folder))

    assert done.returncode != 0
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
