"""Data is looked at once per distinct object, and equal data has one code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.transforms.data_pool import DataPool, find_distinct
from pulseline_core.types import JSONObject


def test_equal_data_has_one_code() -> None:
    """The order of keys is nothing; true is not one."""
    pool = DataPool()

    several: list[JSONObject] = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": True, "b": 2}]
    codes = [pool.intern(data) for data in several]

    assert codes == [0, 0, 1]
    assert pool.get(0) == {"a": 1, "b": 2}
    assert pool.get_text(1) == b'{"a":true,"b":2}'


def test_a_rewrite_is_done_once_per_distinct_object() -> None:
    """However often it is asked for, as long as the key is the same."""
    pool = DataPool()
    seen: list[int] = []
    codes = np.array([pool.intern({"n": number}) for number in (1, 2, 1)])

    def double(data: JSONObject) -> JSONObject:
        seen.append(int(str(data["n"])))
        return {"n": seen[-1] * 2}

    first = pool.rewrite(codes, "double", double)
    again = pool.rewrite(codes[::-1], "double", double)

    assert [pool.get(code)["n"] for code in first.tolist()] == [2, 4, 2]
    assert again.tolist() == first.tolist()[::-1]
    assert sorted(seen) == [1, 2]


def test_data_that_a_rewrite_leaves_alone_keeps_its_code() -> None:
    """Also where the store writes a number in other words than the pool does."""
    pool = DataPool()
    codes = np.array(pool.intern_texts([b'{"n":1e-05}']))

    assert pool.rewrite(codes, "nothing", lambda data: data).tolist() == codes.tolist()


def test_keys_are_told_apart() -> None:
    """What was found out under one is not taken for the other."""
    pool = DataPool()
    codes = np.array([pool.intern({"n": 1})])

    assert pool.test(codes, "yes", lambda _: True).tolist() == [True]
    assert pool.test(codes, "no", lambda _: False).tolist() == [False]


def test_data_that_comes_later_is_looked_at_then() -> None:
    """Results grow with the pool."""
    pool = DataPool()
    early = np.array([pool.intern({"n": 1})])
    pool.test(early, "is one", lambda data: data["n"] == 1)

    late = np.array([pool.intern({"n": number}) for number in range(100)])

    assert np.flatnonzero(pool.test(late, "is one", lambda data: data["n"] == 1)).tolist() == [1]


def test_much_work_is_checked_on() -> None:
    """So that a query that takes too long ends."""
    pool = DataPool()
    codes = np.array([pool.intern({"n": number}) for number in range(1000)])

    def stop() -> None:
        raise TimeoutError

    pool.check = stop
    with pytest.raises(TimeoutError):
        pool.test(codes, "anything", lambda _: True)
    pool.check = lambda: None
    assert pool.test(codes, "anything", lambda _: True).all()


def test_much_text_is_checked_on() -> None:
    """A few large objects take the memory of many."""
    pool = DataPool()
    codes = np.array([pool.intern({"n": number}) for number in range(10)])
    checks: list[int] = []
    pool.check = lambda: checks.append(pool.size_bytes)

    pool.rewrite(codes, "grow", lambda data: {**data, "text": "x" * 600_000})

    assert max(np.diff(checks)) < 2_000_000
    assert checks[-1] > 4_000_000


def test_keys_count_as_memory() -> None:
    """A filter for a long text is remembered under it."""
    pool = DataPool()
    codes = np.array([pool.intern({"n": 1})])
    before = pool.size_bytes

    pool.test(codes, ("filter", frozenset({"x" * 60_000})), lambda _: True)

    assert pool.size_bytes - before > 60_000


def test_decoded_objects_can_be_forgotten() -> None:
    """They come again from their texts."""
    pool = DataPool()
    code = pool.intern({"title": "x" * 100})
    before = pool.get(code)

    pool.forget_decoded()

    assert pool.get(code) == before
    assert pool.get(code) is not before
    assert pool.size_bytes > 100


@given(st.lists(st.integers(0, 40) | st.integers(-(2**62), 2**62)))
def test_distinct_numbers_are_found_however_far_apart_they_lie(numbers: list[int]) -> None:
    """In order, and each number's place among them."""
    distinct, places = find_distinct(np.array(numbers, dtype=np.int64))

    assert distinct.tolist() == sorted(set(numbers))
    assert distinct[places].tolist() == numbers
