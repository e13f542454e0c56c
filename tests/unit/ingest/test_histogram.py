"""Histograms: which bound a value lies below."""

from __future__ import annotations

from pulseline_ingest.histogram import Histogram


def test_value_is_counted_below_the_first_bound_that_it_does_not_exceed() -> None:
    """A value at a bound belongs to it, and there is a place above the last."""
    histogram = Histogram((1, 10))

    for value in (0.5, 1, 1.5, 10, 11):
        histogram.add(value)

    assert histogram.to_json() == {"bounds": [1, 10], "counts": [2, 2, 1], "sum": 24.0}
