"""Files that the builder's tools compute, against those that a root file system's own programs write in it."""

import shutil
import struct
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.io.enclosure import Enclosure
from builder.rootfs.native import catalog, depmod, hwdb
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Content, Tree
from tests.integration.tools.bench import Workbench
from tests.integration.tools.conftest import Device, Tools
from tests.integration.tools.material import OnDisk, own_command, read_tree

# armv7 is Debian 12 and emulated here, amd64 Debian 13.
SYSTEMD = {Arch.ARMV7: 252, Arch.AMD64: 257}


@pytest.fixture
def natives(tools: Tools, bench: Workbench) -> Bench:
    return Bench(tools=tools("rootfs"), runner=bench.runner, scratch=bench.place / "natives")


def sources(root: Path, places: tuple[str, ...]) -> dict[str, Content]:
    tree = read_tree(root)
    return {name: OnDisk(root / name) for name in tree.nodes if name.startswith(places) and (root / name).is_file()}


def own_root(device: Path, place: Path) -> Enclosure:
    """A copy of a device of this machine's architecture, in which its own programs run."""
    shutil.copytree(device, place, symlinks=True)
    return Enclosure(root=place)


def test_the_hardware_database_and_the_catalog_are_what_the_device_itself_writes(
    device: Device, natives: Bench, bench: Workbench
) -> None:
    root = device(Arch.AMD64)
    own = own_root(root, bench.place / "device")
    own.run(bench.runner, ["systemd-hwdb", "--usr", "update"], {})
    own.run(bench.runner, ["journalctl", "--update-catalog"], {})
    lists = {path: one for path, one in sources(root, hwdb.SOURCES).items() if hwdb.is_source(path)}
    assert len(lists) > 20
    made = hwdb.compile_hwdb(lists, SYSTEMD[Arch.AMD64], natives)
    assert made == (bench.place / "device" / hwdb.HWDB).read_bytes()
    messages = {path: one for path, one in sources(root, ("usr/lib/systemd/",)).items() if catalog.is_source(path)}
    assert len(messages) > 10
    assert catalog.compile_catalog(messages, natives) == (bench.place / "device" / catalog.CATALOG).read_bytes()


def test_a_database_of_an_older_suite_is_what_its_own_tool_writes(
    device: Device, tools: Tools, natives: Bench, bench: Workbench
) -> None:
    root = device(Arch.ARMV7)
    lists = {path: one for path, one in sources(root, hwdb.SOURCES).items() if hwdb.is_source(path)}
    place = bench.place / "emulated"
    laid_out = Bench(tools=natives.tools, runner=natives.runner, scratch=place).lay_out("hwdb", lists)
    (laid_out / "lib").symlink_to("usr/lib")
    bench.runner.run(own_command(tools, Arch.ARMV7, root, "systemd-hwdb", ("--usr", "update", "-r", laid_out)))
    own = (laid_out / hwdb.HWDB).read_bytes()
    assert int.from_bytes(own[8:16], "little") == SYSTEMD[Arch.ARMV7]
    expected = hwdb.rewrite(own, root_of_sources=str(laid_out), version=SYSTEMD[Arch.ARMV7])
    assert hwdb.compile_hwdb(lists, SYSTEMD[Arch.ARMV7], natives) == expected
    assert str(bench.place).encode() in own
    assert str(bench.place).encode() not in expected


def test_an_unknown_form_of_the_database_is_refused() -> None:
    header = struct.pack("<8s9Q", b"KSLPHHRH", 300, 80, 80, 32, 16, 32, 80, 0, 0)
    with pytest.raises(BuilderError, match="not known here"):
        hwdb.rewrite(header, root_of_sources="/x", version=300)


@pytest.mark.slow
@pytest.mark.parametrize("arch", SYSTEMD)
def test_indexes_of_modules_hold_what_the_devices_own_depmod_writes(
    arch: Arch, device: Device, kernel: Device, tools: Tools, natives: Bench
) -> None:
    files = {path: one for path, one in sources(kernel(arch), ("usr/lib/modules/",)).items() if depmod.is_source(path)}
    made = depmod.index_modules(files, natives)
    version = next(iter(made)).split("/")[3]
    laid_out = Bench(tools=natives.tools, runner=natives.runner, scratch=natives.scratch).lay_out("own", files)
    (laid_out / "lib").symlink_to("usr/lib")
    natives.runner.run(own_command(tools, arch, device(arch), "depmod", ("-b", laid_out, version)))
    own = {
        f"usr/lib/modules/{version}/{path.name}": path
        for path in (laid_out / f"lib/modules/{version}").glob("modules.*")
    }
    written = {path: file.read_bytes() for path, file in own.items() if path not in files}
    assert set(made) - set(written) <= {f"usr/lib/modules/{version}/modules.weakdep"}
    assert set(written) <= set(made)
    for path, data in written.items():
        if path.endswith(".bin") and data != made[path]:
            assert read_index(made[path]) == read_index(data), path
        else:
            assert made[path] == data, path
    if arch is Arch.AMD64:
        assert made == written


def test_no_modules_are_an_error(natives: Bench) -> None:
    tree = Tree()
    tree.write("usr/lib/modules/6.1/modules.order", "")
    with pytest.raises(BuilderError, match="no kernel modules"):
        depmod.index_modules(
            {"usr/lib/modules/6.1/modules.order": tree.content("usr/lib/modules/6.1/modules.order")}, natives
        )


def read_index(data: bytes) -> dict[bytes, list[tuple[int, bytes]]]:
    """The keys and values of an index, whatever the order of its nodes (kmod's libkmod-index.h)."""
    magic, _, root = struct.unpack_from(">III", data)
    assert magic == 0xB007F457
    found: dict[bytes, list[tuple[int, bytes]]] = {}
    pending = [(b"", root)]
    while pending:
        key, where = pending.pop()
        at = where & 0x0FFFFFFF
        if where & 0x80000000:
            end = data.index(b"\0", at)
            key, at = key + data[at:end], end + 1
        if where & 0x20000000:
            first, last = data[at], data[at + 1]
            children = struct.unpack_from(f">{last - first + 1}I", data, at + 2)
            pending += [(key + bytes([first + number]), child) for number, child in enumerate(children) if child]
            at += 2 + 4 * len(children)
        if where & 0x40000000:
            (count,) = struct.unpack_from(">I", data, at)
            at += 4
            for _ in range(count):
                (priority,) = struct.unpack_from(">I", data, at)
                end = data.index(b"\0", at + 4)
                found.setdefault(key, []).append((priority, data[at + 4 : end]))
                at = end + 1
    return found
