"""What is known of a setting beside its value: its names, its type, its limits and a sentence of help.

A settings class is a frozen dataclass whose fields are made by ``setting``; ``iter_specs`` reads them back.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

from pulseline_core.errors import InvalidSetting

ENVIRONMENT_PREFIX: Final = "PULSELINE_"


class Secret(str):
    """A text that is shown to nobody: its ``repr`` is stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return stars, or an empty text where there is nothing to hide."""
        return "'***'" if self else "''"


SettingValue: TypeAlias = bool | int | float | str | Path | tuple[str, ...] | None
"""What a setting can be; ``Secret`` is a ``str``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What ``setting`` was told about a field."""

    help: str
    flag: str | None
    is_common: bool
    testing: SettingValue
    default_text: str | None
    minimum: float
    maximum: float
    choices: tuple[str, ...]


def setting(  # noqa: PLR0913  one keyword for each thing that a page says of a setting
    default: Any,  # the field's own type, which `dataclasses.field` does not check either
    *,
    help: str,  # noqa: A002  the word that click and dataclass users know
    flag: str | None = None,
    common: bool = False,
    testing: SettingValue = None,
    default_text: str | None = None,
    limits: tuple[float, float] = (-math.inf, math.inf),
    choices: tuple[str, ...] = (),
) -> Any:
    """Make a dataclass field of a setting.

    Args:
        default: its value where no source names it.
        help: one sentence for ``--help``, the sample file and the reference.
        flag: its flag where it is not ``--<section>-<key>``.
        common: whether ``--help`` shows it; ``--help-all`` shows all that the command reads.
        testing: its default with ``--testing``, where that differs.
        default_text: the default in words, where the value would say too little.
        limits: the least and the greatest number.
        choices: the texts it may be; none is any.
    """
    facts = _Facts(
        help=help,
        flag=flag,
        is_common=common,
        testing=testing,
        default_text=default_text,
        minimum=limits[0],
        maximum=limits[1],
        choices=choices,
    )
    return field(default=default, metadata={"facts": facts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A setting as all four sources know it.

    Attributes:
        section: its table in the file; empty for those that stand above all tables.
        key: its name within the table.
        kind: its type; an optional path is ``Path`` and takes the empty text for none, a list of texts is ``tuple``.
    """

    section: str
    key: str
    kind: type[bool | int | float | str | Path | tuple[str, ...]]
    is_optional: bool
    default: SettingValue
    facts: _Facts

    @property
    def name(self) -> str:
        """The name in messages, ``section.key``."""
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def flag(self) -> str | None:
        """The command line flag; a secret has none unless it names one: every user can read command lines."""
        if self.kind is Secret:
            return self.facts.flag
        return self.facts.flag or "--" + self.name.replace(".", "-").replace("_", "-")

    @property
    def environment_name(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.name.replace(".", "_").upper()

    def get_default(self, *, testing: bool) -> SettingValue:
        """Return the default, which ``--testing`` may change."""
        return self.facts.testing if testing and self.facts.testing is not None else self.default


def iter_specs(section: str, settings_class: type) -> Iterator[Spec]:
    """Yield the settings of a class, in its own order; other fields are passed over."""
    hints = get_type_hints(settings_class)
    for each in fields(settings_class):
        if "facts" in each.metadata:
            yield _build_spec(section, each, hints[each.name])


def _build_spec(section: str, each: Field[Any], hint: Any) -> Spec:
    is_optional = get_origin(hint) in {types.UnionType, Union}
    kind = next(kind for kind in get_args(hint) if kind is not type(None)) if is_optional else get_origin(hint) or hint
    default = None if each.default is MISSING else each.default
    facts: _Facts = each.metadata["facts"]
    return Spec(section=section, key=each.name, kind=kind, is_optional=is_optional, default=default, facts=facts)


def check_values(section: str, values: Any) -> None:
    """Raise ``InvalidSetting`` for the first value of a settings object that lies outside its limits or choices."""
    for spec in iter_specs(section, type(values)):
        check_value(spec, getattr(values, spec.key))


def check_value(spec: Spec, value: SettingValue) -> None:
    """Raise ``InvalidSetting`` unless the value lies within its limits and choices."""
    facts = spec.facts
    if facts.choices and value not in facts.choices:
        raise InvalidSetting(spec.name, f"is {value!r}, not one of {', '.join(facts.choices)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not facts.minimum <= value <= facts.maximum:
        raise InvalidSetting(spec.name, f"is {value}, not between {facts.minimum:g} and {facts.maximum:g}")
