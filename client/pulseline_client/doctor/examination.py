"""One examination of a broker, from the first connection to the last trace that is cleared away.

Theory of operation::

    check the ground ─> patient probes, each on a thread ─> busy ones, one after the other ─> restart ─> clear ─> judge

A probe that can not go on is a finding that nothing could be found out. What is wrong with the ground (no answer, a
refused log-in, access rules that leave us no topic) is an error. Whatever happens, also Ctrl-C, sessions and retained
messages are cleared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Protocol

from pulseline_client.connection import BrokerAddress, LoginRefused
from pulseline_client.doctor.bench import Area, Bench, Plan
from pulseline_client.doctor.finding import OF_THE_WAY_TO_INGEST, Finding, Guarantee, Verdict, get_worst
from pulseline_client.doctor.link import REPLY_TIMEOUT_S, CertificateRefused, Link, LinkLost, LinkRefused
from pulseline_client.doctor.packets import FAILURE
from pulseline_client.doctor.probes import BUSY_PROBES, LAST_PROBE, PATIENT_PROBES
from pulseline_core.errors import BrokerUnavailable, ConfigError, ExitCode
from pulseline_core.tls import CERTIFICATE_HINT
from pulseline_core.types import JSONObject

#: CONNACK codes that are about who we are, of MQTT 3.1.1 and of 5.
_LOGIN_REFUSALS: Final = frozenset({4, 5, 0x86, 0x87})

_LOGIN_HINT: Final = "put the user into the URL, mqtt://USER@HOST, and set PULSELINE_MQTT_PASSWORD"

#: How the embedded broker's version begins. It acknowledges what is committed.
_OURS: Final = "pulseline version "

_BEYOND_DOUBT: Final = (
    "Nothing of Pulseline's waits here: ingest is part of this broker, which acknowledges after its commit."
)


#: For a message to get from one client to another.
_DELIVERY_S: Final = 3.0


class NoRoom(ConfigError):
    """The broker's rules do not let the doctor work."""

    exit_code = ExitCode.NOT_PERMITTED


class Probe(Protocol):
    """Finds something out."""

    @property
    def name(self) -> str:
        """Names its area: one topic level."""

    def run(self, area: Area) -> Iterable[Finding]:
        """Return what was found.

        Raises:
            LinkLost: the broker went another way than any that the probe knows.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The result.

    Attributes:
        broker: its name and version, where it tells them.
        leftovers: what could not be cleared from the broker.
    """

    url: str
    broker: str | None
    findings: tuple[Finding, ...]
    leftovers: tuple[str, ...] = ()

    @property
    def worst(self) -> Verdict:
        """The verdict that decides."""
        return get_worst(self.findings)

    def to_json(self) -> JSONObject:
        """Return it for programs."""
        return {
            "url": self.url,
            "broker": self.broker,
            "worst": self.worst.value,
            "findings": [finding.to_json() for finding in self.findings],
            "leftovers": list(self.leftovers),
        }


def examine(address: BrokerAddress, plan: Plan) -> Examination:
    """Examine a broker.

    Raises:
        LoginRefused: it does not know this user.
        BrokerUnavailable: it does not answer.
        NoRoom: its rules leave no topic or client id to work with.
    """
    bench = Bench(address, plan)
    findings: list[Finding] = []
    leftovers: list[str] = []
    try:
        check_ground(bench)
        findings += _run_beside_each_other(bench, PATIENT_PROBES)
        findings += chain.from_iterable(run_probe(bench, probe) for probe in BUSY_PROBES)
        if plan.restart_command:
            findings += run_probe(bench, LAST_PROBE)
    finally:
        leftovers = bench.clear()
    broker = _get_version(findings)
    if broker is not None and broker.startswith(_OURS):
        findings = [relieve(finding) for finding in findings]
    return Examination(url=build_url(address), broker=broker, findings=tuple(findings), leftovers=tuple(leftovers))


