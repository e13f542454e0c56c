"""``pulseline up`` with a key: who is answered, what the commands do, and who can see the key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.command_line import ask, run_pulseline
from tests.e2e.up_process import DATA_FOLDER, Up
from tests.storm.system import find_descendants

KEY = "s3cret-0123456789"


@pytest.fixture(name="guarded", scope="module")
def _guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Return a system on every interface, with a key in its data folder."""
    home = tmp_path_factory.mktemp("guarded")
    assert run_pulseline("setup", "key", home=home).returncode == 0
    with Up(home=home, flags=("--host", "0.0.0.0")) as system:
        yield system


def test_commands_show_the_key_by_themselves(guarded: Up) -> None:
    """Those that read, and those that write and read."""
    assert ask(guarded, "heartbeat", "plug", "state=on").returncode == 0

    for command in (["buckets"], ["events", "plug"], ["export"], ["status"], ["dead-letters", "list"]):
        done = ask(guarded, *command, "--json")
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)


def test_requests_without_the_key_are_refused(guarded: Up) -> None:
    """But for the two that say who is there."""
    key = (guarded.home / DATA_FOLDER / "api.key").read_text().strip()

    assert httpx.get(f"{guarded.url}/buckets").status_code == 401
    assert httpx.get(f"{guarded.url}/buckets", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert httpx.get(f"{guarded.url}/info").status_code == 200
    assert httpx.get(guarded.url.removesuffix("api/0")).status_code == 200


@pytest.mark.parametrize("path", [b"//api/0/buckets/", b"/api/0/info/../buckets", b"/api/0/%2e%2e/0/buckets"])
def test_raw_paths_do_not_get_around_it(guarded: Up, path: bytes) -> None:
    """As they arrive over a socket, tidied up by nobody."""
    url = httpx.URL(guarded.url.removesuffix("/api/0"), raw_path=path)

    assert httpx.get(url).status_code == 401


def test_somebody_elses_command_is_told_what_is_missing(guarded: Up, tmp_path: Path) -> None:
    """One line, with the way out."""
    flags = ("--port", str(guarded.http_port), "--mqtt-port", str(guarded.mqtt_port))

    done = run_pulseline("buckets", *flags, home=tmp_path)

    assert done.returncode == 6
    assert done.stderr.startswith("pulseline: error: the server at http://127.0.0.1:")
    assert "asks for an API key (set PULSELINE_API_KEY, or api.key_file," in done.stderr


def test_key_of_a_flag_stands_on_no_childs_command_line(tmp_path: Path) -> None:
    """They have it from their environment, which others can not read."""
    with Up(home=tmp_path, flags=("--api-key", KEY)) as system:
        status = httpx.get(f"{system.url}/buckets").status_code
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in find_descendants(system.pid)]
        done = run_pulseline(
            "buckets", "--port", str(system.http_port), home=tmp_path, wrapper=("env", f"PULSELINE_API_KEY={KEY}")
        )

    assert status == 401
    assert len(lines) == 3  # broker, REST server, and what runs its queries
    assert not [line for line in lines if KEY.encode() in line]
    assert done.returncode == 0, done.stderr
    assert KEY not in (tmp_path / "stderr.log").read_text()
