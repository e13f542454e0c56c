"""The pages that are made of the list of settings: the reference, the sample file, the answer to ``--print-config``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pulseline_core.settings.load import SPECS, Effective, redact
from pulseline_core.settings.spec import Secret, SettingValue, Spec

_SECTION_TITLES: Final = {
    "": "General",
    "api": "REST server: `[api]`",
    "mqtt": "MQTT: `[mqtt]`",
    "broker": "Embedded broker: `[broker]`",
    "ingest": "Ingest worker: `[ingest]`",
    "store": "Database: `[store]`",
    "log": "Logging: `[log]`",
}

_REFERENCE_HEAD: Final = """\
# Settings

<!-- Made by scripts/make_docs.py from the fields of pulseline_core.settings; edit those. -->

`pulseline up`, `broker`, `ingest`, `api` and `users` take the same settings; the commands that ask a running server
take the few that say where it is.
A flag wins over an environment variable, that wins over the settings file, and that over the default.
The file is `pulseline.toml` in the platform's configuration folder (on Linux `~/.config/pulseline/`),
or the one that `--config` or `PULSELINE_CONFIG` names.
A sample with every setting is [pulseline.toml](pulseline.toml).

`pulseline up --print-config` shows what is in effect and where each value comes from; passwords are not shown.
Each lists the flags of those that it reads: `--help` the ones that are used most, `--help-all` every one.
A name that does not exist is an error, in each of the three places.
"""

_SAMPLE_HEAD: Final = """\
# Pulseline's settings, each with its default. Take the '#' away from what you change.
"""


def build_reference() -> str:
    """Return the reference page (Markdown)."""
    parts = [_REFERENCE_HEAD]
    for section, title in _SECTION_TITLES.items():
        rows = [_build_row(spec) for spec in SPECS if spec.section == section]
        head = ["", f"## {title}", "", "| setting | flag | variable | default | |", "|---|---|---|---|---|"]
        parts.append("\n".join([*head, *rows, ""]))
    return "".join(parts)


def _build_row(spec: Spec) -> str:
    flag = f"`{spec.flag}`" if spec.flag else "none, as command lines can be read by others"
    return f"| `{spec.name}` | {flag} | `{spec.environment_name}` | {_describe_default(spec)} | {spec.facts.help} |"


def _describe_default(spec: Spec) -> str:
    if spec.facts.default_text is not None:
        return spec.facts.default_text
    default = f"`{format_value(spec.default)}`"
    return default if spec.facts.testing is None else f"{default}, testing `{format_value(spec.facts.testing)}`"


def build_sample() -> str:
    """Return a settings file that changes nothing: every entry is a comment."""
    lines, section = [_SAMPLE_HEAD.rstrip()], ""
    for spec in SPECS:
        if spec.section != section:
            section = spec.section
            lines += ["", f"[{section}]"]
        lines += ["", f"# {spec.facts.help} Default: {_describe_default(spec).replace('`', '')}."]
        lines += [
            f'# {spec.key} = "..."' if _is_unset(spec, spec.default) else f"#{spec.key} = {format_value(spec.default)}"
        ]
    return "\n".join(lines) + "\n"


def build_effective(effective: Iterable[Effective], *, data_dir: Path) -> str:
    """Return values and their origins as TOML, secrets hidden.

    Args:
        effective: what ``resolve`` returned.
        data_dir: the folder that follows from it where none was named.
    """
    lines: list[str] = []
    section = ""
    for each in map(redact, effective):
        if each.spec.section != section:
            section = each.spec.section
            lines += ["", f"[{section}]"]
        if _is_unset(each.spec, each.value):
            lines.append(f"# {each.spec.key} is not set")
            continue
        value = data_dir if each.spec.name == "data_dir" else each.value
        lines.append(f"{each.spec.key} = {format_value(value)}  # {each.origin}")
    return "\n".join(lines) + "\n"


def _is_unset(spec: Spec, value: SettingValue) -> bool:
    """Return whether a value can not be written: no secret is not the empty one."""
    return spec.kind is Secret and value is None


def format_value(value: SettingValue) -> str:
    """Return a value as TOML writes it; none is the empty text."""
    return json.dumps("" if value is None else str(value) if isinstance(value, Path) else value, ensure_ascii=False)
