"""``pulseline up`` beside a Mosquitto."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.up_process import Up
from tests.mosquitto import PASSWORD, Mosquitto


def build_up(home: Path, mosquitto: Mosquitto, *flags: str, url: str = "") -> Up:
    """Return what is to be started, with a home folder that is not there yet."""
    home.mkdir()
    flags = ("--broker", url or mosquitto.build_url(), *flags)
    return Up(home=home, flags=flags, wrapper=("env", f"PULSELINE_MQTT_PASSWORD={PASSWORD}"))
