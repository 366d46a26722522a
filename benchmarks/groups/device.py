"""What a device feels: how fast kedge and its helpers start, what unpacking them costs, and what a payload costs in memory."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import Series, interleave
from builder.app.session import Session, Settings
from builder.core.arch import host_arch
from builder.payload.pack import FRAMES
from builder.steps.step import reached

_ROUNDS = 15
_POLL_S = 0.01
_VERSION, _CNI = "kedge version", "CNI plugin (VERSION)"
_LIST, _FIRST, _SECOND = "kedge payload list", "kedge payload unpack, first", "kedge payload unpack, second"
_ZSTD, _SYNCED = "zstd -d", "zstd -d, then sync"
_BARE, _CARRYING, _PEAK = (
    "anonymous memory without a payload",
    "anonymous memory with its payload",
    "peak of unpacking, files included",
)
# Seconds at most, as promised for amd64.
_LIMITS_S = {_VERSION: 0.1, _CNI: 0.01}
# At most this many times `zstd -d`, as promised for the first start.
_UNPACK_TIMES = 1.2
# A process with a payload may be this much larger: its index, and noise.
_MORE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The executable without and with its payload, the payload's frames, and a directory to unpack into."""

    bare: Path
    kedge: Path
    frames: Path
    data: Path

    def command(self, *arguments: str, watched: bool = False) -> float:
        """Seconds that `kedge ARGUMENTS` takes, or with `watched` the peak of its resident bytes."""
        done = run([str(self.kedge), *arguments], cwd=self.data.parent, env=os.environ, watched=watched)
        return done.own_memory_bytes if watched else done.duration_s

    def unpack(self, *, watched: bool = False) -> float:
        """As `command`, for `kedge payload unpack` into an empty directory."""
        self.empty()
        return self.command("payload", "unpack", "--data-dir", str(self.data), watched=watched)

    def zstd(self, *, sync: bool) -> float:
        """Seconds that the reference takes for the same frames."""
        self.empty()
        out = self.data / "out"
        argv = ["zstd", "-q", "-d", str(self.frames), "-o", str(out)]
        script = ["sh", "-c", '"$@" && sync "$0"', str(out), *argv]
        return run(script if sync else argv, cwd=self.data, env=os.environ).duration_s

    def plugin(self) -> float:
        """Seconds that a CNI plugin takes to say which versions it speaks."""
        (plugin,) = self.data.glob("helpers/*/cni/bridge")
        return run([str(plugin)], cwd=self.data, env={"CNI_COMMAND": "VERSION"}).duration_s

    def empty(self) -> None:
        """Start anew."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()

    def anonymous(self, executable: Path) -> float:
        """Bytes of an `executable` that has read the index of `kedge` and waits for a lock, apart from those of files.

        Pages of the executable come and go with what else the machine reads; the payload is in none of its segments.
        """
        self.empty()
        helpers = self.data / "helpers"
        helpers.mkdir()
        lock = os.open(helpers, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        argv = [str(executable), "payload", "unpack", "--data-dir", str(self.data), "--file", str(self.kedge)]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        try:
            time.sleep(100 * _POLL_S)  # until it waits; it does so for as long as the lock is held
            memory = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        finally:
            os.close(lock)
            process.wait()
        return int(next(line.split()[1] for line in memory.splitlines() if line.startswith("Anonymous:"))) << 10


def measure(setting: Setting) -> Report:
    """Times in turn, then memory in turn; on this machine's architecture."""
    with setting.place() as place:
        furnished = _furnish(setting, place)
        return _report(furnished, setting.rounds or _ROUNDS)


def _furnish(setting: Setting, place: Path) -> Place:
    checkout = setting.clone(place / "checkout", setting.project.cache)
    target = checkout.targets([host_arch()])[0]
    steps = {step.id.rpartition("/")[2]: step for step in reached(target.step)}
    with Session(checkout.project, Settings()) as session:
        kedge, bare = session.obtain(target.step), session.obtain(steps["executable"])
        frames = shutil.copy(session.obtain(steps["payload"]) / FRAMES, place / "frames.zst")
    name = checkout.workspace().inputs.recipe.cluster.name
    return Place(bare=bare / name, kedge=kedge / name, frames=Path(frames), data=place / "data")


def _report(place: Place, rounds: int) -> Report:
    times: Mapping[str, Callable[[], float]] = {
        _ZSTD: lambda: place.zstd(sync=False),
        _SYNCED: lambda: place.zstd(sync=True),
        _VERSION: lambda: place.command("version"),
        _LIST: lambda: place.command("payload", "list"),
        _FIRST: place.unpack,
        _SECOND: lambda: place.command("payload", "unpack", "--data-dir", str(place.data)),
        _CNI: place.plugin,
    }
    memory: Mapping[str, Callable[[], float]] = {
        _BARE: lambda: place.anonymous(place.bare),
        _CARRYING: lambda: place.anonymous(place.kedge),
        _PEAK: lambda: place.unpack(watched=True),
    }
    took, used = interleave(times, rounds), interleave(memory, max(3, rounds // 3))
    beyond = Series(
        values=tuple(all_ - start for all_, start in zip(took[_FIRST].values, took[_LIST].values, strict=True))
    )
    more = Series.of(used[_CARRYING].median - used[_BARE].median)
    return Report(
        group="device",
        figures=[
            *(
                Figure(name=name, limit=limit_s, unit=Unit.SECONDS, series=took[name])
                for name, limit_s in _LIMITS_S.items()
            ),
            Figure(name=f"unpacking / {_ZSTD}", limit=_UNPACK_TIMES, unit=Unit.TIMES, series=beyond.over(took[_ZSTD])),
            Figure(
                name=f"unpacking / {_SYNCED}", limit=_UNPACK_TIMES, unit=Unit.TIMES, series=beyond.over(took[_SYNCED])
            ),
            Figure(name="anonymous memory that a payload costs", limit=_MORE_BYTES, unit=Unit.BYTES, series=more),
        ],
        measurements=[
            *(Measurement(name=name, unit=Unit.SECONDS, series=series) for name, series in took.items()),
            *(Measurement(name=name, unit=Unit.BYTES, series=series) for name, series in used.items()),
        ],
        notes=[
            f"{host_arch()}, {place.frames.stat().st_size} bytes of frames.",
            (
                "'Unpacking' is what the first `kedge payload unpack` takes beyond `kedge payload list`, which starts and reads"
                " the index as well; it decompresses, compares SHA-256 of what it reads and flushes everything to the disk."
            ),
            "The second one hashes every file; a start of a node only compares names and sizes.",
        ],
    )
