"""Small files for their owner alone (0600) that nobody ever sees half written, also after a crash."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def create_whole(path: Path, text: str) -> bool:
    """Create a file; return ``False`` where there is one already, which stays. Raises ``OSError``."""
    with _write_draft(path, text) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


def replace_whole(path: Path, text: str) -> None:
    """Write a file, in place of one that is there; a reader sees the old one or the new one. Raises ``OSError``."""
    with _write_draft(path, text) as draft:
        draft.replace(path)


@contextmanager
def _write_draft(path: Path, text: str) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
