"""What holds for every test: a clean environment, a home folder of its own, and no thread left behind."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import hypothesis
import pytest

#: A thread that was told to stop may take this long to be gone.
_THREAD_GRACE_S = 2.0

_HOME_NUMBERS = itertools.count()

# Tests that are started in the background may be told to ignore these; the programs that they start would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A shared machine is slow now and then; a test is not wrong for it.
hypothesis.settings.register_profile("pulseline", deadline=None, print_blob=True)
hypothesis.settings.load_profile("pulseline")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test and its child processes an empty home folder and an environment without our variables."""
    folder = tmp_path_factory.getbasetemp() / f"home-{next(_HOME_NUMBERS)}"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(("PULSELINE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    deadline = monotonic() + _THREAD_GRACE_S
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, deadline - monotonic()))
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not left, f"threads left running: {left}"
