"""From flags, environment and file to ``Settings``; a flag wins over the environment, that over the file."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pulseline_core.database_url import has_password
from pulseline_core.errors import ConfigError, InvalidSetting
from pulseline_core.settings.sections import (
    ApiSettings,
    BrokerSettings,
    IngestSettings,
    LogSettings,
    MqttSettings,
    Settings,
    StoreSettings,
)
from pulseline_core.settings.spec import ENVIRONMENT_PREFIX, Secret, SettingValue, Spec, check_value, iter_specs

_SECTIONS: Final[Mapping[str, type]] = {
    "api": ApiSettings,
    "mqtt": MqttSettings,
    "broker": BrokerSettings,
    "ingest": IngestSettings,
    "store": StoreSettings,
    "log": LogSettings,
}

#: Every setting, in the order of the reference.
SPECS: Final[tuple[Spec, ...]] = (
    *iter_specs("", Settings),
    *(spec for section, settings_class in _SECTIONS.items() for spec in iter_specs(section, settings_class)),
)

#: Variables of ours that are not settings: the file's place, what the supervisor tells its children, and the key of a
#: server that 'pulseline import' reads from.
RESERVED_VARIABLES: Final = frozenset(
    {
        *("PULSELINE_CONFIG", "PULSELINE_IMPORT_KEY"),
        *("PULSELINE_READY_FD", "PULSELINE_LIFELINE_FD", "PULSELINE_LISTENER_FDS"),
    }
)

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting's value, and where it comes from: a flag, a variable, the file's name or ``default``."""

    spec: Spec
    value: SettingValue
    origin: str


def load(overrides: Mapping[str, str], environ: Mapping[str, str], file_text: str = "") -> Settings:
    """Return the settings that the sources give together.

    Args:
        overrides: values of flags, by the setting's name (``mqtt.port``), as text.
        environ: the environment; variables without our prefix are passed over.
        file_text: the settings file (TOML), empty without one.

    Raises:
        InvalidSetting: a name is unknown, or a value does not fit.
        ConfigError: the file is not TOML.
    """
    return build(resolve(overrides, environ, file_text))


def resolve(
    overrides: Mapping[str, str], environ: Mapping[str, str], file_text: str = "", *, file_name: str = "file"
) -> tuple[Effective, ...]:
    """Return the effective value of every setting and its origin, in the order of the reference."""
    check_known(overrides, (spec.name for spec in SPECS))
    _check_database_flag(overrides.get("store.url", ""))
    with _name_source("environment"):
        _check_environment(environ)
    entries = _read_file(file_text, file_name)
    chosen = [_choose(spec, overrides, environ, entries, file_name=file_name) for spec in SPECS]
    is_testing = any(each is not None and each.spec.name == "testing" and each.value is True for each in chosen)
    return tuple(
        each or Effective(spec, spec.get_default(testing=is_testing), "default")
        for spec, each in zip(SPECS, chosen, strict=True)
    )


def build(effective: Sequence[Effective]) -> Settings:
    """Put resolved values together; raise ``InvalidSetting`` where two of them do not fit one another."""
    origins = {each.spec.name: each.origin for each in effective}
    try:
        return _build(effective)
    except InvalidSetting as error:
        origin = origins[error.name]
        with _name_source("" if origin == "default" else origin):
            raise


def _build(effective: Iterable[Effective]) -> Settings:
    values: dict[str, dict[str, Any]] = {section: {} for section in ("", *_SECTIONS)}
    for each in effective:
        values[each.spec.section][each.spec.key] = each.value
    sections = {section: settings_class(**values[section]) for section, settings_class in _SECTIONS.items()}
    return Settings(**values[""], **sections)


