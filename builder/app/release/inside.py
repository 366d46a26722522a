"""What artifacts contain, for comparing releases: components, packages, modules, files, options of the kernel."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from builder.app.release.bill import Biller
from builder.app.release.made import Made
from builder.core.digest import Digest
from builder.core.output import Output
from builder.formats.tar import DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarMember, read_members
from builder.plan.compose import Target
from builder.recipe.cluster import BuiltCluster
from builder.release.record import Contents
from builder.sbom.component import Kind

_KERNEL_CONFIG = "boot/config-"


def contents_of(made: Made, biller: Biller, target: Target) -> Contents:
    """Those of the artifact that `target` makes."""
    archive = made.rootfs(target)
    files, kernel = _read_archive(archive) if archive else ({}, {})
    return Contents(
        components=_components(made) if target.output is not Output.BUNDLE else {},
        packages={f"{pin.name}:{pin.architecture}": pin.version for pin, _ in made.behind(target).pins},
        modules=dict(_modules(biller, target)),
        files=files,
        kernel=kernel,
    )


def _components(made: Made) -> dict[str, str]:
    """What the executable links, and what it was made with, as the recipe and the lock name it."""
    cluster = made.workspace.inputs.recipe.cluster
    found = {cluster.name: cluster.version}
    if isinstance(cluster, BuiltCluster):
        found |= {name: one.version for name, one in cluster.components.items()}
        found["go"] = made.workspace.lock.go.version
    return found


def _modules(biller: Biller, target: Target) -> Iterator[tuple[str, str]]:
    """Modules that are linked; all versions of one that several programs link in different ones."""
    versions: dict[str, set[str]] = {}
    for program in biller.programs(target):
        for part in program.parts:
            if part.kind is Kind.GO_MODULE:
                versions.setdefault(part.name, set()).add(part.version or "own")
    yield from ((path, ", ".join(sorted(found))) for path, found in versions.items())


def _read_archive(archive: Path) -> tuple[dict[str, tuple[str, int, str]], dict[str, str]]:
    """The files of a root file system, and the options of its kernel."""
    files: dict[str, tuple[str, int, str]] = {}
    kernel: dict[str, str] = {}
    with archive.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        for member in read_members(data):
            path = member.name.removeprefix("./").rstrip("/")
            content = data[member.offset : member.offset + member.size_bytes] if member.type == REGULAR else b""
            if told := _told(member, content):
                files[f"/{path}"] = told
            if path.startswith(_KERNEL_CONFIG):
                kernel |= dict(_options(content.decode(errors="replace")))
    return files, kernel


def _told(member: TarMember, content: bytes) -> tuple[str, int, str] | None:
    if member.type == DIRECTORY:
        return None
    if member.type in (SYMLINK, HARDLINK):
        return ("link" if member.type == SYMLINK else "same"), 0, member.link
    return f"{member.mode:04o}", member.size_bytes, Digest.of_bytes(content)


def _options(text: str) -> Iterator[tuple[str, str]]:
    """`CONFIG_NAME=VALUE` of a kernel's configuration; what is not set is left out."""
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield name.removeprefix("CONFIG_"), value
