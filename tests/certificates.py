"""Certificates of a test's own authority, made with openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own; made when it is built."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._run("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")

    @property
    def ca_file(self) -> Path:
        """What those trust who trust the authority."""
        return self.folder / "ca.pem"

    def issue(self, name: str, *, alternative: str) -> tuple[Path, Path]:
        """Return the files of a certificate and its key; ``alternative`` is as in ``DNS:localhost``."""
        self._run("req", "-new", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.folder / f"{name}.ext").write_text(f"subjectAltName = {alternative}\n")
        self._run(
            *("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", "2", "-CAcreateserial"),
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", f"{name}.ext"),
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60)


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
