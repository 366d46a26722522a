from dataclasses import replace
from pathlib import Path

import pytest

from builder.audit.locked import LockedBuild, locked_build, locked_settings, require_locked
from builder.core.arch import Arch
from builder.core.errors import VerificationError
from builder.formats.elf import ElfError
from builder.formats.goinfo import GoInfo, GoModule, read_go_info
from tests.unit.audit.writer import Elf, Part, go_info_section

H1 = "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM="
OTHER_H1 = "h1:BOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM="
TEXT = f"""\
path\ttiny/cmd/tiny
mod\ttiny\t(devel)\t
dep\texample.org/a\tv1.0.0\t{H1}
dep\texample.org/b\tv0.0.0
=>\texample.org/fork\tv0.2.0\t{OTHER_H1}
dep\texample.org/c\tv1.1.0
=>\t./patched/example.org/c\t(devel)\t
build\t-buildmode=exe
build\t-compiler=gc
build\t-ldflags="-s -w -X 'a.B=\\"c d\\"'"
build\t-tags=one,two
build\t-trimpath=true
build\tCGO_ENABLED=0
build\tGOARCH=arm
build\tGOOS=linux
build\tGOARM=7
"""
GO_MOD = """\
module tiny

go 1.26

require example.org/a v1.0.0
require (
\texample.org/b v0.0.0
\texample.org/c v1.1.0 // indirect
)

replace example.org/b => example.org/fork v0.2.0

replace example.org/c v1.1.0 => ./patched/example.org/c
"""
GO_SUM = f"example.org/a v1.0.0 {H1}\nexample.org/a v1.0.0/go.mod {OTHER_H1}\nexample.org/fork v0.2.0 {OTHER_H1}\n"


def executable(tmp_path: Path, text: str, *, arch: Arch = Arch.ARMV7) -> Path:
    path = tmp_path / "tiny"
    path.write_bytes(Elf.good(arch).with_sections(go_info_section("go1.26.8", text)).build())
    return path


def read(path: Path) -> GoInfo:
    info = read_go_info(path)
    assert info is not None
    return info


@pytest.fixture
def locked(tmp_path: Path) -> LockedBuild:
    (tmp_path / "go.mod").write_text(GO_MOD)
    (tmp_path / "go.sum").write_text(GO_SUM)
    settings = locked_settings(Arch.ARMV7, tags=("one", "two"))
    return locked_build(go_version="1.26.8", package="./cmd/tiny", module_directory=tmp_path, settings=settings)


@pytest.mark.parametrize("arch", [Arch.ARMV7, Arch.AMD64])
def test_what_the_linker_wrote_is_read_back(tmp_path: Path, arch: Arch) -> None:
    info = read(executable(tmp_path, TEXT, arch=arch))
    assert (info.go_version, info.package) == ("go1.26.8", "tiny/cmd/tiny")
    assert info.main == GoModule(path="tiny", version="(devel)", h1="")
    fork = GoModule(path="example.org/fork", version="v0.2.0", h1=OTHER_H1)
    directory = GoModule(path="./patched/example.org/c", version="(devel)", h1="")
    assert info.dependencies == (
        GoModule(path="example.org/a", version="v1.0.0", h1=H1),
        GoModule(path="example.org/b", version="v0.0.0", h1="", replacement=fork),
        GoModule(path="example.org/c", version="v1.1.0", h1="", replacement=directory),
    )
    assert info.settings["-ldflags"] == "-s -w -X 'a.B=\"c d\"'"
    assert info.settings["GOARM"] == "7"


def test_what_go_did_not_make_has_no_information(tmp_path: Path, locked: LockedBuild) -> None:
    path = tmp_path / "c"
    path.write_bytes(Elf.good(Arch.ARMV7).build())
    assert read_go_info(path) is None
    with pytest.raises(VerificationError, match="c has no build information of Go"):
        require_locked(path, locked, name="c")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (b"no magic" * 8, "does not begin"),
        (b"\xff Go buildinf:\x08\x00" + bytes(32), "before Go 1.18"),
        (b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff\xff\xff\x7fgo1", "a text of 268435455 bytes"),
        (go_info_section("go1", "dep\n").data, "line 1 is no module"),
        (go_info_section("go1", "path\tx\nbuild\tvalueless\n").data, "line 2 is no setting"),
        (go_info_section("go1", 'build\tx="open\n').data, "is not quoted"),
        (go_info_section("go1", "=>\tx\tv1\n").data, "line 1 is not understood"),
    ],
)
def test_damage_is_told(tmp_path: Path, locked: LockedBuild, section: bytes, words: str) -> None:
    path = tmp_path / "tiny"
    path.write_bytes(Elf.good(Arch.ARMV7).with_sections(Part(name=".go.buildinfo", data=section)).build())
    with pytest.raises(ElfError, match=words):
        read_go_info(path)
    with pytest.raises(VerificationError) as caught:
        require_locked(path, locked, name="tiny")
    assert words in str(caught.value)


