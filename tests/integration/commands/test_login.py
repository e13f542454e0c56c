"""Commands at a broker where users have to log in."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from pulseline_client import cli
from pulseline_client.commands import server as server_module
from tests.integration.client.fake_server import FakeServer


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """Return a server that lets nobody in."""
    monkeypatch.setattr(server_module, "REPLY_TIMEOUT_S", 0.5)
    with FakeServer(connect_code=5) as running:
        yield running


@pytest.mark.parametrize("command", ["tail", "heartbeat plug ON"])
def test_refused_login_says_how_to_log_in(server: FakeServer, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that does not suspect the server to be away, and the code for missing access."""
    code = cli.run([*command.split(), "--mqtt-port", str(server.port)])

    assert code == 6
    assert capsys.readouterr().err == (
        f"pulseline: error: the MQTT broker at 127.0.0.1:{server.port} refuses the log-in: not authorized"
        " (set PULSELINE_MQTT_USERNAME and PULSELINE_MQTT_PASSWORD, or username and password of [mqtt] in the settings"
        " file)\n"
    )


def test_tail_does_not_wait_for_a_login_that_is_refused(server: FakeServer) -> None:
    """The same user will be refused in two seconds, too."""
    begin = monotonic()
    cli.run(["tail", "--mqtt-port", str(server.port)])

    assert monotonic() - begin < 1.5


def test_heartbeat_that_was_refused_is_sent_once_the_user_is_right(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept, and the next command brings it along."""
    arguments = ["heartbeat", "plug", "ON", "--mqtt-port", str(server.port)]
    refused = cli.run(arguments)
    server.connect_code = 0
    monkeypatch.setenv("PULSELINE_MQTT_USERNAME", "desk")
    monkeypatch.setattr(server_module, "REPLY_TIMEOUT_S", 20.0)
    taken = cli.run(arguments)

    assert (refused, taken) == (6, 0)
    assert server.worker.applied == {"plug": [1, 2]}
    assert server.connects[-1][1] == "desk"
