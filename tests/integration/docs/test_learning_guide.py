"""The guide to packages with unknown scripts, followed from an unknown package to a known one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder.app.project import find_project
from tests.integration.docs.commands import ROOT, documented_commands
from tests.unit.rootfs.samples import directory, make_deb

GUIDE = "docs/guides/packages-with-unknown-scripts.md"
_FILE = re.compile(r"^```yaml\n# (gateways/\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LEARN = next(command for command in documented_commands() if command.file == GUIDE and "learn" in command.words)
SCRIPT = '#!/bin/sh\nset -e\nif [ "$1" = configure ]; then\n\tmkdir -p /var/lib/own\nfi\n'
SECTION = '# Automatically added by dh_own/1\nown "$@"\n# End automatically added section\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The builder's recipes, the recipe of the guide, and its package."""
    for name in ("recipes", "cluster", "overlays"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "gateways/debian").mkdir(parents=True)
    (tmp_path / "gateways/gateway.yaml").write_text(files()["gateways/gateway.yaml"])
    make_deb(tmp_path, "own", [directory("./usr")], {"postinst": SCRIPT}, Version="1.0-1")
    return tmp_path


def files() -> dict[str, str]:
    """The files that the guide shows, by their paths."""
    return dict(_FILE.findall((ROOT / GUIDE).read_text()))


def learn(checkout: Path, *packages: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command of the guide, with `packages` in the place of its own; an empty cache unless `environment` names one."""
    words = list(LEARN.words[1:])
    if packages:
        words[2:3] = packages
    return subprocess.run(
        [sys.executable, "-P", "-m", "builder", *words],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(ROOT), "BUILDER_CACHE": str(checkout / "cache"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_from_unknown_to_known(checkout: Path) -> None:
    written = checkout / "gateways/debian/packages/own.yaml"
    done = learn(checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{written}: read the new scripts, and fill in their effects (docs/reference/effects.md)\n"
    assert "#   \tmkdir -p /var/lib/own\n" in written.read_text()

    entry = written.read_text()
    again = learn(checkout)
    assert (again.returncode, written.read_text()) == (2, entry)
    assert f"{written}:7: effects: what the script does is not filled in" in again.stderr

    written.write_text(files()["gateways/debian/packages/own.yaml"])
    known = learn(checkout)
    assert (known.returncode, known.stdout) == (0, "own: all of its own commands are known\n"), known.stderr
    assert written.read_text() == files()["gateways/debian/packages/own.yaml"]


def test_new_texts_are_added_to_what_is_there(checkout: Path) -> None:
    written = checkout / "gateways/debian/packages/own.yaml"
    written.parent.mkdir()
    shown = files()["gateways/debian/packages/own.yaml"]
    written.write_text(shown)
    make_deb(checkout, "own", [], {"postinst": SCRIPT + "sync\n"}, Version="2.0-1")
    assert learn(checkout, "./own_1.0-1_all.deb", "./own_2.0-1_all.deb").returncode == 0
    assert written.read_text().startswith(f"{shown}\n# own 2.0-1, postinst:\n")
    assert written.read_text().count("- package: own\n") == 2


def test_every_unknown_section_is_shown_once(checkout: Path) -> None:
    text = SECTION + SECTION.replace('own "$@"', "more")
    one = make_deb(checkout, "one", [], {"postinst": text})
    done = learn(checkout, f"./{one.name}", f"./{one.name}")
    heading = "  one 1.0: postinst: a section of dh_own\n"
    assert done.stdout == (
        "one: all of its own commands are known\nsections that no template of snippets.yaml matches:\n"
        f'{heading}      own "$@"\n{heading}      more\n'
    )
    assert not (checkout / "gateways/debian/packages").exists()


def test_what_is_not_at_hand_is_told_at_once(checkout: Path) -> None:
    done = learn(checkout, "./nowhere.deb", "nothing-like-it")
    assert done.returncode == 2
    assert "nothing-like-it: the lock " in done.stderr
    assert "nowhere.deb: there is no such file" in done.stderr


def test_what_is_no_package_is_told(checkout: Path) -> None:
    (checkout / "bad.deb").write_text("text")
    done = learn(checkout, "./bad.deb")
    assert done.returncode == 1
    assert "bad.deb is damaged, or no Debian package" in done.stderr


@pytest.mark.network
def test_packages_of_the_lock_are_known_by_name(checkout: Path) -> None:
    cache = find_project(os.environ).cache
    done = learn(checkout, "tar", "libc6", BUILDER_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {f"{name}: all of its own commands are known" for name in ("tar", "libc6")}
