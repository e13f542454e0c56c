"""URLs of databases."""

from __future__ import annotations

import pytest

from pulseline_core.database_url import has_password


@pytest.mark.parametrize(
    ("url", "is_there"),
    [
        ("postgresql://me@host:5432/name", False),
        ("postgresql://host:5432,other:5432/name?sslmode=require&user=me", False),
        ("postgresql://me@[::1]:5432/name", False),
        ("", False),
        ("postgresql://me:secret@host/name", True),
        ("postgresql://me:se?cr#t@host/name", True),
        ("postgresql://me:@host/name", True),
        ("postgresql:///name?host=/run&password=secret", True),
        ("postgresql://host/name?p%61ssword=secret", True),
        ("postgresql://host/name?sslpassword=secret", True),
    ],
)
def test_has_password_sees_it_wherever_libpq_reads_one(url: str, is_there: bool) -> None:
    """PostgreSQL 15 documentation, section 34.1.1.2."""
    assert has_password(url) is is_there
