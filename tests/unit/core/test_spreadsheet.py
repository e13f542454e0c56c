"""Text in CSV, as a spreadsheet takes it."""

from __future__ import annotations

import pytest

from pulseline_core.spreadsheet import name_columns, neutralise


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_formula_becomes_text(start: str) -> None:
    """By an apostrophe; other text stays as it is."""
    assert neutralise(f"{start}1") == f"'{start}1"
    assert neutralise(f"1{start}") == f"1{start}"


def test_every_column_has_a_name_of_its_own() -> None:
    """Keys that are called like other columns, or like what such keys become."""
    names = name_columns(["app", "bucket", "data.end", "end", "=a"], taken=("bucket", "end"))

    assert names == ["app", "data.bucket", "data.end", "data.data.end", "'=a"]