def check_known(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise ``InvalidSetting`` for the first unknown name, with the nearest known one as its hint."""
    known_names = list(known)
    for name in names:
        if name not in known_names:
            nearest = _find_nearest(name, known_names)
            raise InvalidSetting(name, "does not exist", hint=f"did you mean {nearest!r}?" if nearest else "")


def _find_nearest(name: str, known: list[str]) -> str | None:
    """Return the known name that is most alike; of several, the one of the same letters, as swapped ones are common."""
    close = difflib.get_close_matches(name, known)
    return max(close, key=lambda each: _compare_letters(name, each), default=None)


def _compare_letters(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, sorted(name), sorted(other)).ratio()


def parse_text(spec: Spec, text: str) -> SettingValue:
    """Read a setting from the text of a flag or variable.

    Raises:
        InvalidSetting: the text is no such value.
    """
    if spec.kind is bool:
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise InvalidSetting(spec.name, f"is {text!r}, not true or false")
        return word in _TRUE
    if spec.kind is int or spec.kind is float:
        return _parse_number(spec, text)
    return _build_text(spec, text)


def _parse_number(spec: Spec, text: str) -> int | float:
    try:
        number = int(text) if spec.kind is int else float(text)
    except ValueError as error:
        raise InvalidSetting(spec.name, f"is {text!r}, not {_describe(spec)}") from error
    if not math.isfinite(number):
        raise InvalidSetting(spec.name, f"is {text!r}, not {_describe(spec)}")
    return number


def _build_text(spec: Spec, text: str) -> SettingValue:
    if spec.kind is Secret:
        return Secret(text)
    if spec.kind is tuple:
        return tuple(item.strip() for item in text.split(",") if item.strip())
    if spec.kind is not Path:
        return text
    if not text and not spec.is_optional:
        raise InvalidSetting(spec.name, "is empty, not a path")
    return Path(text).expanduser() if text else None


def _describe(spec: Spec) -> str:
    return {bool: "true or false", int: "an integer", float: "a number"}.get(spec.kind, "a text")


def _choose(
    spec: Spec,
    overrides: Mapping[str, str],
    environ: Mapping[str, str],
    entries: Mapping[str, SettingValue],
    *,
    file_name: str,
) -> Effective | None:
    text: str | None = None
    if spec.name in overrides:
        origin, text = spec.flag or spec.name, overrides[spec.name]
    elif spec.environment_name in environ:
        origin, text = spec.environment_name, environ[spec.environment_name]
    elif spec.name in entries:
        origin = file_name
    else:
        return None
    with _name_source(origin):
        value = _parse_entry(spec, entries[spec.name]) if text is None else parse_text(spec, text)
        check_value(spec, value)
    return Effective(spec, value, origin)


@contextmanager
def _name_source(source: str) -> Iterator[None]:
    """Let an ``InvalidSetting`` say where the setting stands."""
    try:
        yield
    except InvalidSetting as error:
        raise InvalidSetting(error.name, error.problem, hint=error.hint, source=source) from error


def _check_database_flag(url: str) -> None:
    """Refuse a password that every user of the machine could read; what a broker's URL holds is checked with it."""
    if has_password(url):
        raise InvalidSetting(
            "store.url",
            "holds a password, which others can read there",
            hint="set PULSELINE_STORE_URL or PGPASSWORD, url of [store] in the settings file, or write ~/.pgpass",
            source="--database",
        )


def _check_environment(environ: Mapping[str, str]) -> None:
    ours = (name for name in environ if name.startswith(ENVIRONMENT_PREFIX) and name not in RESERVED_VARIABLES)
    check_known(ours, (spec.environment_name for spec in SPECS))


def _read_file(text: str, name: str) -> dict[str, SettingValue]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"settings file {name!r} is not TOML: {error}") from error
    entries = dict(_iter_entries(document))
    with _name_source(name):
        check_known(entries, (spec.name for spec in SPECS))
    return entries


def _iter_entries(document: Mapping[str, Any]) -> Iterator[tuple[str, SettingValue]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _parse_entry(spec: Spec, value: SettingValue) -> SettingValue:
    if spec.kind is float and type(value) is int:
        return float(value)
    if spec.kind in {bool, int, float}:
        if type(value) is not spec.kind or (isinstance(value, float) and not math.isfinite(value)):
            raise InvalidSetting(spec.name, f"is {value!r}, not {_describe(spec)}")
        return value
    if spec.kind is tuple:
        return _parse_list(spec, value)
    if not isinstance(value, str):
        raise InvalidSetting(spec.name, f"is {value!r}, not a text")
    return _build_text(spec, value)


def _parse_list(spec: Spec, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidSetting(spec.name, f"is {value!r}, not a list of texts")
    return tuple(value)


def redact(effective: Effective) -> Effective:
    """Return the setting in a form that may be printed."""
    return replace(effective, value="***") if isinstance(effective.value, Secret) and effective.value else effective
