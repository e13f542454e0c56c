"""What an examination needs, leaves behind, and says when it can not go on."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pulseline_broker.service import BrokerService
from pulseline_client import cli
from pulseline_client.connection import BrokerAddress, LoginRefused
from pulseline_client.doctor import examination as examination_module
from pulseline_client.doctor.bench import Area, Bench, Plan
from pulseline_client.doctor.examination import NoRoom, check_ground, examine, run_probe
from pulseline_client.doctor.finding import Finding, Verdict
from pulseline_client.doctor.link import LinkLost, open_link
from pulseline_client.doctor.packets import Connect
from pulseline_client.doctor.probes import restart
from pulseline_client.doctor.probes.redelivery import RedeliveryProbe
from pulseline_client.doctor.probes.retained import RetainedProbe
from pulseline_core.errors import BrokerUnavailable
from pulseline_core.settings import load
from tests.certificates import Authority
from tests.integration.broker.gates import HeldGate
from tests.integration.client.fake_server import FakeServer
from tests.integration.doctor.servers import Mosquitto
from tests.mosquitto import PASSWORD
from tests.mosquitto import Mosquitto as ShippedMosquitto
from tests.storm.system import find_free_port

PLAN = Plan(token="ab12cd34", timeout_s=5.0)


@pytest.fixture(name="broker")
def _broker(tmp_path: Path) -> Iterator[BrokerService]:
    """Return an embedded broker that reports often."""
    settings = load({"data_dir": str(tmp_path), "mqtt.port": "0", "broker.sys_interval_s": "0.1"}, {})
    with BrokerService(settings, HeldGate()) as service:
        yield service


@pytest.fixture(name="start_mosquitto")
def _start_mosquitto(tmp_path: Path) -> Iterator[Callable[..., BrokerAddress]]:
    """Return a function that starts Mosquitto with lines of configuration, and says where it is."""
    servers: list[Mosquitto] = []

    def start(settings: str, username: str = "") -> BrokerAddress:
        servers.append(Mosquitto(folder=tmp_path, settings=settings))
        servers[-1].__enter__()
        return BrokerAddress(host="127.0.0.1", port=servers[-1].port, username=username)

    yield start
    for server in servers:
        server.__exit__()


def address_of(broker: BrokerService) -> BrokerAddress:
    """Return where a broker is."""
    return BrokerAddress(host="127.0.0.1", port=broker.port)


def test_nothing_is_left_behind(broker: BrokerService) -> None:
    """Neither a session nor a retained message, after probes that make both."""
    bench = Bench(address_of(broker), PLAN)
    for probe in (RedeliveryProbe(), RetainedProbe()):
        run_probe(bench, probe)
    bench.note_retained("pulseline-doctor/ab12cd34/more")
    with bench.open_area("more").dial("device") as device:
        device.publish("pulseline-doctor/ab12cd34/more", b"kept", retain=True)

    left = bench.clear()

    assert left == []
    with open_link(address_of(broker), Connect(client_id="witness"), area="#") as witness:
        witness.subscribe("#")
        assert witness.drain() == []
        witness.subscribe("$SYS/broker/clients/disconnected")
        counts = [message.payload for message in witness.receive(1, timeout_s=5.0)]
        while counts[-1] != b"0":
            counts += [message.payload for message in witness.receive(1, timeout_s=5.0)]


def test_what_can_not_be_cleared_is_told(broker: BrokerService) -> None:
    """The broker may be gone before the doctor is."""
    bench = Bench(address_of(broker), PLAN)
    run_probe(bench, RedeliveryProbe())
    broker.close()

    assert bench.clear() == ["session 'doctor-ab12cd34-redelivery-worker'"]


def test_probe_that_can_not_go_on_is_unclear(broker: BrokerService) -> None:
    """One row says so, and why; the others stand."""

    class Broken:
        name = "broken"

        def run(self, area: Area) -> Iterator[Finding]:
            yield from RetainedProbe().run(area)
            raise LinkLost("the broker says goodbye")

    bench = Bench(address_of(broker), PLAN)

    findings = run_probe(bench, Broken())

    bench.clear()
    assert [finding.verdict for finding in findings] == [Verdict.HOLDS, Verdict.HOLDS, Verdict.UNCLEAR]
    assert findings[-1].observed == "the broker says goodbye"


def test_probes_end_soon_when_the_examination_is_given_up(
    broker: BrokerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C neither waits for what never comes nor leaves a session behind."""

    class Interrupting:
        name = "interrupting"

        def run(self, area: Area) -> Iterator[Finding]:
            raise KeyboardInterrupt
            yield

    class Endless:
        name = "endless"

        def run(self, area: Area) -> Iterator[Finding]:
            with area.dial("worker", Connect(is_clean=False)) as worker:
                worker.receive(1, timeout_s=600.0)
            yield from ()

    monkeypatch.setattr(examination_module, "PATIENT_PROBES", (Endless(), Interrupting()))

    with pytest.raises(KeyboardInterrupt):
        examine(address_of(broker), PLAN)


