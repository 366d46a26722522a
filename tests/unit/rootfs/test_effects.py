import base64
import hashlib
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.rootfs.accounts import Accounts
from builder.rootfs.dpkg import write_database
from builder.rootfs.effects.accounts import BasePasswd, Sysusers, User
from builder.rootfs.effects.alternatives import Alternative, WriteAlternatives
from builder.rootfs.effects.base import Image
from builder.rootfs.effects.catalogs import Ucf, WriteUcfDatabase, WriteXmlCatalogs, XmlCatalog
from builder.rootfs.effects.certificates import write_certificates
from builder.rootfs.effects.files import Change, Copy, Directory, StatOverride, Write
from builder.rootfs.effects.settings import PamAuthUpdate, UpdateShells
from builder.rootfs.effects.systemd import Enable, Tmpfiles
from builder.rootfs.presets import is_enabled_by_preset
from tests.unit.rootfs.images import small_image
from tests.unit.rootfs.samples import directory, file, make_deb, opened

EPOCH_S = 86400 * 20000


@pytest.fixture
def image(tmp_path: Path) -> Image:
    image = small_image(tmp_path)
    image.tree.write("usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/bash\n")
    image.tree.write("usr/share/base-passwd/group.master", "root:*:0:\nshadow:*:42:\nmail:*:8:\n")
    image.accounts = Accounts(fixed_users={"chrony": 103}, fixed_groups={"chrony": 103, "log": 110})
    BasePasswd().apply(image, "base-passwd")
    return image


def test_accounts_have_numbers_from_the_table_and_no_password(image: Image) -> None:
    User(name="chrony", comment="Clock", home="/var/lib/chrony", groups=("mail",)).apply(image, "chrony")
    image.tree.write("usr/lib/sysusers.d/log.conf", '# a comment\ng log -\nu! net 998 "Net Works" /run -\nm net log\n')
    Sysusers(files="log.conf").apply(image, "systemd")
    image.accounts.write(image.tree, epoch_s=EPOCH_S)
    assert image.tree.text("etc/passwd").splitlines()[1:] == [
        "chrony:x:103:103:Clock:/var/lib/chrony:/usr/sbin/nologin",
        "net:x:998:998:Net Works:/run:/usr/sbin/nologin",
    ]
    assert image.tree.text("etc/shadow").splitlines() == [
        "root:*:20000:0:99999:7:::",
        "chrony:!:20000::::::",
        "net:!*:20000:::::1:",
    ]
    assert image.tree.text("etc/group").splitlines()[2:] == [
        "mail:x:8:chrony",
        "chrony:x:103:",
        "log:x:110:net",
        "net:x:998:",
    ]
    assert image.tree.nodes["etc/shadow"].mode == 0o640
    assert image.tree.nodes["etc/shadow"].gid == 42


def test_accounts_without_a_number_and_with_a_taken_one_are_refused(image: Image) -> None:
    with pytest.raises(BuilderError, match="no number is known for the group unheard"):
        User(name="unheard").apply(image, "sample")
    with pytest.raises(BuilderError, match="the group second is to have the number 42, which shadow has already"):
        image.accounts.add_group("second", 42)
    with pytest.raises(BuilderError, match="no user nobody and no group nobody"):
        image.accounts.ids("nobody", "nobody")


def test_files_that_are_there_stay(image: Image) -> None:
    image.tree.write("etc/a", "mine")
    image.tree.write("usr/share/a", "theirs")
    for effect in (Write(path="/etc/a", text="new"), Copy(path="/etc/a", source="/usr/share/a")):
        effect.apply(image, "sample")
    assert image.tree.text("etc/a") == "mine"
    Write(path="/etc/a", text="new", over=True, mode="0600", group="mail").apply(image, "sample")
    node = image.tree.nodes["etc/a"]
    assert (image.tree.text("etc/a"), node.mode, node.gid) == ("new", 0o600, 8)
    Copy(path="/etc/b", source="/usr/share/a").apply(image, "sample")
    assert image.tree.text("etc/b") == "theirs"
    Directory(path="/var/spool", mode=0o2775, group="mail").apply(image, "sample")
    Change(path="/usr/share/a", mode=0o4755).apply(image, "sample")
    assert (image.tree.nodes["var/spool"].mode, image.tree.nodes["usr/share/a"].mode) == (0o2775, 0o4755)


