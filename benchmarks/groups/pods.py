"""What a pod costs of memory on armv7, besides its own processes: containerd's shim; in a machine that QEMU emulates."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.checkout import Checkout
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from benchmarks.vm.archive import fetch_system
from benchmarks.vm.console import Findings, Memory, read_console
from benchmarks.vm.image import write_image
from benchmarks.vm.machine import GUEST, Plan, argv_of, boot, find_tools, make_disk, make_initrd
from benchmarks.vm.node import PAUSE
from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.payload.reader import read_payload

_ARCH = Arch.ARMV7
_KERNEL = "linux-image-armmp"
_PODS = (1, 5, 10)
_KUBELET = "kubelet"
# The environment of containerd, which is that of the shims; the first is upstream's default and changes nothing.
_ENVIRONMENTS = ("GOGC=100", "GOMEMLIMIT=4MiB", "GOMAXPROCS=1")
_CONTAINERS = 5
# The shim gives memory back every 30 s (pkg/shim/shim.go, setRuntime).
_SETTLE_S = 45
_TIMEOUT_S = 3000.0
_LIMIT_BYTES = 7_000_000
_TIMES = {
    "version": "kedge version, nothing in the page cache",
    "version-again": "kedge version",
    "unpack-first": "first start: unpack",
    "unpack-second": "second start: check",
    "containerd-start": "containerd until it answers",
}


def measure(setting: Setting) -> Report:
    """One boot: pods of a kubelet, then containers under other settings of Go's runtime."""
    tools = find_tools(setting.environment)
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        build = checkout.make([_ARCH])
        kedge = checkout.project.root / "out" / _recipe(checkout) / _ARCH / "kedge"
        tell(f"built {', '.join(build.digests(_ARCH))}; making the machine ...")
        facts = ARCH_FACTS[_ARCH]
        cache = setting.project.cache / "debian"
        system = fetch_system(_KERNEL, facts.debian, cache, place, setting.environment)
        plan = Plan(kedge=kedge, image=_image(checkout, place), settings=told())
        disk, initrd = make_disk(tools, system, plan, place), make_initrd(system, place)
        tell("the machine runs; it takes about ten minutes ...")
        argv = argv_of(tools, system, initrd=initrd, disk=disk)
        return report(read_console(boot(argv, place / "console", timeout_s=_TIMEOUT_S)), frames_of(kedge))


def _recipe(checkout: Checkout) -> str:
    return checkout.targets([_ARCH])[0].step.id.partition("/")[0]


def told() -> dict[str, str]:
    """What guest/init.sh reads."""
    return {
        "PAUSE": PAUSE,
        "PODS": " ".join(map(str, _PODS)),
        "SETTINGS": " ".join(_ENVIRONMENTS),
        "CONTAINERS": str(_CONTAINERS),
        "SETTLE_S": str(_SETTLE_S),
    }


def _image(checkout: Checkout, place: Path) -> Path:
    program, archive = place / "pause", place / "pause.tar"
    target = ("-target", ARCH_FACTS[_ARCH].zig, "-mcpu=baseline-neon-d32")
    checkout.builder("tool", "zig", "cc", *target, "-static", "-Os", "-s", str(GUEST / "pause.c"), "-o", str(program))
    write_image(archive, PAUSE, program, {"os": "linux", "architecture": "arm", "variant": "v7"})
    return archive


def frames_of(kedge: Path) -> int:
    """Where in the file the payload begins; bytes."""
    payload = read_payload(kedge)
    if payload is None:
        raise BuilderError(f"{kedge} carries no helpers", hint="the recipe has to name some")
    return min(file.offset for file, _ in payload.contents())


def report(findings: Findings, frames: int) -> Report:
    """`frames` is where the payload begins in kedge's file."""
    worst = max(_PODS)
    shims = {pods: _anonymous(findings.shims(_KUBELET, pods)) for pods in _PODS}
    more = Series.of(max(0, findings.mapped_end_bytes - _page_end(frames)))
    return Report(
        group="pods",
        figures=[
            Figure(
                name=f"anonymous memory of a pod's shim, {worst} pods",
                limit=_LIMIT_BYTES,
                unit=Unit.BYTES,
                series=shims[worst],
            ),
            Figure(name="bytes of the payload that any process maps", limit=0, unit=Unit.COUNT, series=more),
        ],
        measurements=list(_measurements(findings, shims)),
        tables=[processes(findings, _KUBELET, pods) for pods in _PODS],
        notes=[
            f"Linux {findings.kernel} (Debian 12) in QEMU's `virt` machine, Cortex-A15, two processors, 1 GiB, ext4 on virtio.",
            f"Values of shims: the anonymous memory of each, {_SETTLE_S} s after the last pod or container ran.",
            "Pods are a kubelet's, with a sandbox and a container; containers have no sandbox, and no kubelet asks for figures.",
            "Times are those of an emulated processor: a device is quicker. They compare, they promise nothing.",
            f"`kedge sysinfo` there: {findings.verdict}.",
        ],
    )


def _measurements(findings: Findings, shims: Mapping[int, Series]) -> Iterator[Measurement]:
    for pods, series in shims.items():
        yield Measurement(name=f"shim, {pods} pods", unit=Unit.BYTES, series=series)
    for one in _ENVIRONMENTS:
        series = _anonymous(findings.shims(one, _CONTAINERS))
        yield Measurement(name=f"shim, {_CONTAINERS} containers, {one}", unit=Unit.BYTES, series=series)
    for name, value in (
        ("kedge version: largest resident set", findings.version_bytes),
        ("kedge version: anonymous memory", findings.version_anonymous_bytes),
    ):
        yield Measurement(name=name, unit=Unit.BYTES, series=Series.of(value))
    for what, name in _TIMES.items():
        yield Measurement(name=name, unit=Unit.SECONDS, series=Series.of(findings.times_s[what]))


def _anonymous(processes: Sequence[Memory]) -> Series:
    return Series.of(*(float(one.anonymous_bytes) for one in processes))


def _page_end(offset: int, page: int = 4096) -> int:
    """The end of the page that holds the byte before `offset`: the executable's last page has the payload's first bytes."""
    return -(-offset // page) * page


def processes(findings: Findings, setting: str, pods: int) -> Table:
    """All processes at one time; several of one name as their sum."""
    rows = []
    found = findings.of(setting, pods)
    for name in dict.fromkeys(one.process for one in found):
        some = [one for one in found if one.process == name]
        columns = [
            [one.anonymous_bytes for one in some],
            [one.pss_bytes for one in some],
            [one.rss_bytes for one in some],
        ]
        label = name if len(some) == 1 else f"{name} (all {len(some)})"
        rows.append((label, *(format_value(sum(column), Unit.BYTES) for column in columns)))
    title = f"Memory with {pods} pod{'s' if pods > 1 else ''}"
    return Table(title=title, columns=("process", "anonymous", "Pss", "Rss"), rows=rows)