def test_login_that_is_refused_is_an_error() -> None:
    """Of the kind that all commands report."""
    with FakeServer(connect_code=5) as server, pytest.raises(LoginRefused, match="refuses the log-in: not authorized"):
        examine(BrokerAddress(host="127.0.0.1", port=server.port), PLAN)


def test_broker_that_is_away_is_an_error() -> None:
    """With where it was looked for."""
    port = find_free_port()

    with pytest.raises(BrokerUnavailable, match=f"no MQTT broker answers at 127.0.0.1:{port}: .*refused"):
        examine(BrokerAddress(host="127.0.0.1", port=port), PLAN)


def test_rules_that_leave_no_topic_are_named(start_mosquitto: Callable[..., BrokerAddress], tmp_path: Path) -> None:
    """Rather than a table in which everything fails; another prefix may be allowed."""
    (tmp_path / "acl").write_text("topic readwrite try/#\n")
    address = start_mosquitto(f"acl_file {tmp_path / 'acl'}\n")

    with pytest.raises(NoRoom, match="access rules refuse topics below 'pulseline-doctor'") as caught:
        examine(address, PLAN)

    assert caught.value.hint == "allow it to read and write 'pulseline-doctor/#', or name another place with --prefix"
    bench = Bench(address, Plan(token="ab12cd34", prefix="try"))
    check_ground(bench)
    bench.clear()


def test_one_connection_a_user_is_too_few(start_mosquitto: Callable[..., BrokerAddress]) -> None:
    """The connections of the doctor would end one another."""
    address = start_mosquitto("use_username_as_clientid true\n", "ann")

    with pytest.raises(NoRoom, match="one connection only"):
        examine(address, PLAN)


def test_certificate_of_the_broker_is_checked(tmp_path: Path) -> None:
    """Who trusts its authority gets in; who does not is told, and tells nothing."""
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue("broker", alternative="IP:127.0.0.1")
    listener = f"certfile {certificate}\nkeyfile {key}"
    with ShippedMosquitto(folder=tmp_path / "mosquitto", listener=listener) as mosquitto:
        trusting = ssl.create_default_context(cafile=authority.ca_file)
        address = BrokerAddress(
            host="127.0.0.1", port=mosquitto.port, username="device", password=PASSWORD, tls=trusting
        )
        bench = Bench(address, Plan(token="ab12cd34"))

        with pytest.raises(NoRoom, match="access rules"):
            check_ground(bench)
        with pytest.raises(BrokerUnavailable, match="its certificate is not good: unable to get") as told:
            examine(replace(address, tls=ssl.create_default_context()), PLAN)
        assert "ca_file" in told.value.hint

        bench.clear()


@pytest.mark.parametrize(
    ("command", "observed"),
    [
        ("echo oh no; exit 3", "the command for it: it failed with exit code 3: oh no"),
        ("true", "the command for it: it ended, and the broker's connections did not"),
    ],
)
def test_command_that_does_not_restart_is_unclear(
    broker: BrokerService, command: str, observed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said of what survives."""
    monkeypatch.setattr(restart, "REPLY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(restart, "_IDLE_S", 0.0)
    bench = Bench(address_of(broker), Plan(token="ab12cd34", restart_command=command))

    (finding,) = run_probe(bench, restart.RestartProbe())

    bench.clear()
    assert (finding.check, finding.verdict, finding.observed) == ("restart", Verdict.UNCLEAR, observed)


def test_command_tells_all_as_json(broker: BrokerService, capsys: pytest.CaptureFixture[str]) -> None:
    """With our broker every guarantee holds: exit code 0."""
    code = cli.run(["doctor", "broker", f"mqtt://127.0.0.1:{broker.port}", "--json", "--timeout", "5"])

    output = capsys.readouterr()
    assert code == 0, output.err
    assert output.out.startswith(f'{{\n  "url": "mqtt://127.0.0.1:{broker.port}",\n  "broker": "pulseline version ')
    assert '"worst": "holds"' in output.out
    assert '"leftovers": []' in output.out
