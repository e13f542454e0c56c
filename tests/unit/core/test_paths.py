"""Where files are kept."""

from __future__ import annotations

from pathlib import Path

from pulseline_core import paths


def test_every_folder_lies_in_the_home_folder(home: Path) -> None:
    """The platform's own places, by our name."""
    assert paths.get_data_dir() == home / ".local/share/pulseline"
    assert paths.get_config_file() == home / ".config/pulseline/pulseline.toml"
    assert paths.get_cache_dir() == home / ".cache/pulseline"
    assert paths.get_log_dir().is_relative_to(home)


def test_testing_has_folders_of_its_own() -> None:
    """Trying things out touches nothing that is real."""
    assert paths.get_data_dir(testing=True).name == "pulseline-testing"
    assert paths.get_log_dir(testing=True) != paths.get_log_dir()


def test_looking_a_folder_up_does_not_create_it(home: Path) -> None:
    """Only who writes makes folders."""
    paths.get_data_dir()
    paths.get_config_file()
    paths.get_log_dir()

    assert list(home.iterdir()) == []
