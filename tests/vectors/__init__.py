"""Reads the recorded behaviour that lies beside this file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

#: Recorded cases in which aw-core merged ``true`` with ``1``, as Python holds them to be equal. In JSON they are not:
#: a merge would turn one into the other. There Pulseline keeps two events.
HEARTBEATS_WHERE_TRUE_IS_ONE = frozenset({"heartbeats-70"})

_FOLDER = Path(__file__).parent


def read_vectors(name: str) -> list[dict[str, Any]]:
    """Return the lines of ``<name>.jsonl.gz``."""
    with gzip.open(_FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_fixture(name: str) -> Any:
    """Return what ``<name>.json.gz`` holds."""
    with gzip.open(_FOLDER / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        return json.load(file)
