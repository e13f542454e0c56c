"""What a probe found, and which of Pulseline's promises rests on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from pulseline_core.errors import ExitCode
from pulseline_core.types import JSONObject


class Verdict(Enum):
    """How a broker does at something, from best to worst."""

    NOTE = "note"  #: Good to know; nothing of Pulseline rests on it.
    HOLDS = "holds"  #: As Pulseline needs it.
    PARTLY = "partly"  #: Within limits that can be met, or with a detour.
    UNCLEAR = "unclear"  #: The probe could not find out.
    FAILS = "fails"  #: Not so; what rests on it does not hold.


#: From best to worst.
_ORDER = list(Verdict)

_EXIT_CODES = {
    Verdict.NOTE: ExitCode.OK,
    Verdict.HOLDS: ExitCode.OK,
    Verdict.PARTLY: ExitCode.LIMITED,
    Verdict.UNCLEAR: ExitCode.LIMITED,
    Verdict.FAILS: ExitCode.NOT_GUARANTEED,
}


class Guarantee(Enum):
    """What Pulseline promises with the broker's help; the value is its name in JSON."""

    END_TO_END = "end-to-end"  #: What library clients send arrives once and in order, whatever is killed.
    INGEST_CRASH = "ingest-crash"  #: What a plain device sends survives a crash of ingest.
    INGEST_ABSENCE = "ingest-absence"  #: What a plain device sends waits while ingest is away.
    BROKER_RESTART = "broker-restart"  #: What a plain device was acknowledged survives the broker's end.
    ORDER = "order"  #: A device's messages are applied in the order in which it sent them.
    RECONNECTION = "reconnection"  #: Ingest and clients hear again after a lost connection.
    SPEED = "speed"  #: Many messages go into one transaction.
    AVAILABILITY = "availability"  #: The topics ``availability`` tell the truth.
    LAST_WORD = "last-word"  #: States and descriptions are there for whoever subscribes later.
    PRIVACY = "privacy"  #: Nobody gets what he did not subscribe to.
    ACCESS = "access"  #: What is refused is not taken for stored.
    MONITORING = "monitoring"  #: ``pulseline status`` shows the broker's figures.
    NOTHING = "nothing"  #: Nothing rests on it.


#: These concern what waits in the broker for ingest, which is nothing where the broker waits for the commit.
OF_THE_WAY_TO_INGEST = frozenset({Guarantee.INGEST_CRASH, Guarantee.INGEST_ABSENCE, Guarantee.BROKER_RESTART})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of the table.

    Attributes:
        check: what was looked at, in a few words.
        observed: what the broker did.
        guarantee: what of Pulseline rests on it.
        meaning: what that means for whoever runs Pulseline with this broker.
        facts: the figures behind ``observed``, for programs.
    """

    check: str
    verdict: Verdict
    observed: str
    guarantee: Guarantee
    meaning: str
    facts: JSONObject = field(default_factory=dict)

    def to_json(self) -> JSONObject:
        """Return it for programs."""
        return {
            "check": self.check,
            "verdict": self.verdict.value,
            "observed": self.observed,
            "guarantee": self.guarantee.value,
            "meaning": self.meaning,
            "facts": self.facts,
        }


def get_worst(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict; of notes alone it is ``HOLDS``."""
    return max((Verdict.HOLDS, *(finding.verdict for finding in findings)), key=_ORDER.index)


def get_exit_code(worst: Verdict) -> ExitCode:
    """Return what the command ends with."""
    return _EXIT_CODES[worst]
