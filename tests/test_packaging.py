"""The distribution: five packages, each complete, and nothing else that could be imported."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points, requires
from pathlib import Path
from typing import Any

import pytest

import pulseline_core

ROOT = Path(__file__).parent.parent

COMPONENTS = ("core", "broker", "ingest", "api", "client")
PACKAGES = tuple(f"pulseline_{component}" for component in COMPONENTS)

#: What a watcher needs, and no more.
CLIENT_REQUIREMENTS = {"click", "httpx", "ijson", "paho-mqtt", "platformdirs", "rich"}


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    """Return the project file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel and return the names of the files in it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def read_requirement_names(extra: str) -> set[str]:
    """Return the names of what the distribution requires, with an extra or without."""
    return {
        re.split(r"[^A-Za-z0-9-]", requirement, maxsplit=1)[0].lower()
        for requirement in requires("pulseline") or []
        if (f"extra == '{extra}'" in requirement if extra else "extra ==" not in requirement)
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_folder_holds_its_package_and_nothing_else(component: str) -> None:
    """The folder is on the import path, so a stray module in it would be importable by anybody."""
    names = {path.name for path in (ROOT / component).iterdir()} - {"__pycache__"}

    assert names == {f"pulseline_{component}"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed_and_every_folder_in_it_is_a_package(package: str) -> None:
    """A folder without ``__init__.py`` would be left out of checks and documentation."""
    folder = ROOT / package.removeprefix("pulseline_") / package

    assert (folder / "py.typed").exists()
    for module in folder.rglob("*.py"):
        assert (module.parent / "__init__.py").exists(), module


def test_the_wheel_holds_every_module(wheel_files: set[str]) -> None:
    """Hatch leaves a forgotten folder out without a word."""
    modules = {
        str(path.relative_to(ROOT / component))
        for component in COMPONENTS
        for path in (ROOT / component).rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }

    packaged = {name for name in wheel_files if ".dist-info/" not in name}
    assert packaged == modules


def test_the_wheel_holds_the_licence(wheel_files: set[str]) -> None:
    """MIT asks for it."""
    assert f"pulseline-{pulseline_core.__version__}.dist-info/licenses/LICENSE" in wheel_files


def test_every_list_of_packages_is_complete(project: dict[str, Any]) -> None:
    """The build, the tests and the checks know the same five."""
    tool = project["tool"]

    assert tool["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        f"{component}/pulseline_{component}" for component in COMPONENTS
    ]
    assert tool["pytest"]["ini_options"]["pythonpath"] == [".", *COMPONENTS]
    assert tuple(tool["importlinter"]["root_packages"]) == PACKAGES
    for component in COMPONENTS:
        assert component in tool["mypy"]["files"]


def test_every_pure_module_is_held_to_be_pure(project: dict[str, Any]) -> None:
    """A new module of the core is either in the contract, or one of those that touch the machine."""
    contracts = {each["name"]: each for each in project["tool"]["importlinter"]["contracts"]}
    pure = {name.rpartition(".")[2] for name in contracts["the domain performs no I/O"]["source_modules"]}
    touching = {"api_key", "child", "data_folder", "listening", "log", "paths", "runtime", "settings", "store"}
    touching |= {"supervisor", "tls", "waker", "whole_file"}

    modules = {path.stem for path in (ROOT / "core/pulseline_core").iterdir() if path.stem[0] != "_"} - {"py"}
    assert modules == pure | touching


def test_the_base_install_is_the_client() -> None:
    """A watcher brings no broker and no database."""
    assert read_requirement_names("") == CLIENT_REQUIREMENTS


def test_every_requirement_of_the_server_is_in_its_extra() -> None:
    """What it can not start without."""
    assert {"amqtt", "argon2-cffi", "flask", "orjson", "peewee", "waitress"} <= read_requirement_names("server")


@pytest.mark.parametrize("library", ["amqtt", "paho-mqtt"])
def test_library_whose_internals_are_touched_is_held_to_one_minor_version(
    project: dict[str, Any], library: str
) -> None:
    """By the server, which touches them; what is installed with the client only may be newer."""
    extras = project["project"]["optional-dependencies"]

    assert any(re.fullmatch(rf"{library}==\d+\.\d+\.\*", each) for each in extras["server"])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_what_it_lists(package: str) -> None:
    """``__all__`` is sorted and every name in it exists."""
    module = importlib.import_module(package)

    names = getattr(module, "__all__", [])
    assert list(names) == sorted(names)
    for name in names:
        assert hasattr(module, name), name


@pytest.mark.parametrize("name", ["api", "broker", "users"])
def test_a_components_command_can_be_loaded(name: str) -> None:
    """Entry points are text, which no checker follows."""
    (point,) = entry_points(group="pulseline.commands", name=name)

    assert point.load().name == name


def test_the_version_is_the_changelogs(project: dict[str, Any]) -> None:
    """A released version has its section, the next one is unreleased."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "version" in project["project"]["dynamic"]
    assert "## [Unreleased]" in changelog