def test_the_alternative_of_the_highest_priority_wins(image: Image) -> None:
    for path in ("usr/bin/mawk", "usr/bin/gawk", "usr/share/man/gawk.1.gz"):
        image.tree.write(path, "")
    Alternative(arguments="/usr/bin/awk awk /usr/bin/mawk 5").apply(image, "mawk")
    slave = "--slave /usr/share/man/awk.1.gz awk.1.gz /usr/share/man/gawk.1.gz"
    Alternative(arguments=f"/usr/bin/awk awk /usr/bin/gawk 10 {slave}").apply(image, "gawk")
    Alternative(arguments="/usr/bin/awk awk /usr/bin/none 99").apply(image, "none")
    WriteAlternatives().apply(image, "")
    links = {
        path: image.tree.nodes[path].target
        for path in image.tree.nodes
        if "awk" in path and image.tree.nodes[path].target
    }
    assert links == {
        "etc/alternatives/awk": "/usr/bin/gawk",
        "etc/alternatives/awk.1.gz": "/usr/share/man/gawk.1.gz",
        "usr/bin/awk": "/etc/alternatives/awk",
        "usr/share/man/awk.1.gz": "/etc/alternatives/awk.1.gz",
    }
    assert image.tree.text("var/lib/dpkg/alternatives/awk").split("\n") == [
        "auto", "/usr/bin/awk", "awk.1.gz", "/usr/share/man/awk.1.gz", "",
        "/usr/bin/gawk", "10", "/usr/share/man/gawk.1.gz", "/usr/bin/mawk", "5", "", "", "",
    ]  # fmt: skip


def test_an_alternative_of_too_few_words_is_told(image: Image) -> None:
    Alternative(arguments="/usr/bin/awk awk /usr/bin/mawk").apply(image, "mawk")
    with pytest.raises(BuilderError, match="not LINK NAME PATH PRIORITY"):
        WriteAlternatives().apply(image, "")


def test_shells_are_listed_under_both_names(image: Image) -> None:
    image.tree.write("usr/share/debianutils/shells", "# valid\n/bin/sh\n")
    image.tree.write("usr/share/debianutils/shells.d/bash", "/bin/bash\n")
    image.tree.write("usr/share/debianutils/shells.d/dash", "/usr/bin/dash # small\n")
    UpdateShells().apply(image, "debianutils")
    expected = ["/bin/sh", "/usr/bin/sh", "/bin/bash", "/usr/bin/bash", "/usr/bin/dash"]
    assert image.tree.text("etc/shells").splitlines() == ["# valid", *expected]
    assert image.tree.text("var/lib/shells.state").splitlines() == expected


def test_pam_profiles_are_stacked_by_priority(image: Image) -> None:
    for kind in ("auth", "account", "password", "session", "session-noninteractive"):
        variable = "session_nonint" if kind.endswith("noninteractive") else kind
        text = f"# {kind}\n${variable}_primary\n# fallback\n${variable}_additional\n"
        image.tree.write(f"usr/share/pam/common-{kind}", text)
    unix = "Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\n"
    unix += "Auth:\n\t[success=end default=ignore]\tpam_unix.so nullok\n"
    unix += "Session-Type: Additional\nSession:\n\trequired\tpam_unix.so\n"
    sss = "Name: Other\nDefault: yes\nPriority: 128\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_sss.so\n"
    off = "Name: Off\nDefault: no\nPriority: 0\nSession-Type: Additional\nSession:\n\toptional\tpam_off.so\n"
    for name, text in (("unix", unix), ("sss", sss), ("off", off)):
        image.tree.write(f"usr/share/pam-configs/{name}", text)
    PamAuthUpdate().apply(image, "libpam-runtime")
    assert image.tree.text("etc/pam.d/common-auth").splitlines() == [
        "# auth",
        "auth\t[success=2 default=ignore]\tpam_unix.so nullok",
        "auth\t[success=1 default=ignore]\tpam_sss.so ",
        "# fallback",
    ]
    assert image.tree.text("etc/pam.d/common-session-noninteractive").splitlines() == [
        "# session-noninteractive",
        "session\t[default=1]\t\t\tpam_permit.so",
        "# fallback",
        "session\trequired\tpam_unix.so ",
    ]
    assert image.tree.text("var/lib/pam/seen") == "unix\nsss\noff\n"


