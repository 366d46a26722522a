import struct
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.payload.closed_set import ClosedSet, require_closed

LOADER = "ld-linux-x86-64.so.2"
NEEDED, STRTAB, STRSZ, RUNPATH = 1, 5, 10, 29


def elf(*needed: str, interpreter: str = "", machine: int = 62, runpath: str = "") -> bytes:
    """A 64-bit ELF file with a dynamic section (System V ABI, chapter 5)."""
    strings, entries = b"\0", []
    for tag, names in (NEEDED, needed), (RUNPATH, [runpath] if runpath else []):
        for wanted in names:
            entries.append((tag, len(strings)))
            strings += wanted.encode() + b"\0"
    count = 3 if interpreter else 2
    start = 64 + 56 * count
    entries += [(STRTAB, start), (STRSZ, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    name = interpreter.encode() + b"\0"
    parts = [(2, start + len(strings), len(dynamic)), (3, start + len(strings) + len(dynamic), len(name))]
    size = start + len(strings) + len(dynamic) + len(name)
    rows = [(1, 0, size), *parts[: count - 1]]
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, machine, 1, 0, 64, 0, 0, 64, 56, count, 64, 0, 0)
    table = b"".join(struct.pack("<IIQQQQQQ", kind, 5, at, at, at, long, long, 1) for kind, at, long in rows)
    return header + table + strings + dynamic + name


class Place:
    """Two unpacked packages: a program that needs libone, which needs libtwo, which lies in the other."""

    def __init__(self, root: Path) -> None:
        self.trees, self.output = (root / "nft", root / "libs"), root / "output"
        self.put(0, "usr/sbin/nft", elf("libone.so.1", interpreter=f"/lib64/{LOADER}"))
        self.put(0, "usr/lib/x86_64-linux-gnu/libone.so.1.2.0", elf("libtwo.so.2", LOADER))
        self.link(0, "usr/lib/x86_64-linux-gnu/libone.so.1", "libone.so.1.2.0")
        self.put(1, "lib/x86_64-linux-gnu/libtwo.so.2", elf())
        self.put(1, f"lib/x86_64-linux-gnu/{LOADER}", elf())

    def put(self, tree: int, name: str, content: bytes) -> None:
        path = self.trees[tree] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def link(self, tree: int, name: str, target: str) -> None:
        (self.trees[tree] / name).symlink_to(target)

    def run(self, arch: Arch = Arch.AMD64) -> list[str]:
        closed = ClosedSet(name="nft", arch=arch, program="usr/sbin/nft").run(self.trees, self.output)
        return [path.name for path in closed]

    def refused(self, says: str, arch: Arch = Arch.AMD64) -> str:
        with pytest.raises(BuilderError, match=says) as caught:
            self.run(arch)
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_set_has_all_that_is_asked_for_by_the_name_that_is_asked_for(place: Place) -> None:
    assert place.run() == [LOADER, "libone.so.1", "libtwo.so.2", "nft"]
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (place.output / "lib/nft").iterdir()}
    assert modes == {LOADER: 0o755, "nft": 0o755, "libone.so.1": 0o644, "libtwo.so.2": 0o644}
    assert not any(path.is_symlink() for path in (place.output / "lib/nft").iterdir())


def test_what_is_missing_is_told_with_who_needs_it(place: Place) -> None:
    (place.trees[1] / "lib/x86_64-linux-gnu/libtwo.so.2").unlink()
    assert "libone.so.1 needs it" in place.refused(r"not complete: libtwo\.so\.2")


def test_the_loader_has_to_be_there(place: Place) -> None:
    (place.trees[1] / f"lib/x86_64-linux-gnu/{LOADER}").unlink()
    place.refused("not complete: ld-linux")


def test_a_link_to_this_machines_libraries_is_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(elf())
    for target in ("../../../outside", str(tmp_path / "outside")):
        (place.trees[1] / "lib/x86_64-linux-gnu/libtwo.so.2").unlink()
        place.link(1, "lib/x86_64-linux-gnu/libtwo.so.2", target)
        place.output = tmp_path / f"output-{len(target)}"
        place.refused(r"not complete: libtwo\.so\.2")


def test_an_absolute_link_counts_from_the_packages_root(place: Place) -> None:
    (place.trees[1] / "lib/x86_64-linux-gnu/libtwo.so.2").unlink()
    place.put(1, "usr/share/libtwo", elf())
    place.link(1, "lib/x86_64-linux-gnu/libtwo.so.2", "/usr/share/libtwo")
    assert "libtwo.so.2" in place.run()


def test_a_foreign_architecture_is_refused(place: Place) -> None:
    place.put(1, "lib/x86_64-linux-gnu/libtwo.so.2", elf(machine=183))
    place.refused(r"libtwo\.so\.2 is not for amd64")
    assert not (place.output / "lib/nft/libtwo.so.2").exists()


def test_a_library_that_looks_elsewhere_is_refused(place: Place) -> None:
    place.put(1, "lib/x86_64-linux-gnu/libtwo.so.2", elf(runpath="/opt/lib"))
    assert "libtwo.so.2 looks for libraries in /opt/lib" in place.refused("not closed")


def test_a_static_program_needs_no_set(place: Place) -> None:
    place.put(0, "usr/sbin/nft", elf())
    place.refused("names no loader")


def test_the_program_has_to_be_in_one_package(place: Place) -> None:
    place.put(1, "usr/sbin/nft", elf())
    place.refused("is in 2 of the unpacked packages")


def test_a_set_from_which_something_was_taken_is_not_closed(place: Place) -> None:
    place.run()
    (place.output / "lib/nft" / LOADER).unlink()
    with pytest.raises(BuilderError, match="not closed") as caught:
        require_closed(place.output / "lib/nft", "nft")
    assert {"  nft needs " + LOADER, "  libone.so.1 needs " + LOADER} <= set(str(caught.value).splitlines())
