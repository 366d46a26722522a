"""Looking at the machine that runs the tests, and at copies of what other machines show."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.app.doctor import Needs, Verdict, examine, storage, virtualization
from builder.core.arch import Arch
from builder.core.resources import MIB, Resources

# As Debian's qemu-user-binfmt registers them; the mask leaves out the ABI and lets static and dynamic types pass.
QEMU_ARM = """\
enabled
interpreter /usr/libexec/qemu-binfmt/arm-binfmt-P
flags: POCF
offset 0
magic 7f454c4601010100000000000000000002002800
mask ffffffffffffff00fffffffffffffffffeffffff
"""
QEMU_AARCH64 = QEMU_ARM.replace("arm-binfmt", "aarch64-binfmt").replace("454c4601", "454c4602").replace("2800", "b700")
PYTHON = "enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n"
BY_EXTENSION = "enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, {}),
        ({"qemu-arm": QEMU_ARM}, {Arch.ARMV7: "/usr/libexec/qemu-binfmt/arm-binfmt-P"}),
        (
            {"a": QEMU_ARM, "b": QEMU_AARCH64, "python": PYTHON, "wine": BY_EXTENSION, "status": "enabled\n"},
            {
                Arch.ARMV7: "/usr/libexec/qemu-binfmt/arm-binfmt-P",
                Arch.ARM64: "/usr/libexec/qemu-binfmt/aarch64-binfmt-P",
            },
        ),
        ({"qemu-arm": QEMU_ARM.replace("enabled", "disabled")}, {}),
        ({"qemu-arm": QEMU_ARM.replace("offset 0", "offset 4")}, {}),
        # Registered for shared objects; the mask says that plain executables are meant too.
        ({"a": QEMU_ARM.replace("02002800", "03002800")}, {Arch.ARMV7: "/usr/libexec/qemu-binfmt/arm-binfmt-P"}),
        ({"short": PYTHON.replace("a70d0d0a", "7f454c46")}, {}),
    ],
)
def test_emulators_are_known_by_what_they_start(files: dict[str, str], found: dict[Arch, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert virtualization.probe_emulators(tmp_path) == found


def test_no_binfmt_misc_is_no_error(tmp_path: Path) -> None:
    assert virtualization.probe_emulators(tmp_path / "none") == {}


def test_place_is_probed_and_left_as_it_was(tmp_path: Path) -> None:
    place = storage.probe_place(tmp_path)
    assert (place.probed, place.error) == (tmp_path, "")
    assert place.locks_work
    assert place.is_case_sensitive
    assert place.free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_place_that_does_not_exist_yet_is_not_made(tmp_path: Path) -> None:
    place = storage.probe_place(tmp_path / "a" / "b")
    assert place.probed == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_place_that_is_read_only() -> None:
    place = storage.probe_place(Path("/proc/sys"))
    assert place.error
    assert place.kind == "proc"


def test_locks_that_let_everyone_pass_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.probe_locks(tmp_path)
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert not storage.probe_locks(tmp_path)


def test_names_that_are_the_same_in_another_case_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch: Callable[..., None] = Path.touch

    def touch_lower(path: Path, *, exist_ok: bool = True) -> None:
        touch(path.with_name(path.name.lower()), exist_ok=exist_ok)

    monkeypatch.setattr(Path, "touch", touch_lower)
    assert not storage.probe_case(tmp_path)


def test_namespaces_are_really_tried() -> None:
    own = Path("/proc/self/ns/user")
    before = own.readlink()
    error = virtualization.probe_user_namespaces()
    assert error in {0, *errno.errorcode}
    assert own.readlink() == before, "the child entered the namespace, not this process"


def _examine(tmp_path: Path, **environment: str) -> dict[str, Verdict]:
    needs = Needs(
        largest_step=Resources(cores=1, memory_bytes=64 * MIB), epoch_s=1_700_000_000, cache_bytes=MIB, output_bytes=MIB
    )
    report = examine(
        checkout=tmp_path,
        cache=tmp_path / "cache",
        environment={"PATH": os.environ["PATH"], **environment},
        needs=needs,
        now_s=1_790_000_000.0,
    )
    return {finding.name: finding.verdict for finding in report.findings}


def test_the_machine_that_runs_these_tests_can_build(tmp_path: Path) -> None:
    verdicts = _examine(tmp_path)
    assert len(verdicts) == 16
    assert Verdict.MISSING not in verdicts.values()


def test_a_directory_for_temporary_files_that_is_not_there(tmp_path: Path) -> None:
    assert _examine(tmp_path, TMPDIR=str(tmp_path / "none"))["temporary files"] is Verdict.MISSING
