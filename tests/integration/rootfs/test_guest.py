"""The programs of root file systems made here find nothing wrong with them: natively, and under emulation."""

from pathlib import Path

import pytest

from builder.core.arch import Arch
from tests.integration.rootfs.allowed import Packages, Suite
from tests.integration.rootfs.guest import CHECKS, Verdict, inspect
from tests.integration.rootfs.systems import System

PLAIN = System(suite=Suite.TRIXIE, packages=Packages.BASE, arch=Arch.AMD64)
SYSTEMS = [
    pytest.param(
        System(suite=suite, packages=packages, arch=arch), id=f"{suite}-{packages}-{arch}", marks=pytest.mark.slow
    )
    for suite, arch in ((Suite.BOOKWORM, Arch.ARMV7), (Suite.TRIXIE, Arch.ARM64), (Suite.TRIXIE, Arch.AMD64))
    for packages in (Packages.BASE, Packages.EXTRA)
    if (arch, packages) != (PLAIN.arch, PLAIN.packages)
]

# For each check something that it is there to find, done in the root file system just before.
DAMAGES = {
    "packages are complete": "sed -i '0,/install ok installed/s//install ok half-configured/' /var/lib/dpkg/status",
    "files are those of the packages": "echo >> /usr/bin/ls",
    "nothing is left to configure": "sed -i '0,/install ok installed/s//install ok unpacked/' /var/lib/dpkg/status",
    "dependencies are met": "sed -i 's/^Package: libc6$/Package: libc7/' /var/lib/dpkg/status",
    "accounts are well-formed": "sed -i /^sshd/d /etc/shadow; echo broken >> /etc/passwd",
    "accounts need no more": "sed -i /^systemd-network/d /etc/passwd",
    "sessions open": "sed -i /pam_permit/d /etc/pam.d/common-session",
    "the loader's cache is what ldconfig makes": "touch /usr/lib/libnew.so.1; cp -a /usr/lib/*/libz.so.1* /usr/local/lib",
    "the SSH server starts": "echo Nonsense yes >> /etc/ssh/sshd_config",
    "units load": "rm /usr/lib/systemd/systemd-resolved",
}


def verdicts(system: System, place: Path, **chosen: str) -> list[Verdict]:
    return inspect(system.declared(), system.arch, tools=system.tools(), scratch=place, checks=chosen or CHECKS)


@pytest.mark.parametrize("system", [pytest.param(PLAIN, id=str(PLAIN)), *SYSTEMS])
def test_its_own_programs_find_nothing_wrong(system: System, tmp_path: Path) -> None:
    found = verdicts(system, tmp_path)
    assert len(found) == len(CHECKS)
    assert not [str(one) for one in found if not one.clean]


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_finds_what_it_is_there_for(check: str, tmp_path: Path) -> None:
    damage, verdict = verdicts(PLAIN, tmp_path, damage=DAMAGES[check], **{check: CHECKS[check]})
    assert damage.clean
    assert not verdict.clean
    assert verdict.said
