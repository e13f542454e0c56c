"""Reads the recorded behaviour that lies beside this file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def read_vectors(name: str) -> list[dict[str, Any]]:
    """Return the lines of ``<name>.jsonl.gz``."""
    with gzip.open(_FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_fixture(name: str) -> Any:
    """Return what ``<name>.json.gz`` holds."""
    with gzip.open(_FOLDER / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        return json.load(file)
