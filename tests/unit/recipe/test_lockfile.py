import json
from pathlib import Path

from builder.core.arch import Arch
from builder.recipe.lockfile import Lock, LockedDebian, LockedGo, LockedRootfs, LockedTools, read_lock, write_lock
from tests.unit.recipe.test_match_debian import pin

PINS = tuple(pin(name) for name in ("dbus", "udev"))
LOCK = Lock(
    epoch_s=1,
    go=LockedGo(version="1.26.8", sums={}),
    wheels={},
    debian=LockedDebian(
        suites={Arch.ARMV7: ("bookworm",)},
        source_suite="trixie",
        packages={Arch.ARMV7: PINS},
        rootfs={
            Arch.ARMV7: LockedRootfs(
                wanted=tuple(f"package-with-a-long-name-{number}" for number in range(5)), packages=PINS
            )
        },
        tools={Arch.AMD64: {"rootfs": LockedTools(wanted=("udev",), packages=PINS)}},
    ),
)


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_lock(tmp_path / "r.lock", LOCK)
    assert read_lock(tmp_path / "r.lock") == LOCK


def test_every_pin_and_every_name_of_a_long_list_has_a_line_of_its_own(tmp_path: Path) -> None:
    write_lock(tmp_path / "r.lock", LOCK)
    lines = (tmp_path / "r.lock").read_text().splitlines()
    assert lines[:3] == ["{", '  "lock": 1,', '  "epoch_s": 1,']
    assert '    "suites": {"armv7": ["bookworm"]},' in lines
    pins = [json.loads(line.strip().rstrip(",")) for line in lines if '"sha256"' in line]
    assert [one["name"] for one in pins] == ["dbus", "udev"] * 3
    assert '          "package-with-a-long-name-0",' in lines
    assert '          "wanted": ["udev"],' in lines
