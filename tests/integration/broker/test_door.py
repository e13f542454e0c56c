"""Who is let in, and what the others hear."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulseline_broker.access import Rights
from pulseline_broker.password import hash_password
from pulseline_broker.service import BrokerService
from pulseline_broker.users import User, UsersFile
from pulseline_core.data_folder import DataFolder
from tests.integration.broker.conftest import Dial, StartBroker
from tests.integration.broker.gates import HeldGate, Sent
from tests.integration.broker.wire import PUBACK, Will, Wire, connect, packet, publish, subscribe, text

HEARTBEAT = "pulseline/v1/plug/heartbeat"

#: One hash for all: argon2 takes its time.
SECRET = hash_password("secret")


def write_users(path: Path, **rights: Rights) -> Path:
    """Write a users file; everybody's password is ``secret``."""
    UsersFile(path).write({name: User(name=name, password_hash=SECRET, rights=each) for name, each in rights.items()})
    return path


@pytest.fixture
def guarded(start_broker: StartBroker, tmp_path: Path) -> BrokerService:
    """A broker with the users desk and phone."""
    path = write_users(
        tmp_path / "users.toml",
        desk=Rights(publish=("pulseline/v1/%u/heartbeat", "pulseline/v1/%u/availability"), subscribe=("news/%u/#",)),
        phone=Rights(publish=("pulseline/v1/+/heartbeat",), subscribe=("pulseline/v1/#",), admin=False),
    )
    return start_broker(broker__users_file=path)


def log_in(client: Wire, client_id: str, username: str, password: bytes = b"secret", **kwargs: object) -> int:
    """Connect and return the code of CONNACK."""
    client.send(connect(client_id, username=username, password=password, **kwargs))  # type: ignore[arg-type]
    return client.read(4)[3]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (text("MQTT") + b"\x05\x02\x00\x3c\x00" + text("a"), b"\x20\x03\x00\x84\x00"),
        (text("MQTT") + b"\x05\xc2\x00\x3c\x05\x11\x00\x00\x00\x10" + text("a") + text("u") + text("p"), None),
        (text("MQTT") + b"\x06\x02\x00\x3c\x00" + text("a"), b"\x20\x03\x00\x84\x00"),
        (text("MQIsdp") + b"\x03\x02\x00\x3c" + text("a"), b"\x20\x02\x00\x01"),
        (text("MQTT") + b"\x03\x02\x00\x3c" + text("a"), b"\x20\x02\x00\x01"),
    ],
    ids=["5", "5 with user and property", "6", "3.1", "3"],
)
def test_other_versions_are_refused_with_a_word(
    broker: BrokerService, dial: Dial, body: bytes, answer: bytes | None
) -> None:
    """A client of another version gets the refusal that it understands, and the end of the connection."""
    client = dial(broker)
    client.send(packet(0x10, body))

    assert client.expect_closed() == (answer or b"\x20\x03\x00\x84\x00")


def test_connection_without_connect_is_closed_in_time(start_broker: StartBroker, dial: Dial) -> None:
    """A peer that says nothing, or half of CONNECT, loses its place."""
    broker = start_broker(broker__connect_timeout_s=0.2)
    silent, slow = dial(broker), dial(broker)
    slow.send(connect("device")[:9])

    assert silent.expect_closed() == b""
    assert slow.expect_closed() == b""


def test_surplus_connections_hear_that_there_is_no_place(start_broker: StartBroker, dial: Dial) -> None:
    """Above the limit CONNECT is answered with code 3; a place that becomes free is given away again."""
    broker = start_broker(broker__max_connections=2)
    first, _ = dial(broker).open("first"), dial(broker).open("second")
    surplus = dial(broker)
    surplus.send(connect("third"))
    assert surplus.expect_closed() == b"\x20\x02\x00\x03"

    first.send(b"\xe0\x00")
    first.expect_closed()
    first.close()

    for _ in range(100):
        client = dial(broker)
        client.send(connect("third"))
        if client.read(4) == b"\x20\x02\x00\x00":
            break
    else:
        pytest.fail("the place of the first client was not given away")


def test_rest_server_is_let_in_when_all_places_are_taken(
    start_broker: StartBroker, tmp_path: Path, gate: HeldGate, dial: Dial
) -> None:
    """With its token, and however many wait to be turned away; nobody else."""
    broker = start_broker(broker__max_connections=1)
    token = DataFolder(tmp_path / "data").read_api_token()
    dial(broker).open("only")
    silent = dial(broker)

    assert log_in(dial(broker), "guess", "pulseline-api", b"guess") == 3
    rest_server, subscriber = dial(broker), dial(broker)
    assert log_in(rest_server, "api", "pulseline-api", token.encode()) == 0
    assert log_in(subscriber, "api-status", "pulseline-api", token.encode()) == 0
    rest_server.send(publish(HEARTBEAT, qos=1, packet_id=1))

    rest_server.expect(PUBACK, 1)
    assert silent.expect_closed() == b""


