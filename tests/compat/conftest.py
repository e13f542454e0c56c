"""``pulseline up --testing``, and the released clients of ActivityWatch that talk to it, shared by a module's tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.compat.remote import COMPAT, Remote, open_npm, open_python
from tests.e2e.up_process import Up

_NUMBERS = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _clients() -> None:
    """Say what is missing rather than fail a hundred times."""
    assert (COMPAT / "installed").exists(), "the clients are not installed: run scripts/test, which does that"


@pytest.fixture(scope="module", name="system")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(home=tmp_path_factory.mktemp("compat"), flags=("--testing",)) as system:
        yield system


@pytest.fixture(scope="module", name="aw")
def _aw(system: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """Return aw-client from PyPI."""
    with open_python("compat", system.http_port, tmp_path_factory.mktemp("python")) as client:
        yield client


@pytest.fixture(scope="module", name="js")
def _js(system: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """Return aw-client from npm."""
    with open_npm("compat", system.http_port, tmp_path_factory.mktemp("npm")) as client:
        yield client


@pytest.fixture(scope="module", name="http")
def _http(system: Up) -> Iterator[httpx.Client]:
    """Return plain HTTP, for what a client sends that can not run here."""
    with httpx.Client(base_url=system.url, timeout=30.0) as client:
        yield client


@pytest.fixture(name="bucket")
def _bucket(http: httpx.Client) -> str:
    """Return the id of a bucket that is the test's own."""
    bucket_id = f"compat-{next(_NUMBERS)}"
    body = {"client": "compat", "type": "currentwindow", "hostname": "desk"}
    http.post(f"/buckets/{bucket_id}", json=body).raise_for_status()
    return bucket_id
