"""A root file system with all that ldconfig treats in a way of its own."""

from builder.core.arch import ARCH_FACTS, Arch
from builder.rootfs.tree import Tree
from tests.unit.formats.shared_objects import SharedObject

# What the ldconfig of each architecture calls itself; Debian 12's searches and passes over other names than Debian 13's.
_NEW = "ldconfig (Debian GLIBC 2.41-12+deb13u5) stable release version 2.41"
GENERATORS = {
    Arch.ARMV7: "ldconfig (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36",
    Arch.ARM64: _NEW,
    Arch.AMD64: _NEW,
}
_CONFIGURATION = """\
/opt/x # a remark

  /opt/x/
hwcap 0 nosegneg
/opt/none
/lib
include more/*.conf
"""


def loader_tree(arch: Arch) -> Tree:
    """The tree; its `sbin/ldconfig` only says what version it is."""
    tree = Tree()
    for name in ("bin", "sbin", "lib"):
        tree.make_directory(f"usr/{name}")
        tree.link(name, f"usr/{name}")
    tree.write("usr/sbin/ldconfig", GENERATORS[arch].encode() + b"\0", mode=0o755)
    triplet = ARCH_FACTS[arch].triplet
    tree.write("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
    tree.write("etc/ld.so.conf.d/aa.conf", _CONFIGURATION)
    tree.write("etc/ld.so.conf.d/zz.conf", f"/usr/local/lib/{triplet}\n/lib/{triplet}\n/usr/lib/{triplet}\n")
    tree.write("etc/ld.so.conf.d/more/x.conf", "/opt/more\n")
    _add_libraries(tree, arch, f"usr/lib/{triplet}")
    _add_names(tree, arch, f"usr/lib/{triplet}")
    return tree


def _add_libraries(tree: Tree, arch: Arch, main: str) -> None:
    def library(path: str, soname: str, *, of: Arch = arch, hard_float: bool = True) -> None:
        tree.write(path, SharedObject(arch=of, soname=soname, hard_float=hard_float).data())

    library(f"{main}/libz.so.1.3.1", "libz.so.1")
    tree.link(f"{main}/libz.so.1", "libz.so.1.3.1")
    tree.link(f"{main}/libz.so", "libz.so.1.3.1")
    # An older file of the same name beside it, and a link to one elsewhere that counts as the newest.
    library(f"{main}/libz.so.1.2.10", "libz.so.1")
    library("opt/x/libz.so.1", "libz.so.1")
    tree.link(f"{main}/libzother.so.1", "../../../opt/x/libz.so.1")
    # No link of the name that programs ask for: ldconfig makes it.
    library("opt/x/libacl.so.1.9.9", "libacl.so.1")
    library(f"{main}/libdata.so.7", "libdata.so.7", hard_float=False)
    library(f"{main}/libtool-10.so", "libtool-10.so")
    library(f"{main}/libtool-9.so", "libtool-9.so")
    library(f"{main}/glibc-hwcaps/b/libz.so.1.3.1", "libz.so.1")
    library(f"{main}/glibc-hwcaps/a/libdata.so.7", "libdata.so.7")
    library(f"{main}/glibc-hwcaps/.hidden/libdata.so.7", "libdata.so.7")
    library("opt/more/libnone.so.2", "")
    tree.link("opt/more/libnone.so", "libnone.so.2")
    other = Arch.ARM64 if arch is Arch.AMD64 else Arch.AMD64
    library(f"{main}/libforeign.so.1", "libforeign.so.1", of=other)


def _add_names(tree: Tree, arch: Arch, main: str) -> None:
    plain = SharedObject(arch=arch).data()
    for name in (
        "ld.so.1",
        "ld64.so.1",
        "ld-x.so.1",
        "ld.so",
        "libw.so-gdb.py",
        "lib+c.so",
        "lib_c.so",
        "libC.so",
        "libnoext",
    ):
        tree.write(f"{main}/{name}", plain)
    for name in (
        "plugin.so",
        "libp.so.1.#prelink#.abcdef",
        "libn.so.1.dpkg-new",
        "libt.so.dpkg-tmp",
        "libr.so.1;5f3a9c21",
    ):
        tree.write(f"{main}/{name}", plain)
    tree.link(f"{main}/libdangling.so.1", "nowhere.so.1")
    tree.link(f"{main}/libloop.so.1", "libloop.so.1")
    tree.link(f"{main}/libabsent.so", "/absent")
    tree.make_directory(f"{main}/libdirectory.so")
    tree.link(f"{main}/liblinked.so", "libdirectory.so")
    tree.write(f"{main}/libtext.so", "INPUT(libz.so.1)\n")
    tree.write(f"{main}/libempty.so", "")
