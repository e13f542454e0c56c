"""What the worker shows: states of buckets, after their commit and a second apart, and its own status, on time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pulseline_ingest.source import Received
from tests.integration.ingest.bench import Bench, Break, beat
from tests.integration.ingest.scripted_source import ScriptedSource
from tests.unit.ingest.samples import read_json, receive

#: Reports that come too seldom to be in the way of what a test looks at.
SELDOM_S = 1_000_000.0


def get_durations(source: ScriptedSource, bucket: str = "plug") -> list[float]:
    """Return how long the newest event was in each state that was published."""
    return [read_json(message)["duration"] for message in source.get_published(f"{bucket}/state")]


def test_state_is_published_after_its_commit(timed_bench: Bench) -> None:
    """It is what a reader finds, and retained."""
    source = timed_bench.run([beat(0), beat(5)], status_interval_s=SELDOM_S)

    [state] = source.get_published("plug/state")
    assert state.retain
    assert read_json(state) == timed_bench.reader.read_events("plug")[0].to_json()


def test_states_of_a_bucket_lie_a_second_apart(timed_bench: Bench) -> None:
    """What changed in between is one state, as soon as the second is over, and it is the newest."""
    clock = timed_bench.clock

    def after(seconds: float, *messages: Received) -> Sequence[Received]:
        clock.advance(seconds)
        return messages

    def note_time() -> Sequence[Received]:
        times.append(clock.now)
        return ()

    times: list[float] = []
    source = timed_bench.run(
        [beat(0)],
        lambda: after(0.25, beat(1)),
        lambda: after(0.25, beat(2)),
        [],  # nothing comes until the state is due
        note_time,
        status_interval_s=SELDOM_S,
    )

    assert get_durations(source) == [0.0, 2.0]
    assert times == [1001.0]


def test_busy_bucket_does_not_hold_another_s_state_back(timed_bench: Bench) -> None:
    """The second counts for each bucket by itself."""
    source = timed_bench.run([beat(0)], lambda: [beat(1), beat(0, bucket="desk")], status_interval_s=SELDOM_S)

    assert (get_durations(source), get_durations(source, "desk")) == ([0.0], [0.0])


def test_states_of_many_buckets_all_come(timed_bench: Bench) -> None:
    """A few at a time, so that a message that comes meanwhile waits less."""
    buckets = [f"bucket-{number}" for number in range(60)]

    source = timed_bench.run([beat(0, bucket=bucket) for bucket in buckets], *([[]] * 6), status_interval_s=SELDOM_S)

    assert [len(source.get_published(f"{bucket}/state")) for bucket in buckets] == [1] * 60
    assert timed_bench.clock.now == 1000.0, "the worker waited before all were out"


def test_messages_that_wait_go_before_states(timed_bench: Bench) -> None:
    """While there are any, a state is published for every two hundred of them."""
    groups = [[beat(10 * number + n) for n in range(10)] for number in range(45)]

    source = timed_bench.run(*groups, status_interval_s=SELDOM_S, state_interval_s=0.0)

    assert len(source.get_published("plug/state")) == 3  # after 200, after 400, and when nothing waits


def test_states_of_all_buckets_are_published_at_the_start(timed_bench: Bench) -> None:
    """A broker that was started again remembers none."""
    timed_bench.run([beat(0), beat(0, bucket="desk")])

    source = timed_bench.run()

    assert (len(source.get_published("plug/state")), len(source.get_published("desk/state"))) == (1, 1)


def test_group_that_was_rolled_back_publishes_no_state(timed_bench: Bench, break_merges: Break) -> None:
    """Only the message that was stored by itself afterwards does."""
    break_merges(lambda row, event: RuntimeError("a bug") if row.bucket.id == "cursed" else None)

    source = timed_bench.run([beat(0), beat(0, bucket="cursed")], *([[]] * 3), status_interval_s=SELDOM_S)

    assert len(source.get_published("plug/state")) == 1
    assert source.get_published("cursed/state") == []


def test_status_is_published_at_the_start_and_every_interval(timed_bench: Bench) -> None:
    """Whether messages come or not, and its timer delays none."""
    source = timed_bench.run([], [beat(0)], [], [], status_interval_s=5.0, state_interval_s=0.5)

    reports = source.get_reports()
    assert [report["state"] for report in reports] == ["online", "online", "online", "offline"]
    assert timed_bench.clock.now == 1010.0


def test_status_names_worker_and_database(timed_bench: Bench) -> None:
    """And how the commits go."""
    first, *_, last, _ = timed_bench.run([beat(0), receive(b"NaN")], [beat(5)]).get_reports()

    expected: dict[str, Any] = {
        "worker": "main",
        "problem": None,
        "version": "1.2.3",
        "epoch": timed_bench.store.epoch,
        "started": "2026-11-23T10:00:00+00:00",
    }
    assert expected.items() <= last.items()
    assert last["counters"] == {"received": 3, "applied": 2, "duplicates": 0, "dead_letters": 1, "ignored": 0}
    assert (last["commit"]["groups"], last["commit"]["messages"], last["commit"]["refused"]) == (2, 3, 0)
    assert first["counters"]["received"] == 0


def test_status_says_how_many_messages_wait(timed_bench: Bench) -> None:
    """As the source knows it."""
    source = timed_bench.run([beat(0)], [beat(1), beat(2)])

    assert [report["queue"] for report in source.get_reports()[:-1]] == [3, 2, 0]


def test_status_says_what_was_merged(timed_bench: Bench) -> None:
    """Heartbeats that prolonged an event that was there."""
    *_, last, _ = timed_bench.run([beat(0), beat(5), beat(10)], [beat(15)]).get_reports()

    assert last["commit"]["merged"] == 3


def test_status_says_what_was_here_at_most_since_the_last_one(timed_bench: Bench) -> None:
    """The group in hand and what waits behind it; and how long its oldest message has waited."""
    received_at = datetime.now(UTC) - timedelta(seconds=20)

    reports = timed_bench.run([receive(b"1", received_at=received_at)], [beat(1), beat(2)]).get_reports()

    assert [report["unacknowledged"] for report in reports[:-1]] == [0, 3, 2]
    assert 20 <= reports[1]["lag_s"] < 60


def test_last_word_is_offline(timed_bench: Bench) -> None:
    """After everything else."""
    source = timed_bench.run([beat(0)])

    assert source.log[-1] == source.get_published("_status/main")[-1]
    assert read_json(source.get_published("_status/main")[-1])["state"] == "offline"
