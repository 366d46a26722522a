"""The C toolchain of the lock, out of this user's cache: it compiles for every architecture."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch
from tests.integration.app.checkout import REPOSITORY

HELLO = '#include <stdio.h>\n\nint main(void) { puts("hello"); return 0; }\n'


def zig(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    argv = [sys.executable, "-P", "-m", "builder", "tool", "zig", *arguments]
    return subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.network
@pytest.mark.slow
def test_zig_is_the_one_of_the_lock() -> None:
    lock = json.loads((REPOSITORY / "recipes/edge.lock").read_text())
    assert zig("version").startswith(lock["wheels"]["ziglang"]["version"].rsplit(".post", 1)[0])


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("arch", list(Arch))
def test_zig_compiles_static_executables(tmp_path: Path, arch: Arch) -> None:
    source, program = tmp_path / "hello.c", tmp_path / "hello"
    source.write_text(HELLO)
    zig("cc", "-target", ARCH_FACTS[arch].zig, "-static", "-O1", "-o", str(program), str(source))
    content = program.read_bytes()
    assert content[:4] == b"\x7fELF"
    assert int.from_bytes(content[18:20], "little") == ARCH_FACTS[arch].elf_machine
    assert b"ld-linux" not in content
    assert b"ld-musl" not in content
