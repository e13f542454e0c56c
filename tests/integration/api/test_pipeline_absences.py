"""REST while its broker or its store is away: writes are kept, and it says so."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import httpx
import pytest

from pulseline_api.service import Service
from pulseline_client import cli
from pulseline_core.errors import DiskFull, ExitCode
from pulseline_ingest.batch import Batcher
from tests.integration.api.pipeline import DESCRIPTION, build_beat, build_settings, start_broker, wait_for


def test_status_of_a_server_without_its_broker_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command tells a link that is down from one that is up."""
    folder = str(tmp_path_factory.mktemp("gone"))
    with ExitStack() as stack:
        with start_broker(build_settings(folder)) as broker:
            api = stack.enter_context(Service(build_settings(folder, port=broker.port), threading.Event()))
            url, command = f"http://127.0.0.1:{api.port}/api/0/status", ["status", "--port", str(api.port)]
            assert wait_for(lambda: httpx.get(url, trust_env=False).json()["link"]["connected"])
            with_broker = cli.run(command)
        assert wait_for(lambda: not httpx.get(url, trust_env=False).json()["link"]["connected"])
        ready = httpx.get(f"http://127.0.0.1:{api.port}/readyz", trust_env=False)
        without_broker = cli.run(command)

    assert (with_broker, without_broker) == (ExitCode.OK, ExitCode.UNAVAILABLE)
    assert (ready.status_code, ready.json()["parts"]["broker"]) == (503, False)
    assert "the server has no link to its broker" in capsys.readouterr().err


def test_writes_survive_the_brokers_absence(tmp_path_factory: pytest.TempPathFactory) -> None:
    """They are answered all the same, and stored when it is back."""
    folder = str(tmp_path_factory.mktemp("away"))
    with start_broker(build_settings(folder)) as broker:
        port = broker.port
        settings = build_settings(folder, port=port, reply_timeout_s=0.3)
        api = Service(settings, threading.Event()).__enter__()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{api.port}/api/0", timeout=30, trust_env=False) as http:
            created = http.post("/buckets/plug", json=DESCRIPTION)
            beats = [http.post("/buckets/plug/heartbeat?pulsetime=0", json=build_beat(n, n=n)) for n in range(5)]
            waiting = http.get("/status").json()["link"]
            with start_broker(build_settings(folder, port=port)):
                stored = wait_for(lambda: len(http.get("/buckets/plug/events").json()) == 5)
    finally:
        api.__exit__(None, None, None)

    assert [answer.status_code for answer in (created, *beats)] == [200] * 6
    assert (waiting["connected"], waiting["waiting"]) == (False, 6)
    assert stored


def test_writes_survive_a_store_that_fails(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are answered as in any absence, none is refused, and all are stored once when the store works again."""
    folder = str(tmp_path_factory.mktemp("failing"))

    def fail(*_: object) -> None:
        raise DiskFull("/data/pulseline.db")

    with (
        start_broker(build_settings(folder)) as broker,
        Service(build_settings(folder, port=broker.port, reply_timeout_s=0.3), threading.Event()) as api,
        httpx.Client(base_url=f"http://127.0.0.1:{api.port}/api/0", timeout=30, trust_env=False) as http,
    ):
        http.post("/buckets/plug", json=DESCRIPTION)
        with monkeypatch.context() as broken:
            broken.setattr(Batcher, "apply", fail)
            statuses = [http.post("/buckets/plug/events", json=build_beat(n, n=n)).status_code for n in range(12)]
            waiting = http.get("/status").json()["link"]
            parts = wait_for(lambda: _find_failing(http))
        stored = wait_for(lambda: len(http.get("/buckets/plug/events").json()) >= 12 and _read_numbers(http), 20.0)

    assert statuses == [200] * 12
    assert waiting["waiting"] == 12
    assert "ingest" in parts
    assert "no space left" in waiting["problem"]
    assert stored == list(range(12))


def _find_failing(http: httpx.Client) -> list[str]:
    """Return the parts that do not do their work."""
    parts = http.get(f"http://{http.base_url.netloc.decode()}/readyz").json()["parts"]
    return [name for name, works in parts.items() if not works]


def _read_numbers(http: httpx.Client) -> list[int]:
    """Return what was written to the plug, oldest first."""
    return [event["data"]["n"] for event in reversed(http.get("/buckets/plug/events").json())]
