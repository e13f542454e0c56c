"""What the commands of the server's parts list in their help."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from pulseline_api.cli import command as api
from pulseline_broker.cli import command as broker
from pulseline_broker.cli import users
from pulseline_ingest.cli import command as ingest

_GENERAL = {"--config", "--data-dir", "--testing", "--no-testing", "--log-level"}


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        (api, {"--host", "--port", "--webui", "--broker", "--mqtt-host", "--mqtt-port", "--database"}),
        (broker, {"--mqtt-host", "--mqtt-port", "--database"}),
        (ingest, {"--broker", "--partitions", "--partition", "--database"}),
    ],
    ids=["api", "broker", "ingest"],
)
def test_a_service_lists_the_flags_that_it_reads(command: click.Command, flags: set[str]) -> None:
    """And no port that it does not listen at, say."""
    listed = list_flags(command, "--help")

    assert listed - {"--print-config", "--help", "--help-all"} == _GENERAL | flags


def test_the_users_of_the_broker_are_in_a_file_and_below_a_root() -> None:
    """Nothing else of the settings concerns them."""
    listed = list_flags(users.commands["list"], "--help-all")

    assert {"--broker-users-file", "--mqtt-root"} < listed
    assert not listed & {"--port", "--mqtt-port", "--log-level", "--database"}


def list_flags(command: click.Command, flag: str) -> set[str]:
    """Return the flags in front of their explanations."""
    lines = CliRunner().invoke(command, [flag], terminal_width=200).output.splitlines()
    return {each for line in lines for each in re.findall(r"--[a-z-]+", line[:40]) if line.startswith("  -")}
