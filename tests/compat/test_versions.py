"""The clients are the released ones, and the documentation names their versions."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.compat.remote import COMPAT, HERE

PAGE = HERE.parent.parent / "docs/reference/compatibility.md"


@pytest.mark.parametrize("package", ["aw-client", "aw-core"])
def test_python_client_is_the_one_that_is_documented(package: str) -> None:
    """What is installed, not what is asked for."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    version = subprocess.check_output([COMPAT / "bin/python", "-c", code], text=True).strip()

    assert f"{package}=={version}" in (HERE / "requirements.txt").read_text().splitlines()
    assert version in PAGE.read_text()


@pytest.mark.parametrize("package", ["aw-client", "axios"])
def test_npm_client_is_the_one_that_is_documented(package: str) -> None:
    """Of axios, the minor version."""
    version = json.loads((COMPAT / f"js/node_modules/{package}/package.json").read_text())["version"]

    assert (version if package == "aw-client" else version.rpartition(".")[0]) in PAGE.read_text()


def test_lock_file_names_no_place() -> None:
    """Each machine asks the registry that it is set up for."""
    lock = json.loads((HERE / "js/package-lock.json").read_text())

    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
