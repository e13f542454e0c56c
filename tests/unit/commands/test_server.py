"""What the settings mean to the commands that talk to a running server."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulseline_client.commands.server import Server, is_of_this_machine
from pulseline_core.api_key import make_key, read_key
from pulseline_core.errors import BrokerUnavailable, PayloadTooLarge, PulselineError, ReplyTimeout, StoreUnavailable
from pulseline_core.settings import load


def test_a_command_refuses_what_the_server_would_not_take() -> None:
    """The limit is that of the settings, and the heartbeat never reaches the outbox."""
    server = Server(load({"mqtt.max_payload_bytes": "500"}, {}))
    client = server._build_client()

    with pytest.raises(PayloadTooLarge) as caught:
        client.heartbeat("plug", {"text": "x" * 500})

    assert caught.value.limit_bytes <= 500


_ANOTHER = "; PULSELINE_MQTT_BROKER names another broker"


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (None, f"nobody confirms at the broker 127.0.0.1:1900{_ANOTHER}"),
        (
            BrokerUnavailable("127.0.0.1", 1900, "refused"),
            f"no MQTT broker answers at 127.0.0.1:1900: refused{_ANOTHER}",
        ),
        (StoreUnavailable("the server can not store messages now"), "the server can not store messages now"),
    ],
    ids=["no worker", "no broker", "the right one"],
)
def test_explain_names_the_place_and_how_to_name_another(problem: PulselineError | None, told: str) -> None:
    """The server may have been started with --broker, of which a command knows nothing."""
    server = Server(load({"mqtt.port": "1900"}, {}))

    assert server.explain(ReplyTimeout(5, problem=problem)) == told


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1"])
def test_a_command_shows_the_key_of_the_data_folder_on_this_machine(tmp_path: Path, host: str) -> None:
    """Without a word about it; the client of a command that writes reads with it, too."""
    settings = load({"data_dir": str(tmp_path), "api.host": host}, {})
    make_key(settings)
    server = Server(settings)

    with server.open_rest() as rest:
        assert rest._headers == {"Authorization": f"Bearer {read_key(settings)}"}
    assert server._build_client()._rest._headers == rest._headers


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "nowhere.invalid"])
def test_another_machine_is_not_shown_the_key_of_the_data_folder(tmp_path: Path, host: str) -> None:
    """It is this machine's server's; a key that the settings name is for whom they name."""
    settings = load({"data_dir": str(tmp_path), "api.host": host}, {})
    make_key(settings)
    named = load({"data_dir": str(tmp_path), "api.host": host}, {"PULSELINE_API_KEY": "s3cret"})

    assert Server(settings)._read_key() == ""
    assert Server(named)._read_key() == "s3cret"
    assert not is_of_this_machine(host)
