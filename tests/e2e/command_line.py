"""Calls ``pulseline`` as a person or a script does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.storm.system import System, clean_environment

#: Longer than any command here takes.
TIMEOUT_S: Final = 60.0

PULSELINE: Final = (sys.executable, "-m", "pulseline_client")


def run_pulseline(*arguments: str, home: Path, wrapper: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``wrapper`` is a command that runs it, as ``env`` does."""
    return subprocess.run(
        [*wrapper, *PULSELINE, *arguments],
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def ask(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that talks to a running system, as its user."""
    return run_pulseline(*arguments, *get_flags(system), home=system.home)


def get_flags(system: System) -> tuple[str, ...]:
    """Return the flags that say where a system is."""
    return "--port", str(system.http_port), "--mqtt-port", str(system.mqtt_port)
