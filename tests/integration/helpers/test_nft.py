"""nft with its libraries and loader as a closed set: it needs nothing of the system that it runs on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, host_arch
from builder.formats.elf import open_elf, read_dynamic
from builder.payload.closed_set import require_closed
from tests.integration.helpers.network import Node

RULES = """
table inet filter {
    set known { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 } }
    map ports { type inet_service : ipv4_addr . inet_service; elements = { 8080 : 10.88.0.2 . 80 } }
    chain input { type filter hook input priority 0; policy drop; ct state established accept; ip saddr @known accept; }
    chain nat { type nat hook prerouting priority dstnat; dnat ip to tcp dport map @ports; }
}
"""


def test_the_set_is_closed(helpers: Path) -> None:
    require_closed(helpers / "lib/nft", "nft")


def test_the_launcher_is_static_and_tiny(helpers: Path) -> None:
    with open_elf(helpers / "bin/nft") as elf:
        assert elf.machine == ARCH_FACTS[host_arch()].elf_machine
        assert read_dynamic(elf).interpreter == ""
        assert elf.size_bytes < 32 << 10


def test_rules_are_loaded_and_listed(node: Node, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text(RULES)
    executable = str(node.helpers / "bin/nft")
    node.run(executable, "-c", "-f", str(tmp_path / "rules"))
    assert node.ruleset() == ""
    node.run(executable, "-f", str(tmp_path / "rules"))
    assert "8080 : 10.88.0.2 . 80" in node.ruleset()
    assert '"name": "known"' in node.run(executable, "-j", "list", "ruleset")


def test_it_runs_in_an_empty_root(helpers: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(helpers, root / "helpers", symlinks=True)
    argv = ["unshare", "--map-root-user", "--root", str(root), "/helpers/bin/nft", "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"namespaces cannot be made here: {done.stderr}")
    assert done.stdout.startswith("nftables v"), done.stderr


def test_it_is_found_by_a_link_by_a_relative_path_and_by_its_bare_name(helpers: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(helpers / "bin/nft")
    places = (str(tmp_path / "elsewhere"), tmp_path), ("./nft", helpers / "bin"), ("bin/nft", helpers)
    for executable, cwd in places:
        argv = [executable, "--version"]
        assert subprocess.run(argv, cwd=cwd, env={}, capture_output=True, check=True).stdout.startswith(b"nftables v")
    environment = {"PATH": str(helpers / "bin")}
    assert subprocess.run(["/usr/bin/env", "nft", "-v"], env=environment, capture_output=True, check=True).stdout


def test_settings_of_the_systems_loader_do_not_reach_it(helpers: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "libmnl.so.0"
    wrong.write_bytes(b"no library")
    environment = {"LD_PRELOAD": str(wrong), "LD_LIBRARY_PATH": str(tmp_path), "LD_DEBUG": "libs"}
    argv = [str(helpers / "bin/nft"), "--version"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_arguments_arrive_as_they_are_and_the_exit_status_comes_back(helpers: Path) -> None:
    done = subprocess.run(
        [helpers / "bin/nft", "add", "no", "such thing", ""], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "add no such thing" in done.stderr


def test_a_launcher_alone_says_what_is_missing(helpers: Path, tmp_path: Path) -> None:
    alone = tmp_path / "bin/nft"
    alone.parent.mkdir()
    shutil.copy(helpers / "bin/nft", alone)
    done = subprocess.run([alone, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 126
    assert f"there is no {alone.parent}/../lib/nft/ld-linux" in done.stderr
    assert "kedge payload unpack" in done.stderr


def test_a_damaged_loader_is_told(helpers: Path, tmp_path: Path) -> None:
    shutil.copytree(helpers, tmp_path / "helpers", symlinks=True)
    (loader,) = (tmp_path / "helpers/lib/nft").glob("ld-linux*")
    loader.write_bytes(b"\x7fELF")
    done = subprocess.run([tmp_path / "helpers/bin/nft"], capture_output=True, text=True, check=False)
    assert done.returncode == 126
    assert "Exec format error" in done.stderr
