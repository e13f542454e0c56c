"""The clients that people use: paho and Mosquitto's command line."""

from __future__ import annotations

import queue
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from pulseline_broker.service import BrokerService
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate, Sent
from tests.integration.broker.wire import subscribe

TIMEOUT_S = 10.0


class PahoClient:
    """paho's client with its callbacks as queues."""

    def __init__(self, port: int, *, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311) -> None:
        self.codes: queue.Queue[ReasonCode] = queue.Queue()
        self.acknowledged: queue.Queue[int] = queue.Queue()
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "paho", protocol=protocol)
        self.client.on_connect = lambda *args: self.codes.put(args[3])
        self.client.on_publish = lambda *args: self.acknowledged.put(args[2])
        self.client.on_message = lambda *args: self.messages.put(args[2])
        self.client.max_inflight_messages_set(1_000)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def close(self) -> None:
        """Disconnect and end the thread."""
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def client(broker: BrokerService) -> Iterator[PahoClient]:
    """A connected paho client."""
    client = PahoClient(broker.port)
    yield client
    client.close()


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_paho_publishes_and_receives(client: PahoClient, gate: HeldGate, qos: int) -> None:
    """What paho publishes comes back to it in order, each acknowledged."""
    client.client.subscribe("loop/#", qos)
    mids = [client.client.publish("loop/a", str(number), qos=qos).mid for number in range(200)]

    assert {client.acknowledged.get(timeout=TIMEOUT_S) for _ in mids} == set(mids)
    received = [client.messages.get(timeout=TIMEOUT_S) for _ in mids]
    assert [int(each.payload) for each in received] == list(range(200))
    assert {each.qos for each in received} == {qos}


def test_paho_with_mqtt_5_is_told_the_version(broker: BrokerService) -> None:
    """An MQTT 5 client fails with the reason instead of hanging."""
    client = PahoClient(broker.port, protocol=MQTTProtocolVersion.MQTTv5)

    code = client.codes.get(timeout=TIMEOUT_S)

    client.close()
    assert code.getName() == "Unsupported protocol version"


def run(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of Mosquitto's clients."""
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)


def test_mosquitto_pub_is_acknowledged(broker: BrokerService, gate: HeldGate) -> None:
    """The plainest of devices: one command, exit code 0, and the message is at the gate."""
    topic = "pulseline/v1/plug/heartbeat"

    result = run("mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", topic, "-m", "ON")

    assert result.returncode == 0, result.stderr
    assert [(each.topic, each.payload) for each in gate.published] == [(topic, b"ON")]


def test_mosquitto_pub_sends_many_lines(broker: BrokerService, gate: HeldGate) -> None:
    """Lines from standard input arrive all, in order."""
    lines = "".join(f"{number}\n" for number in range(500))

    run("mosquitto_pub", "-p", str(broker.port), "-q", "2", "-t", "pulseline/v1/plug/heartbeat", "-l", text=lines)

    assert [int(each.payload) for each in gate.published] == list(range(500))


def test_mosquitto_pub_with_mqtt_5_fails_with_a_reason(broker: BrokerService) -> None:
    """The command says why and ends."""
    result = run("mosquitto_pub", "-V", "5", "-u", "u", "-P", "p", "-p", str(broker.port), "-t", "a", "-m", "x")

    assert result.returncode != 0
    assert "unsupported protocol version" in (result.stdout + result.stderr).lower()


def test_mosquitto_sub_reads_retained_messages(broker: BrokerService, gate: HeldGate) -> None:
    """A reader that comes later gets what was retained."""
    gate.send(Sent(topic="pulseline/v1/plug/state", payload=b"42", retain=True))

    result = run("mosquitto_sub", "-p", str(broker.port), "-t", "pulseline/v1/+/state", "-F", "%t %p %r", "-C", "1")

    assert result.stdout == "pulseline/v1/plug/state 42 1\n"


def test_system_topics_are_those_of_mosquitto(start_broker: StartBroker, dial: Dial, tmp_path: Path) -> None:
    """Every $SYS topic of a real Mosquitto is there, retained, in the same format."""
    broker = start_broker(broker__sys_interval_s=0.2)

    result = run("mosquitto_sub", "-p", str(broker.port), "-t", "$SYS/#", "-v", "-W", "1")

    figures = dict(
        line.rsplit(" ", 1) if "uptime" not in line else line.split(" ", 1) for line in result.stdout.splitlines()
    )
    assert figures["$SYS/broker/uptime"].endswith(" seconds")
    assert "$SYS/broker/version pulseline version" in result.stdout
    missing = {f"$SYS/broker/{name}" for name in MOSQUITTO} - set(figures) - {"$SYS/broker/version"}
    assert not missing
    assert figures["$SYS/broker/load/sockets/1min"].count(".") == 1


#: What Mosquitto 2.0.11 of Debian publishes, read with ``mosquitto_sub -t '$SYS/#'``.
MOSQUITTO = (
    """
bytes/received|bytes/sent|clients/active|clients/connected|clients/disconnected|clients/expired|clients/inactive
clients/maximum|clients/total|heap/current|heap/maximum|load/bytes/received/15min|load/bytes/received/1min
load/bytes/received/5min|load/bytes/sent/15min|load/bytes/sent/1min|load/bytes/sent/5min|load/connections/15min
load/connections/1min|load/connections/5min|load/messages/received/15min|load/messages/received/1min
load/messages/received/5min|load/messages/sent/15min|load/messages/sent/1min|load/messages/sent/5min
load/publish/dropped/15min|load/publish/dropped/1min|load/publish/dropped/5min|load/publish/received/15min
load/publish/received/1min|load/publish/received/5min|load/publish/sent/15min|load/publish/sent/1min
load/publish/sent/5min|load/sockets/15min|load/sockets/1min|load/sockets/5min|messages/received|messages/sent
messages/stored|publish/bytes/received|publish/bytes/sent|publish/messages/dropped|publish/messages/received
publish/messages/sent|retained messages/count|shared_subscriptions/count|store/messages/bytes|store/messages/count
subscriptions/count|uptime|version
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


def test_system_topics_are_retained_and_change(start_broker: StartBroker, dial: Dial) -> None:
    """A monitor has the figures at once, and hears of changes at each interval."""
    broker = start_broker(broker__sys_interval_s=0.2)
    watcher = dial(broker).open("watcher")
    watcher.send(subscribe(("$SYS/broker/clients/connected", 0)))
    watcher.expect_codes(0)
    first = watcher.read_publish()
    assert first.retain

    dial(broker).open("another")

    while watcher.read_publish().payload != b"2":
        pass
