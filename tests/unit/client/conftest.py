"""A delivery that is connected."""

from __future__ import annotations

import pytest

from tests.unit.client.delivery_bench import Bench


@pytest.fixture
def bench() -> Bench:
    """Return a bench that is connected."""
    made = Bench()
    made.connect()
    return made