def test_empty_client_id_is_filled_in_for_a_clean_session(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A client without an id gets one of its own; it can not have a session to come back to."""
    for _ in range(2):
        dial(broker).open("").send(publish(HEARTBEAT))
    first, second = gate.wait_for(2)
    assert first.client_id
    assert second.client_id
    assert first.client_id != second.client_id

    kept = dial(broker)
    kept.send(connect("", clean=False))
    assert kept.expect_closed() == b"\x20\x02\x00\x02"


def test_overlong_client_id_is_refused(broker: BrokerService, dial: Dial) -> None:
    """A client id that would fill the log is rejected as an identifier."""
    client = dial(broker)
    client.send(connect("x" * 2_000))

    assert client.expect_closed() == b"\x20\x02\x00\x02"


def test_credentials_are_ignored_where_there_are_no_users(broker: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A device that was set up with a password works on a broker without users, as an anonymous client."""
    client = dial(broker)
    assert log_in(client, "device", "somebody", b"whatever") == 0
    client.send(publish(HEARTBEAT))

    assert gate.wait_for(1)[0].username is None


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [("desk", b"secret", 0), ("desk", b"wrong", 4), ("desk", b"", 4), ("nobody", b"secret", 4), ("desk", b"\xff", 4)],
)
def test_passwords_are_checked(guarded: BrokerService, dial: Dial, username: str, password: bytes, code: int) -> None:
    """Only a known user with the right password comes in."""
    assert log_in(dial(guarded), "device", username, password) == code


def test_anonymous_clients_stay_out_where_there_are_users(guarded: BrokerService, dial: Dial) -> None:
    """With a users file nobody comes in without a name."""
    client = dial(guarded)
    client.send(connect("device"))

    assert client.expect_closed() == b"\x20\x02\x00\x05"


def test_wrong_password_does_not_take_over(guarded: BrokerService, dial: Dial) -> None:
    """Who can not log in does not disturb the client whose id it names."""
    owner = dial(guarded)
    assert log_in(owner, "device", "desk", clean=False) == 0
    owner.send(subscribe(("news/desk/today", 1)))
    owner.expect_codes(1)

    assert log_in(dial(guarded), "device", "desk", b"wrong", clean=False) == 4

    owner.expect_nothing()


@pytest.mark.parametrize("clean", [True, False])
def test_session_belongs_to_its_user(guarded: BrokerService, gate: HeldGate, dial: Dial, clean: bool) -> None:
    """Another user can not take a client id over, present or absent, whatever it asks for."""
    owner = dial(guarded)
    assert log_in(owner, "device", "desk", clean=False) == 0
    owner.send(subscribe(("news/desk/today", 1)))
    owner.expect_codes(1)

    assert log_in(dial(guarded), "device", "phone", clean=clean) == 2
    owner.expect_nothing()
    owner.send(b"\xe0\x00")
    owner.expect_closed()
    assert log_in(dial(guarded), "device", "phone", clean=clean) == 2

    gate.send(Sent(topic="news/desk/today", payload=b"1", qos=1))
    back = dial(guarded)
    back.send(connect("device", username="desk", password=b"secret", clean=False))
    assert back.read(4) == b"\x20\x02\x01\x00"
    assert back.read_publish().payload == b"1"


def test_rest_server_logs_in_with_its_token(guarded: BrokerService, tmp_path: Path, gate: HeldGate, dial: Dial) -> None:
    """The token in the data folder is the REST server's password, with and without users; it may administer."""
    token = DataFolder(tmp_path / "data").read_api_token()
    client = dial(guarded)
    assert log_in(client, "api", "pulseline-api", token.encode()) == 0
    client.send(
        publish("pulseline/v1/plug/admin", qos=1, packet_id=1), publish("pulseline/v1/_admin", qos=1, packet_id=2)
    )
    client.expect(PUBACK, 1)
    client.expect(PUBACK, 2)

    assert [each.username for each in gate.wait_for(2)] == ["pulseline-api"] * 2
    assert log_in(dial(guarded), "api", "pulseline-api", b"guess") == 4


@pytest.mark.parametrize(
    "topic",
    [
        "pulseline/v1/plug/admin",
        "pulseline/v1/_admin",
        "pulseline/v1/_ack/device",
        "pulseline/v1/_dead",
        "pulseline/v1/_status/main",
        "pulseline/v1/plug/state",
        "$SYS/broker/version",
        "$anything",
        "a/" * 128 + "a",
    ],
)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_topics_of_others_are_refused(broker: BrokerService, gate: HeldGate, dial: Dial, topic: str, qos: int) -> None:
    """A publish that the rights refuse is not acknowledged, reaches nobody, and closes the connection."""
    client = dial(broker).open("device")
    client.send(publish(topic, qos=qos), publish(HEARTBEAT, b"after", qos=1, packet_id=2))

    assert client.expect_closed() == b""

    assert gate.published == []