def test_an_executable_from_the_lock_has_no_differences(tmp_path: Path, locked: LockedBuild) -> None:
    assert require_locked(executable(tmp_path, TEXT), locked, name="tiny").package == "tiny/cmd/tiny"


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("cmd/tiny", "cmd/other", "main package: tiny/cmd/other in the executable, tiny/cmd/tiny in the lock"),
        ("mod\ttiny\t(devel)\t", "mod\ttiny\tv1.0.0\t", "main module: tiny@v1.0.0, not what lies in the source"),
        ("mod\ttiny\t(devel)\t\n", "", "main module: none; it was built from single files"),
        (H1, OTHER_H1, f"module example.org/a@v1.0.0: sum: {OTHER_H1} in the executable, {H1} in the lock"),
        ("example.org/b\tv0.0.0", "example.org/b\tv0.0.1",
         "module example.org/b: version: v0.0.1 in the executable, v0.0.0 in the lock"),
        (f"=>\texample.org/fork\tv0.2.0\t{OTHER_H1}\n", "",
         "module example.org/b: not replaced by example.org/fork v0.2.0, as go.mod says"),
        (f"\tv0.2.0\t{OTHER_H1}", f"\tv0.2.0\t{H1}",
         f"module example.org/fork@v0.2.0: sum: {H1} in the executable, {OTHER_H1} in the lock"),
        ("=>\t./patched/example.org/c\t(devel)\t\n", "",
         "module example.org/c: not replaced by ./patched/example.org/c, as go.mod says"),
        ("./patched/example.org/c", "../elsewhere",
         "module example.org/c: replaced by ../elsewhere@(devel), not by the directory ./patched/example.org/c"),
        (f"dep\texample.org/a\tv1.0.0\t{H1}\n", "dep\texample.org/a\tv1.0.0\n=>\t./mine\t(devel)\t\n",
         "module example.org/a: replaced by ./mine@(devel), which go.mod does not do"),
        ("GOARM=7", "GOARM=5", "setting GOARM: 5 in the executable, 7 in the lock"),
        ("build\t-trimpath=true\n", "", "setting -trimpath: nothing in the executable, true in the lock"),
        ("-tags=one,two", "-tags=one", "setting -tags: one in the executable, one,two in the lock"),
    ],
)  # fmt: skip
def test_each_difference_from_the_lock(
    tmp_path: Path, locked: LockedBuild, old: str, new: str, difference: str
) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(VerificationError) as caught:
        require_locked(executable(tmp_path, TEXT.replace(old, new, 1)), locked, name="tiny")
    assert caught.value.details == (difference,)


def test_a_module_beyond_the_lock(tmp_path: Path, locked: LockedBuild) -> None:
    text = TEXT.replace("build\t", f"dep\texample.org/z\tv9.0.0\t{H1}\nbuild\t", 1)
    assert locked.differences(read(executable(tmp_path, text))) == (
        "module example.org/z: version: v9.0.0 in the executable, nothing in the lock",
        f"module example.org/z@v9.0.0: sum: {H1} in the executable, nothing in the lock",
    )


def test_another_go(tmp_path: Path, locked: LockedBuild) -> None:
    newer = replace(locked, go_version="1.27.0")
    assert newer.differences(read(executable(tmp_path, TEXT))) == (
        "Go version: go1.26.8 in the executable, go1.27.0 in the lock",
    )


def test_the_main_package_of_a_dependency(tmp_path: Path, locked: LockedBuild) -> None:
    text = TEXT.replace("path\ttiny/cmd/tiny", "path\texample.org/a").replace("mod\ttiny\t(devel)\t\n", "")
    text = text.replace("dep\texample.org/a", "mod\texample.org/a")
    helper = replace(locked, package="example.org/a")
    assert helper.differences(read(executable(tmp_path, text))) == ()
    forged = read(executable(tmp_path, text.replace(H1, OTHER_H1)))
    assert helper.differences(forged) == (
        f"module example.org/a@v1.0.0: sum: {OTHER_H1} in the executable, {H1} in the lock",
    )


def test_the_main_package_of_a_patched_dependency(tmp_path: Path, locked: LockedBuild) -> None:
    text = TEXT.replace("path\ttiny/cmd/tiny", "path\texample.org/c")
    text = text.replace(
        "mod\ttiny\t(devel)\t\n", "mod\texample.org/c\tv1.1.0\n=>\t./patched/example.org/c\t(devel)\t\n"
    )
    helper = replace(locked, package="example.org/c")
    assert helper.differences(read(executable(tmp_path, text))) == ()
    forged = read(executable(tmp_path, text.replace("=>\t./patched/example.org/c\t(devel)\t\n", "", 1)))
    assert helper.differences(forged) == (
        "module example.org/c: not replaced by ./patched/example.org/c, as go.mod says",
    )
