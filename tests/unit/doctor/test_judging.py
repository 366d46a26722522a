"""Verdicts from facts, without looking at any machine."""

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.app.doctor import host, storage, virtualization
from builder.app.doctor.report import Finding, Report, Verdict, missing, ok, warning
from builder.app.doctor.storage import Place
from builder.core.arch import Arch
from builder.core.resources import GIB, MIB, Resources
from builder.vm.kvm import KvmFacts

PLACE = Place(
    path=Path("/cache"),
    probed=Path("/cache"),
    kind="ext4",
    free_bytes=100 * GIB,
    error="",
    runs_programs=True,
    locks_work=True,
    is_case_sensitive=True,
)


def _place(**changes: object) -> Place:
    fields = {name: getattr(PLACE, name) for name in Place.__slots__}
    return Place(**(fields | changes))


@pytest.mark.parametrize(
    ("machine", "verdict", "words"),
    [
        ("x86_64", Verdict.OK, "amd64"),
        ("aarch64", Verdict.OK, "arm64"),
        ("armv7l", Verdict.OK, "armv7"),
        ("riscv64", Verdict.MISSING, "riscv64"),
    ],
)
def test_architecture(machine: str, verdict: Verdict, words: str) -> None:
    finding = host.judge_architecture(machine)
    assert (finding.verdict, words in finding.found) == (verdict, True)


@pytest.mark.parametrize(
    ("cores", "memory_bytes", "verdicts"),
    [
        (4, 6 * GIB, (Verdict.OK, Verdict.OK)),
        (1, 6 * GIB, (Verdict.WARNING, Verdict.OK)),
        (4, 6 * GIB - 1, (Verdict.OK, Verdict.MISSING)),
    ],
)
def test_resources(cores: int, memory_bytes: int, verdicts: tuple[Verdict, Verdict]) -> None:
    largest = Resources(cores=2, memory_bytes=6 * GIB)
    findings = host.judge_resources(Resources(cores=cores, memory_bytes=memory_bytes), largest)
    assert tuple(finding.verdict for finding in findings) == verdicts


@pytest.mark.parametrize(
    ("version", "in_environment", "can_make", "verdict"),
    [
        ((3, 11, 0), True, False, Verdict.OK),
        ((3, 14, 1), False, True, Verdict.OK),
        ((3, 11, 9), False, False, Verdict.MISSING),
        ((3, 10, 14), True, True, Verdict.MISSING),
    ],
)
def test_python(version: tuple[int, int, int], in_environment: bool, can_make: bool, verdict: Verdict) -> None:
    facts = host.PythonFacts(version=version, in_environment=in_environment, can_make_environment=can_make)
    assert host.judge_python(facts).verdict is verdict


def test_git_is_no_part_of_a_build() -> None:
    assert host.judge_git("/usr/bin/git").verdict is Verdict.OK
    assert host.judge_git(None).verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("now_s", "verdict"),
    [
        (1_790_000_000, Verdict.OK),
        (1_790_000_000 - 3600, Verdict.OK),
        (1_780_000_000, Verdict.MISSING),
        (0, Verdict.MISSING),
    ],
)
def test_clock(now_s: float, verdict: Verdict) -> None:
    assert host.judge_clock(now_s, 1_790_000_000).verdict is verdict


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, "none"),
        ({"HTTPS_PROXY": "", "PATH": "/bin"}, "none"),
        (
            {"https_proxy": "http://me:s3cret@proxy:3128", "GOPROXY": "https://s3cret@x", "HOME": "/s3cret"},
            "GOPROXY, https_proxy",
        ),
    ],
)
def test_proxy_settings_are_told_by_name_only(environment: Mapping[str, str], found: str) -> None:
    finding = host.judge_network(environment)
    assert finding.found == found
    assert "s3cret" not in repr(finding)


