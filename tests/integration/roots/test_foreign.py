"""kedge of other architectures in roots with nothing but kedge and the emulator that stands in for the processor, or beside
a static busybox or a bare Debian of that architecture.

qemu-user has no packet filter and no namespaces: of nft, runc and the shim is seen that they load and tell their versions.
"""

import json
import os
from pathlib import Path

import pytest

from builder.core.arch import Arch, host_arch
from tests.integration.components.invoke import invoke
from tests.integration.components.test_invocation import COMPONENTS, VERSION_ARGUMENTS
from tests.integration.roots.conftest import REPOSITORY, control_plane_in
from tests.integration.roots.material import emulator, tree
from tests.integration.roots.root import Root, put
from tests.integration.roots.space import Space
from tests.integration.roots.test_empty import HELPERS

FOREIGN = [arch for arch in Arch if arch is not host_arch()]
EMULATORS = {Arch.ARMV7: "qemu-arm-static", Arch.ARM64: "qemu-aarch64-static", Arch.AMD64: "qemu-x86_64-static"}

EMPTY = "empty"
# The shell of each kind of root.
KINDS = {EMPTY: (), "busybox": ("/bin/busybox", "sh"), "debian": ("/bin/dash",)}

pytestmark = pytest.mark.slow


@pytest.fixture(params=[(arch, kind) for arch in FOREIGN for kind in KINDS], ids="-".join)
def foreign(request: pytest.FixtureRequest, space: Space, tmp_path: Path) -> Root:
    """A root of a kind, with the kedge of another architecture, named by KEDGE_ARMV7 and so on, and an emulator."""
    arch, kind = request.param
    variable = f"KEDGE_{arch.upper()}"
    executable = Path(os.environ.get(variable) or REPOSITORY / "out/edge" / arch / "kedge")
    if not executable.exists():
        pytest.skip(f"{executable} is not built, and {variable} names no other; --all builds every architecture")
    if kind != EMPTY:
        tree(kind, tmp_path / "root", arch)
    name = EMULATORS[arch]
    put(executable, tmp_path / "root/kedge")
    put(emulator(name, tmp_path / "qemu"), tmp_path / "root" / name)
    return Root(directory=tmp_path / "root", space=space, emulator=(f"/{name}",))


def test_it_tells_the_same_versions(foreign: Root, kedge: Path) -> None:
    own = json.loads(invoke(kedge, "version", "-o", "json").stdout)
    other = json.loads(foreign.kedge("version", "-o", "json"))
    assert other["components"] == own["components"]
    assert other["arch"] != own["arch"]


def test_each_component_starts(foreign: Root, kedge: Path) -> None:
    for component in COMPONENTS:
        question = VERSION_ARGUMENTS.get(component, ("--version",))
        said = foreign.kedge(component, *question)
        assert said.splitlines()[0] == invoke(kedge, component, *question).stdout.splitlines()[0]


def test_helpers_are_unpacked_and_load(foreign: Root) -> None:
    names = foreign.helpers()
    assert names >= HELPERS
    foreign.kedge("payload", "verify")
    place = foreign.kedge("payload", "unpack").strip()
    left = {one for one in foreign.files() if one.startswith(place)}
    assert left == {f"{place}/{one}" for one in names}
    assert foreign.said(f"{place}/bin/runc", "--version").startswith("runc version 1.")
    assert json.loads(foreign.said(f"{place}/bin/runc", "features"))["linux"]["seccomp"]["enabled"]
    assert "containerd-shim-runc-v2" in foreign.said(f"{place}/bin/containerd-shim-runc-v2", "-v")
    about = foreign.run(f"{place}/cni/bridge", extra={"CNI_COMMAND": "VERSION"})
    assert "1.0.0" in json.loads(about.stdout)["supportedVersions"]
    # nft is started by its loader, as its launcher does where the kernel can start the loader itself.
    (loader,) = (foreign.directory / place.lstrip("/") / "lib/nft").glob("ld-linux*")
    libraries = f"{place}/lib/nft"
    started = foreign.said(f"{libraries}/{loader.name}", "--library-path", libraries, "--list", f"{libraries}/nft")
    found = [line.split("=>")[1].split()[0] for line in started.splitlines() if "=>" in line]
    assert found
    assert all(one.startswith(f"{libraries}/") for one in found)


@pytest.mark.parametrize("foreign", [(arch, EMPTY) for arch in FOREIGN], ids="-".join, indirect=True)
def test_a_control_plane_becomes_ready(foreign: Root) -> None:
    control_plane_in(foreign)


@pytest.mark.parametrize(
    "foreign", [(arch, kind) for arch in FOREIGN for kind in KINDS if kind != EMPTY], ids="-".join, indirect=True
)
def test_the_roots_own_shell_starts_it(foreign: Root, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["foreign"][1]
    # The kernel starts foreign executables only where an emulator is registered, so the shell names it.
    command = f"exec {foreign.emulator[0]} /kedge version"
    assert foreign.said(*KINDS[kind], "-c", command) == foreign.kedge("version")
