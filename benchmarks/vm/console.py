"""What the machine says on its console: lines that begin with `@`, written by guest/init.sh."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.core.errors import BuilderError

_KIB = 1024
_SHIM = "shim"
_LAST_LINES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A process while `pods` were running under `setting`; bytes."""

    setting: str
    pods: int
    process: str
    pid: int
    rss_bytes: int
    pss_bytes: int
    anonymous_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """`times_s` by what was done; `mapped_end_bytes` is how far into kedge's file any process has mapped it.

    `version_bytes` is the largest resident set of `kedge version`, `version_anonymous_bytes` its own memory when last seen.
    """

    kernel: str
    times_s: dict[str, float]
    version_bytes: int
    version_anonymous_bytes: int
    memory: Sequence[Memory]
    mapped_end_bytes: int
    sysinfo: Sequence[str]

    @property
    def verdict(self) -> str:
        """The line that counts what `kedge sysinfo` judged; `BuilderError` without one."""
        for line in self.sysinfo:
            if " passed" in line:
                return line
        raise BuilderError("the machine printed no result of kedge sysinfo", details=self.sysinfo)

    def shims(self, setting: str, pods: int) -> list[Memory]:
        """The shims under `setting` while there were so many pods; `BuilderError` where there is not one for each."""
        found = [one for one in self.of(setting, pods) if one.process == _SHIM]
        if len(found) != pods:
            raise BuilderError(f"{setting}: there were {len(found)} shims for {pods} pods")
        return found

    def of(self, setting: str, pods: int) -> list[Memory]:
        """All processes at that time."""
        return [one for one in self.memory if one.setting == setting and one.pods == pods]


def read_console(text: str) -> Findings:
    """What a complete `text` of the console says; `BuilderError` where the machine failed or came to no end."""
    lines = [line.rstrip() for line in text.splitlines()]
    said = [line[1:] for line in lines if line.startswith("@")]
    failures = [line.removeprefix("failed ") for line in said if line.startswith("failed ")]
    if failures or "end" not in said:
        raise BuilderError(
            f"measuring in the machine failed: {'; '.join(failures) or 'it came to no end'}",
            details=lines[-_LAST_LINES:],
        )
    peak = _fields(" ".join(_of(said, "peak")))
    return Findings(
        kernel=" ".join(_of(said, "kernel")),
        times_s={one["what"]: float(one["to"]) - float(one["from"]) for one in map(_fields, _of(said, "time"))},
        version_bytes=_bytes(peak, "VmHWM"),
        version_anonymous_bytes=_bytes(peak, "RssAnon"),
        memory=[_memory(_fields(line)) for line in _of(said, "memory")],
        mapped_end_bytes=max((_mapped_end(line) for line in _of(said, "map")), default=0),
        sysinfo=list(_of(said, "sysinfo")),
    )


def _of(said: Sequence[str], kind: str) -> Iterator[str]:
    return (line.removeprefix(f"{kind} ") for line in said if line.startswith(f"{kind} "))


def _fields(line: str) -> dict[str, str]:
    """`a=1 b=2`; the value may hold another equals sign."""
    return {name: value for name, _, value in (word.partition("=") for word in line.split())}


def _memory(fields: dict[str, str]) -> Memory:
    try:
        setting, pods, process, pid = fields["setting"], int(fields["pods"]), fields["process"], int(fields["pid"])
    except (KeyError, ValueError) as error:
        raise _incomplete(fields) from error
    return Memory(
        setting=setting,
        pods=pods,
        process=process,
        pid=pid,
        rss_bytes=_bytes(fields, "Rss"),
        pss_bytes=_bytes(fields, "Pss"),
        anonymous_bytes=_bytes(fields, "Anonymous"),
    )


def _bytes(fields: dict[str, str], name: str) -> int:
    """A number of KiB, as proc(5) has them."""
    value = fields.get(name, "")
    if not value.isdigit():
        raise _incomplete(fields)
    return int(value) * _KIB


def _incomplete(fields: dict[str, str]) -> BuilderError:
    return BuilderError("what the machine says of its memory is not complete", details=[str(fields)])


def _mapped_end(line: str) -> int:
    """The end, in the file, of a line of /proc/PID/maps (proc(5)): `process=NAME START-END PERMISSIONS OFFSET ...`."""
    _, addresses, _, offset, *_ = line.split()
    start, end = (int(part, 16) for part in addresses.split("-"))
    return int(offset, 16) + end - start
