from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError, MissingToolError
from builder.toolchain.libraries import require_libraries
from builder.toolchain.tree import ToolsTree
from tests.unit.formats.shared_objects import SharedObject

LOADER = "/lib64/ld-linux-x86-64.so.2"


@pytest.fixture
def tools(tmp_path: Path) -> ToolsTree:
    tree = ToolsTree(root=tmp_path / "tree", arch=Arch.AMD64)
    for place in ("usr/bin", "usr/sbin", f"usr/lib/{ARCH_FACTS[Arch.AMD64].triplet}/private"):
        (tree.root / place).mkdir(parents=True)
    return tree


def place(path: Path, *, interpreter: str = LOADER, runpath: str = "", needed: tuple[str, ...] = ()) -> None:
    program = SharedObject(arch=Arch.AMD64, interpreter=interpreter, runpath=runpath, needed=needed)
    path.write_bytes(program.data())


def test_a_program_starts_through_the_loader_of_its_tree(tools: ToolsTree) -> None:
    place(tools.root / "usr/sbin/sfdisk")
    command = tools.command("sfdisk", "--json", Path("/image"), env={"TZ": "UTC"}, cwd=Path("/work"))
    root, libraries = tools.root, tools.root / "usr/lib/x86_64-linux-gnu"
    assert list(command.argv) == [
        f"{root}{LOADER}", "--inhibit-cache", "--library-path", str(libraries), "--argv0", "sfdisk",
        f"{root}/usr/sbin/sfdisk", "--json", "/image",
    ]  # fmt: skip
    assert command.env == {"GCONV_PATH": f"{libraries}/gconv", "LOCPATH": f"{root}/usr/lib/locale", "TZ": "UTC"}
    assert command.cwd == Path("/work")


def test_private_libraries_are_found_in_the_tree(tools: ToolsTree) -> None:
    place(tools.root / "usr/bin/hwdb", runpath="/usr/lib/x86_64-linux-gnu/private:$ORIGIN/../x")
    libraries = f"{tools.root}/usr/lib/x86_64-linux-gnu"
    assert f"{libraries}:{libraries}/private" in tools.command("hwdb").argv


def test_a_static_program_starts_by_itself(tools: ToolsTree) -> None:
    place(tools.root / "usr/bin/qemu-arm", interpreter="")
    command = tools.command("qemu-arm", "--version")
    assert list(command.argv) == [f"{tools.root}/usr/bin/qemu-arm", "--version"]
    assert command.env == {}


def test_programs_are_told_where_their_files_lie(tools: ToolsTree) -> None:
    place(tools.root / "usr/sbin/mkfs.ext4")
    place(tools.root / "usr/bin/qemu-system-arm")
    assert tools.command("mkfs.ext4").env["MKE2FS_CONFIG"] == f"{tools.root}/etc/mke2fs.conf"
    emulator = tools.command("qemu-system-arm", "-M", "virt")
    assert list(emulator.argv[-8:-2]) == [
        "-L", f"{tools.root}/usr/share/qemu", "-L", f"{tools.root}/usr/share/seabios", "-L", f"{tools.root}/usr/lib/ipxe/qemu",
    ]  # fmt: skip
    assert list(emulator.argv[-2:]) == ["-M", "virt"]
    assert emulator.env["QEMU_MODULE_DIR"] == f"{tools.libraries}/qemu"


def test_a_missing_program_is_told(tools: ToolsTree) -> None:
    with pytest.raises(MissingToolError, match="no program nothing"):
        tools.command("nothing")


def test_scripts_are_refused(tools: ToolsTree) -> None:
    (tools.root / "usr/bin/script").write_text("#!/bin/sh\nawk 1\n")
    with pytest.raises(BuilderError, match="script of the tools cannot be started by itself") as error:
        tools.command("script")
    assert "starts other programs" in error.value.hint


def test_missing_libraries_are_all_told(tools: ToolsTree) -> None:
    place(tools.root / "usr/bin/one", needed=("libone.so.1", "libgone.so.1"))
    place(
        tools.root / "usr/sbin/two",
        needed=("libprivate.so", "libgone.so.1"),
        runpath="/usr/lib/x86_64-linux-gnu/private",
    )
    place(tools.libraries / "libone.so.1", interpreter="", needed=("liblost.so.2",))
    # What a private library needs is looked for beside it too, as the loader's own search would.
    place(tools.libraries / "private/libprivate.so", interpreter="", needed=("libinner.so",))
    place(tools.libraries / "private/libinner.so", interpreter="")
    (tools.root / "usr/bin/script").write_text("#!/bin/sh\n")
    with pytest.raises(BuilderError, match="do not hold all libraries") as error:
        require_libraries(tools)
    assert error.value.details == (
        "libgone.so.1: needed by one, two",
        "liblost.so.2: needed by libone.so.1",
    )
    place(tools.libraries / "libgone.so.1", interpreter="")
    place(tools.libraries / "liblost.so.2", interpreter="")
    require_libraries(tools)
