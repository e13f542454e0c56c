"""``pulseline up`` before and after the processes: their command lines, and what is said when all is ready."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pulseline_client import cli
from pulseline_client.commands import server_extra
from pulseline_client.commands.up import (
    CHILDREN_BESIDE_BROKER,
    _is_log_level_chosen,
    build_commands,
    build_welcome,
    command,
    describe,
)
from pulseline_core.errors import ExitCode
from pulseline_core.settings import load


def test_build_commands_passes_the_flags_on_in_the_order_of_the_start() -> None:
    """Broker first; --json is this command's own."""
    arguments = ["--port", "5700", "--json", "--testing"]

    broker, api = build_commands(arguments, {"HOME": "/home/me"}, api_address=("127.0.0.1", 5700))

    assert broker.argv == (sys.executable, "-P", "-m", "pulseline_broker", "--port", "5700", "--testing")
    assert api.argv == (sys.executable, "-P", "-m", "pulseline_api", "--port", "5700", "--testing")
    assert api.environment == {"HOME": "/home/me"}
    assert (broker.address, api.address) == (None, ("127.0.0.1", 5700))


def test_build_commands_starts_ingest_beside_an_external_broker() -> None:
    """With the broker's URL, and the API after it."""
    arguments = ["--broker", "mqtt://broker"]

    ingest, api = build_commands(arguments, {}, api_address=("127.0.0.1", 5600), children=CHILDREN_BESIDE_BROKER)

    assert ingest.argv == (sys.executable, "-P", "-m", "pulseline_ingest", "--broker", "mqtt://broker")
    assert api.argv == (sys.executable, "-P", "-m", "pulseline_api", "--broker", "mqtt://broker")


def test_welcome_shows_the_external_broker() -> None:
    """And how to reach it; the password is not ours to show."""
    broker = {"mqtt.broker": "mqtts://me@broker.example", "mqtt.password": "secret", "mqtt.ca_file": "/ca.pem"}

    welcome = build_welcome(load({**broker, "data_dir": "/data"}, {}))

    assert "MQTT       mqtts://broker.example:8883\n" in welcome
    assert "mosquitto_pub -h broker.example -p 8883 -u me --cafile /ca.pem -q 1" in welcome
    assert "secret" not in welcome


@pytest.mark.parametrize("equals", [" ", "="], ids=["two words", "one word"])
def test_build_commands_keeps_the_key_off_the_command_lines(equals: str) -> None:
    """It is in the children's environment."""
    flags = f"--api-key{equals}s3cret".split()
    arguments, environment = ["--port", "5700", *flags, "--testing"], {"PULSELINE_API_KEY": "s3cret"}

    for child in build_commands(arguments, environment, api_address=("127.0.0.1", 5700)):
        assert child.argv[4:] == ("--port", "5700", "--testing")
        assert child.environment == {"PULSELINE_API_KEY": "s3cret"}


@pytest.mark.parametrize(
    ("arguments", "is_chosen"),
    [([], False), (["--log-level", "info"], True), (["--port", "5700"], False)],
    ids=["nothing", "the default, written out", "another flag"],
)
def test_a_log_level_on_the_command_line_is_a_choice(arguments: list[str], is_chosen: bool) -> None:
    """Also when it is the one that there would be without."""
    context = command.make_context("up", arguments)

    assert _is_log_level_chosen(context, load({}, {})) is is_chosen


def test_welcome_holds_commands_to_copy_with_the_real_ports() -> None:
    """What a person reads first works as it stands."""
    settings = load({"api.port": "5700", "mqtt.port": "1900", "data_dir": "/data"}, {})

    welcome = build_welcome(settings)

    assert "  pulseline demo\n" in welcome
    assert "mosquitto_pub -h 127.0.0.1 -p 1900 -q 1 -t pulseline/v1/plug/heartbeat -m ON" in welcome
    assert "curl http://127.0.0.1:5700/api/0/buckets/plug/events" in welcome
    assert "/data" in welcome
    assert "WebSocket" not in welcome
    assert max(map(len, welcome.splitlines())) <= 80


def test_welcome_with_a_key_has_no_command_without_it() -> None:
    """One with curl would be refused; the commands show the key by themselves."""
    welcome = build_welcome(load({"api.key": "s3cret", "data_dir": "/data"}, {}))

    assert "curl" not in welcome
    assert "  pulseline events plug\n" in welcome
    assert "s3cret" not in welcome


@pytest.mark.parametrize("flag", ["--port", "--mqtt-port"])
def test_up_takes_no_port_that_it_could_not_name(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Any free port is fine for a part alone; here nobody would learn which one it is."""
    code = cli.run(["up", flag, "0"])

    assert code == ExitCode.USAGE
    assert "is 0, which is any free port (name a port from 1 to 65535)" in capsys.readouterr().err


def test_describe_names_reachable_addresses() -> None:
    """A server on every interface is shown at loopback, IPv6 in brackets, WebSocket where it is on."""
    settings = load({"api.host": "0.0.0.0", "mqtt.host": "::1", "broker.websocket_port": "8083"}, {})

    described = describe(settings)

    assert described["rest"] == "http://127.0.0.1:5600/api/0/"
    assert described["mqtt"] == "mqtt://[::1]:1883"
    assert described["websocket"] == "ws://[::1]:8083"
    assert "web" not in described


def test_welcome_leads_to_the_web_interface() -> None:
    """Where one is served."""
    welcome = build_welcome(load({"api.webui": "/dist", "data_dir": "/data"}, {}))

    assert "  Web        http://127.0.0.1:5600/\n" in welcome


def test_up_without_the_server_packages_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client-only installation gets the command to copy."""
    monkeypatch.setattr(server_extra, "find_spec", lambda name: None if name in {"amqtt", "peewee"} else object())

    code = cli.run(["up"])

    assert code == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "pulseline: error: 'pulseline up' needs packages that are not installed: amqtt, peewee "
        "(pip install 'pulseline[server]')\n"
    )


def test_server_extra_knows_the_packages_of_the_distribution() -> None:
    """The list is that of pyproject.toml; uvloop is optional, the client has paho, and two have other names."""
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    block = text.split("server = [")[1].split("]\n")[0]
    packages = {
        line.strip().strip('"').split(">")[0].split("=")[0].split("-")[0] for line in block.splitlines() if '"' in line
    }

    imported = packages - {"uvloop", "paho", "google", "prometheus"} | {"re2", "prometheus_client"}
    assert imported == {*server_extra.SERVER_MODULES}
