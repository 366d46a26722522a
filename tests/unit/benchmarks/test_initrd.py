import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.vm.initrd import load_order, write_initrd
from builder.core.errors import BuilderError


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A kernel's modules as far as their `.modinfo` goes."""
    directory = tmp_path / "modules"
    depends = {"ext4": "jbd2,crc16,mbcache", "jbd2": "", "mbcache": "", "crc16": "", "nf-odd": "jbd2"}
    for number, (name, needs) in enumerate(depends.items()):
        path = directory / "kernel" / str(number) / f"{name}.ko"
        path.parent.mkdir(parents=True)
        path.write_bytes(
            b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0retpoline=Y\0__UNIQUE_ID_depends182\0"
        )
    (directory / "modules.builtin").write_text("kernel/drivers/virtio/virtio.ko\n")
    return directory


def names(order: list[Path]) -> list[str]:
    return [path.stem for path in order]


def test_what_a_module_needs_comes_first(modules: Path) -> None:
    assert names(load_order(modules, ["ext4"])) == ["jbd2", "crc16", "mbcache", "ext4"]


def test_a_module_comes_once(modules: Path) -> None:
    assert names(load_order(modules, ["nf_odd", "ext4"])) == ["jbd2", "nf-odd", "crc16", "mbcache", "ext4"]


def test_what_is_built_in_needs_no_file(modules: Path) -> None:
    assert load_order(modules, ["virtio"]) == []


def test_a_module_that_is_missing(modules: Path) -> None:
    with pytest.raises(BuilderError, match=r"no module overlay$"):
        load_order(modules, ["overlay"])


def test_a_file_that_is_no_module(modules: Path) -> None:
    (modules / "kernel" / "overlay.ko").write_bytes(b"nothing")
    with pytest.raises(BuilderError, match="does not say"):
        load_order(modules, ["overlay"])


def test_cpio_reads_what_is_written(modules: Path, tmp_path: Path) -> None:
    cpio = shutil.which("cpio")
    if cpio is None:
        pytest.skip("cpio is not installed")
    init, target, out = tmp_path / "init.sh", tmp_path / "initrd", tmp_path / "out"
    init.write_text("#!/bin/sh\nexit\n")
    write_initrd(target, {"init": init, "bin/busybox": init}, load_order(modules, ["ext4"]))
    out.mkdir()
    archive = gzip.decompress(target.read_bytes())
    listed = subprocess.run([cpio, "-itv"], input=archive, capture_output=True, check=True).stdout.decode()
    assert any(line.startswith("crw") and "5,   1" in line for line in listed.splitlines()), listed
    # The console's node only root can make.
    argv = [cpio, "-id", "--quiet", "init", "bin/*", "modules/*", "order"]
    subprocess.run(argv, input=archive, cwd=out, check=True)
    assert (out / "order").read_text() == "jbd2.ko\ncrc16.ko\nmbcache.ko\next4.ko\n"
    assert (out / "init").read_text() == init.read_text()
    assert (out / "init").stat().st_mode & 0o777 == 0o755
    assert (out / "modules" / "ext4.ko").read_bytes() == (modules / "kernel" / "0" / "ext4.ko").read_bytes()
