"""Reading the directories of overlays, and their files of modes and owners."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.rootfs.customize.model import EntryKind, OverlayEntry
from builder.rootfs.customize.overlays import ScannedOverlay, scan_overlays


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    directory = tmp_path / "overlays" / "common"
    directory.mkdir(parents=True)
    return directory


def write(path: Path, text: str = "", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def scan(overlay: Path) -> ScannedOverlay:
    return scan_overlays({"common": overlay}, overlay.parents[1])["common"]


def mistakes(overlay: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        scan(overlay)
    return list(caught.value.details)


def test_files_directories_and_links_become_entries(overlay: Path) -> None:
    write(overlay / "etc/motd", "hello", 0o600)
    write(overlay / "usr/local/bin/run", "#!/bin/sh", 0o700)
    (overlay / "var/lib/empty").mkdir(parents=True, mode=0o700)
    (overlay / "etc/link").symlink_to("./motd")
    found = scan(overlay)
    assert found.entries["etc/motd"] == OverlayEntry(kind=EntryKind.FILE, mode="0644", source="overlay/common/etc/motd")
    assert found.entries["usr/local/bin/run"].mode == "0755"
    assert found.entries["var/lib/empty"] == OverlayEntry(kind=EntryKind.DIRECTORY)
    assert found.entries["etc/link"] == OverlayEntry(kind=EntryKind.SYMLINK, target="./motd")
    assert found.files == {"etc/motd": overlay / "etc/motd", "usr/local/bin/run": overlay / "usr/local/bin/run"}


def test_templates_lose_their_suffix_and_keepers_are_passed_over(overlay: Path) -> None:
    write(overlay / "etc/app.conf.j2", "{{ arch }}", 0o755)
    write(overlay / "var/spool/app/.gitkeep")
    write(overlay / "etc/.j2")
    found = scan(overlay)
    assert found.entries["etc/app.conf"] == OverlayEntry(
        kind=EntryKind.TEMPLATE, mode="0755", source="overlay/common/etc/app.conf"
    )
    assert found.files["etc/app.conf"] == overlay / "etc/app.conf.j2"
    assert "var/spool/app" in found.entries
    assert "var/spool/app/.gitkeep" not in found.entries
    assert found.entries["etc/.j2"].kind is EntryKind.FILE


def test_a_template_and_the_file_it_would_become(overlay: Path) -> None:
    write(overlay / "etc/app.conf.j2")
    write(overlay / "etc/app.conf")
    assert mistakes(overlay) == [
        "overlays/common/etc/app.conf.j2: there is etc/app.conf besides, which it would become"
    ]


def make_setuid(path: Path) -> None:
    write(path, mode=0o4755)


def make_setgid(path: Path) -> None:
    write(path, mode=0o2755)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # names of sockets are short
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (make_setuid, "setuid and setgid are for packages alone"),
        (make_setgid, "setuid and setgid are for packages alone"),
        (os.mkfifo, "this is a pipe"),
        (make_socket, "this is a socket"),
    ],
)
def test_what_an_image_cannot_get_from_an_overlay(overlay: Path, make: Callable[[Path], None], what: str) -> None:
    make(overlay / "x")
    (mistake,) = mistakes(overlay)
    assert mistake.startswith(f"overlays/common/x: {what}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_device_nodes_are_refused(overlay: Path) -> None:
    os.mknod(overlay / "null", 0o20644, os.makedev(1, 3))
    assert "overlays/common/null: this is a character device" in mistakes(overlay)[0]


def test_names_that_cannot_be_told_are_refused_all_at_once(overlay: Path) -> None:
    write(overlay / "a\nb")
    write(overlay / "c\x7fd")
    Path(os.fsdecode(os.fsencode(overlay) + b"/\xff")).touch()
    (overlay / "link").symlink_to("x\ty")
    assert mistakes(overlay) == [
        "overlays/common/a\\nb: a name with a control character",
        "overlays/common/c\\x7fd: a name with a control character",
        "overlays/common/link: where the link leads: a name with a control character",
        "overlays/common/\\xff: a name that is not UTF-8",
    ]


def test_mistakes_of_all_overlays_are_told_together(overlay: Path) -> None:
    other = overlay.with_name("other")
    other.mkdir()
    make_setuid(overlay / "a")
    make_setuid(other / "b")
    with pytest.raises(RecipeError) as caught:
        scan_overlays({"common": overlay, "other": other}, overlay.parents[1])
    assert [line.partition(":")[0] for line in caught.value.details] == ["overlays/common/a", "overlays/other/b"]


def test_modes_and_owners_are_given_beside_the_files(overlay: Path) -> None:
    write(overlay / "etc/secret.j2")
    write(overlay / "var/spool/app/.gitkeep")
    write(
        overlay / ".overlay.yaml",
        '/etc/secret: {mode: "0640", group: adm}\n/var/spool/app:\n  mode: "0700"\n  owner: daemon\n',
    )
    found = scan(overlay).entries
    assert (found["etc/secret"].mode, found["etc/secret"].owner, found["etc/secret"].group) == ("0640", "", "adm")
    assert (found["var/spool/app"].mode, found["var/spool/app"].owner) == ("0700", "daemon")
    assert ".overlay.yaml" not in found


def test_an_empty_file_of_settings_says_nothing(overlay: Path) -> None:
    write(overlay / "etc/x")
    write(overlay / ".overlay.yaml", "~\n")
    assert set(scan(overlay).entries) == {"etc", "etc/x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/etc/mots: {}", "1:1: the overlay has no /etc/mots; did you mean '/etc/motd'?"),
        ("etc/motd: {}", "1:1: 'etc/motd' must be a path on the device, with a slash in front"),
        ("/etc/link: {}", "1:1: /etc/link is a symbolic link, which has no mode or owner of its own"),
        ("/etc/motd: 0640x", "1:12: /etc/motd: must be a mapping of mode, owner and group"),
        ("/etc/motd: {moed: x}", "1:13: /etc/motd: unknown key 'moed'; did you mean 'mode'? known: mode, owner, group"),
        ('/etc/motd: {mode: "4755"}', "1:19: /etc/motd: setuid and setgid are for packages alone"),
        ('/etc/motd: {mode: "02755"}', "1:19: /etc/motd: setuid and setgid are for packages alone"),
        (
            "/etc/motd: {mode: rw}",
            "1:19: /etc/motd: mode must be '0' and three octal digits, such as '0640', in quotes",
        ),
        ("/etc/motd: {owner: Root}", "1:20: /etc/motd: owner must be the name of a user"),
        ("/etc/motd: {group: [adm]}", "1:20: /etc/motd: group must be the name of a group"),
        ("[a]", "1:1: must be a mapping of paths to mode, owner and group"),
    ],
)
def test_mistakes_in_settings_have_a_line(overlay: Path, text: str, expected: str) -> None:
    write(overlay / "etc/motd")
    (overlay / "etc/link").symlink_to("motd")
    write(overlay / ".overlay.yaml", text + "\n")
    assert mistakes(overlay) == [f"overlays/common/.overlay.yaml:{expected}"]


def test_all_mistakes_in_settings_are_told_in_order(overlay: Path) -> None:
    write(overlay / "etc/motd")
    write(overlay / ".overlay.yaml", "/etc/motd:\n  mode: 1\n  owner: 2\n/x: {}\n/x: {}\n")
    lines = [line.split(":")[1] for line in mistakes(overlay)]
    assert lines == ["2", "3", "4", "5"]
