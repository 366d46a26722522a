"""What the executable weighs, and which packages weigh most in it."""

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bare import BareGo, bare_go
from benchmarks.checkout import copy_path
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from benchmarks.setting import Setting
from benchmarks.stats import Series, tell
from benchmarks.symbols import module_like, weigh
from builder.core.errors import BuilderError
from builder.gobuild.command import target_environment

_MOST = 20
# 200 MB with the payload, which takes about 11 of them.
_LIMIT_BYTES = 188_000_000
_STRIP = "-s -w "


def measure(setting: Setting) -> Report:
    """Two links, one as it is shipped and one with its symbols; what was compiled before is not compiled again."""
    with setting.place() as place:
        checkout = setting.clone(place / "checkout", setting.project.cache)
        target = checkout.targets([setting.arch])[0]
        bare = bare_go(checkout, target, place / "bare", module_cache=checkout.project.caches.go_modules)
        tell("linking twice ...")
        shipped = _link(bare, place / "shipped", checkout.project.caches.go_build, strip=True)
        told = _link(bare, place / "told", checkout.project.caches.go_build, strip=False)
        packages = weigh(_symbols(bare, told))
        size = shipped.stat().st_size
    modules: Counter[str] = Counter()
    for package, weight in packages.items():
        modules[module_like(package)] += weight
    return Report(
        group="weight",
        figures=[
            Figure(name="executable without payload", limit=_LIMIT_BYTES, unit=Unit.BYTES, series=Series.of(size))
        ],
        measurements=[
            Measurement(name="symbols together", unit=Unit.BYTES, series=Series.of(packages.total())),
        ],
        tables=[_table("Heaviest packages", "package", packages), _table("Heaviest modules", "module", modules)],
        notes=[
            f"{setting.arch}; symbols are code and data.",
            "The tables by which Go finds functions and lines from addresses are no package's, and take most of the rest.",
        ],
    )


def _table(title: str, what: str, weights: Counter[str]) -> Table:
    rows = [
        (name, format_value(weight, Unit.BYTES), f"{weight / weights.total():.1%}")
        for name, weight in weights.most_common(_MOST)
    ]
    return Table(title=title, columns=(what, "symbols", "share"), rows=rows)


def _link(bare: BareGo, place: Path, build_cache: Path, *, strip: bool) -> Path:
    executable = copy_path(place, bare.build.name)
    options = bare.build.options(executable)
    if not strip:
        options = [option.replace(_STRIP, "") for option in options]
    _go(bare, ["build", *options, bare.build.package], {"GOCACHE": str(build_cache)})
    return executable


def _symbols(bare: BareGo, executable: Path) -> Sequence[str]:
    return _go(bare, ["tool", "nm", "-size", "-type", str(executable)], {}).splitlines()


def _go(bare: BareGo, arguments: Sequence[str], extra: dict[str, str]) -> str:
    environment = {
        **bare.environment,
        **target_environment(bare.build.arch),
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
    }
    environment |= {"GOMODCACHE": str(bare.module_cache), "GOPATH": str(bare.place / "gopath"), **extra}
    argv = [str(bare.goroot / "bin" / "go"), *arguments]
    done = subprocess.run(argv, cwd=bare.source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuilderError(f"go {arguments[0]} failed", details=done.stderr.splitlines()[-10:])
    return done.stdout
