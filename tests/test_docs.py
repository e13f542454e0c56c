"""The documentation: generated pages are current, links lead somewhere, every command and setting is described."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import click
import pytest

from pulseline_api.app import BASE_PATH, create_app
from pulseline_api.problems import STATUSES
from pulseline_client.cli import group
from pulseline_core.errors import ExitCode
from pulseline_core.settings.load import SPECS
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"```.*?```", re.DOTALL)


def read(page: str) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def build_anchor(heading: str) -> str:
    """Return the anchor that Markdown readers make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def iter_commands(commands: click.Group, path: str) -> Iterator[str]:
    """Yield every command that does something."""
    context = click.Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        if isinstance(command, click.Group):
            yield from iter_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_generated_pages_are_current() -> None:
    """What the code says is what the pages say."""
    command = [sys.executable, str(ROOT / "scripts/make_docs.py"), "--check"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", list(iter_commands(group, "pulseline")))
def test_every_command_is_described_once(name: str) -> None:
    """On the page of all commands."""
    headings = _HEADING.findall(_CODE.sub("", read("docs/reference/commands.md")))

    assert headings.count(name) == 1


@pytest.mark.parametrize("name", [spec.name for spec in SPECS])
def test_every_setting_is_described_once(name: str) -> None:
    """On the page of all settings."""
    assert read("docs/reference/settings.md").count(f"\n| `{name}` |") == 1


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_described(code: ExitCode) -> None:
    """A script can rely on it."""
    assert f"\n| {code.value} | " in read("docs/reference/commands.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that exists, and a heading in it."""
    for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            headings = _HEADING.findall(_CODE.sub("", file.read_text(encoding="utf-8")))
            assert anchor in map(build_anchor, headings), target


def test_the_page_about_rest_lists_every_route() -> None:
    """And none that there is not; what arguments are called does not matter."""
    rules = create_app(MemoryReader(MemoryStore()), RecordingWriter(MemoryStore()), INFO).url_map.iter_rules()
    routes = {
        f"{method} {re.sub('<.*?>', '{}', rule.rule.removeprefix(BASE_PATH))}"
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    rows = re.findall(r"^\| `([A-Z]+ /[^`?]*)", read("docs/reference/rest.md"), re.MULTILINE)

    assert sorted(re.sub(r"{\w+}", "{}", row) for row in rows) == sorted(routes)


@pytest.mark.parametrize("status", sorted({*STATUSES.values(), *(HTTPStatus(each) for each in (304, 401, 405, 415))}))
def test_the_page_about_rest_explains_every_status(status: HTTPStatus) -> None:
    """Those of our errors, and those that are answered without one."""
    assert f"\n| {status.value} | " in read("docs/reference/rest.md")


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    """A decision is never renumbered."""
    decisions = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    index = read("docs/decisions/README.md")

    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))
    for name in decisions:
        assert f"]({name})" in index


def test_the_readme_opens_with_the_two_commands() -> None:
    """Whoever has a checkout needs no more."""
    opening = read("README.md").partition("\n## ")[0]

    assert "scripts/up" in opening
    assert "scripts/test" in opening
