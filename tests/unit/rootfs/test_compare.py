import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.compare import Archive, Deviation, compare, open_archive, text_diff

CAPABILITIES = "SCHILY.xattr.security.capability"
Change = Callable[[tarfile.TarInfo], object]


def member(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, 0o755 if kind == tarfile.DIRTYPE else 0o644
    made.size = len(content)
    made.pax_headers = headers(content)
    return made


def headers(content: bytes, **more: str) -> dict[str, str]:
    """Extended headers; a comment, which nobody reads but `archive`, is the content."""
    return {"comment": content.decode(), **more}


def system() -> list[tarfile.TarInfo]:
    null = member("./dev/null", tarfile.CHRTYPE)
    null.devmajor, null.devminor = 1, 3
    ping = member("./usr/bin/ping", content=b"ping")
    ping.pax_headers = headers(b"ping", **{CAPABILITIES: "0s"})
    return [
        member("./", tarfile.DIRTYPE),
        member("./etc", tarfile.DIRTYPE),
        member("./etc/motd", content=b"one\ntwo\nthree\n"),
        member("./bin", tarfile.SYMTYPE, link="usr/bin"),
        member("./usr/bin/perl", content=b"perl"),
        member("./usr/bin/perl5.40", tarfile.LNKTYPE, link="./usr/bin/perl"),
        ping,
        null,
    ]


def archive(members: list[tarfile.TarInfo]) -> Archive:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as written:
        for one in members:
            content = one.pax_headers.get("comment", "").encode()
            written.addfile(one, io.BytesIO(content) if one.isreg() else None)
    return Archive(stream.getvalue())


def changed(name: str, change: Change) -> Archive:
    members = system()
    change(next(one for one in members if one.name == name))
    return archive(members)


def setting(**values: object) -> Change:
    def change(one: tarfile.TarInfo) -> None:
        for key, value in values.items():
            setattr(one, key, value)

    return change


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("./etc/motd", setting(mode=0o4644), "mode         /etc/motd: 0644 -> 4644"),
        ("./etc", setting(mode=0o700), "mode         /etc: 0755 -> 0700"),
        ("./etc/motd", setting(uid=7), "owner        /etc/motd: 0 -> 7"),
        ("./bin", setting(gid=3_000_000), "group        /bin: 0 -> 3000000"),
        ("./bin", setting(linkname="/usr/bin"), "link         /bin: usr/bin -> /usr/bin"),
        ("./etc", setting(type=tarfile.SYMTYPE, linkname="x"), "type         /etc: directory -> symbolic link to x"),
        ("./dev/null", setting(devminor=5), "content      /dev/null: 1, 3 -> 1, 5"),
        ("./usr/bin/ping", setting(pax_headers=headers(b"ping")), "capabilities /usr/bin/ping: 3073 -> none"),
    ],
)
def test_each_deviation_is_told_alone(name: str, change: Change, expected: str) -> None:
    assert [str(one) for one in compare(archive(system()), changed(name, change))] == [expected]


def test_equal_systems_do_not_differ_whatever_their_order_and_the_form_of_names() -> None:
    members = [one for one in reversed(system()) if one.type != tarfile.LNKTYPE] + [system()[5]]
    for one in members:
        one.name, one.mtime = one.name.removeprefix("./"), 12345
    assert compare(archive(system()), archive(members)) == []


def test_the_root_itself_and_permissions_of_links_are_passed_over() -> None:
    members = [member(".", tarfile.DIRTYPE), *system()[1:]]
    members[3].mode = 0o755
    assert compare(archive(system()), archive(members)) == []
    assert "." not in archive(members).members


def test_missing_and_added_paths() -> None:
    other = archive([*system()[:3], *system()[4:], member("./usr/new", tarfile.FIFOTYPE)])
    missing, added = compare(archive(system()), other)
    assert (missing.path, missing.deviation, missing.reference) == (
        "bin",
        Deviation.MISSING,
        "symbolic link to usr/bin",
    )
    assert (added.path, added.deviation, added.other) == ("usr/new", Deviation.ADDED, "pipe")
    assert str(added) == "added        /usr/new: pipe"


