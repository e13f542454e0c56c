"""Columns of numbers as they are read from a database."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.store.column_text import find_distinct


@given(st.lists(st.integers(0, 40) | st.integers(-(2**62), 2**62)))
def test_distinct_numbers_are_found_however_far_apart_they_lie(numbers: list[int]) -> None:
    """In order, and each number's place among them."""
    distinct, places = find_distinct(np.array(numbers, dtype=np.int64))

    assert distinct.tolist() == sorted(set(numbers))
    assert distinct[places].tolist() == numbers