def test_tmpfiles_make_what_stays_on_disk(image: Image) -> None:
    image.tree.write("usr/share/factory/etc/issue", "hello")
    image.tree.write(
        "usr/lib/tmpfiles.d/sample.conf",
        "# comment\nd /var/lib/sample 0750 root mail -\nd /run/sample 0755 root root -\nf+ /etc/sample - - - - text\n"
        "L /etc/link - - - - ../target\nC /etc/issue - - - -\nf^ /etc/secret - - - - credential\nd! /var/boot - - - -\n"
        "z /etc/sample 0600 root root -\nd /var/%m - - - -\n",
    )
    Tmpfiles(files="sample.conf missing.conf").apply(image, "sample")
    tree = image.tree
    assert (tree.nodes["var/lib/sample"].mode, tree.nodes["var/lib/sample"].gid) == (0o750, 8)
    assert (tree.text("etc/sample"), tree.nodes["etc/sample"].mode) == ("text", 0o600)
    assert (tree.nodes["etc/link"].target, tree.text("etc/issue")) == ("../target", "hello")
    for path in ("run/sample", "etc/secret", "var/boot", "var/%m"):
        assert not tree.exists(path)


def test_units_are_enabled_and_recorded(image: Image) -> None:
    image.tree.write("usr/lib/systemd/system/one.service", "[Install]\nWantedBy=multi-user.target\nAlias=uno.service\n")
    image.tree.write("usr/lib/systemd/system/two.service", "[Install]\nWantedBy=multi-user.target\n")
    image.tree.write("usr/lib/systemd/system/off.service", "[Install]\nWantedBy=multi-user.target\n")
    image.tree.write("usr/lib/systemd/system-preset/90-x.preset", "disable off.*\n")
    Enable(unit="one.service").apply(image, "one")
    Enable(unit="two.service", links=False).apply(image, "two")
    Enable(unit="off.service").apply(image, "off")
    wants, state = "etc/systemd/system/multi-user.target.wants", "var/lib/systemd/deb-systemd-helper-enabled"
    assert image.tree.nodes[f"{wants}/one.service"].target == "/usr/lib/systemd/system/one.service"
    assert not image.tree.get(f"{wants}/two.service")
    assert not image.tree.get(f"{wants}/off.service")
    assert sorted(image.tree.text(f"{state}/one.service.dsh-also").splitlines()) == [
        "/etc/systemd/system/multi-user.target.wants/one.service",
        "/etc/systemd/system/uno.service",
    ]
    assert image.tree.exists(f"{state}/multi-user.target.wants/off.service")
    assert image.tree.exists(f"{state}/two.service.dsh-also")
    assert not image.tree.exists(f"{state}/multi-user.target.wants/two.service")


def test_the_first_preset_that_matches_decides(image: Image) -> None:
    image.tree.write("usr/lib/systemd/system-preset/10-a.preset", "enable keep.service # why\n")
    image.tree.write("usr/lib/systemd/system-preset/90-b.preset", "disable *\n")
    assert is_enabled_by_preset(image.tree, "keep.service")
    assert not is_enabled_by_preset(image.tree, "other.service")
    image.tree.write("etc/systemd/system-preset/90-b.preset", "")
    assert is_enabled_by_preset(image.tree, "other.service")


def test_catalogs_have_the_entries_of_all_packages_once(image: Image) -> None:
    add = "update-xmlcatalog --sort --add --type {} --id {} --package {} {}"
    commands = [
        add.format("system", "http://b", "two", "--local /usr/b.xml"),
        add.format("system", "http://b", "two", "--root"),
        add.format("public", "'-//A'", "one", "--root"),
        add.format("public", "'-//A'", "one", "--root"),
    ]
    XmlCatalog(commands="\n".join(commands)).apply(image, "two")
    WriteXmlCatalogs().apply(image, "xml-core")
    assert image.tree.text("etc/xml/catalog").splitlines()[4:-1] == [
        '<delegatePublic publicIdStartString="-//A" catalog="file:///etc/xml/one.xml"/>',
        '<delegateSystem systemIdStartString="http://b" catalog="file:///etc/xml/two.xml"/>',
    ]
    assert 'catalog="file:///usr/b.xml"' in image.tree.text("etc/xml/two.xml")
    with pytest.raises(BuilderError, match="an entry of XML catalogs is given as"):
        XmlCatalog(commands="update-xmlcatalog --add").apply(image, "two")


