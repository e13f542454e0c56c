"""Every error: its message, its hint, its exit code, its family."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from pulseline_core import errors, payload
from pulseline_core.errors import ExitCode, PulselineError
from pulseline_core.query import errors as query
from pulseline_core.query.tree import Position

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
    (
        errors.InvalidPattern("(a", "missing )", position=2),
        "pattern '(a' is not valid at position 2: missing )",
        "",
        ExitCode.USAGE,
    ),
    (
        errors.PatternTooSlow("(a+)+$", limit_s=0.5),
        "pattern '(a+)+$' took more than 0.5 s to search one text",
        "repetitions within repetitions, as in '(a+)+', and references back take long: write it another way",
        ExitCode.USAGE,
    ),
    (
        errors.InvalidRule("priority/weight must be an integer, not 'high'"),
        "priority/weight must be an integer, not 'high'",
        "",
        ExitCode.USAGE,
    ),
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
    (errors.WriteConflict("deadlock detected"), "deadlock detected", "", ExitCode.UNAVAILABLE),
    (errors.PartitionTaken(3), "partition 3 belongs to another worker", "", ExitCode.UNAVAILABLE),
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

#: ActivityWatch's words, for whoever wrote a query: they begin with a capital letter there.
QUERY_CASES: list[tuple[PulselineError, str, str, ExitCode]] = [
    (query.QueryParseError("Nothing to assign"), "Nothing to assign", "", ExitCode.USAGE),
    (query.QueryInterpretError("Tried to divide by zero"), "Tried to divide by zero", "", ExitCode.USAGE),
    (query.QueryFunctionError("There's no bucket named 'x'"), "There's no bucket named 'x'", "", ExitCode.USAGE),
    (
        query.QueryTooSlow(10),
        "Query takes longer than 10 s; ask for a shorter period or for less at once",
        "",
        ExitCode.USAGE,
    ),
    (
        query.QueryTooLarge("reads too many events", 5_000_000),
        "Query reads too many events, the limit is 5000000; ask for a shorter period or for less at once",
        "",
        ExitCode.USAGE,
    ),
    (query.QueryAbandoned(), "Query was stopped: its client has gone", "", ExitCode.USAGE),
]

#: Those that only group others.
FAMILIES = {
    query.QueryError,
    errors.PulselineError,
    errors.ConfigError,
    errors.BadInput,
    errors.Unavailable,
    errors.Misuse,
}


def iter_subclasses(root: type[PulselineError]) -> Iterator[type[PulselineError]]:
    """Yield a class and all below it."""
    yield root
    for each in root.__subclasses__():
        yield from iter_subclasses(each)


@pytest.mark.parametrize(
    ("error", "message", "hint", "exit_code"), CASES + QUERY_CASES, ids=lambda value: type(value).__name__
)
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


@pytest.mark.parametrize("module", [errors, query], ids=lambda module: module.__name__)
def test_every_error_of_the_core_is_in_the_table(module: ModuleType) -> None:
    """A new error brings its line."""
    core = {each for each in iter_subclasses(PulselineError) if each.__module__ == module.__name__}

    assert core - FAMILIES <= {type(case[0]) for case in CASES + QUERY_CASES}


@pytest.mark.parametrize("module", [errors, query], ids=lambda module: module.__name__)
def test_the_tree_in_the_docstring_is_the_tree(module: ModuleType) -> None:
    """Whoever reads the module's head sees every class, in no other place."""
    assert module.__doc__ is not None

    drawn = [line.lstrip(" │├└─").split()[0] for line in module.__doc__.splitlines() if "──" in line]

    real = [each.__name__ for each in iter_subclasses(PulselineError) if each.__module__ == module.__name__]
    assert sorted(drawn) == sorted(set(real) - {"PulselineError"})


def test_an_error_of_a_query_has_the_first_place_that_is_known() -> None:
    """The innermost: whoever hands the error on knows only what is around it."""
    error = query.QueryFunctionError("There's no bucket named 'x'")

    error.locate(Position(2, 5))
    error.locate(Position(1, 1))

    assert str(error) == "There's no bucket named 'x' (line 2, column 5)"
    assert (error.problem, error.line, error.column) == ("There's no bucket named 'x'", 2, 5)


def test_an_error_of_a_query_has_the_name_that_activitywatch_answers() -> None:
    """Clients look at it."""
    kinds = [each.kind for each in (query.QueryParseError, query.QueryInterpretError, query.QueryFunctionError)]

    assert kinds == ["QueryParseException", "QueryInterpretException", "QueryFunctionException"]


def test_an_error_keeps_the_values_of_its_message() -> None:
    """A program reads attributes, not text."""
    too_large = errors.PayloadTooLarge(size_bytes=3, limit_bytes=2)
    not_found = errors.NotFound("event", 7)

    assert (too_large.size_bytes, too_large.limit_bytes) == (3, 2)
    assert (not_found.kind, not_found.name) == ("event", 7)
