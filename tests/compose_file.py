"""What docker-compose.yml and Dockerfile say, as far as tests need it."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parent.parent

COMPOSE_FILE: Final = ROOT / "docker-compose.yml"

_VARIABLE: Final = re.compile(r"\$\$|\$\{([A-Z_]+):-([^}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A line of a service's volumes; ``source`` is a file of the repository, or the name of a volume."""

    source: str
    target: str
    is_read_only: bool

    @property
    def is_file(self) -> bool:
        """Whether it is a file of the repository."""
        return self.source.startswith("./")


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the file describes it."""

    name: str
    facts: Mapping[str, Any]

    @property
    def mounts(self) -> list[Mount]:
        """Its volumes."""
        lines = (line.split(":") for line in self.facts.get("volumes", ()))
        return [Mount(source=source, target=target, is_read_only=mode == ["ro"]) for source, target, *mode in lines]

    @property
    def command(self) -> list[str]:
        """Its whole command line, which for our own image begins with the image's."""
        entry_point = read_image().entry_point if "build" in self.facts else ()
        return [*self.facts.get("entrypoint", entry_point), *self.facts.get("command", ())]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables, those of our own image among them."""
        own = read_image().environment if "build" in self.facts else {}
        return {**own, **self.facts.get("environment", {})}

    @property
    def health_check(self) -> list[str]:
        """The command that finds out whether it is well, nothing where there is none."""
        test: list[str] = self.facts.get("healthcheck", {}).get("test", ["NONE"])
        return {"NONE": [], "CMD": test[1:], "CMD-SHELL": ["sh", "-c", *test[1:]]}[test[0]]

    @property
    def user(self) -> str:
        """User and group that it runs as, as numbers."""
        return str(self.facts["user"])


def read_compose_file() -> dict[str, Any]:
    """Return the file with its variables at their defaults."""
    text = _VARIABLE.sub(lambda match: match[2] if match[1] else "$", COMPOSE_FILE.read_text(encoding="utf-8"))
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def read_services(profile: str = "") -> dict[str, Service]:
    """Return the services that belong to a profile, or those that belong to none."""
    return {
        name: Service(name, facts)
        for name, facts in read_compose_file()["services"].items()
        if facts.get("profiles", [""]) == [profile]
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The Dockerfile, as pairs of an instruction and its text in the order of the file."""

    instructions: tuple[tuple[str, str], ...]

    def get(self, name: str) -> list[str]:
        """Return the texts of an instruction."""
        return [text for each, text in self.instructions if each == name]

    @property
    def entry_point(self) -> list[str]:
        """What every command line begins with."""
        (text,) = self.get("ENTRYPOINT")
        words: list[str] = json.loads(text)
        return words

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every container has."""
        words = [word for text in self.get("ENV") for word in shlex.split(text)]
        return {name: value for name, _, value in (word.partition("=") for word in words)}

    @property
    def copied(self) -> list[str]:
        """The files and folders that are taken from the repository."""
        lines = [shlex.split(text) for text in self.get("COPY")]
        return [source for line in lines if not line[0].startswith("--from") for source in line[:-1]]


def read_image() -> Image:
    """Return the Dockerfile."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", "")
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line)
    return Image(instructions=tuple((name, rest) for name, rest in pairs))


def iter_build_context() -> Iterator[Path]:
    """Yield the files that .dockerignore lets through, relative to the repository's root."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    for folder, folders, files in os.walk(ROOT):
        place = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not _is_ignored(place / name, rules)]
        yield from (place / name for name in files if not _is_ignored(place / name, rules))


def _is_ignored(path: Path, rules: list[str]) -> bool:
    """Say what the last rule says that fits the path or a folder above it."""
    places = [str(each) for each in (path, *path.parents)][:-1]
    fitting = [rule for rule in rules if any(fnmatch(place, rule.removeprefix("!")) for place in places)]
    return bool(fitting) and not fitting[-1].startswith("!")
