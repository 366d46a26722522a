"""Symbolic links that someone planted in the output directory."""

from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.driver import Builder, tree


@pytest.mark.parametrize("planted", ["edge", "edge/armv7", "edge/armv7/tiny", "edge/armv7/SHA256SUMS"])
def test_nothing_is_written_through_a_planted_link(builder: Builder, place: Path, planted: str) -> None:
    victim = place / "victim"
    link = builder.checkout.out / planted
    link.parent.mkdir(parents=True)
    if "." in link.name or link.name in ("tiny", "SHA256SUMS"):
        victim.write_text("precious")
    else:
        victim.mkdir()
    link.symlink_to(victim)
    entries = builder.entries()
    result = builder.run("make", "-q")
    assert result.code == ExitCode.BUILD_FAILED
    assert result.err == (
        f"error: {link} is a symbolic link; the builder does not write through links in the output directory\n"
        f"hint: remove it (rm {link}), or choose another output directory\n"
    )
    assert builder.entries() == entries, "it is told before anything is built"
    assert link.is_symlink()
    assert victim.read_text() == "precious" if victim.is_file() else not any(victim.iterdir())
    assert tree(builder.checkout.out) == {planted: bytes(victim)}


def test_a_link_as_the_output_directory_is_the_users_choice(builder: Builder, place: Path) -> None:
    (place / "elsewhere").mkdir()
    builder.checkout.out.symlink_to(place / "elsewhere")
    builder.good("make", "--arch", "armv7", "-q")
    assert (place / "elsewhere/edge/armv7/tiny").exists()
    assert builder.checkout.out.is_symlink()


def test_a_directory_in_the_way_of_a_file(builder: Builder) -> None:
    blocked = builder.checkout.out / "edge/armv7/tiny"
    blocked.mkdir(parents=True)
    result = builder.run("make", "-q")
    assert result.code == ExitCode.BUILD_FAILED
    assert result.err.startswith(f"error: {blocked} is in the way: ")
