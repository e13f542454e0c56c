"""Any mixture of messages, in any groups, whatever fails meanwhile: figures balance, the timeline is the pure one."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseline_core.errors import DiskFull
from pulseline_core.event import Event
from pulseline_core.json_value import canonical
from pulseline_core.merge import Span, merge_timeline
from pulseline_core.store import BucketRow
from pulseline_core.times import format_timestamp, from_us, to_us
from pulseline_ingest.source import Received
from tests.integration.ingest.bench import Bench, Break
from tests.unit.ingest.samples import receive

PULSETIME_US = 5

#: Every merge into it meets a bug.
CURSED = "cursed"


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat within a few microseconds, so that many touch, overlap and coincide."""

    start_us: int
    length_us: int
    value: Any

    def build(self) -> dict[str, Any]:
        """Return the payload."""
        return {
            "timestamp": format_timestamp(from_us(self.start_us)),
            "duration": self.length_us / 1e6,
            "data": {"on": self.value},
            "pulsetime": PULSETIME_US / 1e6,
        }

    def build_span(self) -> Span:
        """Return the place in a timeline."""
        return Span(self.start_us, self.start_us + self.length_us, canonical({"on": self.value}))


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent.

    Attributes:
        publisher: the outbox that numbers it, ``None`` for a plain publisher.
        step: 0 is the outbox's next number, less is one that was sent before, more leaves a gap.
        is_first: the outbox says that it holds none before this one.
        body: a heartbeat, or what is none, or nothing at all.
    """

    publisher: str | None
    bucket_id: str
    step: int
    is_first: bool
    body: Beat | dict[str, Any] | None


@dataclass(slots=True)
class Model:
    """What the wire interface says of all that, in a few lines."""

    next_seqs: Counter[tuple[str, str]] = field(default_factory=Counter)
    watermarks: dict[tuple[str, str], int] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    heartbeats: dict[str, list[Span]] = field(default_factory=dict)
    letters: list[bytes] = field(default_factory=list)

    def send(self, sent: Sent) -> Received:
        """Return the message, and note what becomes of it."""
        topic = f"{sent.bucket_id}/heartbeat"
        if sent.body is None:
            self.figures["ignored"] += 1
            return receive(b"", topic=topic, client_id=sent.publisher)
        body = sent.body.build() if isinstance(sent.body, Beat) else sent.body
        if sent.publisher is None:
            payload = json.dumps(body).encode()
            self._take(sent, payload)
            return receive(payload, topic=topic, client_id="device")
        key = (sent.publisher, sent.bucket_id)
        seq = max(1, self.next_seqs[key] + 1 + sent.step)
        if sent.step == 0:
            self.next_seqs[key] = seq
        base = seq if sent.is_first else 1
        payload = json.dumps({**body, "publisher": sent.publisher, "seq": seq, "base": base}).encode()
        watermark = self.watermarks[key] = max(self.watermarks.get(key, 0), base - 1)
        if seq <= watermark:
            self.figures["duplicates"] += 1
        elif seq > watermark + 1:
            self.figures["ignored"] += 1
        else:
            self.watermarks[key] = seq
            self._take(sent, payload)
        return receive(payload, topic=topic, client_id=sent.publisher)

    def _take(self, sent: Sent, payload: bytes) -> None:
        if isinstance(sent.body, Beat) and sent.bucket_id != CURSED:
            self.figures["applied"] += 1
            self.heartbeats.setdefault(sent.bucket_id, []).append(sent.body.build_span())
        else:
            self.figures["dead_letters"] += 1
            self.letters.append(payload)


BEATS = st.builds(Beat, st.integers(0, 60), st.integers(0, 12), st.sampled_from([1, 1.0, True]))
BAD = st.sampled_from([{"data": []}, {"data": {}, "duration": -1}, {"data": {}, "timestamp": "yesterday"}])
SENT = st.builds(
    Sent,
    publisher=st.sampled_from(["anna", "ben", None]),
    bucket_id=st.sampled_from(["plug", "plug", "plug", "desk", CURSED]),
    step=st.sampled_from([0, 0, 0, 0, 0, -1, -2, 1, 3]),
    is_first=st.sampled_from([False, False, False, True]),
    body=st.one_of(BEATS, BEATS, BEATS, BEATS, BAD, st.none()),
)
GROUPS = st.lists(st.lists(SENT, max_size=12), max_size=6)


def break_merges_at(break_merges: Break, full: set[int]) -> None:
    """Let merges into the cursed bucket meet a bug, and those whose count is in ``full`` a full disk."""
    counts = itertools.count()

    def choose(row: BucketRow, event: Event) -> Exception | None:
        if next(counts) in full:
            return DiskFull("/data/pulseline.db")
        return RuntimeError("a bug") if row.bucket.id == CURSED else None

    break_merges(choose)


def read_spans(bench: Bench, bucket_id: str) -> list[Span]:
    """Return a stored timeline, oldest first."""
    events = reversed(bench.reader.read_events(bucket_id))
    return [Span(to_us(event.timestamp), to_us(event.end), canonical(event.data)) for event in events]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=GROUPS, full=st.sets(st.integers(0, 40), max_size=3), max_batch=st.integers(1, 12))
def test_any_messages_are_applied_once_and_add_up(
    break_merges: Break, groups: list[list[Sent]], full: set[int], max_batch: int
) -> None:
    """Publishers at QoS 1 send again what was not acknowledged; then the model, the figures and the store agree."""
    model = Model()
    script = [[model.send(sent) for sent in group] for group in groups]
    break_merges_at(break_merges, full)

    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder) / "pulseline.db") as bench:
        source = bench.run(*script, is_resending=True, max_batch=max_batch)
        timelines = {bucket_id: read_spans(bench, bucket_id) for bucket_id in bench.reader.read_bucket_ids()}
        letters = [letter.payload for letter in bench.read_letters()]

    counters = source.get_counters()
    assert counters["received"] == counters["applied"] + counters["duplicates"] + counters["dead_letters"]
    assert Counter({name: count for name, count in counters.items() if name != "received"}) == model.figures
    assert source.committed == [message for group in script for message in group]
    assert letters == model.letters
    assert timelines == {
        bucket_id: merge_timeline(heartbeats, pulsetime_us=PULSETIME_US)
        for bucket_id, heartbeats in model.heartbeats.items()
    }
    for (publisher, bucket_id), watermark in model.watermarks.items():
        told = [each["seq"] for each in source.get_acknowledgements(publisher) if each["bucket"] == bucket_id]
        assert max(told) == watermark


def test_model_meets_every_outcome(break_merges: Break, tmp_path: Path) -> None:
    """The property would say little if its mixtures never held what it is about."""
    beat = Beat(0, 1, 1)
    model = Model()
    sent = [
        Sent("anna", "plug", 0, is_first=False, body=beat),
        Sent("anna", "plug", -1, is_first=False, body=beat),
        Sent("anna", "plug", 3, is_first=False, body=beat),
        Sent("anna", "plug", 3, is_first=True, body=beat),
        Sent(None, CURSED, 0, is_first=False, body=beat),
        Sent("ben", "plug", 0, is_first=False, body={"data": []}),
        Sent(None, "plug", 0, is_first=False, body=None),
    ]
    script = [model.send(each) for each in sent]
    break_merges_at(break_merges, {1})

    with Bench(tmp_path / "pulseline.db") as bench:
        source = bench.run(script, is_resending=True)

    assert source.get_counters() == {"received": 5, "applied": 2, "duplicates": 1, "dead_letters": 2, "ignored": 2}
    assert len(source.pauses) == 1
