"""What is kept of packages, and what comes with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.io.spawn import Runner
from builder.rootfs.accounts import Accounts
from builder.rootfs.content import PackageContent
from builder.rootfs.effects.base import Image
from builder.rootfs.kept import keep_only
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Kind, Node, Text, Tree
from builder.toolchain.tree import ToolsTree
from tests.unit.audit.writer import Elf

NEEDED, RUNPATH = 1, 29
LOADER = "/lib64/ld-linux-x86-64.so.2"
TRIPLET = "usr/lib/x86_64-linux-gnu"


def elf(*needed: str, runpath: str = "", interpreter: str = "") -> bytes:
    entries = [(NEEDED, name) for name in needed] + ([(RUNPATH, runpath)] if runpath else [])
    return Elf.good(Arch.AMD64).dynamic(*entries, interpreter=interpreter).build()


@dataclass(kw_only=True)
class Root:
    """A root file system of one package, `app`; `links` are symbolic ones."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    hard: Mapping[str, str] = field(default_factory=dict)

    def kept(self, *patterns: str) -> Tree:
        tree = Tree(writer="app")
        for name in ("bin", "lib", "lib64"):
            tree.make_directory(f"usr/{name}")
            tree.link(name, f"usr/{name}")
        for path, data in {
            "usr/share/doc/app/copyright": b"free",
            "usr/share/doc/app/readme": b"",
            **self.files,
        }.items():
            tree.add(path, Node(kind=Kind.FILE, mode=0o755, content=Text(data)))
        for path, target in self.links.items():
            tree.link(path, target)
        for path, target in self.hard.items():
            tree.add(path, Node(kind=Kind.HARDLINK, target=target))
        package = PackageContent(
            directory=Path(),
            control="Package: app\nVersion: 1\nArchitecture: amd64\n",
            fields={"package": "app", "version": "1", "architecture": "amd64"},
            control_files={},
            members=[],
            descriptor=-1,
        )
        image = Image(
            tree=tree,
            arch=Arch.AMD64,
            packages={"app": package},
            accounts=Accounts(fixed_users={}, fixed_groups={}),
            epoch_s=0,
            modules={},
            bench=Bench(tools=ToolsTree(root=Path(), arch=Arch.AMD64), runner=Runner(log=Path()), scratch=Path()),
        )
        keep_only(image, patterns)
        return tree


def files(tree: Tree) -> set[str]:
    """What is left, but for directories and what is always there."""
    always = {"usr/share/doc/app/copyright", "var/lib/dpkg/status.d/app", "var/lib/dpkg/status.d/app.md5sums"}
    found = {path for path, node in tree.nodes.items() if node.kind is not Kind.DIRECTORY}
    assert always <= found
    return found - always


def test_a_program_brings_its_loader_and_libraries() -> None:
    root = Root(
        files={
            "usr/bin/app": elf("liba.so.1", interpreter=LOADER),
            f"{TRIPLET}/liba.so.1.2": elf("libb.so"),
            f"{TRIPLET}/libb.so": elf(),
            f"{TRIPLET}/libc.so": elf(),
            f"{TRIPLET}/ld-2": elf(),
        },
        links={f"{TRIPLET}/liba.so.1": "liba.so.1.2", "usr/lib64/ld-linux-x86-64.so.2": f"../../{TRIPLET}/ld-2"},
    )
    # The loader is looked for below /lib64, libraries below /lib: those links are needed too.
    assert files(root.kept("/usr/bin/app")) == {
        "usr/bin/app", "lib64", "usr/lib64/ld-linux-x86-64.so.2", f"{TRIPLET}/ld-2", "lib",
        f"{TRIPLET}/liba.so.1", f"{TRIPLET}/liba.so.1.2", f"{TRIPLET}/libb.so",
    }  # fmt: skip


def test_libraries_are_found_beside_a_program() -> None:
    root = Root(files={"opt/app/bin/app": elf("liba.so", runpath="$ORIGIN/../lib"), "opt/app/lib/liba.so": elf()})
    assert files(root.kept("/opt/app/bin/app")) == {"opt/app/bin/app", "opt/app/lib/liba.so"}


def test_links_on_the_way_are_kept() -> None:
    root = Root(
        files={"usr/bin/real": b"x", "usr/bin/other": b"y"},
        links={"etc/alternatives/app": "/usr/bin/real", "usr/bin/app": "/etc/alternatives/app"},
    )
    kept = root.kept("/bin/app")
    assert files(kept) == {"bin", "usr/bin/app", "etc/alternatives/app", "usr/bin/real"}
    assert "etc" in kept.nodes


def test_a_directory_stands_for_what_is_in_it_and_patterns_for_what_they_match() -> None:
    root = Root(files={"etc/a/1": b"", "etc/a/b/2": b"", "etc/c": b"", "usr/share/x.dat": b"", "usr/share/x.txt": b""})
    assert files(root.kept("/etc/a", "/usr/*.dat")) == {"etc/a/1", "etc/a/b/2", "usr/share/x.dat"}


def test_links_in_a_directory_are_followed_even_in_circles() -> None:
    root = Root(files={"etc/a/1": b"", "usr/share/2": b"", "usr/share/3": b""}, links={"etc/a/2": "/usr/share/2"})
    root.links = {**root.links, "etc/a/up": "..", "etc/a/none": "/none"}
    assert files(root.kept("/etc/a")) == {"etc/a/1", "etc/a/2", "etc/a/up", "etc/a/none", "usr/share/2"}


def test_a_hard_link_brings_what_it_is_a_name_of() -> None:
    assert files(Root(files={"a": b"x", "b": b""}, hard={"z": "a"}).kept("/z")) == {"a", "z"}


def test_what_is_left_of_packages_is_recorded() -> None:
    tree = Root(files={"a": b"x"}).kept("/a")
    assert tree.text("var/lib/dpkg/status.d/app") == "Package: app\nVersion: 1\nArchitecture: amd64\n"
    assert "9dd4e461268c8034f5c8564e155c67a6  a\n" in tree.text("var/lib/dpkg/status.d/app.md5sums")


def test_all_that_is_missing_is_told() -> None:
    root = Root(files={"usr/bin/app": elf("liba.so", interpreter=LOADER)}, links={"loop": "loop"})
    with pytest.raises(BuilderError, match="not everything") as caught:
        root.kept("/usr/bin/app", "/none", "/usr/no*", "/loop")
    assert list(caught.value.details) == [
        f"/usr/bin/app needs the loader {LOADER}",
        "/usr/bin/app needs liba.so",
        "/none: there is no such file",
        "/usr/no*: no file is called so",
        "/loop: there is no such file",
    ]
