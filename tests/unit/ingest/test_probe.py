"""A probe says when it was sent; nothing else is taken for one."""

from __future__ import annotations

import pytest

from pulseline_ingest.probe import build_probe, read_probe_age_s


def test_probe_tells_its_age() -> None:
    """In seconds, and never less than nothing: clocks are set back."""
    probe = build_probe("pulseline-ingest-main", now_ms=1_000_000)

    assert read_probe_age_s(probe, now_ms=1_002_500) == 2.5
    assert read_probe_age_s(probe, now_ms=999_000) == 0.0


@pytest.mark.parametrize("payload", [b"", b"{", b"7", b"[]", b"{}", b'{"seq": "1"}', b'{"seq": null}'])
def test_what_somebody_else_published_there_is_no_probe(payload: bytes) -> None:
    """Its topic is open to whoever may write it."""
    assert read_probe_age_s(payload, now_ms=1_000_000) is None