def test_refusal_is_counted_each_time_and_logged_once(
    start_broker: StartBroker, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    """A device that tries again and again fills no log; $SYS shows how often it tried."""
    broker = start_broker(broker__sys_interval_s=0.1)
    for _ in range(3):
        client = dial(broker).open("device")
        client.send(publish("pulseline/v1/plug/state", qos=1))
        client.expect_closed()

    watcher = dial(broker).open("watcher")
    watcher.send(subscribe(("$SYS/broker/refused/publishes", 0)))
    watcher.expect_codes(0)
    while watcher.read_publish().payload != b"3":
        pass
    assert sum("may not publish to" in record.getMessage() for record in caplog.records) == 1


def test_rights_of_users_hold_for_publish_subscribe_and_delivery(
    guarded: BrokerService, gate: HeldGate, dial: Dial
) -> None:
    """A user writes and reads what its rights name, and nothing beside it."""
    desk, phone = dial(guarded), dial(guarded)
    assert log_in(desk, "d", "desk") == 0
    assert log_in(phone, "p", "phone") == 0
    desk.send(subscribe(("news/desk/#", 0), ("news/+/today", 0), ("#", 0)))
    desk.expect_codes(0, 0x80, 0x80)
    phone.send(subscribe(("pulseline/v1/#", 0)))
    phone.expect_codes(0)

    desk.send(publish("pulseline/v1/desk/heartbeat", b"mine", qos=1))
    desk.expect(PUBACK, 1)
    assert phone.read_publish().payload == b"mine"
    gate.send(Sent(topic="pulseline/v1/_ack/d", payload=b"{}"))
    phone.expect_nothing()

    desk.send(publish("pulseline/v1/phone/heartbeat", b"not mine", qos=1))
    desk.expect_closed()
    assert [each.payload for each in gate.published] == [b"mine"]


def test_retained_messages_are_checked_on_delivery(guarded: BrokerService, gate: HeldGate, dial: Dial) -> None:
    """A retained message beyond a user's rights is not replayed, though its filter matches."""
    gate.send(
        Sent(topic="pulseline/v1/_ack/other", payload=b"no", retain=True),
        Sent(topic="pulseline/v1/plug/state", payload=b"yes", retain=True),
    )
    phone = dial(guarded)
    assert log_in(phone, "p", "phone") == 0

    phone.send(subscribe(("pulseline/v1/#", 0)))
    phone.expect_codes(0)

    assert phone.read_publish().payload == b"yes"
    phone.expect_nothing()


@pytest.mark.parametrize("topic", ["pulseline/v1/phone/availability", "pulseline/v1/_status/main", "$SYS/broker/x"])
def test_will_beyond_the_rights_is_refused(guarded: BrokerService, gate: HeldGate, dial: Dial, topic: str) -> None:
    """A will is judged like a publish, when it is made; the client is not let in with it."""
    assert log_in(dial(guarded), "d", "desk", will=Will(topic=topic, payload=b"offline")) == 5

    assert log_in(dial(guarded), "d", "desk", will=Will(topic="pulseline/v1/desk/availability", payload=b"")) == 0
    assert gate.published == []


def test_changed_users_file_counts_at_the_next_login(guarded: BrokerService, tmp_path: Path, dial: Dial) -> None:
    """A user that is added can log in at once; a file that is broken leaves the users as they were."""
    path = tmp_path / "users.toml"
    write_users(path, added=Rights())
    assert log_in(dial(guarded), "a", "added") == 0
    assert log_in(dial(guarded), "b", "desk") == 4

    path.write_text("[users.added", encoding="utf-8")

    assert log_in(dial(guarded), "a", "added") == 0
    assert log_in(dial(guarded), "b", "desk") == 4


def test_first_user_closes_a_running_broker(
    start_broker: StartBroker, tmp_path: Path, gate: HeldGate, dial: Dial
) -> None:
    """A users file that appears counts at once; the user gets the client id that was anonymous before."""
    broker = start_broker()
    dial(broker).open("device", clean=False)
    write_users(tmp_path / "data" / "users.toml", desk=Rights(publish=("pulseline/v1/#",)))

    stranger = dial(broker)
    stranger.send(connect("stranger"))
    assert stranger.expect_closed() == b"\x20\x02\x00\x05"
    client = dial(broker)
    assert log_in(client, "device", "desk", clean=False) == 0
    client.send(publish(HEARTBEAT))
    assert gate.wait_for(1)[0].username == "desk"


def test_broken_first_users_file_lets_nobody_in(start_broker: StartBroker, tmp_path: Path, dial: Dial) -> None:
    """Somebody wanted users: a mistake in the file does not leave the door open."""
    broker = start_broker()
    (tmp_path / "data" / "users.toml").write_text("[users", encoding="utf-8")

    client = dial(broker)
    client.send(connect("stranger"))

    assert client.expect_closed() == b"\x20\x02\x00\x05"


def test_login_does_not_delay_others(guarded: BrokerService, dial: Dial) -> None:
    """While passwords are verified, other clients are served."""
    client = dial(guarded)
    assert log_in(client, "first", "desk") == 0
    waiting = [dial(guarded) for _ in range(5)]
    for number, each in enumerate(waiting):
        each.send(connect(f"w{number}", username=f"unknown{number}", password=b"x"))

    client.expect_nothing()

    assert [each.read(4)[3] for each in waiting] == [4] * 5
