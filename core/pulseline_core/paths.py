"""Where Pulseline keeps its files: the platform's own folders (platformdirs).

Looking a folder up does not create it; whoever writes there does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs

APP_NAME: Final = "pulseline"

#: ``--testing`` keeps everything apart from real data.
TESTING_APP_NAME: Final = "pulseline-testing"


def get_data_dir(testing: bool = False) -> Path:
    """Return the folder of databases and tokens, on Linux ``~/.local/share/pulseline``."""
    return Path(platformdirs.user_data_dir(_get_app_name(testing)))


def get_config_dir() -> Path:
    """Return the folder of ``pulseline.toml``, on Linux ``~/.config/pulseline``."""
    return Path(platformdirs.user_config_dir(APP_NAME))


def get_config_file() -> Path:
    """Return the settings file that is read when no other is named."""
    return get_config_dir() / "pulseline.toml"


def get_cache_dir() -> Path:
    """Return the folder of what can be made anew, on Linux ``~/.cache/pulseline``."""
    return Path(platformdirs.user_cache_dir(APP_NAME))


def get_log_dir(testing: bool = False) -> Path:
    """Return the folder that holds one folder of log files for each program."""
    return Path(platformdirs.user_log_dir(_get_app_name(testing)))


def _get_app_name(testing: bool) -> str:
    return TESTING_APP_NAME if testing else APP_NAME
