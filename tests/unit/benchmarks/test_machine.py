import sys
from pathlib import Path

import pytest

from benchmarks.fleet import fleet
from benchmarks.machine import file_system_of
from benchmarks.process import peak_memory_bytes, run
from builder.core.errors import BuilderError

MOUNTS = """\
rootfs / rootfs rw 0 0
/dev/vda / ext4 rw 0 0
tmpfs /home/some\\040body tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"), [("/var/cache", "ext4"), ("/home/some body/.cache", "tmpfs"), ("/home/some", "ext4")]
)
def test_the_file_system_is_that_of_the_deepest_mount(path: str, expected: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == expected


def test_a_run_keeps_its_output_and_its_memory() -> None:
    code = "import time; data = b'x' * (64 << 20); time.sleep(0.1); print('done')"
    done = run([sys.executable, "-c", code], cwd=Path("/"), env={}, watched=True)
    assert done.output == b"done\n"
    assert done.duration_s >= 0.1
    assert done.own_memory_bytes > 64 << 20


def test_a_run_may_have_a_terminal() -> None:
    code = "import sys; sys.exit(not sys.stderr.isatty())"
    run([sys.executable, "-c", code], cwd=Path("/"), env={}, terminal=True)
    with pytest.raises(BuilderError, match="status 1"):
        run([sys.executable, "-c", code], cwd=Path("/"), env={})


def test_a_failed_run_tells_its_last_words() -> None:
    with pytest.raises(BuilderError, match="status 3") as caught:
        run(["/bin/sh", "-c", "echo alas >&2; exit 3"], cwd=Path("/"), env={})
    assert caught.value.details == ("alas",)


def test_an_ended_process_has_no_peak(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmHWM:\t     100 kB\n")
    assert peak_memory_bytes(status) == 100 << 10
    status.write_text("Name:\tx\nState:\tZ (zombie)\n")
    assert peak_memory_bytes(status) == 0


def test_a_changed_shared_input_changes_every_device() -> None:
    before, after = fleet(changed=False, devices=3), fleet(changed=True, devices=3)
    assert [step.id for step in before] == [step.id for step in after]
    assert not {step.key for step in before} & {step.key for step in after}
