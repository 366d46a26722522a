"""runc runs containers of this machine's architecture, and its seccomp profiles are obeyed."""

import errno
import json
import re
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, host_arch
from builder.formats.elf import open_elf, read_dynamic
from tests.integration.helpers.bundle import Bundle, make_bundle


@pytest.fixture
def bundle(helpers: Path, tmp_path: Path) -> Bundle:
    return make_bundle(helpers, tmp_path)


def test_runc_is_static_and_says_its_versions(bundle: Bundle) -> None:
    with open_elf(bundle.helpers / "bin/runc") as elf:
        assert elf.machine == ARCH_FACTS[host_arch()].elf_machine
        assert read_dynamic(elf).needed == ()
    said = bundle.runc("--version").stdout
    assert re.search(r"^runc version 1\.", said)
    assert re.search(r"^libseccomp: 2\.6\.0$", said, re.MULTILINE)


def test_runc_was_built_with_seccomp_for_every_architecture(bundle: Bundle) -> None:
    seccomp = json.loads(bundle.runc("features").stdout)["linux"]["seccomp"]
    assert seccomp["enabled"]
    assert {"SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_X86_64"} <= set(seccomp["archs"])


def test_a_container_runs_and_its_root_is_the_bundles(bundle: Bundle) -> None:
    done = bundle.run_probe()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ips"][0]["address"] == "10.0.0.2/24"
    assert (bundle.directory / "rootfs/addresses/probe/10.0.0.2").exists()


def test_a_system_call_that_the_profile_denies_fails_in_the_container(bundle: Bundle) -> None:
    bundle.deny(["mkdir", "mkdirat"], errno.EDOM)
    done = bundle.run_probe()
    assert done.returncode != 0
    assert "numerical argument out of domain" in done.stdout
    assert not (bundle.directory / "rootfs/addresses").exists()


def test_nothing_of_where_it_was_built_is_inside(helpers: Path) -> None:
    for name in ("runc", "cni", "containerd-shim-runc-v2", "nft"):
        content = (helpers / "bin" / name).read_bytes()
        for place in (b"/.cache/", b"/home/", b"/tmp/builder", b"/store/entries/", b"libseccomp.a", b"ziglang"):
            assert place not in content, (name, place)