@pytest.mark.parametrize(
    ("free_bytes", "verdict"),
    [
        (12 * GIB, Verdict.OK),
        (12 * GIB - 1, Verdict.WARNING),
        (256 * MIB, Verdict.WARNING),
        (255 * MIB, Verdict.MISSING),
    ],
)
def test_room(free_bytes: int, verdict: Verdict) -> None:
    room, system = storage.judge_place("cache", _place(free_bytes=free_bytes), 12 * GIB)
    assert (room.name, room.verdict, system.verdict) == ("cache: room", verdict, Verdict.OK)


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, Verdict.OK, "ext4"),
        ({"kind": "overlay"}, Verdict.WARNING, "gone with its container"),
        ({"kind": "tmpfs"}, Verdict.WARNING, "memory"),
        ({"kind": "nfs4"}, Verdict.WARNING, "network"),
        ({"kind": "9p"}, Verdict.WARNING, "shared"),
        ({"kind": "nfs4", "locks_work": False}, Verdict.MISSING, "local file system"),
        ({"is_case_sensitive": False}, Verdict.MISSING, "case"),
        ({"runs_programs": False}, Verdict.MISSING, "noexec"),
    ],
)
def test_file_system(changes: dict[str, object], verdict: Verdict, words: str) -> None:
    _, finding = storage.judge_place("cache", _place(**changes), GIB)
    assert finding.verdict is verdict
    assert words in f"{finding.found} {finding.hint}"


@pytest.mark.parametrize("name", ["cache", "checkout"])
def test_place_that_cannot_be_written(name: str) -> None:
    (finding,) = storage.judge_place(name, _place(error="Read-only file system", locks_work=False), GIB)
    assert finding.verdict is Verdict.MISSING
    assert "Read-only file system" in finding.found


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.OK),
        ({"error": "Permission denied"}, Verdict.MISSING),
        ({"path": Path("/cache/not-there")}, Verdict.MISSING),
    ],
)
def test_directory_for_temporary_files(changes: dict[str, object], verdict: Verdict) -> None:
    (finding,) = storage.judge_temporary(_place(**changes))
    assert finding.verdict is verdict


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /home rw - nfs4 server:/home rw
31 22 0:26 / /home/me/a\\040b rw - tmpfs tmpfs rw
32 22 0:27 / /homes rw - xfs /dev/vdb rw
33 31 0:28 / /home/me/a\\040b rw - btrfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/etc", "ext4"),
        ("/home/you", "nfs4"),
        ("/homes/x", "xfs"),
        ("/homework", "ext4"),
        ("/home/me/a b/c", "btrfs"),
    ],
)
def test_file_system_of_a_path(path: str, kind: str) -> None:
    assert storage.kind_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (KvmFacts(stage="", error=0), Verdict.OK, "a virtual machine runs"),
        (KvmFacts(stage="open", error=errno.ENOENT), Verdict.WARNING, "there is no /dev/kvm"),
        (KvmFacts(stage="open", error=errno.EACCES), Verdict.WARNING, "usermod -aG kvm"),
        (KvmFacts(stage="open", error=errno.ENODEV), Verdict.WARNING, "does not work: No such device"),
        (KvmFacts(stage="version", error=errno.ENOTTY), Verdict.WARNING, "(version)"),
        (KvmFacts(stage="version", error=0, version=11), Verdict.WARNING, "speaks version 11"),
        (KvmFacts(stage="create", error=errno.EBUSY), Verdict.WARNING, "(create)"),
        (KvmFacts(stage="speed", error=0), Verdict.WARNING, "slower than emulated ones"),
        (KvmFacts(stage="run", error=0), Verdict.WARNING, "did not do what it was told (run)"),
    ],
)
def test_kvm(facts: KvmFacts, verdict: Verdict, words: str) -> None:
    finding = virtualization.judge_kvm(facts)
    assert finding.verdict is verdict
    assert words in f"{finding.found} {finding.hint}"


def test_emulators_and_namespaces_are_optional() -> None:
    findings = list(virtualization.judge_emulators({Arch.ARM64: "/usr/bin/qemu-aarch64"}))
    assert [(one.name, one.verdict) for one in findings] == [
        ("qemu-arm", Verdict.WARNING),
        ("qemu-aarch64", Verdict.OK),
    ]
    assert virtualization.judge_user_namespaces(0).verdict is Verdict.OK
    finding = virtualization.judge_user_namespaces(errno.EPERM)
    assert (finding.verdict, finding.found) == (Verdict.WARNING, "cannot be made: Operation not permitted")


@pytest.mark.parametrize(
    ("findings", "exit_code"),
    [
        ([ok("a", "x")], 0),
        ([ok("a", "x"), warning("b", "y", "z")], 0),
        ([missing("a", "x", "y"), ok("b", "z")], 3),
    ],
)
def test_exit_code(findings: list[Finding], exit_code: int) -> None:
    report = Report(findings=findings)
    assert report.exit_code == exit_code
    assert report.to_json()["can_build"] is (exit_code == 0)
