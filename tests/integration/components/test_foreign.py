import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.core.arch import Arch, host_arch
from tests.integration.components.invoke import invoke
from tests.integration.components.test_invocation import COMPONENTS, VERSION_ARGUMENTS

FOREIGN = [arch for arch in Arch if arch is not host_arch()]
# qemu-user's names; the static variant is Debian's package for chroots.
EMULATORS = {
    Arch.ARMV7: ("qemu-arm-static", "qemu-arm"),
    Arch.ARM64: ("qemu-aarch64-static", "qemu-aarch64"),
    Arch.AMD64: ("qemu-x86_64-static", "qemu-x86_64"),
}


def _run(kedge: Path, arch: Arch, *arguments: str) -> str:
    """Standard output of the executable for `arch` that was built beside the host's."""
    executable = kedge.parents[1] / arch / kedge.name
    if not executable.exists():
        pytest.skip(f"{executable} is not built; --all builds every architecture")
    emulator = next(filter(None, map(shutil.which, EMULATORS[arch])), None)
    if emulator is None:
        pytest.skip(f"no {EMULATORS[arch][1]} on the PATH; on Debian: apt install qemu-user-static")
    command = [emulator, str(executable), *arguments]
    return subprocess.run(command, env=dict(os.environ), check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("arch", FOREIGN)
def test_foreign_executable_reports_the_same_versions(kedge: Path, arch: Arch) -> None:
    own = json.loads(invoke(kedge, "version", "-o", "json").stdout)
    foreign = json.loads(_run(kedge, arch, "version", "-o", "json"))
    assert foreign["components"] == own["components"]
    assert (foreign["version"], foreign["goVersion"]) == (own["version"], own["goVersion"])
    assert foreign["arch"] != own["arch"]


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("arch", FOREIGN)
def test_foreign_component_tells_its_version(kedge: Path, arch: Arch, component: str) -> None:
    question = VERSION_ARGUMENTS.get(component, ("--version",))
    own, foreign = invoke(kedge, component, *question).stdout, _run(kedge, arch, component, *question)
    assert foreign.splitlines()[0] == own.splitlines()[0]
