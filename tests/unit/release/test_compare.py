"""What changed between two releases, down to files and options of the kernel."""

import pytest

from builder.app.release.earlier import version_key
from builder.core.errors import VerificationError
from builder.release.changes import changes_markdown, changes_text
from builder.release.checksums import checksums_bytes, read_checksums
from builder.release.compare import Comparison, Described, compare
from builder.release.page import page_html
from builder.release.record import Contents, Release
from tests.unit.release.made import IMAGE, contents, release

OLD = Described(record=release("1.0", IMAGE, 1000, "kedge-amd64"), contents={IMAGE: contents()})
NEW = Described(
    record=release("1.1", IMAGE, 3048, "kedge-arm64"),
    contents={
        IMAGE: contents(
            packages={"libc6:amd64": "2.41-2", "new:all": "1"},
            modules={"example.org/a": "v1.1.0"},
            files={"/etc/issue": ("0600", 3, "sha256:" + "b" * 64), "/etc/new": ("link", 0, "issue")},
            kernel={"SQUASHFS": "y"},
        )
    },
)


def test_every_kind_of_change_is_told() -> None:
    text = changes_text(compare(OLD, NEW), with_files=True)
    assert text == (
        "edge-generic-amd64.img.zst: 1000 B → 3.0 KiB (+2.0 KiB)\n"
        "  debian packages: 1 added, 1 removed, 1 changed\n"
        "    - gone:all 1 (removed)\n"
        "    ~ libc6:amd64 2.41-1 → 2.41-2\n"
        "    + new:all 1 (new)\n"
        "  go modules: 1 changed\n"
        "    ~ example.org/a v1.0.0 → v1.1.0\n"
        "  kernel options: 1 removed, 1 changed\n"
        "    - BRIDGE m (removed)\n"
        "    ~ SQUASHFS m → y\n"
        "  files: 1 added, 1 removed, 1 changed\n"
        "    ~ /etc/issue 0644 2 B aaaaaaaaaaaa → 0600 3 B bbbbbbbbbbbb\n"
        "    + /etc/new link 0 B issue (new)\n"
        "    - /etc/old 0644 1 B aaaaaaaaaaaa (removed)\n"
        "kedge-amd64: removed\n"
        "kedge-arm64: new, 1000 B"
    )
    assert "/etc/new" not in changes_text(compare(OLD, NEW), with_files=False)


def test_the_changelog_tells_components_but_no_files() -> None:
    text = changes_markdown("edge 1.1", "1.0", compare(OLD, NEW))
    assert "- libc6:amd64 2.41-1 → 2.41-2 (edge-generic-amd64.img.zst)\n" in text
    assert "/etc/issue" not in text


def test_what_is_the_same_is_unchanged() -> None:
    assert all(one.same and not one.sections for one in compare(OLD, OLD))


def test_names_cannot_leave_the_page() -> None:
    evil = "<script>alert(1)</script>"
    changed = Described(record=OLD.record, contents={IMAGE: contents(packages={evil: evil})})
    record = NEW.record.model_copy(update={"previous": "1.0"})
    page = page_html(record, compare(OLD, changed), signed=True)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_page_loads_nothing() -> None:
    none: list[Comparison] = []
    page = page_html(OLD.record, none, signed=False)
    assert "http:" not in page
    assert "https:" not in page
    assert "minisig" not in page


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("1.9.0", "1.10.0"),
        ("1.0.0-rc.1", "1.0.0"),
        ("1.0.0-rc.2", "1.0.0-rc.10"),
        ("1.0", "1.0.1"),
        ("2026.1", "2026.11"),
    ],
)
def test_versions_are_in_order(lower: str, higher: str) -> None:
    assert version_key(lower) < version_key(higher)


def test_checksums_are_read_as_they_are_written() -> None:
    found = {one.path: one.sha256 for one in OLD.record.files}
    data = "".join(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in sorted(found.items()))
    assert read_checksums(data.encode()) == found
    assert checksums_bytes(read_checksums(data.encode())) == data.encode()


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "x\n" + "0" * 64 + "  x"])
def test_strange_checksums_are_refused(name: str) -> None:
    with pytest.raises(VerificationError):
        read_checksums(f"{'0' * 64}  {name}\n".encode())


def test_contents_are_written_as_they_are_read() -> None:
    data = contents().to_bytes()
    assert Contents.model_validate_json(data) == contents()
    assert Release.model_validate_json(OLD.record.to_bytes()) == OLD.record
