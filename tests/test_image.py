"""The Dockerfile: small, not root, and made of what the repository has. Nothing here needs a container engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose_file import ROOT, iter_build_context, read_image

#: What the image's programs are installed in.
_PLACE = "/opt/pulseline"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a folder with what an engine would be handed to build from."""
    folder = tmp_path / "context"
    for path in iter_build_context():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder


def test_every_copied_file_is_let_through(context: Path) -> None:
    """An ignored one would end the build."""
    copied = read_image().copied

    assert copied
    assert [source for source in copied if not (context / source).exists()] == []


def test_nothing_else_is_let_through(context: Path) -> None:
    """A virtual environment or a database beside the sources belongs into no image."""
    assert sorted(path.name for path in context.iterdir()) == sorted(read_image().copied)
    assert list(context.rglob("__pycache__")) == []


def test_the_image_is_made_in_two_stages_of_one_slim_base() -> None:
    """What only the build needs stays behind, and compiled parts find the Python that they were made for."""
    build, final = read_image().get("FROM")

    assert build == f"{final} AS build"
    assert final.startswith("python:3.")
    assert final.endswith("-slim")


def test_the_image_runs_as_the_user_who_has_the_data() -> None:
    """By number, so that an engine can see that it is not root; volumes take the owner of the folder they cover."""
    image = read_image()

    assert image.get("USER") == ["10001:10001"]
    assert image.get("VOLUME") == ["/data"]
    assert "--owner=10001 --group=10001 --mode=0700 /data /data/tmp" in " ".join(image.get("RUN"))
    assert {image.environment[name] for name in ("HOME", "TMPDIR")} == {"/data", "/data/tmp"}


def test_what_the_image_installs_has_its_commands(context: Path, tmp_path: Path) -> None:
    """The build's own lines, in another place: the entry point starts, and so does the health check."""
    image = read_image()
    place = tmp_path / "place"
    install = next(line for line in image.get("RUN") if "pip install" in line).replace(_PLACE, str(place))
    health_check = json.loads(image.get("HEALTHCHECK")[0].partition("CMD ")[2])
    environment = {"PATH": f"{place}/bin", "HOME": str(tmp_path)}
    building = environment | {"PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin"}

    subprocess.run(["sh", "-ec", install], cwd=context, env=building, check=True, timeout=280)

    for command in (image.entry_point, [*image.entry_point, *json.loads(image.get("CMD")[0])], health_check):
        help_text = subprocess.run([*command, "--help"], env=environment, capture_output=True, text=True, check=True)
        assert help_text.stdout.startswith("Usage: pulseline")
    driver = subprocess.run([f"{place}/bin/python", "-c", "import psycopg"], env=environment, check=False)
    assert driver.returncode == 0
