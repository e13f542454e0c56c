"""Settings: one list of fields, from which flags, environment names, the sample file and the reference are made.

``sections`` holds the fields, ``spec`` what is known of each, ``load`` puts the sources together,
``options`` makes click flags of them and ``document`` the pages.
"""

from pulseline_core.settings.load import load
from pulseline_core.settings.options import options
from pulseline_core.settings.sections import (
    ApiSettings,
    BrokerSettings,
    IngestSettings,
    LogSettings,
    MqttSettings,
    Settings,
    StoreSettings,
)
from pulseline_core.settings.spec import Secret

__all__ = [
    "ApiSettings",
    "BrokerSettings",
    "IngestSettings",
    "LogSettings",
    "MqttSettings",
    "Secret",
    "Settings",
    "StoreSettings",
    "load",
    "options",
]
