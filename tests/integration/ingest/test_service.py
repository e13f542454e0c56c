"""The worker beside a real Mosquitto: from a device's message to the database and what is said of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulseline_core.errors import InvalidSetting
from pulseline_core.settings import Settings, load
from pulseline_core.store import open_reader
from pulseline_ingest.login import BrokerRefused
from pulseline_ingest.service import IngestService
from tests.certificates import Authority
from tests.mosquitto import PASSWORD, Mosquitto
from tests.storm.system import wait_until

TIMEOUT_S = 15.0

ROOT = "pulseline/v1"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give the test a broker with the shipped configuration."""
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


def build_settings(folder: Path, mosquitto: Mosquitto, **changes: str) -> Settings:
    """Return settings that lead to the broker."""
    named = {"mqtt.broker": mosquitto.build_url(), "mqtt.password": PASSWORD, "data_dir": str(folder / "data")}
    return load({**named, **{name.replace("__", "."): value for name, value in changes.items()}}, {})


def read_data(settings: Settings, bucket_id: str = "plug") -> list[dict[str, Any]]:
    """Return the data of a bucket's events, oldest first; none if there is no bucket."""
    with open_reader(settings.database) as reader:
        if bucket_id not in reader.read_bucket_ids():
            return []
        return [event.data for event in reversed(reader.read_events(bucket_id))]


def await_data(settings: Settings, expected: list[dict[str, Any]]) -> None:
    """Return when a bucket's events are these."""
    wait_until(lambda: read_data(settings) == expected, timeout_s=TIMEOUT_S, what=str(expected))


def hear(mosquitto: Mosquitto, topic: str) -> Any:
    """Return what is retained on a topic, or comes next."""
    command = ["mosquitto_sub", "-p", str(mosquitto.port), "-u", "pulseline-api", "-P", PASSWORD]
    done = subprocess.run(
        [*command, "-C", "1", "-W", "10", "-t", topic], capture_output=True, check=True, timeout=TIMEOUT_S
    )
    return json.loads(done.stdout)


