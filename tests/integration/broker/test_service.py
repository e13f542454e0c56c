"""Start and stop: ports, users, the gate's failures."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pulseline_broker.service import BrokerService, GateFailed
from pulseline_core.errors import ConfigError, InvalidSetting, NotPermitted, PortInUse, StoreUnavailable
from pulseline_core.settings import Settings
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate
from tests.integration.broker.wire import PUBACK, publish

BuildSettings = Callable[..., Settings]


def test_taken_port_is_named_with_its_flag(build_settings: BuildSettings, gate: HeldGate) -> None:
    """Another program on the port is an error that says how to choose another, before the gate starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortInUse) as caught, BrokerService(build_settings(mqtt__port=port), gate):
            pass

    assert caught.value.port == port
    assert "--mqtt-port" in caught.value.hint
    with pytest.raises(AssertionError):
        gate.send()


def test_taken_websocket_port_is_named_with_its_flag(build_settings: BuildSettings, gate: HeldGate) -> None:
    """The same for the WebSocket port; the TCP port is given back."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = build_settings(broker__websocket_port=other.getsockname()[1])

        with pytest.raises(PortInUse) as caught, BrokerService(settings, gate):
            pass

    assert "--broker-websocket-port" in caught.value.hint


@pytest.mark.parametrize(("host", "error"), [("198.51.100.7", InvalidSetting), ("no such host", InvalidSetting)])
def test_address_that_is_not_ours_is_refused(
    build_settings: BuildSettings, gate: HeldGate, tmp_path: Path, host: str, error: type[ConfigError]
) -> None:
    """An address that nothing can listen on is an error of the setting."""
    users = tmp_path / "users.toml"
    users.touch()
    settings = build_settings(mqtt__host=host, broker__users_file=users)

    with pytest.raises(error, match=r"mqtt\.host"), BrokerService(settings, gate):
        pass


def test_port_of_the_system_is_refused(
    build_settings: BuildSettings, gate: HeldGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that needs more rights says so."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)

    with pytest.raises(NotPermitted), BrokerService(build_settings(mqtt__port=80), gate):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_broker_without_users_does_not_start(build_settings: BuildSettings, gate: HeldGate, host: str) -> None:
    """Beyond this machine nobody may come in without a password."""
    with pytest.raises(ConfigError, match="let anybody in"), BrokerService(build_settings(mqtt__host=host), gate):
        pass


def test_open_broker_with_users_starts(start_broker: StartBroker, tmp_path: Path, dial: Dial) -> None:
    """With a users file it may listen anywhere."""
    users = tmp_path / "users.toml"
    users.touch()

    broker = start_broker(mqtt__host="0.0.0.0", broker__users_file=users)

    dial(broker)


def test_users_file_in_the_data_folder_counts(start_broker: StartBroker, tmp_path: Path, dial: Dial) -> None:
    """A file made by the command line is used without a setting: nobody is anonymous any more."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users.toml").touch()

    with pytest.raises(AssertionError):
        dial(start_broker()).open("device")


@pytest.mark.parametrize(
    ("text", "error"),
    [(None, "does not exist"), ("[users", "not TOML"), ("[users.x]\n", "has no password"), ("a = 1", "something else")],
)
def test_broken_users_file_stops_the_start(
    build_settings: BuildSettings, gate: HeldGate, tmp_path: Path, text: str | None, error: str
) -> None:
    """A broker whose users can not be read does not let everybody in instead."""
    path = tmp_path / "users.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with (
        pytest.raises(ConfigError, match=error),
        BrokerService(build_settings(broker__users_file=path), gate),
    ):
        pass


def test_gate_that_does_not_start_stops_the_start(build_settings: BuildSettings) -> None:
    """The gate's error comes out as it is, and the port is free afterwards."""

    class BrokenGate(HeldGate):
        def start(self, **_: object) -> None:
            raise StoreUnavailable("no store")

    settings = build_settings()
    with pytest.raises(StoreUnavailable, match="no store"), BrokerService(settings, BrokenGate()):
        pass


def test_dead_gate_ends_the_wait(start_broker: StartBroker, gate: HeldGate) -> None:
    """When nothing can be committed any more the service says so, and the process can end."""
    broker = start_broker()
    gate.failure = RuntimeError("the writer died")

    with pytest.raises(GateFailed, match="the writer died"):
        broker.wait(threading.Event())


def test_stop_ends_the_wait(start_broker: StartBroker) -> None:
    """A stop that was asked for is no error."""
    stop = threading.Event()
    stop.set()

    start_broker().wait(stop)


def test_port_is_free_after_a_stop(start_broker: StartBroker, gate: HeldGate, dial: Dial) -> None:
    """A broker that is restarted at once finds its port, also with connections in TIME_WAIT."""
    broker = start_broker()
    port = broker.port
    dial(broker).open("device")
    broker.close()

    again = start_broker(mqtt__port=port)

    client = dial(again).open("device")
    client.send(publish("pulseline/v1/plug/heartbeat", qos=1))
    client.expect(PUBACK, 1)


def test_stop_with_a_peer_that_does_not_read_is_in_time(start_broker: StartBroker, dial: Dial) -> None:
    """Neither a silent peer nor one that has not logged in holds the stop up."""
    broker = start_broker()
    dial(broker, small_buffer=True).open("silent")
    dial(broker)

    stopper = threading.Thread(target=broker.close)
    stopper.start()
    stopper.join(4.0)

    assert not stopper.is_alive()
