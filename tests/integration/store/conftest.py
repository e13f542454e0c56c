"""A database file of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the test a place for a database file, in a folder that is not there yet."""
    return tmp_path / "data" / "pulseline.db"
