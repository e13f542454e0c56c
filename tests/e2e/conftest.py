"""A running system with the demo's data, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.command_line import ask
from tests.e2e.up_process import Up


@pytest.fixture(scope="module", name="demo_system")
def _demo_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(home=tmp_path_factory.mktemp("demo")) as system:
        done = ask(system, "demo")
        assert done.returncode == 0, done.stderr
        yield system
