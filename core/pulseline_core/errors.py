"""Every error that Pulseline raises on purpose, by what the caller should do about it.

::

    PulselineError
    ├── ConfigError          fix the set-up, then start again
    │   ├── InvalidSetting       a flag, variable or file entry that does not fit
    │   ├── PortInUse            another program listens there
    │   ├── AlreadyRunning       another Pulseline has the data folder
    │   ├── OutboxInUse          another process has the outbox
    │   ├── NotPermitted         the file system refuses us
    │   └── UnsupportedSchema    a newer Pulseline wrote the database
    ├── BadInput             the data can never be taken as it is: reject, count, dead-letter, 4xx
    │   ├── InvalidTopic
    │   ├── InvalidPayload
    │   │   └── PayloadTooLarge
    │   ├── InvalidEvent
    │   ├── InvalidBucketId
    │   ├── InvalidPattern
    │   ├── PatternTooSlow
    │   ├── InvalidRule          of a category or a tag
    │   ├── NotFound             a bucket, an event or a dead letter that does not exist
    │   └── NotAuthorized        the access rights refuse it
    ├── Unavailable          the same call may work later: back off, 503
    │   ├── StoreUnavailable
    │   │   ├── DiskFull
    │   │   ├── WriteConflict        the same call is worth another try at once
    │   │   └── PartitionTaken
    │   ├── BrokerUnavailable
    │   ├── ServerUnavailable    the REST server
    │   ├── ReplyTimeout
    │   └── OutboxFull
    └── Misuse               a bug in the calling code
        └── Closed

Messages are lower-case, without a full stop, and hold the offending value and the way out.
An error keeps the values that its message is made of as attributes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a Pulseline command tells the shell."""

    OK = 0  #: Done.
    FAILURE = 1  #: Something failed that has no code of its own; also a bug.
    USAGE = 2  #: A flag, a variable, the settings file or the input is wrong.
    UNAVAILABLE = 3  #: A server or broker could not be reached, or did not answer in time.
    PORT_IN_USE = 4  #: Another program listens on the port.
    ALREADY_RUNNING = 5  #: Another Pulseline uses the same data folder or outbox.
    NOT_PERMITTED = 6  #: Access is refused: a wrong owner or mode of a file, a wrong user name or password.
    DISK_FULL = 7  #: No space is left where the data lives.
    UNSUPPORTED_SCHEMA = 8  #: The database was written by a newer Pulseline.
    NOT_FOUND = 9  #: What was asked for does not exist.
    LIMITED = 10  #: What was examined keeps a guarantee within limits only, or it could not be found out.
    NOT_GUARANTEED = 11  #: What was examined does not keep a guarantee.


class PulselineError(Exception):
    """The root of all errors here.

    Attributes:
        hint: the next step for a person, or an empty string.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(hint)  # tracebacks show notes


class ConfigError(PulselineError):
    """The set-up is wrong: it must be mended before a start can work."""

    exit_code = ExitCode.USAGE


class InvalidSetting(ConfigError):
    """A setting has a value that does not fit, or a name that does not exist.

    Attributes:
        source: the flag, variable or file that says so, where that is known.
    """

    def __init__(self, name: str, problem: str, *, hint: str = "", source: str = "") -> None:
        place = f"{source}: " if source else ""
        super().__init__(f"{place}setting {name!r} {problem}", hint=hint)
        self.name = name
        self.problem = problem
        self.source = source


class PortInUse(ConfigError):
    """Another program listens on the address."""

    exit_code = ExitCode.PORT_IN_USE

    def __init__(self, host: str, port: int, *, flag: str = "--port") -> None:
        super().__init__(
            f"port {port} on {host!r} is already in use",
            hint=f"stop the other program, or choose another port with {flag}",
        )
        self.host = host
        self.port = port


class AlreadyRunning(ConfigError):
    """Another Pulseline process uses this data folder."""

    exit_code = ExitCode.ALREADY_RUNNING

    def __init__(self, data_dir: str) -> None:
        super().__init__(
            f"another pulseline is running on data folder {data_dir!r}",
            hint="stop it, or choose another folder with --data-dir",
        )
        self.data_dir = data_dir


class OutboxInUse(ConfigError):
    """Another process has the outbox open; two would send one sequence twice."""

    exit_code = ExitCode.ALREADY_RUNNING

    def __init__(self, path: str) -> None:
        super().__init__(
            f"outbox {path!r} is in use by another process",
            hint="give each process its own outbox: Client(name=...) or Client(outbox=...)",
        )
        self.path = path


class NotPermitted(ConfigError):
    """The file system refuses us a path."""

    exit_code = ExitCode.NOT_PERMITTED

    def __init__(
        self, path: str, reason: str, *, hint: str = "check its owner and mode, or choose another place"
    ) -> None:
        super().__init__(f"no access to {path!r}: {reason}", hint=hint)
        self.path = path
        self.reason = reason


class UnsupportedSchema(ConfigError):
    """The database was written by a newer Pulseline; opening it could damage it."""

    exit_code = ExitCode.UNSUPPORTED_SCHEMA

    def __init__(self, path: str, *, found: int, supported: int) -> None:
        super().__init__(
            f"database {path!r} has schema version {found}, this pulseline knows versions up to {supported}",
            hint="install a newer pulseline, or restore the backup that lies beside the database",
        )
        self.path = path
        self.found = found
        self.supported = supported


class BadInput(PulselineError):
    """The data can not be taken as it is, now or later."""

    exit_code = ExitCode.USAGE


class InvalidTopic(BadInput):
    """A topic or topic filter that MQTT or our interface does not allow."""

    def __init__(self, topic: str, problem: str) -> None:
        super().__init__(f"topic {topic!r} {problem}")
        self.topic = topic
        self.problem = problem


class InvalidPayload(BadInput):
    """A payload that is not what its topic takes."""


class PayloadTooLarge(InvalidPayload):
    """A payload over the limit."""

    def __init__(self, *, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"payload has {size_bytes} bytes, the limit is {limit_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class InvalidEvent(BadInput):
    """An event with a field that does not fit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class InvalidBucketId(BadInput):
    """A bucket id that can not be stored or made a topic level."""

    def __init__(self, bucket_id: str, problem: str) -> None:
        super().__init__(f"bucket id {bucket_id[:64]!r} {problem}")
        self.bucket_id = bucket_id
        self.problem = problem


