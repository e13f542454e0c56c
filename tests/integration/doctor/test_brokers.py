"""Five brokers, five tables: each as it was found out about that broker before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from pulseline_client.doctor.bench import Plan
from pulseline_client.doctor.examination import Examination, examine
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_core.types import JSONValue
from tests.integration.doctor.servers import AmqttAlone, Embedded, HardenedMosquitto, Mosquitto, Nats, Server

Examinations: TypeAlias = dict[str, Examination]

#: For what never comes; NATS repeats after 3 s here.
TIMEOUT_S = 8.0

#: All rows: the verdict on each broker in the order of ``BROKERS``.
BROKERS = ("amqtt", "embedded", "default", "hardened", "nats")
VERDICTS = {
    "MQTT 3.1.1": ("holds", "holds", "holds", "holds", "holds"),
    "MQTT 5": ("partly", "note", "holds", "holds", "note"),
    "order of QoS 1": ("holds", "holds", "holds", "holds", "holds"),
    "QoS 0 to QoS 1": ("note", "holds", "holds", "holds", "holds"),
    "redelivery after a crash": ("fails", "holds", "holds", "holds", "holds"),
    "offline queue": ("holds", "holds", "holds", "holds", "holds"),
    "queue limit": ("holds", "note", "partly", "holds", "holds"),
    "order of the queue": ("holds", "holds", "holds", "holds", "holds"),
    "retain flag of the queue": ("partly", "holds", "holds", "holds", "holds"),
    "in-flight window": ("holds", "holds", "partly", "holds", "holds"),
    "take-over of a client id": ("fails", "holds", "holds", "holds", "holds"),
    "last will": ("holds", "holds", "holds", "holds", "holds"),
    "keep-alive": ("fails", "holds", "holds", "holds", "holds"),
    "retained leak": ("fails", "holds", "holds", "holds", "holds"),
    "retained messages": ("holds", "holds", "holds", "holds", "holds"),
    "packet size": ("holds", "holds", "holds", "holds", "holds"),
    "refused topic $SYS": ("fails", "holds", "note", "note", "note"),
    "shared subscriptions": ("note", "note", "note", "note", "note"),
    "$SYS topics": ("note", "holds", "holds", "holds", "note"),
    "restart: queue": ("fails", "note", "holds", "holds", "holds"),
    "restart: sessions": ("partly", "note", "holds", "holds", "holds"),
    "restart: retained": ("partly", "partly", "holds", "holds", "holds"),
    "kill -9: queue": ("fails", "note", "fails", "holds", "holds"),
    "kill -9: sessions": ("partly", "note", "partly", "holds", "holds"),
    "kill -9: retained": ("partly", "partly", "partly", "holds", "holds"),
}


@pytest.fixture(scope="module", name="examinations")
def _examinations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examinations]:
    """Examine all brokers at once: the doctor mostly waits."""
    servers: dict[str, Server] = {
        "amqtt": AmqttAlone(folder=tmp_path_factory.mktemp("amqtt")),
        "embedded": Embedded(folder=tmp_path_factory.mktemp("embedded")),
        "default": Mosquitto(folder=tmp_path_factory.mktemp("default")),
        "hardened": HardenedMosquitto(folder=tmp_path_factory.mktemp("hardened")),
        "nats": Nats(folder=tmp_path_factory.mktemp("nats")),
    }
    with ExitStack() as stack:
        for server in servers.values():
            stack.enter_context(server)
        threads = stack.enter_context(ThreadPoolExecutor())
        yield dict(zip(servers, threads.map(_examine, servers.values()), strict=True))


def _examine(server: Server) -> Examination:
    plan = Plan(token="ab12cd34", timeout_s=TIMEOUT_S, restart_command=server.restart_command)
    return examine(server.address, plan)


def find(examinations: Examinations, broker: str, check: str) -> Finding:
    """Return one row of one table."""
    (finding,) = (each for each in examinations[broker].findings if each.check == check)
    return finding


@pytest.mark.parametrize("place", range(len(BROKERS)), ids=BROKERS)
def test_table_of_a_broker_is_as_known(examinations: Examinations, place: int) -> None:
    """Every row, and no other."""
    examination = examinations[BROKERS[place]]

    found = {finding.check: finding.verdict.value for finding in examination.findings}

    assert found == {check: verdicts[place] for check, verdicts in VERDICTS.items()}
    assert examination.leftovers == ()


def test_tables_of_all_brokers_differ(examinations: Examinations) -> None:
    """The doctor tells them apart."""
    tables = {tuple(finding.observed for finding in each.findings) for each in examinations.values()}

    assert len(tables) == len(BROKERS)


@pytest.mark.parametrize(
    ("broker", "check", "fact", "value"),
    [
        ("default", "queue limit", "kept", 1_000),
        ("default", "queue limit", "dropped", "newest"),
        ("embedded", "queue limit", "kept", 1_000),
        ("embedded", "queue limit", "dropped", "oldest"),
        ("hardened", "queue limit", "kept", 2_000),
        ("default", "in-flight window", "window", 20),
        ("embedded", "in-flight window", "window", 100),
        ("nats", "in-flight window", "window", 300),
        ("default", "redelivery after a crash", "dup", True),
        ("amqtt", "redelivery after a crash", "again", 0),
        ("amqtt", "retain flag of the queue", "flagged", 2_000),
        ("amqtt", "QoS 0 to QoS 1", "qos", 1),
        ("nats", "QoS 0 to QoS 1", "qos", 0),
        ("amqtt", "shared subscriptions", "received", [0, 0]),
        ("default", "shared subscriptions", "received", [3, 3]),
        ("nats", "shared subscriptions", "received", [0, 0]),
        ("embedded", "shared subscriptions", "accepted", False),
        ("amqtt", "refused topic $SYS", "loses_later", True),
        ("default", "refused topic $SYS", "reason_mqtt_5", 0x87),
        ("embedded", "refused topic $SYS", "acknowledged", False),
        ("amqtt", "$SYS topics", "topics", 24),
        ("amqtt", "$SYS topics", "retained", 1),
        ("nats", "$SYS topics", "topics", 0),
        ("default", "packet size", "bounded", False),
        ("hardened", "packet size", "bounded", True),
        ("default", "kill -9: queue", "kept", 0),
        ("default", "restart: queue", "kept", 50),
        ("hardened", "kill -9: queue", "kept", 50),
        ("nats", "kill -9: queue", "kept", 50),
    ],
)
def test_figure_of_a_broker_is_as_known(
    examinations: Examinations, broker: str, check: str, fact: str, value: JSONValue
) -> None:
    """What was measured with other means, of amqtt 0.12.1, Mosquitto 2.0.11 and NATS 2.9.10."""
    assert find(examinations, broker, check).facts[fact] == value


def test_nats_repeats_after_its_time(examinations: Examinations) -> None:
    """The session alone does not bring unacknowledged messages back at once."""
    after_s = find(examinations, "nats", "redelivery after a crash").facts["after_s"]

    assert isinstance(after_s, float)
    assert 1.0 < after_s < TIMEOUT_S


def test_brokers_tell_their_names(examinations: Examinations) -> None:
    """Except NATS, which has no topics for that."""
    names = {name: examination.broker for name, examination in examinations.items()}

    assert names.pop("nats") is None
    assert [str(name).split()[0].lower() for name in names.values()] == [
        "amqtt",
        "pulseline",
        "mosquitto",
        "mosquitto",
    ]


@pytest.mark.parametrize(
    ("broker", "worst"),
    [
        ("amqtt", Verdict.FAILS),
        ("embedded", Verdict.PARTLY),
        ("default", Verdict.FAILS),
        ("hardened", Verdict.HOLDS),
        ("nats", Verdict.HOLDS),
    ],
)
def test_worst_verdict_decides(examinations: Examinations, broker: str, worst: Verdict) -> None:
    """Mosquitto as Pulseline wants it is green, restart and kill included."""
    assert examinations[broker].worst is worst


def read_page() -> str:
    """Return the page about brokers."""
    return (Path(__file__).parents[3] / "docs/how-to/choose-a-broker.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("check", VERDICTS)
def test_page_shows_the_same_verdicts(check: str) -> None:
    """Whoever chooses by the page chooses by what the tests see."""
    (row,) = (line for line in read_page().splitlines() if line.startswith(f"| {check} |"))

    cells = [cell.strip(" *") for cell in row.split("|")[2:-1]]

    assert tuple(re.split(r"[*:]", cell)[0] for cell in cells) == VERDICTS[check]


@pytest.mark.parametrize("guarantee", [each for each in Guarantee if each is not Guarantee.NOTHING])
def test_page_explains_every_guarantee(guarantee: Guarantee) -> None:
    """By the name that JSON gives it."""
    assert f"\n| `{guarantee.value}` | " in read_page()
