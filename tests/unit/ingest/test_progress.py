"""Whether messages come through: when a probe is sent, and when a connection is given up."""

from __future__ import annotations

from pulseline_ingest.progress import INTERVAL_S, PATIENCE_S, Progress


def test_probe_is_sent_when_nothing_came_through_for_a_while() -> None:
    """Once, until something comes."""
    progress = Progress(now=100.0)

    assert not progress.is_probe_due(now=100.0 + INTERVAL_S - 1)
    assert progress.is_probe_due(now=100.0 + INTERVAL_S)
    assert not progress.is_probe_due(now=100.0 + 2 * INTERVAL_S)


def test_messages_that_come_through_are_as_good_as_a_probe() -> None:
    """Under load none is sent."""
    progress = Progress(now=100.0)

    progress.note_committed(now=105.0)

    assert not progress.is_probe_due(now=100.0 + INTERVAL_S)
    assert progress.get_age_s(now=107.0) == 2.0


def test_connection_is_deaf_when_a_probe_does_not_come_back() -> None:
    """Whatever else comes shows that it is not."""
    progress = Progress(now=100.0)
    progress.is_probe_due(now=200.0)

    assert not progress.is_deaf(now=200.0 + PATIENCE_S - 1)
    assert progress.is_deaf(now=200.0 + PATIENCE_S)
    progress.note_received()
    assert not progress.is_deaf(now=200.0 + PATIENCE_S)


def test_new_connection_is_not_deaf_for_a_probe_of_the_old_one() -> None:
    """It gets one of its own, as nothing was committed yet."""
    progress = Progress(now=100.0)
    progress.is_probe_due(now=200.0)

    progress.begin()

    assert not progress.is_deaf(now=300.0)
    assert progress.is_probe_due(now=300.0)


def test_store_that_takes_nothing_is_no_progress() -> None:
    """What was received and not committed does not count."""
    progress = Progress(now=100.0)

    progress.note_received()

    assert progress.get_age_s(now=160.0) == 60.0