def test_content_of_the_same_size_is_compared_too() -> None:
    members = system()
    members[4] = member("./usr/bin/perl", content=b"PERL")
    found = compare(archive(system()), archive(members))
    assert [(one.path, one.deviation) for one in found] == [
        ("usr/bin/perl", Deviation.CONTENT),
        ("usr/bin/perl5.40", Deviation.CONTENT),
    ]
    assert "(4 bytes)" in found[0].other


def test_which_name_of_a_file_comes_first_does_not_matter() -> None:
    members = system()
    members[4] = member("./usr/bin/perl5.40", content=b"perl")
    members[5] = member("./usr/bin/perl", tarfile.LNKTYPE, link="usr/bin/perl5.40")
    assert compare(archive(system()), archive(members)) == []
    members[5] = member("./usr/bin/perl", content=b"perl")
    assert [(one.path, one.deviation) for one in compare(archive(system()), archive(members))] == [
        ("usr/bin/perl", Deviation.LINK),
        ("usr/bin/perl5.40", Deviation.LINK),
    ]


def test_accounts_are_compared_by_name() -> None:
    def with_tables(number: int, owner: int, group: int) -> Archive:
        owned = member("./var/log/x")
        owned.uid, owned.gid = owner, group
        passwd = f"root:x:0:0::/root:/bin/sh\nsame:x:{number}:0::/:/bin/sh\nalias:x:{number}:0::/:/bin/sh\n"
        tables = [member("./etc/passwd", content=passwd.encode()), member("./etc/group", content=b"adm:x:4:\n")]
        return archive([*system(), *tables, owned])

    def deviations(one: Archive, two: Archive) -> list[str]:
        return [str(found) for found in compare(one, two) if found.path == "var/log/x"]

    assert deviations(with_tables(100, 100, 4), with_tables(200, 200, 4)) == []
    assert deviations(with_tables(100, 100, 4), with_tables(200, 100, 5)) == [
        "owner        /var/log/x: same -> 100",
        "group        /var/log/x: adm -> 5",
    ]


def test_hidden_files_at_the_root_keep_their_names() -> None:
    (found,) = compare(archive(system()), archive([*system(), member("./.hidden")]))
    assert found.path == ".hidden"


def test_the_lines_that_differ_are_shown() -> None:
    members = system()
    members[2] = member("./etc/motd", content=b"one\n2\nthree\n")
    lines = text_diff("etc/motd", archive(system()), archive(members))
    assert lines[2:] == ["@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"]
    assert text_diff("etc/motd", archive(system()), archive(members), most_lines=3)[3:] == ["... 4 lines more"]
    assert text_diff("bin", archive(system()), archive(members)) == []


def test_a_hard_link_to_nothing_is_told() -> None:
    broken = archive([*system(), member("./usr/bin/lost", tarfile.LNKTYPE, link="./usr/bin/nothing")])
    with pytest.raises(BuilderError, match="a hard link to 'usr/bin/nothing', which it does not hold"):
        compare(broken, broken)


def test_archives_are_read_from_files(tmp_path: Path) -> None:
    path = tmp_path / "rootfs.tar"
    with tarfile.open(path, "w") as written:
        written.addfile(member("./etc/motd"), io.BytesIO())
    with open_archive(path) as one, open_archive(path) as two:
        assert list(one.members) == ["etc/motd"]
        assert compare(one, two) == []


@pytest.mark.parametrize(("data", "message"), [(b"", "is empty"), (b"x" * 1024, "is damaged")])
def test_what_is_no_archive_is_told(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "rootfs.tar").write_bytes(data)
    with pytest.raises(BuilderError, match=message), open_archive(tmp_path / "rootfs.tar"):
        pass
