"""The end of every ``--help``: examples to copy, and what the exit codes mean."""

from __future__ import annotations

from typing import Final

from pulseline_core.errors import ExitCode

#: What each exit code means, for ``--help``.
MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.OK: "done",
    ExitCode.FAILURE: "it failed; the message says why",
    ExitCode.USAGE: "a flag, a setting or the input is wrong",
    ExitCode.UNAVAILABLE: "the server does not answer",
    ExitCode.PORT_IN_USE: "another program listens on the port",
    ExitCode.ALREADY_RUNNING: "another pulseline has the data folder or outbox",
    ExitCode.NOT_PERMITTED: "no access: wrong owner or mode of a file, wrong user or password",
    ExitCode.DISK_FULL: "no space left on the disk",
    ExitCode.UNSUPPORTED_SCHEMA: "a newer pulseline wrote the database",
    ExitCode.NOT_FOUND: "what was named does not exist",
    ExitCode.LIMITED: "a guarantee holds partly, or could not be tried",
    ExitCode.NOT_GUARANTEED: "a guarantee does not hold",
}

#: What a part of the server can end with.
SERVICE_CODES: Final = (
    ExitCode.OK,
    ExitCode.FAILURE,
    ExitCode.USAGE,
    ExitCode.UNAVAILABLE,
    ExitCode.PORT_IN_USE,
    ExitCode.ALREADY_RUNNING,
    ExitCode.NOT_PERMITTED,
    ExitCode.DISK_FULL,
    ExitCode.UNSUPPORTED_SCHEMA,
)

#: What any command that asks a running server can end with.
CLIENT_CODES: Final = (ExitCode.OK, ExitCode.FAILURE, ExitCode.USAGE, ExitCode.UNAVAILABLE)

#: The same for those that write or listen over MQTT, where users may have to log in.
MQTT_CODES: Final = (*CLIENT_CODES, ExitCode.NOT_PERMITTED)

#: The same for those that write, one at a time.
WRITER_CODES: Final = (*CLIENT_CODES, ExitCode.ALREADY_RUNNING, ExitCode.NOT_PERMITTED)

#: Ended by Ctrl-C, as shells write it: 128 + SIGINT.
INTERRUPTED: Final = 130

#: Nobody reads the output any more, as shells write it: 128 + SIGPIPE.
PIPE_CLOSED: Final = 141


def build_epilog(*examples: str, codes: tuple[ExitCode, ...] = CLIENT_CODES, is_service: bool = False) -> str:
    """Return the paragraphs, protected from click's own line breaks.

    Args:
        examples: command lines.
        codes: what the command can end with.
        is_service: Ctrl-C is the way to end it, not an interruption.
    """
    lines = ["\b", "Examples:" if len(examples) > 1 else "Example:", *(f"  {example}" for example in examples)]
    lines += ["", "\b", "Exit codes:", *(f"  {code.value:<5}{MEANINGS[code]}" for code in codes)]
    if not is_service:
        lines.append(f"  {INTERRUPTED:<5}ended by Ctrl-C")
    return "\n".join(lines)
