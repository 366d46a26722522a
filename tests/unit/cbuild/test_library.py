from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.cbuild.library import CLibrary
from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.io.leash import Leash
from builder.io.spawn import CommandError, Runner
from builder.toolchain.zig import Zig, zig_executable

LIBRARY = CLibrary(
    name="small",
    arch=Arch.ARMV7,
    sources=("src/*.c",),
    without=frozenset({"src/tool.c"}),
    include=(".", "include"),
    generated={"configure.h": "#define YES 1\n"},
    headers=("include/small.h",),
)


class Place:
    """A source tree, and a zig that writes down how it is started and makes what it is asked for."""

    def __init__(self, root: Path, leash: Leash) -> None:
        self.tree, self.output, self.calls = root / "tree", root / "output", root / "calls"
        for name in ("src/b.c", "src/a.c", "src/tool.c", "include/small.h"):
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / name).write_text(f"/* {name} */\n")
        program = zig_executable(root)
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\nPATH=/bin\necho "$@" >> "{self.calls}"\n'
            'if [ "$1" = ar ]; then cat "$4" "$5" > "$3"; exit; fi\n'
            'while [ "$1" != -o ]; do shift; done\ncat "$3" > "$2"\n'
        )
        program.chmod(0o755)
        self.zig = Zig(wheel_tree=root, cache=root / "cache", runner=Runner(log=root / "log", leash=leash))

    def run(self, library: CLibrary = LIBRARY) -> Path:
        return library.run(self.zig, tree=self.tree, output=self.output)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Leash() as leash:
        yield Place(tmp_path, leash)


def test_objects_are_in_the_library_sorted_and_headers_beside_it(place: Place) -> None:
    library = place.run()
    assert library == place.output / "lib/libsmall.a"
    assert library.read_text() == "/* src/a.c */\n/* src/b.c */\n"
    assert [path.name for path in (place.output / "include").iterdir()] == ["small.h"]
    assert (place.tree / "configure.h").read_text() == "#define YES 1\n"


def test_no_place_of_this_machine_reaches_the_compiler(place: Place) -> None:
    place.run()
    compiling = [line for line in place.calls.read_text().splitlines() if line.startswith("cc ")]
    assert len(compiling) == 2
    for line in compiling:
        assert str(place.tree) not in line
        assert "-g0" in line.split()
        assert "-target arm-linux-musleabihf -mcpu=baseline-neon-d32" in line


def test_an_archive_without_what_a_release_has_is_told(place: Place) -> None:
    with pytest.raises(BuilderError, match=r"no src/table\.perf\.c") as caught:
        place.run(replace(LIBRARY, sources=("src/*.c", "src/table.perf.c")))
    assert "is this the archive of a release?" in caught.value.hint


def test_leaving_out_what_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(BuilderError, match=r"have no src/gone\.c"):
        place.run(replace(LIBRARY, without=frozenset({"src/gone.c"})))


def test_a_generated_file_does_not_replace_upstreams(place: Place) -> None:
    (place.tree / "configure.h").write_text("upstream's")
    with pytest.raises(FileExistsError):
        place.run()


def test_an_error_of_the_compiler_is_told(place: Place) -> None:
    (place.tree / "src/b.c").unlink()
    (place.tree / "src/b.c").mkdir()
    with pytest.raises(CommandError):
        place.run()
