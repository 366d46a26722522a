"""dpkg's own database, as it is on a device where the packages were installed the usual way (dpkg(1), deb-triggers(5))."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from builder.rootfs.content import PackageContent
from builder.rootfs.effects.base import Image

_PLACE = "var/lib/dpkg"
# The order of dpkg's own fields (fieldinfos of lib/dpkg/parse.c); others follow as they came.
_ORDER = (
    "package", "essential", "protected", "status", "priority", "section", "installed-size", "origin", "maintainer", "bugs",
    "architecture", "multi-arch", "source", "version", "replaces", "provides", "depends", "pre-depends", "recommends",
    "suggests", "breaks", "conflicts", "enhances", "conffiles", "description",
)  # fmt: skip


def write_database(image: Image) -> None:
    """Write all of it: what is installed, each package's files and scripts, triggers, diversions, overrides."""
    tree = image.tree
    packages = [image.packages[name] for name in sorted(image.packages)]
    for package in packages:
        _write_info(image, package)
    status = [_stanza(package) for package in packages]
    tree.write(f"{_PLACE}/status", "".join(f"{stanza}\n" for stanza in status))
    tree.write(f"{_PLACE}/arch", f"{image.architecture}\n")
    tree.write(f"{_PLACE}/info/format", "1\n")
    tree.write(f"{_PLACE}/triggers/Unincorp", "")
    for name, mode in (("triggers/Lock", 0o600), ("lock", 0o640), ("lock-frontend", 0o640)):
        tree.write(f"{_PLACE}/{name}", "", mode=mode)
    for name in ("updates", "parts"):
        tree.make_directory(f"{_PLACE}/{name}")
    _write_triggers(image, packages)
    diversions = image.notes.get("diversions", [])
    tree.write(f"{_PLACE}/diversions", "".join(f"{path}\n{to}\n{package}\n" for path, to, package in diversions))
    overrides = image.notes.get("statoverride", [])
    tree.write(f"{_PLACE}/statoverride", "".join(f"{' '.join(row)}\n" for row in overrides))


def _write_info(image: Image, package: PackageContent) -> None:
    base = f"{_PLACE}/info/{package.info_name}"
    paths = ["/.", *(f"/{member.name}" for member in package.members)]
    image.tree.write(f"{base}.list", "".join(f"{path}\n" for path in paths))
    for name, (data, mode) in package.control_files.items():
        image.tree.write(f"{base}.{name}", data, mode=mode)


def _stanza(package: PackageContent) -> str:
    """What dpkg writes of a package: its fields as they are in the package, spaces at line ends included, in dpkg's order."""
    fields: dict[str, str] = {}
    name = ""
    for line in package.control.strip("\n").split("\n"):
        if not line.startswith((" ", "\t")):
            name = line.partition(":")[0].lower()
        fields[name] = f"{fields.get(name, '')}{line}\n"
    fields["status"] = "Status: install ok installed\n"
    if conffiles := _conffiles(package):
        fields["conffiles"] = "Conffiles:\n" + "".join(f" {path} {digest}\n" for path, digest in conffiles.items())
    known = [name for name in _ORDER if name in fields]
    return "".join(fields[name] for name in dict.fromkeys([*known, *fields]))


def _conffiles(package: PackageContent) -> Mapping[str, str]:
    """The configuration files of a package and their MD5, by which dpkg knows whether the user has changed them."""
    contents = {member.name: package.content(member) for member in package.members}
    found: dict[str, str] = {}
    for line in package.text("conffiles").splitlines():
        *flags, path = line.split()
        content = contents.get(path.lstrip("/"))
        if flags:
            # dpkg notes that there is none, and removes it when an older version left it.
            found[path] = f"newconffile {' '.join(flags)}"
        elif content is not None:
            found[path] = hashlib.md5(content.read(), usedforsecurity=False).hexdigest()
    return found


def _write_triggers(image: Image, packages: Sequence[PackageContent]) -> None:
    """Who wants to be told of changes to a path (`File`), and of what packages announce by name (a file for each name)."""
    paths: list[str] = []
    names: dict[str, list[str]] = {}
    for package, words in _trigger_rows(packages):
        if len(words) != 2 or not words[0].startswith("interest"):  # noqa: PLR2004 - directive and trigger
            continue
        listener = package.info_name + ("/noawait" if words[0].endswith("noawait") else "")
        if words[1].startswith("/"):
            paths.append(f"{words[1]} {listener}\n")
        else:
            names.setdefault(words[1], []).append(f"{listener}\n")
    image.tree.write(f"{_PLACE}/triggers/File", "".join(paths))
    for name, listeners in names.items():
        image.tree.write(f"{_PLACE}/triggers/{name}", "".join(listeners))


def _trigger_rows(packages: Iterable[PackageContent]) -> Iterator[tuple[PackageContent, list[str]]]:
    """The lines of the packages' `triggers`, split into words, comments left out."""
    for package in packages:
        for line in package.text("triggers").splitlines():
            if words := line.partition("#")[0].split():
                yield package, words
