import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.gobuild.build import GoBuild
from builder.gobuild.cgo import Cgo
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.toolchain.zig import Zig


@pytest.fixture
def cgo(tmp_path: Path) -> Iterator[Cgo]:
    place = tmp_path / "Häuschen am See"
    place.mkdir()
    with Leash() as leash:
        zig = Zig(wheel_tree=place / "wheel", cache=place / "cache", runner=Runner(log=place / "log", leash=leash))
        yield Cgo(zig=zig, prefix=place / "prefix", libraries=("seccomp", "m"))


def test_words_with_blanks_stay_words(cgo: Cgo, tmp_path: Path) -> None:
    environment = cgo.environment(Arch.ARMV7, tmp_path)
    place = cgo.prefix.parent
    assert shlex.split(environment["CC"])[:2] == [str(place / "wheel/ziglang/zig"), "cc"]
    assert shlex.split(environment["CGO_CFLAGS"]) == ["-O2", "-g0", f"-I{cgo.prefix}/include"]
    assert shlex.split(environment["CGO_LDFLAGS"]) == [f"-L{cgo.prefix}/lib", "-lseccomp", "-lm"]
    assert environment["CGO_ENABLED"] == "1"
    assert environment["ZIG_LOCAL_CACHE_DIR"] == str(place / "cache")


def test_pkg_config_knows_every_package_and_says_nothing(cgo: Cgo, tmp_path: Path) -> None:
    scratch = tmp_path / "a scratch"
    scratch.mkdir()
    (script,) = shlex.split(cgo.environment(Arch.ARM64, scratch)["PKG_CONFIG"])
    assert subprocess.run([script, "--cflags", "--", "libseccomp"], capture_output=True, check=True).stdout == b""


def test_what_is_linked_is_static(cgo: Cgo) -> None:
    wanted = GoBuild(name="runc", arch=Arch.ARM64, package="x", tags=(), variables={"main.a": "b"}, cores=1, cgo=cgo)
    assert "-ldflags=-s -w -buildid= -extldflags=-static -X 'main.a=b'" in wanted.options(Path("/out/runc"))
