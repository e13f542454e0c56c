"""Whether messages come through: when a probe is sent, and when a connection is given up."""

from __future__ import annotations

from pulseline_ingest.progress import INTERVAL_S, PATIENCE_S, Progress


def test_probe_is_sent_every_interval() -> None:
    """Whether messages come or not: its way back is how far the worker lies behind."""
    progress = Progress(now=100.0)

    times = [100.0 + INTERVAL_S - 1, 100.0 + INTERVAL_S, 100.0 + INTERVAL_S + 1, 100.0 + 2 * INTERVAL_S]

    assert [progress.is_probe_due(now=now) for now in times] == [False, True, False, True]


def test_what_comes_through_is_progress() -> None:
    """Each commit of something that the broker handed out."""
    progress = Progress(now=100.0)

    progress.note_committed(now=105.0)

    assert progress.get_age_s(now=107.0) == 2.0


def test_lag_is_how_long_the_last_probe_took() -> None:
    """It waited behind everything else."""
    progress = Progress(now=100.0)

    progress.note_probe(2.5, now=112.5)

    assert progress.get_lag_s(now=113.0) == 2.5


def test_lag_grows_while_no_probe_comes_back() -> None:
    """The one that is overdue has taken so long already; what comes back at last says how long that was."""
    progress = Progress(now=100.0)
    progress.note_probe(0.0, now=110.0)

    assert progress.get_lag_s(now=120.0) == 0.0, "the next one is hardly due"
    assert progress.get_lag_s(now=170.0) == 45.0
    progress.note_probe(50.0, now=170.0)
    assert progress.get_lag_s(now=170.0) == 50.0


def test_probe_of_an_earlier_process_tells_how_long_it_has_waited() -> None:
    """The broker kept it while no worker was there."""
    progress = Progress(now=100.0)

    progress.note_probe(300.0, now=101.0)

    assert progress.get_lag_s(now=101.0) == 300.0


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
