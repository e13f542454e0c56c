"""What survives the broker's end: a clean stop, and a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

from pulseline_client.doctor.bench import PERSISTENT, Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import REPLY_TIMEOUT_S, LinkLost

_COUNT: Final = 50

#: Between the last acknowledgement and the end: Mosquitto saves after it acknowledges, once a second where it is set up
#: well, and a kill in between is a matter of luck.
_IDLE_S: Final = 2.0

#: For the command, and again for the broker to answer after it.
_COMMAND_TIMEOUT_S: Final = 60.0
_COMING_BACK_S: Final = 30.0
_POLL_S: Final = 0.1

_PLACEHOLDER: Final = "{signal}"

#: What a row is called by the signal.
_NAMES: Final = {"TERM": "restart", "KILL": "kill -9"}


class RestartFailed(Exception):
    """The command did not do what it was for; the message says what it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """What was there afterwards.

    Attributes:
        has_retained: the retained message.
        has_session: the session, as CONNACK says.
        queued: how many of the messages that waited in it.
    """

    has_retained: bool
    has_session: bool
    queued: int


class RestartProbe:
    """Leaves a session, messages for it and a retained message, and has the broker restarted."""

    name = "restart"

    def run(self, area: Area) -> Iterator[Finding]:
        """Restart once for each signal that the command takes."""
        command = area.plan.restart_command
        for name in ("TERM", "KILL") if _PLACEHOLDER in command else ("TERM",):
            try:
                yield from judge_survival(self._observe(area, name), how=_NAMES[name])
            except RestartFailed as error:
                yield _build_failure(name, error)
                return

    def _observe(self, area: Area, name: str) -> Survival:
        topic, retained = area.name_topic(name), area.name_topic(f"retained-{name}")
        with area.dial(name, PERSISTENT) as worker:
            worker.subscribe(topic)
        with area.dial("device") as device:
            area.retain(device, retained, b"kept")
            device.publish_all(topic, [b"%d" % number for number in range(_COUNT)])
            area.pause(_IDLE_S)
            _run(area.plan.restart_command.replace(_PLACEHOLDER, name))
            if not device.has_ended(timeout_s=REPLY_TIMEOUT_S):
                raise RestartFailed("it ended, and the broker's connections did not")
        _wait_for_broker(area)
        return _look(area, name)


def _look(area: Area, name: str) -> Survival:
    with area.dial(name, PERSISTENT) as worker:
        has_session = worker.connack.session_present
        messages = worker.receive(_COUNT, timeout_s=REPLY_TIMEOUT_S) if has_session else []
    with area.dial("later") as later:
        later.subscribe(area.name_topic(f"retained-{name}"))
        return Survival(
            has_retained=bool(later.drain()),
            has_session=has_session,
            queued=len({message.payload for message in messages}),
        )


def _run(command: str) -> None:
    """Run the command; what it starts may go on, and keeps none of our files waiting."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S602  the user's own command line
            command, shell=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(_COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise RestartFailed(f"it did not end within {_COMMAND_TIMEOUT_S:g} s") from error
        if code:
            output.seek(0)
            said = output.read().decode(errors="replace").strip().splitlines() or [""]
            raise RestartFailed(f"it failed with exit code {code}: {said[-1]}".rstrip(": "))


def _wait_for_broker(area: Area) -> None:
    end = monotonic() + _COMING_BACK_S
    while True:
        try:
            area.dial("again").leave()
        except LinkLost as error:
            if monotonic() >= end:
                raise RestartFailed(f"the broker is not back after {_COMING_BACK_S:g} s: {error}") from error
            area.pause(_POLL_S)
        else:
            return


def judge_survival(survival: Survival, *, how: str) -> Iterator[Finding]:
    """Say what it means."""
    kept = survival.queued
    yield Finding(
        check=f"{how}: queue",
        verdict=Verdict.HOLDS if kept == _COUNT else Verdict.FAILS,
        observed=f"{kept} of {_COUNT} messages acknowledged {_IDLE_S:g} s before are there",
        guarantee=Guarantee.BROKER_RESTART,
        meaning="What devices were told is taken is still there, the last second perhaps excepted."
        if kept == _COUNT
        else "Messages of devices are lost; library clients send theirs again.",
        facts={"kept": kept, "sent": _COUNT, "idle_s": _IDLE_S},
    )
    yield Finding(
        check=f"{how}: sessions",
        verdict=Verdict.HOLDS if survival.has_session else Verdict.PARTLY,
        observed="kept" if survival.has_session else "gone",
        guarantee=Guarantee.BROKER_RESTART,
        meaning="Messages wait for ingest whichever of the two is back first."
        if survival.has_session
        else "What devices send before ingest is back is lost; library clients send theirs again.",
        facts={"kept": survival.has_session},
    )
    yield Finding(
        check=f"{how}: retained",
        verdict=Verdict.HOLDS if survival.has_retained else Verdict.PARTLY,
        observed="kept" if survival.has_retained else "gone",
        guarantee=Guarantee.LAST_WORD,
        meaning="State, description and availability are there at once."
        if survival.has_retained
        else "Ingest publishes states anew; availability is missing until the devices are back.",
        facts={"kept": survival.has_retained},
    )


def _build_failure(name: str, error: RestartFailed) -> Finding:
    return Finding(
        check=_NAMES[name],
        verdict=Verdict.UNCLEAR,
        observed=f"the command for it: {error}",
        guarantee=Guarantee.BROKER_RESTART,
        meaning="Nothing is known of what survives.",
        facts={"error": str(error)},
    )
