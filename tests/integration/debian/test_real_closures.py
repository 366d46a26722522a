"""Closures of Debian's own packages, compared with what this machine's apt would install."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.debian.mirrors import find_mirrors
from builder.debian.solve import solve
from builder.debian.universe import Universe
from builder.debian.unsolvable import Request
from builder.formats.deb822 import split_stanzas

pytestmark = pytest.mark.network

BASE = [
    "apt", "ca-certificates", "curl", "dbus", "iproute2", "kmod", "nftables", "openssh-server", "systemd",
    "systemd-resolved", "systemd-sysv", "systemd-timesyncd", "udev", "usr-is-merged",
]  # fmt: skip
MORE = [
    "avahi-daemon", "chrony", "htop", "i2c-tools", "modemmanager", "network-manager", "python3", "vim-tiny",
    "wireguard-tools", "wpasupplicant",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Apt:
    """apt with a directory of its own, on a machine of `architecture` where nothing is installed."""

    root: Path
    architecture: str
    suites: tuple[str, ...]

    def update(self) -> None:
        for name in (
            "etc/apt/apt.conf.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg",
        ):
            (self.root / name).mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").touch()
        mirrors = find_mirrors({}, [])
        archives = {suite: "debian-security" if suite.endswith("-security") else "debian" for suite in self.suites}
        lines = [
            f"deb [trusted=yes] {mirrors.of_archive(archive)[0]} {suite} main\n" for suite, archive in archives.items()
        ]
        (self.root / "etc/apt/sources.list").write_text("".join(lines))
        self._run("update")

    def stanzas(self) -> Iterator[bytes]:
        for index in sorted((self.root / "var/lib/apt/lists").glob("*_Packages")):
            yield from split_stanzas([index.read_bytes()])

    def would_install(self, names: list[str]) -> dict[str, str]:
        """The version of each package."""
        lines = self._run("install", "--simulate", *names).splitlines()
        words = [line.split() for line in lines if line.startswith("Inst ")]
        return {word[1]: word[2].lstrip("(") for word in words}

    def _run(self, *arguments: str) -> str:
        settings = {
            "Dir": self.root,
            "Dir::State::status": self.root / "var/lib/dpkg/status",
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Acquire::GzipIndexes": "false",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "true",
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        argv = ["apt-get", "--yes", "--quiet", *options, *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("architecture", "suites", "kernel"),
    [
        ("armhf", ("bookworm",), "linux-image-armmp"),
        ("arm64", ("trixie", "trixie-security"), "linux-image-arm64"),
    ],
)
def test_the_closure_is_what_apt_would_install(
    architecture: str, suites: tuple[str, ...], kernel: str, tmp_path: Path
) -> None:
    if not shutil.which("apt-get"):
        pytest.skip("needs apt")
    apt = Apt(root=tmp_path, architecture=architecture, suites=suites)
    apt.update()
    universe = Universe(architecture, (("debian", stanza) for stanza in apt.stanzas()))
    system = [one.name for one in universe.base]
    assert "base-files" in system
    # Of the two that keep the time only one can be installed.
    larger = [name for name in BASE if name != "systemd-timesyncd"] + MORE
    for wanted in ([*BASE, kernel], [*larger, kernel]):
        request = Request(wanted=dict.fromkeys(wanted, "test"), with_base=True)
        ours = {one.name: one.version for one in solve(universe, request)}
        assert len(ours) > 150
        assert ours == apt.would_install([*system, *wanted])
