"""Programs that use the store in a process of their own, to be killed, starved or kept out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[3]

#: What every program below begins with; ``path`` is its first argument.
_PRELUDE = """
import os, resource, signal, sys
from pathlib import Path
from pulseline_core.errors import PulselineError
from pulseline_core.store import open_reader, open_store
from tests.contract.store.samples import BUCKET, MINUTE, beat, get_row, insert, make_event
path = Path(sys.argv[1])
"""


def run_child(
    program: str, path: Path, *arguments: str, prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program on a database and return how it ended, its output as text.

    Args:
        program: Python source; ``path`` and the names of the prelude are defined.
        path: the database file.
        arguments: ``sys.argv[2:]``.
        prefix: a command to run it with, as in ``("unshare", "-r")``.
    """
    return subprocess.run(
        [*prefix, sys.executable, "-c", _PRELUDE + program, str(path), *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(_ROOT), str(_ROOT / "core")))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
