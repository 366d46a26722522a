"""Toolchains that are published as Python wheels, fetched by pip so that pip's own configuration says from where."""

import json
import stat
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.spawn import Command, Runner
from builder.trust.verify import verify_file

# Platform tags that a Linux host of today accepts, newest first; pip takes the first that the project publishes.
_PLATFORM_TAGS = (
    "manylinux_2_28",
    "manylinux_2_17",
    "manylinux2014",
    "manylinux_2_12",
    "manylinux2010",
    "musllinux_1_1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel of `name` at `version` for hosts of architecture `host`, pinned by `digest`."""

    name: str
    version: str
    host: Arch
    digest: Digest

    def __str__(self) -> str:
        return f"{self.name} {self.version} for {self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pip:
    """How pip is run: by which runner, with which of the user's network settings, in which scratch directory.

    `environment` may hold passwords. A transfer without a byte for `stall_s` is ended.
    """

    runner: Runner
    environment: Mapping[str, str]
    stall_s: float
    scratch: Path

    def fetch(self, wheel: Wheel) -> Path:
        """Download `wheel` into the scratch directory and verify it."""
        target = self.scratch / "wheels"
        pinned = self.scratch / "pinned.txt"
        pinned.write_text(f"{wheel.name}=={wheel.version} --hash={wheel.digest}\n")
        self.fetch_all(pinned, target, host=wheel.host)
        found = sorted(target.glob("*.whl"))
        if len(found) != 1:
            raise BuilderError(f"pip brought {len(found)} wheels for {wheel}", details=[path.name for path in found])
        verify_file(found[0], wheel.digest, what=str(wheel))
        return found[0]

    def fetch_all(self, requirements: Path, target: Path, *, host: Arch, python: str = "") -> None:
        """Download the wheels that the file `requirements` pins by hash into `target`; `python` is `3.11` or pip's own."""
        version = ("--python-version", python) if python else ()
        options = ("--dest", str(target), "--require-hashes", "--requirement", str(requirements), *version)
        self.runner.run(self._command("download", *options, host=host))

    def digest_of(self, name: str, version: str, host: Arch) -> Digest:
        """The digest that the index publishes for a wheel; nothing is installed."""
        report = self.runner.capture(
            self._command(
                "install", "--dry-run", "--ignore-installed", "--target", str(self.scratch / "never"), "--report", "-",
                f"{name}=={version}", host=host,
            )
        )  # fmt: skip
        hashes = json.loads(report)["install"][0]["download_info"]["archive_info"]["hashes"]
        return Digest.from_hex(hashes["sha256"])

    def _command(self, verb: str, *arguments: str, host: Arch) -> Command:
        machine = ARCH_FACTS[host].machine
        platforms = [option for tag in _PLATFORM_TAGS for option in ("--platform", f"{tag}_{machine}")]
        fixed = ["--quiet", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--only-binary=:all:"]
        return Command(
            argv=(sys.executable, "-I", "-m", "pip", verb, *fixed, *platforms, *arguments),
            env={**self.environment, "TMPDIR": str(self.scratch)},
            cwd=self.scratch,
            stall_s=self.stall_s,
            secret_env=frozenset(self.environment),
        )


def unpack_wheel(wheel: Path, output: Path) -> None:
    """Unpack `wheel` into `output`, with the executable bits that the archive records."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(output)
        for member in archive.infolist():
            if (member.external_attr >> 16) & stat.S_IXUSR:
                (output / member.filename).chmod(0o755)
