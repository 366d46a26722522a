"""Units that a recipe brings: something starts each, and its file is an ordinary one."""

import pytest

from builder.audit.rootfs.units import audit_units, own_units
from builder.rootfs.tree import Tree

ETC, USR = "etc/systemd/system", "usr/lib/systemd/system"
SERVICE = "[Service]\nExecStart=/usr/bin/app\n"


def tree(name: str = "app.service", text: str = SERVICE, *, mode: int = 0o644) -> Tree:
    made = Tree(writer="systemd")
    made.write(f"{USR}/multi-user.target", "[Unit]\nRequires=basic.target\n")
    made.write(f"{USR}/idle.service", SERVICE)
    made.writer = "overlay mine"
    made.write(f"{USR}/{name}", text, mode=mode)
    return made


def told(made: Tree, *decided: str) -> list[tuple[str, str]]:
    return [(one.path, one.what) for one in audit_units(made, frozenset(decided))]


IDLE = [(f"/{USR}/app.service", "nothing starts it")]


def test_a_unit_that_nothing_starts_is_told_unless_that_was_decided() -> None:
    assert told(tree()) == IDLE
    assert told(tree(), "app.service") == []
    assert told(tree("app@.service")) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{ETC}/other.service", "[Unit]\nWants=network.target app.service\n"),
        (f"{ETC}/other.service", "[Unit]\nOnFailure=app.service\n"),
        (f"{ETC}/app.timer", "[Timer]\nOnBootSec=1h\n"),
        (f"{ETC}/app.socket", "[Socket]\nListenStream=80\n"),
        (f"{ETC}/other.path", "[Path]\nPathExists=/x\nUnit=app.service\n"),
        (f"{ETC}/ssh.service.d/10-app.conf", "[Unit]\nRequires=app.service\n"),
        (
            "usr/share/dbus-1/system-services/org.app.service",
            "[D-BUS Service]\nName=org.app\nSystemdService=app.service\n",
        ),
        ("etc/udev/rules.d/90-app.rules", 'ACTION=="add", ENV{SYSTEMD_WANTS}+="app.service"\n'),
    ],
)
def test_what_others_start_is_not_idle(path: str, text: str) -> None:
    made = tree()
    made.writer = "a-package"
    made.write(path, text)
    assert told(made) == []


def test_links_start_units() -> None:
    made = tree()
    made.link(f"{ETC}/multi-user.target.wants/app.service", f"/{USR}/app.service")
    assert told(made) == []
    made = tree()
    made.link(f"{ETC}/app.service", "/dev/null")
    assert told(made) == IDLE


@pytest.mark.parametrize("text", ["[Unit]\nAfter=app.service\n", "[Unit]\n# Wants=app.service\n"])
def test_an_order_starts_nothing(text: str) -> None:
    made = tree()
    made.write(f"{ETC}/multi-user.target.d/x.conf", text)
    assert told(made) == IDLE


@pytest.mark.parametrize("mode", [0o755, 0o664, 0o646])
def test_modes(mode: int) -> None:
    assert told(tree(mode=mode), "app.service") == [
        (f"/{USR}/app.service", f"a unit is read, not run, and root's alone: its mode is {mode:04o}")
    ]


def test_which_units_are_the_recipes_own() -> None:
    made = tree()
    made.write(f"{ETC}/ssh.service.d/10-x.conf", "[Unit]\n")
    made.write(f"{ETC}/getty@.service.d/10-x.conf", "[Service]\n")
    made.write(f"{ETC}/README", "no unit\n")
    made.link(f"{ETC}/other.service", "/dev/null")
    assert [(one.name, one.is_whole) for one in own_units(made)] == [
        ("getty@.service", False),
        ("ssh.service", False),
        ("app.service", True),
    ]