def test_what_a_device_publishes_is_in_the_database(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """At each QoS, a plain value and an object; what can not be read is a dead letter."""
    settings = build_settings(tmp_path, mosquitto)
    with IngestService(settings):
        for qos, payload in enumerate(['{"data": {"n": 0}}', "1", '{"data": {"n": 2}}']):
            mosquitto.publish(f"{ROOT}/plug/events", payload, "-q", str(qos))
        mosquitto.publish(f"{ROOT}/plug/events", '{"data": []}')
        await_data(settings, [{"n": 0}, {"value": 1}, {"n": 2}])
        with open_reader(settings.database) as reader:
            wait_until(lambda: reader.count_dead_letters() == 1, timeout_s=TIMEOUT_S, what="the dead letter")


def test_descriptions_are_taken_from_what_is_retained_and_nothing_else(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A new database learns of a bucket; a heartbeat that somebody retained long ago is no news."""
    mosquitto.publish(f"{ROOT}/plug/meta", '{"type": "power"}', "--retain")
    mosquitto.publish(f"{ROOT}/plug/heartbeat", "old", "--retain")
    settings = build_settings(tmp_path, mosquitto)

    with IngestService(settings):
        mosquitto.publish(f"{ROOT}/plug/heartbeat", "new")
        await_data(settings, [{"value": "new"}])

        with open_reader(settings.database) as reader:
            assert reader.read_bucket("plug").type == "power"
            assert reader.count_dead_letters() == 0


def test_status_tells_of_the_connection_and_of_the_end(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Retained, so that whoever comes later knows."""
    with IngestService(build_settings(tmp_path, mosquitto)):
        online = hear(mosquitto, f"{ROOT}/_status/main")
    offline = hear(mosquitto, f"{ROOT}/_status/main")

    assert online["state"] == "online"
    assert online["broker"]["connected"] is True
    assert online["broker"]["protocol"] == "5"
    assert offline["state"] == "offline"


def test_states_are_published_again_to_a_broker_that_forgot_them(tmp_path: Path) -> None:
    """One without persistence starts empty."""
    with Mosquitto(folder=tmp_path / "mosquitto", is_persistent=False) as mosquitto:
        settings = build_settings(tmp_path, mosquitto)
        with IngestService(settings):
            mosquitto.publish(f"{ROOT}/plug/heartbeat", "ON")
            await_data(settings, [{"value": "ON"}])
            mosquitto.kill()
            mosquitto.start()

            status = hear(mosquitto, f"{ROOT}/_status/main")
            state = hear(mosquitto, f"{ROOT}/plug/state")

    assert status["broker"]["connections"] == 2
    assert state["data"] == {"value": "ON"}


def test_start_with_a_wrong_password_fails(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """With what is wrong, instead of trying for ever."""
    settings = build_settings(tmp_path, mosquitto, mqtt__password="wrong")

    with pytest.raises(BrokerRefused, match=r"no way in to .*: not authorized"), IngestService(settings):
        pass


def test_start_without_a_broker_fails(tmp_path: Path) -> None:
    """The embedded one has its own."""
    with pytest.raises(InvalidSetting, match=r"setting 'mqtt\.broker' is not set"):
        IngestService(load({"data_dir": str(tmp_path)}, {}))


@pytest.fixture(scope="module", name="authority")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


def build_listener(authority: Authority, *, alternative: str, more: str = "") -> str:
    """Return the lines of a listener with TLS."""
    certificate, key = authority.issue("server", alternative=alternative)
    return f"cafile {authority.ca_file}\ncertfile {certificate}\nkeyfile {key}\ntls_version tlsv1.2\n{more}"


def build_tls_settings(folder: Path, mosquitto: Mosquitto, **changes: str) -> Settings:
    """Return settings that lead to the broker over TLS."""
    url = f"mqtts://pulseline-ingest@localhost:{mosquitto.port}"
    return build_settings(folder, mosquitto, mqtt__broker=url, **changes)


def test_connection_is_encrypted_and_both_sides_show_who_they_are(tmp_path: Path, authority: Authority) -> None:
    """A broker that asks for a certificate gets ours; large messages and many come through as well."""
    listener = build_listener(authority, alternative="DNS:localhost", more="require_certificate true")
    certificate, key = authority.issue("ingest", alternative="DNS:ingest")
    with Mosquitto(folder=tmp_path / "mosquitto", listener=listener) as mosquitto:
        files = {"mqtt__ca_file": str(authority.ca_file), "mqtt__certificate_file": str(certificate)}
        settings = build_tls_settings(tmp_path, mosquitto, **files, mqtt__key_file=str(key))
        with IngestService(settings):
            flags = ["--cafile", str(authority.ca_file), "--cert", str(certificate), "--key", str(key)]
            for text in ("x" * 60_000, "y"):
                mosquitto.publish(f"{ROOT}/plug/events", text, *flags, "-h", "localhost")
            await_data(settings, [{"value": "x" * 60_000}, {"value": "y"}])


@pytest.mark.parametrize(
    ("alternative", "is_known", "reason"),
    [
        ("DNS:somebody.example", True, "Hostname mismatch"),
        ("DNS:localhost", False, "unable to get local issuer certificate|self-signed certificate"),
    ],
    ids=["another host", "unknown authority"],
)
def test_broker_that_is_not_the_right_one_is_not_spoken_to(
    tmp_path: Path,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    *,
    alternative: str,
    is_known: bool,
    reason: str,
) -> None:
    """No password goes to whoever has taken its place."""
    listener = build_listener(authority, alternative=alternative)
    files = {"mqtt__ca_file": str(authority.ca_file)} if is_known else {}
    with Mosquitto(folder=tmp_path / "mosquitto", listener=listener) as mosquitto:
        settings = build_tls_settings(tmp_path, mosquitto, **files)

        with pytest.raises(BrokerRefused, match=reason), IngestService(settings):
            pass


def test_file_that_is_no_certificate_is_told_by_the_settings_name(tmp_path: Path) -> None:
    """Before anything is connected to."""
    (tmp_path / "ca.pem").write_text("nothing")
    settings = load({"mqtt.broker": "mqtts://localhost", "mqtt.ca_file": str(tmp_path / "ca.pem")}, {})

    with pytest.raises(InvalidSetting, match=r"'mqtt\.ca_file' is '.*ca\.pem': it holds no certificate"):
        IngestService(settings)
