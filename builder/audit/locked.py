"""Compares what an executable says that it was built from with what the lock says that it must be built from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import VerificationError
from builder.formats.elf import ElfError
from builder.formats.goinfo import GoInfo, GoModule, read_go_info
from builder.formats.gomod import read_module, read_replacements, read_requirements
from builder.gobuild.command import target_environment
from builder.gobuild.modules import parse_go_sum

# What Go writes as the version of the module that is built, and of one that comes from a directory.
_DEVELOPMENT = ("(devel)", "")
_NOTHING = "nothing"
_HINT = (
    "the executable was not made from this lock: build it again, and where it was imported, import it as such; after a "
    "change of the lock run the build once more"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedBuild:
    """What must be in an executable's build information.

    `go_version` as the lock writes it (`1.26.8`), `package` the import path of the main package, `module` the path of the
    module that is built. `requirements` and `replacements` are those of the go.mod that the Go command saw, patched modules
    among the latter (see `formats.gomod`); `sums` those of go.sum by path and version. `settings` must be there as they are.
    """

    go_version: str
    package: str
    module: str
    requirements: Mapping[str, str]
    replacements: Mapping[str, tuple[str, str]]
    sums: Mapping[tuple[str, str], str]
    settings: Mapping[str, str]

    def differences(self, info: GoInfo) -> tuple[str, ...]:
        """One line for each thing that is not as it must be."""
        return tuple(self._all(info))

    def _all(self, info: GoInfo) -> Iterator[str]:
        yield from _differs("Go version", info.go_version, f"go{self.go_version}")
        yield from _differs("main package", info.package, self.package)
        yield from self._main(info.main)
        for module in info.dependencies:
            yield from self._dependency(module)
        for name, value in sorted(self.settings.items()):
            yield from _differs(f"setting {name}", info.settings.get(name, ""), value)

    def _main(self, module: GoModule | None) -> Iterator[str]:
        if module is None:
            yield "main module: none; it was built from single files"
        elif module.path != self.module:  # the main package of a dependency
            yield from self._dependency(module)
        elif module.version not in _DEVELOPMENT or module.h1:
            yield f"main module: {module}, not what lies in the source"

    def _dependency(self, module: GoModule) -> Iterator[str]:
        what = f"module {module.path}"
        yield from _differs(f"{what}: version", module.version, self.requirements.get(module.path, ""))
        wanted = self.replacements.get(module.path)
        found = module.replacement
        if wanted is None:
            if found is not None:
                yield f"{what}: replaced by {found}, which go.mod does not do"
            else:
                yield from self._sum(module)
        elif found is None:
            yield f"{what}: not replaced by {' '.join(wanted).strip()}, as go.mod says"
        elif wanted[1]:
            yield from _differs(f"{what}: replacement", str(found), "@".join(wanted))
            yield from self._sum(found)
        elif (found.path, found.h1) != (wanted[0], "") or found.version not in _DEVELOPMENT:
            yield f"{what}: replaced by {found}, not by the directory {wanted[0]}"

    def _sum(self, module: GoModule) -> Iterator[str]:
        yield from _differs(f"module {module}: sum", module.h1, self.sums.get((module.path, module.version), ""))


def locked_build(*, go_version: str, package: str, module_directory: Path, settings: Mapping[str, str]) -> LockedBuild:
    """What a build of `package` in `module_directory` must say; there lie the go.mod and go.sum that the Go command saw."""
    go_mod = module_directory / "go.mod"
    sums = parse_go_sum((module_directory / "go.sum").read_text())
    module = read_module(go_mod)
    return LockedBuild(
        go_version=go_version,
        package=f"{module}/{package.removeprefix('./')}" if package.startswith("./") else package,
        module=module,
        requirements=read_requirements(go_mod),
        replacements=read_replacements(go_mod),
        sums={(one.path, one.version): one.h1 for one in sums if not one.go_mod_only},
        settings=settings,
    )


def locked_settings(arch: Arch, *, tags: Iterable[str] = (), cgo: bool = False) -> dict[str, str]:
    """The settings that a build for `arch` must show; as `gobuild.build` makes it."""
    return {
        **{name: value for name, value in target_environment(arch).items() if _belongs(name, arch)},
        "-buildmode": "exe",
        "-compiler": "gc",
        "-tags": ",".join(tags),
        "-trimpath": "true",
        "CGO_ENABLED": "1" if cgo else "0",
    }


def require_locked(path: Path, locked: LockedBuild, *, name: str) -> GoInfo:
    """What the executable at `path` says of itself; `VerificationError` with every difference from `locked`."""
    try:
        info = read_go_info(path)
    except ElfError as error:
        raise VerificationError(
            f"{name} has no readable build information", details=[str(error)], hint=_HINT
        ) from error
    if info is None:
        raise VerificationError(f"{name} has no build information of Go", hint="only what the Go linker made has some")
    differences = locked.differences(info)
    if differences:
        raise VerificationError(f"{name} is not what the lock says", details=differences, hint=_HINT)
    return info


def _belongs(name: str, arch: Arch) -> bool:
    """Whether Go tells the setting `name` for `arch`: the feature levels of other architectures it leaves out."""
    levels = {Arch.ARMV7: "GOARM", Arch.ARM64: "GOARM64", Arch.AMD64: "GOAMD64"}
    return name not in levels.values() or name == levels[arch]


def _differs(what: str, found: str, expected: str) -> Iterator[str]:
    if found != expected:
        yield f"{what}: {found or _NOTHING} in the executable, {expected or _NOTHING} in the lock"
