import io
import tarfile

import pytest

from builder.rootfs.compare import Archive, Deviation, compare
from tests.integration.rootfs.allowed import Allowed, Packages, Same, Suite, judge, read_allowed, told

PASSWD = (
    b"root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\ndbus:x:100:106::/:/usr/sbin/nologin\n"
)
GROUP = b"root:x:0:\nnogroup:x:65534:\nmessagebus:x:106:\n"


def archive(**files: bytes) -> Archive:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as written:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./etc/{name}")
            member.size = len(content)
            written.addfile(member, io.BytesIO(content))
    return Archive(stream.getvalue())


def left(reference: Archive, other: Archive, *entries: Allowed) -> list[str]:
    return told(judge(compare(reference, other), entries, reference, other), reference, other)


def allowed(path: str, deviation: Deviation, same: Same = Same.NOTHING) -> Allowed:
    return Allowed(path=path, deviation=deviation, reason="for a test of the list", same=same)


def test_what_no_entry_covers_is_told_with_the_lines_that_differ() -> None:
    lines = left(archive(motd=b"one\n"), archive(motd=b"two\n", new=b""), allowed("etc/new", Deviation.MODE))
    assert lines[0] == "covers nothing any more: mode etc/new"
    assert lines[1].startswith("content      /etc/motd")
    assert lines[-3:] == ["    -one", "    +two", "added        /etc/new: file"]


@pytest.mark.parametrize(
    ("pattern", "covers"), [("etc/*", True), ("**", True), ("e*c/new", True), ("*", False), ("etc/ne", False)]
)
def test_patterns(pattern: str, covers: bool) -> None:
    lines = left(archive(), archive(new=b""), allowed(pattern, Deviation.ADDED))
    assert (lines == []) == covers


def test_order_may_differ_and_nothing_else() -> None:
    entry = allowed("etc/shells", Deviation.CONTENT, Same.LINES)
    assert left(archive(shells=b"a\nb\n"), archive(shells=b"b\na\n"), entry) == []
    assert left(archive(shells=b"a\nb\n"), archive(shells=b"b\na\nc\n"), entry) != []
    entry = allowed("etc/diversions", Deviation.CONTENT, Same.TRIPLES)
    assert left(archive(diversions=b"1\n2\n3\na\nb\nc\n"), archive(diversions=b"a\nb\nc\n1\n2\n3\n"), entry) == []
    assert left(archive(diversions=b"1\n2\n3\na\nb\nc\n"), archive(diversions=b"a\n2\nc\n1\nb\n3\n"), entry) != []
    entry = allowed("etc/status", Deviation.CONTENT, Same.PARAGRAPHS)
    assert left(archive(status=b"a\nb\n\nc\n"), archive(status=b"c\n\na\nb\n"), entry) == []
    assert left(archive(status=b"a\nb\n\nc\n"), archive(status=b"c\n\nb\na\n"), entry) != []


def test_links_may_lead_through_the_merged_usr() -> None:
    entry = allowed("etc/unit", Deviation.LINK, Same.MERGED)

    def link(target: str) -> Archive:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as written:
            member = tarfile.TarInfo("./etc/unit")
            member.type, member.linkname = tarfile.SYMTYPE, target
            written.addfile(member)
        return Archive(stream.getvalue())

    assert left(link("/lib/systemd/a"), link("/usr/lib/systemd/a"), entry) == []
    assert left(link("/lib/systemd/a"), link("/usr/lib/systemd/b"), entry) != []
    assert left(link("lib/systemd/a"), link("usr/lib/systemd/a"), entry) != []


def test_accounts_may_have_other_numbers_but_no_other_groups() -> None:
    entry = allowed("etc/*", Deviation.CONTENT, Same.ACCOUNTS)
    reference = archive(passwd=PASSWD, group=GROUP)
    numbers = archive(passwd=PASSWD.replace(b":100:106:", b":200:999:"), group=GROUP.replace(b"106", b"999"))
    assert left(reference, numbers, entry) == []
    group = archive(passwd=PASSWD.replace(b":100:106:", b":100:65534:"), group=GROUP)
    assert left(reference, group, entry) != []
    shell = archive(passwd=PASSWD.replace(b"/bin/sh", b"/bin/ksh"), group=GROUP)
    assert left(reference, shell, entry) != []


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("packages", Packages)
def test_the_list_can_be_read_and_says_nothing_twice(suite: Suite, packages: Packages) -> None:
    entries = read_allowed(suite, packages)
    assert entries
    said = [(entry.path, entry.deviation) for entry in entries]
    assert len(said) == len(set(said))
