"""Entries that are prepared for scripts which nothing is known of."""

from pathlib import Path

import pytest
import yaml

from builder.core.errors import RecipeError
from builder.rootfs.effects.base import Effect
from builder.rootfs.effects.files import Directory
from builder.rootfs.knowledge.files import knowledge_files
from builder.rootfs.knowledge.learn import Lesson, prepare_lesson, write_entries
from builder.rootfs.knowledge.load import read_knowledge
from builder.rootfs.knowledge.match import find_effects
from builder.rootfs.knowledge.model import Knowledge
from tests.unit.rootfs.samples import make_deb, opened

SCRIPT = "#!/bin/sh\nls /usr/lib/{triplet}\n"
SECTION = "# Automatically added by dh_own/1\nown\n# End automatically added section\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty directory of knowledge."""
    place = tmp_path / "knowledge"
    (place / "packages").mkdir(parents=True)
    return place


def known(directory: Path) -> Knowledge:
    return read_knowledge(knowledge_files([directory], {"own"}))


def lesson(deb: Path, directory: Path) -> Lesson:
    with opened(deb) as packages:
        return prepare_lesson(packages["own"], known(directory))


def built(deb: Path, directory: Path) -> list[Effect]:
    deb = deb.rename(deb.with_name(f"again-{deb.name}"))
    with opened(deb) as packages:
        return [effect for _, effect in find_effects(packages.values(), known(directory))]


def test_an_entry_is_refused_until_it_is_filled_in(tmp_path: Path, directory: Path) -> None:
    deb = make_deb(tmp_path, "own", [], {"postinst": "mkdir /var/lib/own\n", "preinst": "exit 1\n"})
    entries = write_entries([lesson(deb, directory)])
    file = directory / "packages/own.yaml"
    file.write_text("\n".join(entries))
    with pytest.raises(RecipeError, match="not filled in"):
        known(directory)
    file.write_text(file.read_text().replace("effects: []", "effects: [{directory: {path: /var/lib/own}}]"))
    assert built(deb, directory) == [Directory(path="/var/lib/own")] * 2


def test_the_script_can_be_read_above_its_entry(tmp_path: Path, directory: Path) -> None:
    deb = make_deb(tmp_path, "own", [], {"config": "mkdir  one \n\n\ttwo\n"}, Version="3-1")
    (entry,) = write_entries([lesson(deb, directory)])
    assert entry.splitlines()[:4] == ["# own 3-1, config:", "#   mkdir  one", "#   \ttwo", "- package: own"]
    (parsed,) = yaml.safe_load(entry)
    assert (parsed["package"], parsed["script"], parsed["effects"]) == ("own", "config", [])


def test_what_architectures_and_versions_share_is_one_entry(tmp_path: Path, directory: Path) -> None:
    arm = make_deb(
        tmp_path,
        "own",
        [],
        {"postinst": SCRIPT.format(triplet="arm-linux-gnueabihf")},
        Architecture="armhf",
        Version="1-1",
    )
    arm64 = make_deb(
        tmp_path,
        "own",
        [],
        {"postinst": SCRIPT.format(triplet="aarch64-linux-gnu")},
        Architecture="arm64",
        Version="2-1",
    )
    amd64_too = make_deb(
        tmp_path,
        "own",
        [],
        {"postinst": SCRIPT.format(triplet="x86_64-linux-gnu")},
        Architecture="amd64",
        Version="1-1",
    )
    amd64 = make_deb(tmp_path, "own", [], {"postinst": "another\n"}, Architecture="amd64", Version="2-1")
    entries = write_entries([lesson(deb, directory) for deb in (arm, arm64, amd64_too, amd64)])
    assert [entry.splitlines()[0] for entry in entries] == ["# own 1-1, 2-1, postinst:", "# own 2-1, postinst:"]
    assert "  # 1-1, 2-1\n" in entries[0]


def test_another_text_of_a_known_script_is_pointed_out(tmp_path: Path, directory: Path) -> None:
    text = f"- {{package: own, script: postinst, digests: [{'a' * 64}], effects: [ldconfig]}}\n"
    (directory / "packages/own.yaml").write_text(text)
    deb = make_deb(tmp_path, "own", [], {"postinst": "changed\n", "preinst": "new\n"})
    new, changed = write_entries([lesson(deb, directory)])
    assert "add its digest there" not in new
    assert "add its digest there" in changed


def test_sections_are_told_apart(tmp_path: Path, directory: Path) -> None:
    found = lesson(make_deb(tmp_path, "own", [], {"postinst": f"own\n{SECTION}"}), directory)
    assert [(one.tool, one.text) for one in found.sections] == [("dh_own", "own")]
    assert [one.text for one in found.scripts] == ["own\n"]


def test_nothing_is_left_of_what_is_known(tmp_path: Path, directory: Path) -> None:
    found = lesson(make_deb(tmp_path, "own", [], {"postinst": "#!/bin/sh\nexit 0\n"}), directory)
    assert (found.scripts, found.sections, write_entries([found])) == ([], [], [])


def test_characters_that_yaml_refuses_are_shown_as_names(tmp_path: Path, directory: Path) -> None:
    deb = make_deb(tmp_path, "own", [], {"postinst": "echo \udcff \x07 \x0c ü\n"})
    (entry,) = write_entries([lesson(deb, directory)])
    assert entry.splitlines()[1] == r"#   echo \udcff \x07 \x0c ü"
    file = directory / "packages/own.yaml"
    file.write_text(entry.replace("effects: []", "effects: [ldconfig]"))
    assert len(built(deb, directory)) == 1
