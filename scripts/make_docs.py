#!/usr/bin/env python3
"""Write the pages that are made of the code: settings, the sample settings file, commands.

``scripts/make_docs.py`` writes them, ``scripts/make_docs.py --check`` says whether they are current. Run it with the
Python of an environment in which this checkout is installed with the extra ``server``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from pulseline_client.cli import group
from pulseline_core.help_text import INTERRUPTED, MEANINGS, PIPE_CLOSED
from pulseline_core.settings.document import build_reference, build_sample
from pulseline_core.settings.load import SPECS
from pulseline_core.settings.options import UnlistedOption, name_parameter

REFERENCE = Path(__file__).parent.parent / "docs/reference"

#: What most of the client's commands take.
CLIENT_FLAGS = ("--host", "--port", "--mqtt-port", "--testing", "--verbose", "--json")

COMMANDS_HEAD = """\
# Commands

<!-- Made by scripts/make_docs.py from the commands themselves; edit those. -->

`pulseline COMMAND --help` says the same.
On a terminal there are tables and progress; in a pipe, plain lines with tabs between the columns; with `--json`, JSON.
Errors are one line on standard error, `pulseline: error: what failed (what to do)`, and one of these exit codes:

"""


def main(arguments: list[str]) -> int:
    """Write or check all pages; return the exit code."""
    pages = {"settings.md": build_reference(), "pulseline.toml": build_sample(), "commands.md": build_commands()}
    if arguments == ["--check"]:
        stale = [name for name, text in pages.items() if not is_current(REFERENCE / name, text)]
        for name in stale:
            print(f"docs/reference/{name} is not current: run scripts/make_docs.py", file=sys.stderr)  # noqa: T201
        return int(bool(stale))
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


def is_current(path: Path, text: str) -> bool:
    """Return whether a page holds just this text."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def build_commands() -> str:
    """Return the page of all commands and exit codes."""
    codes = [(code.value, meaning) for code, meaning in MEANINGS.items()]
    codes += [(INTERRUPTED, "ended by Ctrl-C"), (PIPE_CLOSED, "nobody reads the output any more")]
    table = ["| code | |", "|---|---|", *(f"| {value} | {meaning} |" for value, meaning in codes)]
    sections = iter_sections(group, "pulseline", level=2)
    return COMMANDS_HEAD + "\n".join([*table, "", *sections, *build_client_flags(), ""])


def iter_sections(commands: click.Group, path: str, *, level: int) -> Iterator[str]:
    """Yield the lines of every command of a group, and of the groups in it."""
    context = click.Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        if command is not None:
            yield from iter_command(command, f"{path} {name}", level=level)


def iter_command(command: click.Command, path: str, *, level: int) -> Iterator[str]:
    """Yield the lines of one command."""
    yield from (f"{'#' * level} {path}", "")
    words = [format_argument(each) for each in command.params if isinstance(each, click.Argument)]
    usage = "COMMAND" if isinstance(command, click.Group) else " ".join(["[OPTIONS]", *words])
    yield from ("```", f"{path} {usage}", "```", "")
    yield from unfold(command.help or "")
    flags = list(iter_flags([each for each in command.params if isinstance(each, click.Option)]))
    yield from (*flags, "") if flags else ()
    yield from format_examples(command.epilog or "")
    if isinstance(command, click.Group):
        yield from iter_sections(command, path, level=level + 1)


def iter_flags(flags: list[click.Option]) -> Iterator[str]:
    """Yield a line for each flag of the command's own, and one for those that it shares with others."""
    own = [each for each in flags if not is_setting(each)]
    shared = [each for each in own if each.opts[-1] in CLIENT_FLAGS]
    is_client = len(shared) == len(CLIENT_FLAGS)
    yield from (f"- `{format_option(each)}`: {each.help}" for each in own if not (is_client and each in shared))
    if is_client:
        yield "- and the [flags of all that ask a server](#flags-of-all-that-ask-a-server)"
    if len(own) < len(flags):
        yield f"- and the flags of [settings](settings.md): {format_settings(flags)}"


def build_client_flags() -> Iterator[str]:
    """Yield the lines on the flags that most commands share."""
    command = group.get_command(click.Context(group), "buckets")
    flags = [] if command is None else [each for each in command.params if isinstance(each, click.Option)]
    yield from ("## Flags of all that ask a server", "")
    yield from (f"- `{format_option(each)}`: {each.help}" for each in flags if each.opts[-1] in CLIENT_FLAGS)


def is_setting(option: click.Option) -> bool:
    """Return whether an option is one of the settings' flags, which have a page of their own."""
    return (option.name or "").startswith("setting_") or "--help-all" in option.opts


def format_settings(flags: list[click.Option]) -> str:
    """Return which settings are read: sections, or the settings themselves where they are few."""
    listed = {each.name for each in flags if not isinstance(each, UnlistedOption)}
    read = [spec for spec in SPECS if spec.section and name_parameter(spec.name) in listed]
    sections = dict.fromkeys(f"`[{spec.section}]`" for spec in read)
    return ", ".join(sections if len(read) > len(sections) + 1 else (f"`{spec.name}`" for spec in read))


def format_argument(argument: click.Argument) -> str:
    """Return an argument as usage lines show it."""
    if argument.metavar:
        return argument.metavar
    name = (argument.name or "").upper()
    many = "..." if argument.nargs == -1 else ""
    return f"{name}{many}" if argument.required else f"[{name}]{many}"


def format_option(option: click.Option) -> str:
    """Return an option's spellings and its value's name."""
    value = "" if option.is_flag or option.count else f" {option.metavar or option.type.name.upper()}"
    return "/".join([", ".join(option.opts), *option.secondary_opts]) + value


def unfold(text: str) -> Iterator[str]:
    """Yield paragraphs, a sentence a line."""
    for paragraph in text.replace("\f", "").split("\n\n"):
        joined = " ".join(paragraph.split())
        yield from re.split(r"(?<=\.) (?=[A-Z])", joined)
        yield ""


def format_examples(epilog: str) -> Iterator[str]:
    """Yield the examples of a command's last paragraphs."""
    examples = [line.strip() for line in epilog.splitlines() if line.startswith("  pulseline")]
    if examples:
        yield from ("```sh", *examples, "```", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
