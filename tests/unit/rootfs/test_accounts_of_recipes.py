"""Accounts that a recipe adds."""

from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.rootfs.customize.apply import Customizer
from builder.rootfs.customize.model import Account, Customization, EntryKind, OverlayEntry, OverlayLayer
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Node
from tests.unit.rootfs.images import GROUP, PASSWD, small_image

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKr me"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return small_image(tmp_path)


def add(image: Image, *accounts: Account, overlay: dict[str, OverlayEntry] | None = None) -> None:
    layers = (OverlayLayer(name="one", entries=overlay),) if overlay else ()
    wanted = Customization(recipe="edge", accounts=accounts, overlays=layers)
    Customizer(image=image, wanted=wanted, contents={}, shown={}).run()


def mistakes(image: Image, *accounts: Account) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        add(image, *accounts)
    return list(caught.value.details)


def test_accounts_stand_in_all_four_files(image: Image) -> None:
    add(image, Account(name="ada", comment="Ada", groups=("sudo", "adm"), ssh_keys=(KEY,)))
    tree = image.tree
    assert tree.text("etc/passwd") == f"{PASSWD}ada:x:1000:1000:Ada:/home/ada:/bin/bash\n"
    assert tree.text("etc/group") == "root:x:0:\ndaemon:x:1:\nadm:x:4:daemon,ada\nsudo:x:27:ada\nada:x:1000:\n"
    assert tree.text("etc/shadow").splitlines()[-1] == "ada:*:20000:0:99999:7:::"
    assert tree.text("etc/gshadow").splitlines()[-3:] == ["adm:*::daemon,ada", "sudo:*::ada", "ada:!::"]
    assert (tree.nodes["etc/shadow"].mode, tree.nodes["etc/shadow"].gid) == (0o640, 42)


def test_nothing_is_written_without_accounts(image: Image) -> None:
    before = dict(image.tree.nodes)
    add(image)
    assert {path for path in image.tree.nodes if image.tree.nodes[path] is not before.get(path)} == {"etc/locale.conf"}
    assert image.tree.text("etc/group") == GROUP


def test_homes_come_out_of_the_skeleton(image: Image) -> None:
    tree = image.tree
    tree.add("etc/skel/.config/run", Node(kind=Kind.FILE, mode=0o755, content=tree.content("bin/bash"), owner="base"))
    tree.link("etc/skel/link", ".profile")
    add(image, Account(name="ada", ssh_keys=(KEY, KEY + "2")))
    found = {path: tree.nodes[path] for path in ("home/ada", *tree.below("home/ada"))}
    assert {path: node.mode for path, node in found.items() if node.kind is not Kind.SYMLINK} == {
        "home/ada": 0o700,
        "home/ada/.config": 0o755,
        "home/ada/.config/run": 0o755,
        "home/ada/.profile": 0o644,
        "home/ada/.ssh": 0o700,
        "home/ada/.ssh/authorized_keys": 0o600,
    }
    assert {(node.uid, node.gid) for node in found.values()} == {(1000, 1000)}
    assert {node.owner for node in found.values()} == {"rootfs.users"}
    assert tree.text("home/ada/.ssh/authorized_keys") == f"{KEY}\n{KEY}2\n"
    assert tree.text("home/ada/link") == "umask 077\n"


def test_overlays_may_lie_in_homes_and_in_the_skeleton(image: Image) -> None:
    mine = OverlayEntry(kind=EntryKind.FILE, mode="0600", text="mine", owner="ada", group="ada")
    add(image, Account(name="ada"), overlay={"home/ada/.profile": mine, "etc/skel/.new": mine})
    assert image.tree.text("home/ada/.profile") == "mine"
    assert image.tree.text("home/ada/.new") == "mine"
    assert (image.tree.nodes["home/ada"].mode, image.tree.nodes["home/ada"].uid) == (0o700, 1000)


def test_numbers_are_given_in_the_order_of_writing(image: Image) -> None:
    accounts = (Account(name="zoe"), Account(name="ada", uid=1001), Account(name="bob"), Account(name="eve", uid=2000))
    add(image, *accounts)
    assert {name: image.accounts.users[name].uid for name in ("zoe", "ada", "bob", "eve")} == {
        "zoe": 1000,
        "ada": 1001,
        "bob": 1002,
        "eve": 2000,
    }


def test_numbers_of_groups_are_taken_too(image: Image) -> None:
    image.accounts.add_group("docker", 1000)
    image.tree.write("etc/group", GROUP + "docker:x:1000:\n")
    add(image, Account(name="ada"))
    assert image.accounts.users["ada"].uid == 1001


def test_subordinate_numbers_where_the_image_has_them(image: Image) -> None:
    image.tree.write("etc/subuid", "old:100000:65536\n")
    add(image, Account(name="ada"), Account(name="bob"))
    assert image.tree.text("etc/subuid") == "old:100000:65536\nada:165536:65536\nbob:231072:65536\n"
    assert not image.tree.exists("etc/subgid")
    image.tree.write("etc/subgid", "")
    add(image, Account(name="eve"))
    assert image.tree.text("etc/subgid") == "eve:100000:65536\n"


def test_all_mistakes_are_told_at_once(image: Image) -> None:
    accounts = (
        Account(name="daemon"),
        Account(name="sudo"),
        Account(name="ada", uid=1000, groups=("sudoo",), shell="/bin/bsh"),  # noqa: S604 - a login shell
        Account(name="bob", uid=1000),
    )
    assert mistakes(image, *accounts) == [
        "rootfs.users.daemon: a package makes a user of this name already",
        "rootfs.users.daemon: a package makes a group of this name already",
        "rootfs.users.sudo: a package makes a group of this name already",
        "rootfs.users.ada: there is no group sudoo; did you mean 'sudo'?",
        "rootfs.users.ada: there is no shell /bin/bsh; did you mean '/bin/bash'?",
        "rootfs.users.bob: ada has the number 1000 already",
    ]


@pytest.mark.parametrize(
    ("home", "expected"),
    [
        ("/var/lib", "its home /var/lib is there already: base has it"),
        ("/etc/shells", "its home /etc/shells is a file"),
        ("/etc/shells/x", "etc/shells/x cannot be placed: etc/shells is a file"),
    ],
)
def test_homes_are_nobody_elses(image: Image, home: str, expected: str) -> None:
    assert mistakes(image, Account(name="ada", home=home)) == [f"rootfs.users.ada: {expected}"]


def test_keys_come_from_one_place(image: Image) -> None:
    keys = OverlayEntry(kind=EntryKind.FILE, mode="0600", text="mine")
    with pytest.raises(RecipeError) as caught:
        add(
            image,
            Account(name="ada", ssh_keys=(KEY,)),
            overlay={"home/ada/.ssh/authorized_keys": keys},
        )
    assert caught.value.details == ("rootfs.users.ada: overlay one has its authorized_keys too",)
