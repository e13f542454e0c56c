"""The released server of ActivityWatch: what it exports comes in, and what we export goes into it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.compat.remote import COMPAT
from tests.compat.samples import build_event
from tests.e2e.command_line import ask
from tests.e2e.up_process import Up
from tests.storm.system import clean_environment, find_free_port, wait_until

DESCRIPTION = {"client": "compat", "type": "currentwindow", "hostname": "desk"}


class AwServer:
    """aw-server from PyPI, in testing mode; a context manager."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/0"

    def __enter__(self) -> Self:
        command = [str(COMPAT / "bin/aw-server"), "--testing", "--port", str(self.port)]
        with (self.home / "aw-server.log").open("w") as log:
            self._process = subprocess.Popen(
                command, env=clean_environment(self.home), stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._answers, timeout_s=30.0, what="aw-server")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.home / "aw-server.log").read_text()
        try:
            return httpx.get(f"{self.url}/info").is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module", name="theirs")
def _theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    with AwServer(tmp_path_factory.mktemp("aw-server")) as server:
        yield server


def fill(url: str, bucket_id: str) -> None:
    """Make a bucket with events: two of them equal, one of them long, with data of all kinds."""
    events = [
        build_event(0, 5.25, n=1),
        build_event(0, 5.25, n=1),
        build_event(10.5, 100_000, n=2),
        build_event(20, 0, n=3, text="zwölf — 🐢\n", nested={"list": [1, 2.5, None, True]}),
    ]
    httpx.post(f"{url}/buckets/{bucket_id}", json=DESCRIPTION).raise_for_status()
    httpx.post(f"{url}/buckets/{bucket_id}/events", json=events).raise_for_status()


def read_events(url: str, bucket_id: str) -> list[object]:
    """Return the events of an export, in an order of their own."""
    exported = httpx.get(f"{url}/buckets/{bucket_id}/export").json()
    return sorted(exported["buckets"][bucket_id]["events"], key=repr)


def test_our_export_goes_into_their_server(system: Up, theirs: AwServer) -> None:
    """As the file that its web interface sends."""
    fill(system.url, "from-us")
    export = httpx.get(f"{system.url}/buckets/from-us/export").content

    answer = httpx.post(f"{theirs.url}/import", files={"buckets.json": ("export.json", export)}, timeout=30.0)

    assert answer.status_code == 200
    assert read_events(theirs.url, "from-us") == read_events(system.url, "from-us")


@pytest.mark.parametrize("source", ["server", "database", "export"])
def test_their_events_come_in(system: Up, theirs: AwServer, tmp_path: Path, source: str) -> None:
    """From the running server, from its database while it runs, and from its export: each time the same."""
    bucket_id = f"from-them-{source}"
    fill(theirs.url, bucket_id)
    export = tmp_path / "export.json"
    export.write_bytes(httpx.get(f"{theirs.url}/export").content)
    places = {
        "server": f"http://127.0.0.1:{theirs.port}",
        "database": str(theirs.home / ".local/share/activitywatch/aw-server/peewee-sqlite-testing.v2.db"),
        "export": str(export),
    }

    first, again = (ask(system, "import", places[source]) for _ in range(2))

    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert read_events(system.url, bucket_id) == read_events(theirs.url, bucket_id)
    assert f"{bucket_id}\t0\t0\t4\t0" in again.stdout
