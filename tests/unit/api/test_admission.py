"""Whose large bodies are read at all."""

from __future__ import annotations

import pytest

from pulseline_api.access import Access
from pulseline_api.admission import Admission
from pulseline_api.key_check import KeyCheck

HOST = {"HOST": "127.0.0.1:5600"}
KEY = {"AUTHORIZATION": "Bearer secret"}
OWN = {"ORIGIN": "http://127.0.0.1:5600"}
FOREIGN = {"ORIGIN": "https://evil.example"}


@pytest.mark.parametrize(
    ("headers", "without_key", "with_key"),
    [
        pytest.param(HOST, True, False, id="program"),
        pytest.param(HOST | KEY, True, True, id="program with the key"),
        pytest.param(HOST | OWN, True, False, id="own page"),
        pytest.param(HOST | OWN | KEY, True, True, id="own page with the key"),
        pytest.param(HOST | FOREIGN, False, False, id="foreign page"),
        pytest.param(HOST | FOREIGN | KEY, False, False, id="foreign page with the key"),
        pytest.param(HOST | {"ORIGIN": "null"}, False, False, id="page without an origin"),
        pytest.param(OWN, False, False, id="own page without a host"),
    ],
)
def test_who_would_be_refused_afterwards_is_not_admitted(
    headers: dict[str, str], without_key: bool, with_key: bool
) -> None:
    """A page of another origin, and who has to show a key and does not."""
    access = Access("127.0.0.1")

    assert Admission(access, None).admits(headers) is without_key
    assert Admission(access, KeyCheck("secret")).admits(headers) is with_key
