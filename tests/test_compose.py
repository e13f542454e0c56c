"""docker-compose.yml without an engine: its schema, what it names exists, and nothing in it is open or secret."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import chain

import pytest

from pulseline_core.settings import load
from tests.compose_file import COMPOSE_FILE, ROOT, Service, read_compose_file, read_services

#: The services of every profile.
SERVICES = list(chain.from_iterable(read_services(profile).values() for profile in ("", "scale")))

every_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)

OWN_SERVICES = [service for service in SERVICES if "build" in service.facts]

#: What the images bring beside their programs; ours brings the entry point.
_OF_THE_IMAGE = {"pulseline"}

_CONDITIONS: dict[str, Callable[[Service], bool]] = {
    "service_completed_successfully": lambda service: service.facts["restart"] == "no",
    "service_healthy": lambda service: bool(service.health_check),
    "service_started": lambda service: service.facts["restart"] != "no",
}


def test_the_file_fits_the_schema_of_compose() -> None:
    """The schema is that of the Compose Specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout


@every_service
def test_what_a_service_mounts_exists(service: Service) -> None:
    """A file of the repository, read-only, or a volume that the file declares; each at one place."""
    volumes = read_compose_file()["volumes"]

    for mount in service.mounts:
        if mount.is_file:
            assert (ROOT / mount.source).is_file()
            assert mount.is_read_only
        else:
            assert mount.source in volumes
    assert len({mount.target for mount in service.mounts}) == len(service.mounts)


def test_every_volume_is_written_by_somebody() -> None:
    """One that is only read would stay empty."""
    written = {mount.source for service in SERVICES for mount in service.mounts if not mount.is_read_only}

    assert written == set(read_compose_file()["volumes"])


@every_service
def test_what_a_service_runs_exists(service: Service) -> None:
    """Its command and its health check, among the programs that the tests need, too."""
    for words in (service.command, service.health_check):
        if words and words[0] not in _OF_THE_IMAGE:
            assert shutil.which(words[0], path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"), words


@every_service
def test_every_service_says_when_it_is_well(service: Service) -> None:
    """With a check of its own; only what ends by itself has none."""
    if service.facts["restart"] != "no":
        assert service.health_check


@every_service
def test_a_service_waits_for_what_can_come_about(service: Service) -> None:
    """For health of those who have a check, for the end of those who end."""
    services = {each.name: each for each in SERVICES}

    for name, facts in service.facts.get("depends_on", {}).items():
        assert _CONDITIONS[facts["condition"]](services[name]), name
        assert set(services[name].facts.get("profiles", [])) <= set(service.facts.get("profiles", []))


@every_service
def test_a_service_has_no_more_than_it_needs(service: Service) -> None:
    """No root but for the one that hands files to others, no capability, no file system to write to."""
    facts = service.facts

    assert facts["read_only"] is True
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]
    if service.facts["restart"] == "no":
        assert facts["network_mode"] == "none"
        assert facts["cap_add"] == ["CHOWN", "DAC_OVERRIDE"]
    else:
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service.user)
        assert "cap_add" not in facts


@every_service
def test_ports_are_open_to_this_machine_alone(service: Service) -> None:
    """Unless its owner says otherwise."""
    for port in service.facts.get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_no_two_services_have_one_port_of_the_machine() -> None:
    """The second one would not start."""
    ports = [port.split(":")[1] for service in SERVICES for port in service.facts.get("ports", ())]

    assert len(ports) == len(set(ports))


@every_service
def test_an_image_is_of_one_version(service: Service) -> None:
    """What is 'latest' would change without a word; ours is built from the checkout, and never taken from elsewhere."""
    if "build" in service.facts:
        assert service.facts["build"] == "."
        assert "image" not in service.facts
    else:
        assert re.fullmatch(r"[a-z-]+:\d+(\.\d+)*(-[a-z]+)?", service.facts["image"])


def test_the_file_holds_no_password() -> None:
    """They are made on the machine that runs it: no variable is one, and no URL has one."""
    text = COMPOSE_FILE.read_text(encoding="utf-8")

    assert re.search(r"://[^/\s@]*:[^/\s@]*@", text) is None
    for service in SERVICES:
        assert [name for name in service.environment if re.search(r"PASSWORD$|SECRET|TOKEN|_KEY$", name)] == []


@pytest.mark.parametrize("service", OWN_SERVICES, ids=lambda service: service.name)
def test_the_variables_of_a_service_are_settings(service: Service) -> None:
    """An unknown one ends the start."""
    settings = load({}, service.environment)

    assert settings.mqtt.is_external
    assert settings.mqtt.username == f"pulseline-{service.command[1]}"
    assert str(settings.data_dir) == "/data/pulseline"
    assert not settings.log.file


def test_workers_that_share_the_buckets_are_set_alike() -> None:
    """Sessions are named after the worker: under two names, what one leaves unacknowledged never reaches the other."""
    settings = [load({}, service.environment).ingest for service in SERVICES if service.name.startswith("ingest-")]

    assert len(settings) == 2
    assert settings[0].is_partitioned
    assert settings[0] == settings[1]


def test_the_machine_of_a_partition_is_known_by_its_service() -> None:
    """'pulseline status' names it, and a container without a name would call itself by a number."""
    workers = [service for service in SERVICES if "PULSELINE_INGEST_PARTITIONS" in service.environment]

    assert [service.facts["hostname"] for service in workers] == ["ingest-1", "ingest-2"]
