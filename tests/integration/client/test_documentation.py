"""The pages about the clients name all that a user can call, and what each argument is without being given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import pulseline_client
from pulseline_client import ActivityWatchClient, Client, ClientStatus, Event, RestReader
from pulseline_client.activitywatch_config import DEFAULT_CONFIG

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (REFERENCE / "client.md").read_text(encoding="utf-8")
ACTIVITYWATCH_PAGE = (REFERENCE / "activitywatch-client.md").read_text(encoding="utf-8")

#: How the calls that write hand their messages over; for subclasses, not for users.
_INTERNAL = {"send"}


def list_public(kind: type) -> list[str]:
    """Return the public methods and properties of a class."""
    return [name for name in dir(kind) if name[0] != "_" and name not in _INTERNAL]


def check_described(name: str, function: Callable[..., object], page: str) -> None:
    """Fail unless a page describes a function with its arguments and their defaults, as in the code."""
    (described,) = re.findall(rf"(?:^\| |\*\*)`{name}\((.*?)\)`", page, re.MULTILINE)

    parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    assert described == str(inspect.Signature(plain))[1:-1]


def build_row(parameter: inspect.Parameter) -> str:
    """Return how the row of a constructor's argument begins."""
    default = f'"{parameter.default}"' if isinstance(parameter.default, str) else repr(parameter.default)
    return f"| `{parameter.name}` | `{default}` | "


@pytest.mark.parametrize("name", list_public(Client))
def test_every_method_of_the_client_is_described(name: str) -> None:
    """With its arguments and their defaults, as they are written in the code."""
    member = inspect.getattr_static(Client, name)
    if isinstance(member, property):
        assert f"**`{name}`**" in PAGE
        return
    check_described(name, member, PAGE)


@pytest.mark.parametrize("name", list_public(RestReader))
def test_every_method_of_the_reader_is_named(name: str) -> None:
    """It has those of the client that read, and some more."""
    assert f"`{name}(" in PAGE


@pytest.mark.parametrize("parameter", list(inspect.signature(Client).parameters.values()), ids=lambda each: each.name)
def test_every_argument_of_the_constructor_is_described(parameter: inspect.Parameter) -> None:
    """With its default."""
    assert build_row(parameter) in PAGE


@pytest.mark.parametrize("name", pulseline_client.__all__)
def test_every_exported_name_is_explained(name: str) -> None:
    """Classes, errors, values."""
    assert f"`{name}" in PAGE + ACTIVITYWATCH_PAGE


@pytest.mark.parametrize("name", [each for each in list_public(ActivityWatchClient) if each != "hostname"])
def test_every_method_of_the_client_for_activitywatch_is_described(name: str) -> None:
    """With its arguments and their defaults."""
    check_described(name, getattr(ActivityWatchClient, name), ACTIVITYWATCH_PAGE)


@pytest.mark.parametrize("kind", [ActivityWatchClient, Event])
def test_every_argument_of_the_constructors_for_activitywatch_is_described(kind: type) -> None:
    """With its default."""
    for parameter in inspect.signature(kind).parameters.values():
        assert build_row(parameter) in ACTIVITYWATCH_PAGE


@pytest.mark.parametrize("name", [each for each in pulseline_client.__all__ if each[0].islower()])
def test_every_function_is_described(name: str) -> None:
    """With its arguments and their defaults."""
    check_described(name, getattr(pulseline_client, name), ACTIVITYWATCH_PAGE)


def test_the_attributes_of_the_client_for_activitywatch_are_named() -> None:
    """Those that programs read."""
    names = [name for name in vars(ActivityWatchClient()) if name[0] != "_"]

    assert all(f"`{name}`" in ACTIVITYWATCH_PAGE for name in [*names, "hostname"])


def test_the_settings_file_for_activitywatch_is_shown_as_it_is() -> None:
    """Every key with its default."""
    assert f"```toml\n{DEFAULT_CONFIG}```" in ACTIVITYWATCH_PAGE


def test_every_figure_of_the_status_is_explained() -> None:
    """One after the other."""
    (line,) = (line for line in PAGE.splitlines() if line.startswith("- **`status`**"))

    assert all(f"`{name}`" in line for name in ClientStatus.__slots__)
