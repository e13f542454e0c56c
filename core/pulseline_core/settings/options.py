"""Flags for click commands, made of the list of settings; the way in from a command line."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from pulseline_core import paths, runtime
from pulseline_core.data_folder import map_os_error
from pulseline_core.errors import InvalidSetting
from pulseline_core.settings.document import build_effective
from pulseline_core.settings.load import SPECS, build, resolve
from pulseline_core.settings.sections import Settings
from pulseline_core.settings.spec import Spec

_Command = TypeVar("_Command", bound=Callable[..., object])

#: Flags arrive under names that no command uses for its own.
_PREFIX: Final = "setting_"


def options(*read: str, but: Collection[str] = ()) -> Callable[[_Command], _Command]:
    """Give a click command a flag for every setting, and the settings as its argument ``settings``.

    Also adds ``--config``, ``--print-config`` and ``--help-all``. What goes wrong in the command as a
    ``PulselineError`` becomes one line on standard error and its exit code.

    Args:
        read: the settings that the command reads beside the general ones, as sections or names, or all; help lists
            their flags alone. The others are taken as well: 'pulseline up' hands its own to all that it starts.
        but: names that are not listed all the same.
    """

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def run(*args: Any, **kwargs: Any) -> object:
            flags = {name: kwargs.pop(name) for name in list(kwargs) if name.startswith(_PREFIX)}
            with runtime.exit_on_error():
                return command(*args, settings=_take_settings(flags), **kwargs)

        decorated: Callable[..., object] = run
        for spec in reversed(SPECS):
            if spec.flag is not None:
                is_read = not read or not {"", *read}.isdisjoint((spec.section, spec.name))
                decorated = _build_option(spec, spec.flag, is_listed=is_read and spec.name not in but)(decorated)
        for option in (_HELP_ALL, _PRINT_CONFIG, _CONFIG):
            decorated = option(decorated)
        return decorated  # type: ignore[return-value]  # click's decorators keep the function

    return decorate


class UnlistedOption(click.Option):
    """The flag of a setting that the command does not read; no help shows it."""


def load_from_machine(overrides: dict[str, str], config: str | None = None) -> Settings:
    """Read environment and settings file, and return the settings; flags come as ``{"mqtt.port": "1884"}``."""
    text, name = read_config_file(config)
    return build(resolve(overrides, os.environ, text, file_name=name))


def read_config_file(config: str | None) -> tuple[str, str]:
    """Return text and name of the settings file: the named one, that of ``PULSELINE_CONFIG``, or the default one.

    Raises:
        InvalidSetting: a file that was named does not exist, or is not UTF-8.
        NotPermitted: it can not be read.
    """
    named = config or os.environ.get("PULSELINE_CONFIG")
    path = Path(named).expanduser() if named else paths.get_config_file()
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if named:
            raise InvalidSetting("config", f"names a file that does not exist: {named!r}") from error
        return "", str(path)
    except UnicodeDecodeError as error:
        raise InvalidSetting("config", f"names a file that is not UTF-8: {str(path)!r}") from error
    except OSError as error:
        raise map_os_error(error, path) from error


def _take_settings(flags: dict[str, Any]) -> Settings:
    config = flags.pop(f"{_PREFIX}config", None)
    is_print_wanted = flags.pop(f"{_PREFIX}print_config", False)
    overrides = {
        spec.name: str(flags[name_parameter(spec.name)])
        for spec in SPECS
        if flags.get(name_parameter(spec.name)) is not None
    }
    text, name = read_config_file(config)
    effective = resolve(overrides, os.environ, text, file_name=name)
    settings = build(effective)
    if is_print_wanted:
        click.echo(build_effective(effective, data_dir=settings.data_dir), nl=False)
        click.get_current_context().exit()
    return settings


def name_parameter(setting: str) -> str:
    """Return what click calls the parameter of a setting's flag; the setting's name is as in ``log.level``."""
    return _PREFIX + setting.replace(".", "_")


def _build_option(
    spec: Spec, flag: str, *, is_listed: bool
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    declaration = f"{flag}/--no-{flag.removeprefix('--')}" if spec.kind is bool else flag
    return click.option(
        declaration,
        name_parameter(spec.name),
        cls=click.Option if is_listed else UnlistedOption,
        default=None,
        type=None if spec.kind is bool else str,
        metavar=None if spec.kind is bool else _METAVARS.get(spec.kind, "TEXT"),
        hidden=not (is_listed and spec.facts.is_common),
        help=f"{spec.facts.help} [{spec.environment_name}]",
    )


_METAVARS: Final[dict[type, str]] = {int: "INTEGER", float: "NUMBER", Path: "PATH", tuple: "TEXT,..."}


def _show_all(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if not is_wanted or context.resilient_parsing:
        return
    for parameter in context.command.params:
        if isinstance(parameter, click.Option) and not isinstance(parameter, UnlistedOption):
            parameter.hidden = False
    click.echo(context.get_help())
    context.exit()


_CONFIG: Final = click.option(
    "--config", f"{_PREFIX}config", metavar="FILE", help="Read settings from this file (TOML). [PULSELINE_CONFIG]"
)
_PRINT_CONFIG: Final = click.option(
    "--print-config",
    f"{_PREFIX}print_config",
    is_flag=True,
    help="Show each setting and where it comes from, and exit.",
)
_HELP_ALL: Final = click.option(
    "--help-all",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_all,
    help="Show this message with the flags of all settings that are read, and exit.",
)
