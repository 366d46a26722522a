"""Cards for measuring: loop devices that are as slow as cards, by the kernel's own throttle."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.process import run
from benchmarks.setting import Setting
from builder.core.errors import MissingToolError

_THROTTLE = Path("/sys/fs/cgroup/blkio")


@contextmanager
def slow_cards(
    setting: Setting, files: list[Path], *, write_bytes_per_s: int, read_bytes_per_s: int
) -> Iterator[list[Path]]:
    """A loop device for each of `files`, past the page cache, throttled by the machine's topmost control group."""
    if not (_THROTTLE / "blkio.throttle.write_bps_device").exists():
        raise MissingToolError(
            "nothing throttles devices here", hint=f"this needs root and control groups of version 1 at {_THROTTLE}"
        )
    with ExitStack() as stack:
        devices = []
        for file in files:
            said = run(
                ["losetup", "--find", "--show", "--direct-io=on", str(file)],
                cwd=file.parent,
                env=setting.environment,
            )
            device = Path(said.output.decode().strip())
            stack.callback(run, ["losetup", "--detach", str(device)], cwd=file.parent, env=setting.environment)
            stack.callback(_throttle, device, write_bytes_per_s=0, read_bytes_per_s=0)
            _throttle(device, write_bytes_per_s=write_bytes_per_s, read_bytes_per_s=read_bytes_per_s)
            devices.append(device)
        yield devices


def _throttle(device: Path, *, write_bytes_per_s: int, read_bytes_per_s: int) -> None:
    number = Path("/sys/block", device.name, "dev").read_text().strip()
    for what, rate in (("write", write_bytes_per_s), ("read", read_bytes_per_s)):
        (_THROTTLE / f"blkio.throttle.{what}_bps_device").write_text(f"{number} {rate}")
