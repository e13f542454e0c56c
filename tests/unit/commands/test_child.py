"""How a child's end is told, and when it is started again."""

from __future__ import annotations

import pytest

from pulseline_core.backoff import Backoff
from pulseline_core.child import Child, ChildCommand, ChildState, describe_end


@pytest.mark.parametrize(
    ("returncode", "words"),
    [(0, "exit code 0"), (5, "exit code 5"), (-9, "SIGKILL"), (-15, "SIGTERM"), (-250, "signal 250")],
)
def test_describe_end_names_code_or_signal(returncode: int, words: str) -> None:
    """A positive number is an exit code, a negative one a signal."""
    assert describe_end(returncode) == words


def build_child() -> Child:
    """Return a child with waits of 1, 2, 4 seconds."""
    return Child(ChildCommand(name="api", argv=("true",)), Backoff(1.0, 30.0, jitter=0.5))


def test_plan_restart_waits_longer_each_time() -> None:
    """A child that dies again and again comes back later and later."""
    child = build_child()

    waits = [child.plan_restart(lambda: 0.0, now=100.0, stable_s=10.0) for _ in range(3)]

    assert waits == [1.0, 2.0, 4.0]
    assert child.state is ChildState.WAITING
    assert child.deadline == 104.0


def test_plan_restart_begins_anew_after_a_stable_time() -> None:
    """A child that served for long was not part of a series of deaths."""
    child = build_child()
    child.plan_restart(lambda: 0.0, now=0.0, stable_s=10.0)
    child.plan_restart(lambda: 0.0, now=0.0, stable_s=10.0)

    child.ready_at = 50.0

    assert child.plan_restart(lambda: 0.0, now=60.0, stable_s=10.0) == 1.0


def test_plan_restart_goes_on_after_a_short_time() -> None:
    """Ready for a moment is not stable."""
    child = build_child()
    child.plan_restart(lambda: 0.0, now=0.0, stable_s=10.0)

    child.ready_at = 50.0

    assert child.plan_restart(lambda: 0.0, now=59.9, stable_s=10.0) == 2.0


def test_cancel_restart_forgets_the_plan() -> None:
    """A stop leaves nothing that would start."""
    child = build_child()
    child.plan_restart(lambda: 0.0, now=0.0, stable_s=10.0)

    child.cancel_restart()

    assert child.state is ChildState.ENDED
    assert not child.is_alive
