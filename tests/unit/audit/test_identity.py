"""What makes a device that device, secrets, accounts and traces of the building machine are found in a root file system."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.audit.rootfs.identity import Foreign, audit_identity
from builder.rootfs.customize.content import on_disk
from builder.rootfs.tree import Kind, Node, Tree

ACCOUNTS = (
    "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/sbin/nologin\nada:x:1000:1000::/home/ada:/bin/bash\n"
)
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n"
FOREIGN = Foreign(paths=("/home/somebody/builder",), name="workbench")


def tree(files: Mapping[str, str] | None = None, *, writer: str = "a-package") -> Tree:
    made = Tree(writer="base-files")
    made.write("etc/os-release", "ID=debian\n")
    made.write("etc/passwd", ACCOUNTS)
    made.write("etc/shadow", "root:*:1::::::\nnobody:!*:1::::::\nada:!:1::::::\n")
    made.write("etc/machine-id", "")
    made.link("var/lib/dbus/machine-id", "/etc/machine-id")
    made.writer = writer
    for path, text in (files or {}).items():
        made.write(path, text)
    return made


def found(made: Tree, foreign: Foreign = FOREIGN) -> list[tuple[str, str]]:
    return [(one.path, one.what) for one in audit_identity(made, frozenset({"ada"}), foreign)]


def test_nothing_is_found_in_a_root_file_system_of_nobody() -> None:
    harmless = {
        "usr/share/doc/openssl/example.pem": KEY,
        "etc/ssl/openssl.cnf": "# -----BEGIN PRIVATE KEY----- stands here\n",
        "etc/kubernetes.conf": "token: none\n",
        "etc/ssh/sshd_config": "HostKey /etc/ssh/ssh_host_ed25519_key\n",
    }
    assert found(tree(harmless)) == []


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("etc/machine-id", "a machine ID"),
        ("etc/ssh/ssh_host_rsa_key", "an SSH host key"),
        ("var/lib/device/ssh/ssh_host_ed25519_key.pub", "an SSH host key"),
        ("var/lib/systemd/random-seed", "a random seed"),
        ("var/lib/systemd/credential.secret", "the key of the system's credentials"),
    ],
)
def test_what_is_one_devices_own(path: str, what: str) -> None:
    problems = found(tree({path: "0123456789abcdef"}))
    assert (f"/{path}", f"{what}, which every copy would share: 16 bytes") in problems


def test_a_link_is_followed() -> None:
    made = tree({"var/lib/elsewhere": "0123456789abcdef"})
    made.link("etc/machine-id", "../var/lib/elsewhere")
    assert [path for path, _ in found(made)] == ["/etc/machine-id", "/var/lib/dbus/machine-id"]
    made.link("etc/machine-id", "../var/lib/nowhere")
    assert found(made) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (KEY, "line 1 holds a private key"),
        ("users:\n- user:\n    client-key-data: LS0t\n", "line 3 holds the key of a client"),
        ("x: eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl\n", "line 1 holds a token"),
        ("token: abcdef.0123456789abcdef\n", "line 1 holds a bootstrap token"),
        ("password=$6$salt$0123456789012345678901234567\n", "line 1 holds the hash of a password"),
    ],
)
def test_secrets(text: str, what: str) -> None:
    assert found(tree({"etc/app/settings": text})) == [("/etc/app/settings", what)]
    assert found(tree({"usr/lib/app/settings": text})) == []
    assert found(tree({"usr/lib/app/settings": text}, writer="overlay mine")) == [("/usr/lib/app/settings", what)]


@pytest.mark.parametrize(
    ("name", "line", "what"),
    [
        ("etc/shadow", "eve:$y$j9T$0$1:1::::::", "eve has a password"),
        ("etc/shadow-", "eve::1::::::", "eve needs no password"),
        ("etc/gshadow", "eve:hash::", "eve has a password"),
        ("etc/passwd", "eve::30:30::/:/bin/sh", "eve needs no password"),
        ("etc/passwd", "eve:x:0:0::/:/bin/sh", "eve is another name of root"),
        ("etc/passwd", "eve:x:1001:1001::/:/bin/sh", "eve (1001) is no account of Debian's or of the recipe"),
    ],
)
def test_accounts(name: str, line: str, what: str) -> None:
    made = tree()
    made.write(name, (made.text(name) if made.exists(name) else "") + line + "\n")
    assert found(made) == [(f"/{name}", what)]


def test_traces_of_the_building_machine() -> None:
    trace = {"usr/lib/index": "made in /home/somebody/builder/scratch\n", "usr/lib/name": "on workbench, today\n"}
    told = "names the machine that builds: "
    both = [("/usr/lib/index", f"{told}/home/somebody/builder"), ("/usr/lib/name", f"{told}workbench")]
    assert found(tree(trace)) == both
    # People may write down any machine's name, but no path of this one.
    assert found(tree(trace, writer="overlay mine")) == both[:1]
    assert found(tree({"usr/lib/name": "workbenches, my-workbench\n"})) == []


@pytest.mark.parametrize("name", ["", "vm", "localhost", "debian"])
def test_names_that_tell_nothing(name: str) -> None:
    assert found(tree({"usr/lib/name": f"on {name}, today\n"}), Foreign(name=name)) == []


def test_what_packages_bring_was_not_made_here(tmp_path: Path) -> None:
    brought = tmp_path / "brought"
    brought.write_text("workbench /home/somebody/builder")
    made = tree()
    made.add("usr/lib/name", Node(kind=Kind.FILE, content=on_disk(brought)))
    assert found(made) == []
    made.add("usr/lib/name", Node(kind=Kind.FILE, content=on_disk(brought), owner="overlay mine"))
    assert len(found(made)) == 1
