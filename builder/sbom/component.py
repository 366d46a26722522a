"""What things consist of, in whatever form that is written down later."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from packageurl import PackageURL

from builder.core.digest import Digest
from builder.formats.deb822 import Stanza
from builder.formats.goinfo import GoInfo, GoModule

# What Go calls the version of the module that is built.
_OWN = "(devel)"


class Kind(StrEnum):
    """What a component is."""

    RELEASE = "release"
    DISK = "disk"
    BUNDLE = "bundle"
    IMAGE = "image"
    PROGRAM = "program"
    GO_MODULE = "go-module"
    PACKAGE = "package"
    TOOLCHAIN = "toolchain"
    SOURCE = "source"
    RECIPE = "recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part: a file has a `digest`, what others published a `purl` (package URL), and it may consist of `parts` itself."""

    kind: Kind
    name: str
    version: str = ""
    purl: str = ""
    digest: Digest | None = None
    parts: tuple["Component", ...] = ()

    @property
    def identity(self) -> str:
        """What is the same for equal components, whoever has them as a part."""
        return self.purl or f"{self.name}#{self.digest or self.version}"


def go_program(path: str, digest: Digest, info: GoInfo) -> Component:
    """The executable at `path` that the Go linker made."""
    version = info.go_version.removeprefix("go").partition(" ")[0]
    library = Component(
        kind=Kind.GO_MODULE,
        name="stdlib",
        version=version,
        purl=PackageURL("golang", name="stdlib", version=version).to_string(),
    )
    modules = [info.main, *info.dependencies] if info.main else info.dependencies
    return Component(kind=Kind.PROGRAM, name=path, digest=digest, parts=(library, *map(_module, modules)))


def _module(module: GoModule) -> Component:
    """What was linked; a directory in a module's place has no name that others know, and is told as that module."""
    other = module.replacement
    used = module if other is None or other.path.startswith((".", "/")) else other
    version = "" if used.version == _OWN else used.version
    namespace, _, name = used.path.rpartition("/")
    url = PackageURL("golang", namespace=namespace or None, name=name, version=version or None)
    return Component(kind=Kind.GO_MODULE, name=used.path, version=version, purl=url.to_string())


def c_program(path: str, digest: Digest, sources: Mapping[str, Digest]) -> Component:
    """An executable that is not Go's, made of the C files `sources` as far as they are known."""
    parts = (Component(kind=Kind.SOURCE, name=name, digest=one) for name, one in sorted(sources.items()))
    return Component(kind=Kind.PROGRAM, name=path, digest=digest, parts=tuple(parts))


def debian_package(stanza: Stanza, distribution: str) -> Component:
    """The package that `stanza` of dpkg's status is about."""
    name, version = stanza["package"], stanza["version"]
    qualifiers = {"arch": stanza.get("architecture", "")}
    if source := stanza.get("source", ""):
        qualifiers["upstream"] = source.partition(" ")[0]
    url = PackageURL("deb", namespace=distribution, name=name, version=version, qualifiers=qualifiers)
    return Component(kind=Kind.PACKAGE, name=name, version=version, purl=url.to_string())


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a package of Debian's comes from: the code name of a release, and its source package with that one's version."""

    release: str = ""
    source: str = ""
    source_version: str = ""


def pinned_package(name: str, version: str, architecture: str, digest: Digest, origin: Origin) -> Component:
    """A package of Debian's archive, or an archive of C sources; `architecture` is dpkg's word."""
    qualifiers = {"arch": architecture}
    if origin.release:
        qualifiers["distro"] = origin.release
    if origin.source and (origin.source, origin.source_version) != (name, version):
        other = f"@{origin.source_version}" if origin.source_version != version else ""
        qualifiers["upstream"] = f"{origin.source}{other}"
    url = PackageURL("deb", namespace="debian", name=name, version=version, qualifiers=qualifiers)
    return Component(kind=Kind.PACKAGE, name=name, version=version, purl=url.to_string(), digest=digest)


def wheel(name: str, version: str, digest: Digest) -> Component:
    """A tool out of a Python wheel that puts something of its own into what it makes."""
    url = PackageURL("pypi", name=name, version=version)
    return Component(kind=Kind.TOOLCHAIN, name=name, version=version, purl=url.to_string(), digest=digest)


def all_of(components: Iterable[Component]) -> Iterator[Component]:
    """`components` and all that they consist of, each once."""
    known: set[str] = set()
    waiting = list(components)
    while waiting:
        one = waiting.pop(0)
        if one.identity not in known:
            known.add(one.identity)
            yield one
            waiting += one.parts