def build_url(address: BrokerAddress) -> str:
    """Return a broker's place as it is written, without who we are there."""
    scheme = "mqtt" if address.tls is None else "mqtts"
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{scheme}://{host}:{address.port}"


def relieve(finding: Finding) -> Finding:
    """Return a finding about a broker that acknowledges after the commit: no device's message waits in it."""
    is_bad = finding.verdict in {Verdict.PARTLY, Verdict.FAILS}
    if not is_bad or finding.guarantee not in OF_THE_WAY_TO_INGEST:
        return finding
    return replace(finding, verdict=Verdict.NOTE, meaning=_BEYOND_DOUBT)


def _run_beside_each_other(bench: Bench, probes: Sequence[Probe]) -> list[Finding]:
    with ThreadPoolExecutor(max_workers=len(probes), thread_name_prefix="pulseline-doctor") as threads:
        try:
            results = [threads.submit(run_probe, bench, probe) for probe in probes]
            wait(results, return_when=FIRST_EXCEPTION)
            return [finding for result in results if result.done() for finding in result.result()]
        except BaseException:
            bench.give_up()  # else the end of the block would wait for all of them
            raise


def run_probe(bench: Bench, probe: Probe) -> list[Finding]:
    """Return what a probe finds; where it can not go on, that is the last finding."""
    findings: list[Finding] = []
    try:
        for finding in probe.run(bench.open_area(probe.name)):
            findings.append(finding)  # noqa: PERF402  those before an error count
    except LinkLost as error:
        findings.append(_build_unclear(probe.name, error))
    return findings


def _build_unclear(name: str, error: LinkLost) -> Finding:
    return Finding(
        check=name,
        verdict=Verdict.UNCLEAR,
        observed=str(error),
        guarantee=Guarantee.NOTHING,
        meaning="The probe could not go on.",
        facts={"error": str(error)},
    )


def _get_version(findings: Iterable[Finding]) -> str | None:
    for finding in findings:
        if finding.guarantee is Guarantee.MONITORING:
            version = finding.facts["version"]
            return version if isinstance(version, str) else None
    return None


def check_ground(bench: Bench) -> None:
    """Raise unless two connections can talk to each other below our prefix."""
    area = bench.open_area("ground")
    with _dial(area, "one") as one, _dial(area, "two") as two:
        if not one.is_alive(timeout_s=REPLY_TIMEOUT_S):
            raise NoRoom(
                "the broker lets one user have one connection only: it takes the user name for the client id",
                hint="name a user, or the port of a listener, without that rule",
            )
        problem = _find_refusal(area, one, two)
    if problem:
        prefix = bench.plan.prefix
        raise NoRoom(
            f"the broker's access rules refuse topics below {prefix!r} to this user: {problem}",
            hint=f"allow it to read and write '{prefix}/#', or name another place with --prefix",
        )


def _dial(area: Area, role: str) -> Link:
    address = area.bench.address
    try:
        return area.dial(role)
    except LinkRefused as error:
        if error.code in _LOGIN_REFUSALS:
            raise LoginRefused(address.host, address.port, error.reason, hint=_LOGIN_HINT) from error
        raise BrokerUnavailable(address.host, address.port, str(error), hint="") from error
    except CertificateRefused as error:
        raise BrokerUnavailable(address.host, address.port, str(error), hint=CERTIFICATE_HINT) from error
    except LinkLost as error:
        raise BrokerUnavailable(
            address.host, address.port, str(error), hint="check host and port, and mqtt:// or mqtts://"
        ) from error


def _find_refusal(area: Area, reader: Link, writer: Link) -> str:
    """Return what is refused, or an empty text."""
    topic = area.name_topic("x")
    try:
        if reader.subscribe(topic) >= FAILURE:
            return "it refuses to subscribe"
        if writer.publish(topic, b"ground") >= FAILURE:
            return "it refuses to publish"
        if not reader.receive(1, timeout_s=_DELIVERY_S):
            return "it acknowledges a publish and does not deliver it"
    except LinkLost as error:
        return str(error)
    return ""