class InvalidPattern(BadInput):
    """A regular expression that is wrong, or too large."""

    def __init__(self, pattern: str, problem: str, *, position: int | None = None) -> None:
        place = "" if position is None else f" at position {position}"
        super().__init__(f"pattern {pattern[:256]!r} is not valid{place}: {problem}")
        self.pattern = pattern
        self.problem = problem
        self.position = position


class PatternTooSlow(BadInput):
    """A regular expression that some text makes try too many ways to match."""

    def __init__(self, pattern: str, *, limit_s: float) -> None:
        super().__init__(
            f"pattern {pattern[:256]!r} took more than {limit_s:g} s to search one text",
            hint="repetitions within repetitions, as in '(a+)+', and references back take long: write it another way",
        )
        self.pattern = pattern
        self.limit_s = limit_s


class InvalidRule(BadInput):
    """A category's or a tag's rule that does not have the form of one."""


class NotFound(BadInput):
    """What was named does not exist."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, kind: str, name: str | int) -> None:
        super().__init__(f"no {kind} {name!r} exists")
        self.kind = kind
        self.name = name


class NotAuthorized(BadInput):
    """The user may not do this."""

    def __init__(self, problem: str, *, hint: str = "ask whoever keeps the broker's users file for the right") -> None:
        super().__init__(problem, hint=hint)


class Unavailable(PulselineError):
    """Not now; the same call may work later."""

    exit_code = ExitCode.UNAVAILABLE


class StoreUnavailable(Unavailable):
    """The database can not be read or written at the moment."""


class DiskFull(StoreUnavailable):
    """No space is left where the database lives."""

    exit_code = ExitCode.DISK_FULL

    def __init__(self, path: str) -> None:
        super().__init__(f"no space left on the disk of {path!r}", hint="free some space; nothing acknowledged is lost")
        self.path = path


class WriteConflict(StoreUnavailable):
    """Another writer was in the way: it was first, or each waited for the other. Nothing of ours was stored."""


class PartitionTaken(StoreUnavailable):
    """Another worker holds the partition, so nothing of it may be written here."""

    def __init__(self, number: int) -> None:
        super().__init__(f"partition {number} belongs to another worker")
        self.number = number


class BrokerUnavailable(Unavailable):
    """The MQTT broker can not be reached."""

    def __init__(self, host: str, port: int, reason: str, *, hint: str = "is 'pulseline up' running?") -> None:
        super().__init__(f"no MQTT broker answers at {host}:{port}: {reason}", hint=hint)
        self.host = host
        self.port = port
        self.reason = reason


class ServerUnavailable(Unavailable):
    """The REST server can not be reached, or failed."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}", hint="is 'pulseline up' running?")
        self.url = url
        self.reason = reason


class ReplyTimeout(Unavailable):
    """A message is safe in the outbox but was not confirmed in time; it will still be sent.

    Attributes:
        problem: why it does not get through, where that is known.
    """

    def __init__(self, timeout_s: float, *, problem: PulselineError | None = None) -> None:
        super().__init__(
            f"no confirmation within {timeout_s:g} s; the message is kept and will be sent",
            hint="" if problem is None else str(problem),
        )
        self.timeout_s = timeout_s
        self.problem = problem


class OutboxFull(Unavailable):
    """The outbox holds as much as it may; the new message was not taken."""

    def __init__(self, *, messages: int, size_bytes: int) -> None:
        super().__init__(
            f"outbox is full: {messages} messages, {size_bytes} bytes wait for the server",
            hint="check that the broker and pulseline run; the outbox empties by itself",
        )
        self.messages = messages
        self.size_bytes = size_bytes


class Misuse(PulselineError):
    """The calling code has a bug."""


class Closed(Misuse):
    """The object was closed, or not opened yet."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(f"{what} is closed", hint=hint)
        self.what = what