def test_ucf_knows_the_file_as_it_came(image: Image) -> None:
    image.tree.write("usr/share/ssh/config", "x\n")
    Ucf(path="/etc/ssh/config", source="/usr/share/ssh/config", mode=0o600).apply(image, "ssh")
    WriteUcfDatabase().apply(image, "ucf")
    digest = hashlib.md5(b"x\n", usedforsecurity=False).hexdigest()
    assert image.tree.text("var/lib/ucf/hashfile") == f"{digest}  /etc/ssh/config\n"
    assert image.tree.text("var/lib/ucf/registry") == "ssh \t /etc/ssh/config\n"
    assert image.tree.nodes["var/lib/ucf/cache/:etc:ssh:config"].mode == 0o600


def test_certificates_are_found_by_the_hash_of_their_subject(image: Image) -> None:
    """A certificate with nothing but a subject in it; the real ones are compared with what OpenSSL makes of them, elsewhere."""
    name = bytes.fromhex("301c310b3009060355040613024445310d300b060355040a0c0441202042")
    empty = bytes.fromhex("3000")
    signed = bytes.fromhex("020101") + empty + empty + empty + name + empty
    body = bytes([0x30, len(signed)]) + signed + empty + bytes.fromhex("030100")
    der = bytes([0x30, len(body)]) + body
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----"
    image.tree.write("usr/share/ca-certificates/mozilla/A (B), C.crt", pem)
    write_certificates(image, "# listed\n")
    assert image.tree.nodes["etc/ssl/certs/A_=B=__C.pem"].target == "/usr/share/ca-certificates/mozilla/A (B), C.crt"
    canonical = bytes.fromhex("310b300906035504060c0264653"[:-1]) + bytes.fromhex("310c300a060355040a0c03612062")
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    expected = f"{int.from_bytes(digest[:4], 'little'):08x}"
    assert image.tree.nodes[f"etc/ssl/certs/{expected}.0"].target == "A_=B=__C.pem"
    assert image.tree.read("etc/ssl/certs/ca-certificates.crt") == pem + b"\n"
    assert image.tree.text("etc/ca-certificates.conf") == "# listed\nmozilla/A (B), C.crt\n"


def test_dpkg_knows_packages_as_if_it_had_installed_them(tmp_path: Path, image: Image) -> None:
    members = [directory("./etc"), file("./etc/one.conf", b"a\n")]
    scripts = {
        "conffiles": "/etc/one.conf\nremove-on-upgrade /etc/old.conf\n",
        "triggers": "interest-noawait /etc\ninterest go\n",
    }
    deb = make_deb(tmp_path, "one", members, scripts, Multi_Arch="same", Architecture="armhf", Section="misc ")
    with opened(deb) as packages:
        image.packages = packages
        image.note("diversions", "/bin/sh", "/bin/sh.distrib", "dash")
        StatOverride(path="/etc", mode=0o700).apply(image, "one")
        write_database(image)
    place = "var/lib/dpkg"
    assert image.tree.text(f"{place}/status").splitlines() == [
        "Package: one",
        "Status: install ok installed",
        "Section: misc ",
        "Architecture: armhf",
        "Multi-Arch: same",
        "Version: 1.0",
        "Conffiles:",
        " /etc/one.conf 60b725f10c9c85c70d97880dfe8191b3",
        " /etc/old.conf newconffile remove-on-upgrade",
        "Description: a sample",
        "",
    ]
    assert image.tree.text(f"{place}/info/one:armhf.list") == "/.\n/etc\n/etc/one.conf\n"
    assert image.tree.nodes[f"{place}/info/one:armhf.triggers"].mode == 0o755
    assert image.tree.text(f"{place}/triggers/File") == "/etc one:armhf/noawait\n"
    assert image.tree.text(f"{place}/triggers/go") == "one:armhf\n"
    assert image.tree.text(f"{place}/diversions") == "/bin/sh\n/bin/sh.distrib\ndash\n"
    assert image.tree.text(f"{place}/statoverride") == "root root 700 /etc\n"
