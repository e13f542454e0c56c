"""The page about the client names all that a user can call, and what each argument is without being given."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import pulseline_client
from pulseline_client import Client, ClientStatus, RestReader

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "client.md").read_text(encoding="utf-8")

#: How the calls that write hand their messages over; for subclasses, not for users.
_INTERNAL = {"send"}


def list_public(kind: type) -> list[str]:
    """Return the public methods and properties of a class."""
    return [name for name in dir(kind) if name[0] != "_" and name not in _INTERNAL]


@pytest.mark.parametrize("name", list_public(Client))
def test_every_method_of_the_client_is_described(name: str) -> None:
    """With its arguments and their defaults, as they are written in the code."""
    member = inspect.getattr_static(Client, name)
    if isinstance(member, property):
        assert f"**`{name}`**" in PAGE
        return
    (described,) = re.findall(rf"(?:^\| |\*\*)`{name}\((.*?)\)`", PAGE, re.MULTILINE)

    parameters = [each for each in inspect.signature(member).parameters.values() if each.name != "self"]
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    assert described == str(inspect.Signature(plain))[1:-1]


@pytest.mark.parametrize("name", list_public(RestReader))
def test_every_method_of_the_reader_is_named(name: str) -> None:
    """It has those of the client that read, and some more."""
    assert f"`{name}(" in PAGE


@pytest.mark.parametrize("parameter", list(inspect.signature(Client).parameters.values()), ids=lambda each: each.name)
def test_every_argument_of_the_constructor_is_described(parameter: inspect.Parameter) -> None:
    """With its default."""
    default = f'"{parameter.default}"' if isinstance(parameter.default, str) else repr(parameter.default)

    assert f"| `{parameter.name}` | `{default}` | " in PAGE


@pytest.mark.parametrize("name", pulseline_client.__all__)
def test_every_exported_name_is_explained(name: str) -> None:
    """Classes, errors, values."""
    assert f"`{name}" in PAGE


def test_every_figure_of_the_status_is_explained() -> None:
    """One after the other."""
    (line,) = (line for line in PAGE.splitlines() if line.startswith("- **`status`**"))

    assert all(f"`{name}`" in line for name in ClientStatus.__slots__)
