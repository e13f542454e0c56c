"""Partitions: which bucket belongs to which, and how they are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.partition import Partition, find_partition, get_fair_share, parse_numbers


def test_buckets_are_dealt_out_as_nats_does() -> None:
    """By what nats-server 2.9.10 made of the subjects with ``{{partition(8,1)}}``."""
    assert [find_partition(f"b{number}", 8) for number in range(8)] == [7, 4, 5, 2, 3, 0, 1, 6]


@given(st.text(), st.integers(1, 256))
def test_every_bucket_has_one_partition(level: str, count: int) -> None:
    """Whatever it is called."""
    assert sum(Partition(number, count).has(level) for number in range(count)) == 1


def test_numbers_are_read_from_single_ones_and_ranges() -> None:
    """Twice is once."""
    assert parse_numbers(("0-2", "6", "2"), 8) == {0, 1, 2, 6}
    assert parse_numbers((), 8) == frozenset()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("8", "holds '8', not between 0 and 7"),
        ("3-2", "holds '3-2', not between 0 and 7"),
        ("-1", "holds '-1', neither a number nor a range as in 0-3"),
        ("", "holds '', neither a number nor a range as in 0-3"),
    ],
)
def test_number_that_names_no_partition_is_refused(text: str, problem: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=problem):
        parse_numbers((text,), 8)


@pytest.mark.parametrize(("workers", "each"), [(0, 8), (1, 8), (2, 4), (3, 3), (8, 1), (9, 1)])
def test_shares_of_all_workers_are_all_partitions(workers: int, each: int) -> None:
    """Or more, so that none is left."""
    assert get_fair_share(8, workers) == each
