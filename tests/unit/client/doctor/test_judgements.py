"""What observations mean: the cases that no broker of the tests shows."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pulseline_client.doctor.examination import relieve
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict, get_exit_code, get_worst
from pulseline_client.doctor.packets import Delivered
from pulseline_client.doctor.probes.access import Refusal, judge_refusal
from pulseline_client.doctor.probes.liveness import judge_will
from pulseline_client.doctor.probes.order import judge_order, judge_qos
from pulseline_client.doctor.probes.protocol import judge_version_5
from pulseline_client.doctor.probes.queueing import judge_queue
from pulseline_client.doctor.probes.redelivery import judge_redelivery
from pulseline_client.doctor.probes.retained import judge_retained
from pulseline_client.doctor.probes.shared import judge_shared
from pulseline_client.doctor.probes.size import judge_size
from pulseline_client.doctor.probes.system_topics import judge_system_topics
from pulseline_client.doctor.probes.takeover import judge_take_over
from pulseline_client.doctor.probes.window import judge_window


def deliver(payloads: Iterable[bytes], *, retain: bool = False, dup: bool = False) -> list[Delivered]:
    """Return messages as a broker sends them."""
    return [
        Delivered(topic="t", payload=payload, qos=1, retain=retain, dup=dup, packet_id=number)
        for number, payload in enumerate(payloads, start=1)
    ]


def build(verdict: Verdict, guarantee: Guarantee = Guarantee.ORDER) -> Finding:
    """Return a finding of the verdict."""
    return Finding(check="c", verdict=verdict, observed="o", guarantee=guarantee, meaning="m")


@pytest.mark.parametrize(
    ("finding", "verdict", "observed"),
    [
        (judge_version_5(), Verdict.NOTE, "the connection is closed without a word"),
        (
            judge_redelivery(deliver([b"0"]), [b"0", b"1"], after_s=35.0, is_kept=True),
            Verdict.PARTLY,
            "1 of 2 come again within 35 s",
        ),
        (judge_order([0, 0, 1], sent=2), Verdict.PARTLY, "in order, 1 of 2 more than once"),
        (judge_order([1, 0], sent=2), Verdict.FAILS, "0 of 2 missing, the rest mixed up"),
        (judge_order([1], sent=2), Verdict.FAILS, "1 of 2 missing, the rest in order"),
        (judge_qos([]), Verdict.UNCLEAR, "nothing arrives"),
        (judge_window(0, sent=300), Verdict.UNCLEAR, "0 unacknowledged, the rest waits"),
        (
            judge_take_over(hears=True, is_kept=True, is_old_open=True),
            Verdict.PARTLY,
            "the new connection hears, the old one stays open",
        ),
        (judge_will(None, is_quiet=True), Verdict.FAILS, "does not come after a client was killed"),
        (judge_will(0.1, is_quiet=False), Verdict.PARTLY, "comes when a client is killed, but after a goodbye as well"),
        (judge_retained(deliver([b"kept"], retain=True), is_cleared=False), Verdict.PARTLY, "kept, and not cleared"),
        (judge_retained([], is_cleared=True), Verdict.PARTLY, "not kept"),
        (
            judge_size(65_536, wanted=262_144, is_bounded=True),
            Verdict.PARTLY,
            "payloads of 65536 bytes get through, of 262144 not",
        ),
        (
            judge_size(0, wanted=262_144, is_bounded=True),
            Verdict.FAILS,
            "payloads of 0 bytes get through, of 262144 not",
        ),
        (
            judge_refusal(Refusal(is_acknowledged=True), topic="$SYS"),
            Verdict.PARTLY,
            "acknowledged, and thrown away",
        ),
        (
            judge_refusal(Refusal(is_acknowledged=True, is_delivered=True), topic="a/b"),
            Verdict.FAILS,
            "allowed: the message is delivered",
        ),
        (judge_shared([6, 0]), Verdict.NOTE, "one topic stays with one subscriber"),
        (judge_shared([6, 6]), Verdict.NOTE, "12 deliveries of 6 messages"),
        (judge_system_topics(None), Verdict.NOTE, "refused to this user"),
    ],
    ids=lambda value: value.check if isinstance(value, Finding) else "",
)
def test_observation_has_its_verdict(finding: Finding, verdict: Verdict, observed: str) -> None:
    """And its sentence."""
    assert (finding.verdict, finding.observed) == (verdict, observed)


def test_queue_that_keeps_nothing_has_one_row() -> None:
    """Limit, order and flags of nothing are no matter."""
    (finding,) = judge_queue([], sent=2_000)

    assert finding.verdict is Verdict.FAILS


def test_queue_that_mixes_up_fails() -> None:
    """Messages that come twice are counted once."""
    _, limit, order, flag = judge_queue(deliver([b"1", b"0", b"1"]), sent=2)

    assert (limit.verdict, order.verdict, flag.verdict) == (Verdict.HOLDS, Verdict.FAILS, Verdict.HOLDS)


@pytest.mark.parametrize(
    ("verdicts", "worst", "code"),
    [
        ([], Verdict.HOLDS, 0),
        ([Verdict.HOLDS, Verdict.NOTE], Verdict.HOLDS, 0),
        ([Verdict.PARTLY, Verdict.HOLDS], Verdict.PARTLY, 10),
        ([Verdict.UNCLEAR, Verdict.PARTLY], Verdict.UNCLEAR, 10),
        ([Verdict.FAILS, Verdict.UNCLEAR], Verdict.FAILS, 11),
    ],
)
def test_worst_verdict_is_the_exit_code(verdicts: list[Verdict], worst: Verdict, code: int) -> None:
    """What is not known is worse than what is limited."""
    found = get_worst(build(verdict) for verdict in verdicts)

    assert (found, get_exit_code(found)) == (worst, code)


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (build(Verdict.FAILS, Guarantee.BROKER_RESTART), Verdict.NOTE),
        (build(Verdict.HOLDS, Guarantee.BROKER_RESTART), Verdict.HOLDS),
        (build(Verdict.UNCLEAR, Guarantee.BROKER_RESTART), Verdict.UNCLEAR),
        (build(Verdict.FAILS, Guarantee.ORDER), Verdict.FAILS),
    ],
)
def test_broker_that_commits_first_is_relieved(finding: Finding, verdict: Verdict) -> None:
    """Of what concerns messages that would wait in it, where that is known."""
    assert relieve(finding).verdict is verdict
