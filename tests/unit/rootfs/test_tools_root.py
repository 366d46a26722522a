from pathlib import Path

import pytest

from builder.core.arch import Arch, host_arch
from builder.core.errors import MissingToolError
from builder.rootfs.tools_root import foreign, interpreter, make_tools_root


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    tree = tmp_path / "tools"
    (tree / "usr/share/base-passwd").mkdir(parents=True)
    (tree / "usr/share/base-passwd/passwd.master").write_text("root:*:0:0:root:/root:/bin/bash\n")
    (tree / "usr/share/base-passwd/group.master").write_text("root:*:0:\n")
    (tree / "etc/apt").mkdir(parents=True)
    (tree / "etc/issue").write_text("Debian")
    (tree / "lib").symlink_to("usr/lib")
    binfmt = tree / "usr/share/qemu/binfmt.d"
    binfmt.mkdir(parents=True)
    (binfmt / "qemu-arm.conf").write_text(
        ":qemu-arm:M::\\x7fELF:\\xff\\xff:/usr/libexec/qemu-binfmt/arm-binfmt-P:OPF\n"
    )
    for path in (tree / "etc/apt", tree / "etc"):
        path.chmod(0o555)  # as in the store
    return tree


def test_the_root_is_writable_and_the_tree_stays_as_it_is(tools: Path, tmp_path: Path) -> None:
    enclosure = make_tools_root(tools, tmp_path / "root")
    assert (tmp_path / "root/etc/apt").stat().st_mode & 0o777 == 0o755
    (tmp_path / "root/etc/apt/sources.list").touch()
    assert (tmp_path / "root/etc/issue").read_text() == "Debian"
    assert (tmp_path / "root/etc/passwd").read_text().startswith("root:")
    assert (tmp_path / "root/lib").readlink() == Path("usr/lib")
    assert not (tools / "etc/apt/sources.list").exists()
    (usr,) = [mount for mount in enclosure.mounts if mount.target == "usr"]
    assert (usr.source, usr.read_only) == (str(tools / "usr"), True)
    assert enclosure.interpreters == ()


def test_the_emulator_is_named_by_its_path_outside(tools: Path) -> None:
    path = f"{tools}/usr/libexec/qemu-binfmt/arm-binfmt-P"
    assert interpreter(tools, Arch.ARMV7) == f":qemu-arm:M::\\x7fELF:\\xff\\xff:{path}:OPF"


def test_a_missing_emulator_is_told_with_the_package_that_has_it(tools: Path) -> None:
    with pytest.raises(MissingToolError, match="no emulator for arm64") as caught:
        interpreter(tools, Arch.ARM64)
    assert "qemu-user" in caught.value.hint


def test_this_machine_s_programs_are_not_emulated() -> None:
    assert foreign(host_arch()) is None
    assert [foreign(arch) for arch in Arch if arch is not host_arch()] == [
        arch for arch in Arch if arch is not host_arch()
    ]
