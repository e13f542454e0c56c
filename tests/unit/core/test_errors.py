"""Every error: its message, its hint, its exit code, its family."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulseline_core import errors, payload
from pulseline_core.errors import ExitCode, PulselineError

#: (the error, its message, its hint, its exit code)
CASES: list[tuple[PulselineError, str, str, ExitCode]] = [
    (
        errors.InvalidSetting("mqtt.prot", "does not exist", hint="did you mean 'mqtt.port'?"),
        "setting 'mqtt.prot' does not exist",
        "did you mean 'mqtt.port'?",
        ExitCode.USAGE,
    ),
    (
        errors.PortInUse("127.0.0.1", 1883, flag="--mqtt-port"),
        "port 1883 on '127.0.0.1' is already in use",
        "stop the other program, or choose another port with --mqtt-port",
        ExitCode.PORT_IN_USE,
    ),
    (
        errors.AlreadyRunning("/data"),
        "another pulseline is running on data folder '/data'",
        "stop it, or choose another folder with --data-dir",
        ExitCode.ALREADY_RUNNING,
    ),
    (
        errors.OutboxInUse("/outbox.db"),
        "outbox '/outbox.db' is in use by another process",
        "give each process its own outbox: Client(name=...) or Client(outbox=...)",
        ExitCode.ALREADY_RUNNING,
    ),
    (
        errors.NotPermitted("/data", "permission denied"),
        "no access to '/data': permission denied",
        "check its owner and mode, or choose another place",
        ExitCode.NOT_PERMITTED,
    ),
    (
        errors.UnsupportedSchema("/data/pulseline.db", found=9, supported=2),
        "database '/data/pulseline.db' has schema version 9, this pulseline knows versions up to 2",
        "install a newer pulseline, or restore the backup that lies beside the database",
        ExitCode.UNSUPPORTED_SCHEMA,
    ),
    (errors.InvalidTopic("a/#/b", "holds a wildcard"), "topic 'a/#/b' holds a wildcard", "", ExitCode.USAGE),
    (errors.InvalidPayload("payload is not JSON"), "payload is not JSON", "", ExitCode.USAGE),
    (
        errors.PayloadTooLarge(size_bytes=300_000, limit_bytes=262_144),
        "payload has 300000 bytes, the limit is 262144",
        "",
        ExitCode.USAGE,
    ),
    (errors.InvalidEvent("duration", "is negative"), "duration is negative", "", ExitCode.USAGE),
    (errors.InvalidBucketId("x" * 300, "is long"), f"bucket id '{'x' * 64}' is long", "", ExitCode.USAGE),
    (errors.NotFound("bucket", "plug"), "no bucket 'plug' exists", "", ExitCode.NOT_FOUND),
    (errors.NotFound("event", 7), "no event 7 exists", "", ExitCode.NOT_FOUND),
    (
        errors.NotAuthorized("user 'anna' may not delete"),
        "user 'anna' may not delete",
        "ask whoever keeps the broker's users file for the right",
        ExitCode.USAGE,
    ),
    (errors.StoreUnavailable("database is locked"), "database is locked", "", ExitCode.UNAVAILABLE),
    (
        errors.DiskFull("/data"),
        "no space left on the disk of '/data'",
        "free some space; nothing acknowledged is lost",
        ExitCode.DISK_FULL,
    ),
    (
        errors.BrokerUnavailable("127.0.0.1", 1883, "connection refused"),
        "no MQTT broker answers at 127.0.0.1:1883: connection refused",
        "is 'pulseline up' running?",
        ExitCode.UNAVAILABLE,
    ),
    (
        errors.ServerUnavailable("http://127.0.0.1:5600", "timed out"),
        "no answer from http://127.0.0.1:5600: timed out",
        "is 'pulseline up' running?",
        ExitCode.UNAVAILABLE,
    ),
    (
        errors.ReplyTimeout(2.5),
        "no confirmation within 2.5 s; the message is kept and will be sent",
        "",
        ExitCode.UNAVAILABLE,
    ),
    (
        errors.OutboxFull(messages=10, size_bytes=4096),
        "outbox is full: 10 messages, 4096 bytes wait for the server",
        "check that the broker and pulseline run; the outbox empties by itself",
        ExitCode.UNAVAILABLE,
    ),
    (errors.Closed("client"), "client is closed", "", ExitCode.FAILURE),
    (payload.UnreadableMessage("payload is not UTF-8", None), "payload is not UTF-8", "", ExitCode.USAGE),
]

#: Those that only group others.
FAMILIES = {errors.PulselineError, errors.ConfigError, errors.BadInput, errors.Unavailable, errors.Misuse}


def iter_subclasses(root: type[PulselineError]) -> Iterator[type[PulselineError]]:
    """Yield a class and all below it."""
    yield root
    for each in root.__subclasses__():
        yield from iter_subclasses(each)


@pytest.mark.parametrize(("error", "message", "hint", "exit_code"), CASES, ids=lambda value: type(value).__name__)
def test_an_error_says_what_is_wrong_and_what_to_do(
    error: PulselineError, message: str, hint: str, exit_code: ExitCode
) -> None:
    """The table of all messages."""
    assert str(error) == message
    assert error.hint == hint
    assert error.exit_code is exit_code


@pytest.mark.parametrize("error", [case[0] for case in CASES], ids=lambda error: type(error).__name__)
def test_a_message_begins_small_and_has_no_full_stop(error: PulselineError) -> None:
    """Messages are parts of sentences: they stand after 'pulseline: error:'."""
    first = str(error).split()[0]

    assert not first[0].isupper() or first.isupper()
    assert not str(error).endswith(".")
    assert "\n" not in str(error)


def test_every_error_of_the_core_is_in_the_table() -> None:
    """A new error brings its line."""
    core = {each for each in iter_subclasses(PulselineError) if each.__module__ == "pulseline_core.errors"}

    assert core - FAMILIES <= {type(case[0]) for case in CASES}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Whoever reads the module's head sees every class, in no other place."""
    assert errors.__doc__ is not None

    drawn = [line.lstrip(" │├└─").split()[0] for line in errors.__doc__.splitlines() if "──" in line]

    real = [each.__name__ for each in iter_subclasses(PulselineError) if each.__module__ == "pulseline_core.errors"]
    assert sorted(drawn) == sorted(set(real) - {"PulselineError"})


def test_an_error_keeps_the_values_of_its_message() -> None:
    """A program reads attributes, not text."""
    too_large = errors.PayloadTooLarge(size_bytes=3, limit_bytes=2)
    not_found = errors.NotFound("event", 7)

    assert (too_large.size_bytes, too_large.limit_bytes) == (3, 2)
    assert (not_found.kind, not_found.name) == ("event", 7)
