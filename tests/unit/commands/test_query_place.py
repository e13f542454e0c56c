"""The mark under the place of an error."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from pulseline_client.commands.query_place import draw_place

LONG = f"events = [{', '.join(str(number) for number in range(100))}];"


@pytest.mark.parametrize(
    ("line", "column", "drawn"),
    [
        ("x = f(1);", 5, ("  7 | x = f(1);", "    |     ^")),
        ("x = f(1);\r", 10, ("  7 | x = f(1);", "    |          ^")),
        ("\tx = '\x1b';", 8, (r"  7 |  x = '\x1b';", "    |           ^")),
        ("x = '日本' + y;", 12, ("  7 | x = '日本' + y;", "    |              ^")),
        ("", 1, ("  7 | ", "    | ^")),
        ("x", 99, ("  7 | x", "    |  ^")),
    ],
    ids=["middle", "end", "control character", "wide characters", "empty", "beyond"],
)
def test_mark_is_under_the_column(line: str, column: int, drawn: tuple[str, str]) -> None:
    """Whatever the characters before it take on a terminal."""
    assert draw_place(line, 7, column, width=80) == drawn


@pytest.mark.parametrize("column", [1, 40, 200, len(LONG)])
def test_long_line_is_cut_around_the_place(column: int) -> None:
    """Neither is wider than the terminal, and what is wrong begins above the mark."""
    shown, mark = draw_place(LONG, 12, column, width=60)

    assert max(cell_len(shown), cell_len(mark)) <= 60
    wrong = LONG[column - 1 :][:10]
    assert shown[mark.index("^") :].startswith(wrong)
