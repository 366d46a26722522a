"""The initial file system."""

import lzma

import pytest
import zstandard

from builder.core.errors import BuilderError
from builder.image.initrd import KernelFiles, make_initrd
from tests.unit.image.test_cpio import read

INDEXES = {"modules.dep": "kernel/b.ko.xz: kernel/a.ko\nkernel/a.ko:\n"}


def kernel(config: str = "CONFIG_RD_ZSTD=y\n") -> KernelFiles:
    contents = {"kernel/a.ko": b"module a", "kernel/b.ko.xz": lzma.compress(b"module b")}
    return KernelFiles(release="6.1.0", config=config, indexes=INDEXES, read=contents.__getitem__)


def test_it_holds_a_shell_the_script_and_plain_modules_in_their_order() -> None:
    packed = make_initrd(kernel(), {"b": "here"}, busybox=b"shell", init=b"#!script")
    found = read(zstandard.ZstdDecompressor().decompress(packed))
    assert found["bin/busybox"][2] == b"shell"
    assert found["init"][0] & 0o111
    assert found["init"][2] == b"#!script"
    assert found["modules/order"][2] == b"a\nb\n"
    assert (found["modules/a.ko"][2], found["modules/b.ko"][2]) == (b"module a", b"module b")


def test_a_kernel_that_could_not_read_it_is_told() -> None:
    with pytest.raises(BuilderError, match="does not read an initrd that zstd compressed"):
        make_initrd(kernel("# CONFIG_RD_ZSTD is not set\n"), {}, busybox=b"", init=b"")
