"""How far a machine has come, by what devices were heard to say."""

import pytest

from builder.lab.stages import Boot, Stage

# As the default image says it (amd64, UEFI).
SAID = [
    ("\x1b[2J\x1b[01;01H", None),
    ('BdsDxe: starting Boot0001 "UEFI Misc Device"\r\n', Stage.FIRMWARE),
    ("Starting sl", Stage.FIRMWARE),
    ("ot A.\r\n", Stage.KERNEL),
    ("[   35.419710] systemd-ssh-generator[256]: Failed to query local AF_VSOCK CID\r\n", Stage.USERSPACE),
    ("[   91.165323] sh[291]: stage:   starting: the device has taken its node.yaml\r\n", Stage.FIRST_BOOT),
    ("Debian GNU/Linux 13 field-1 ttyS0\r\nfield-1 login: ", Stage.FIRST_BOOT),
    ("stage:   joined: the device has been a node of its cluster", Stage.JOINED),
]


def test_a_device_s_way() -> None:
    boot = Boot(machine="x", number=1, began_s=10)
    found = []
    for second, (text, _) in enumerate(SAID):
        boot.hear(text.encode(), 10 + second)
        found.append(boot.stage)
    assert found == [stage for _, stage in SAID]
    assert boot.stages == {
        Stage.FIRMWARE: 11, Stage.KERNEL: 13, Stage.USERSPACE: 14, Stage.FIRST_BOOT: 15, Stage.JOINED: 17
    }  # fmt: skip
    boot.reach(Stage.READY, 30)
    boot.reach(Stage.READY, 40)
    assert boot.stages[Stage.READY] == 30
    assert boot.trouble == ""


@pytest.mark.parametrize(
    ("before", "trouble", "behind"),
    [
        ("[ 1.0] ", "Kernel panic - not syncing: VFS: Unable to mount", "\r\n[ 1.1] more"),
        ("", "stage:   stopped: what is written on this card cannot be used", "\n"),
        ("initrd: ", "this slot cannot be started; restarting in 10 seconds", "\n"),
    ],
)
def test_trouble(before: str, trouble: str, behind: str) -> None:
    boot = Boot(machine="x", number=1, began_s=0)
    boot.hear(f"{before}{trouble}{behind}".encode(), 1)
    assert boot.trouble == trouble


def test_half_a_line_of_trouble_is_not_told() -> None:
    boot = Boot(machine="x", number=1, began_s=0)
    boot.hear(b"Kernel panic - not syncing: no ", 1)
    assert boot.trouble == ""
    boot.hear(b"root\r\n", 2)
    assert boot.trouble == "Kernel panic - not syncing: no root"
