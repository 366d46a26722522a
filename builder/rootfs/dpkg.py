"""dpkg's own database, as it is on a device where the packages were installed the usual way (dpkg(1), deb-triggers(5))."""

import hashlib
from collections.abc import Mapping, Sequence

from builder.rootfs.content import PackageContent
from builder.rootfs.effects.base import Image
from builder.rootfs.merge import control_file_rows

_PLACE = "var/lib/dpkg"
_ORDER = (
    "priority", "section", "installed-size", "origin", "maintainer", "bugs", "architecture", "multi-arch", "source",
    "version", "replaces", "provides", "depends", "pre-depends", "recommends", "suggests", "breaks", "conflicts", "enhances",
)  # fmt: skip
# dpkg writes them before and after all others.
_FIRST, _LAST = ("package", "essential", "protected"), ("description",)
_SPELLED = {"installed-size": "Installed-Size", "multi-arch": "Multi-Arch", "pre-depends": "Pre-Depends"}


def write_database(image: Image) -> None:
    """Write all of it: what is installed, each package's files and scripts, triggers, diversions, overrides."""
    tree = image.tree
    packages = [image.packages[name] for name in sorted(image.packages)]
    for package in packages:
        _write_info(image, package)
    status = [_stanza(image, package) for package in packages]
    tree.write(f"{_PLACE}/status", "".join(f"{stanza}\n" for stanza in status))
    tree.write(f"{_PLACE}/arch", f"{image.architecture}\n")
    tree.write(f"{_PLACE}/info/format", "1\n")
    for name in ("available", "triggers/Unincorp", "triggers/Lock"):
        tree.write(f"{_PLACE}/{name}", "")
    for name in ("lock", "lock-frontend"):
        tree.write(f"{_PLACE}/{name}", "", mode=0o640)
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


def _stanza(image: Image, package: PackageContent) -> str:
    fields = dict(package.fields)
    lines = [_line(name, fields.pop(name)) for name in _FIRST if name in fields]
    lines.append("Status: install ok installed\n")
    lines += [_line(name, fields.pop(name)) for name in _ORDER if name in fields]
    if conffiles := _conffiles(image, package):
        lines.append("Conffiles:\n" + "".join(f" {path} {digest}\n" for path, digest in conffiles.items()))
    lines += [_line(name, fields.pop(name)) for name in _LAST if name in fields]
    return "".join([*lines, *(_line(name, value) for name, value in fields.items())])


def _line(name: str, value: str) -> str:
    spelled = _SPELLED.get(name) or "-".join(part.capitalize() for part in name.split("-"))
    # A continuation line begins with a space; the parser took it away.
    return f"{spelled}: {value}".rstrip(" ").replace("\n", "\n ") + "\n"


def _conffiles(image: Image, package: PackageContent) -> Mapping[str, str]:
    """The configuration files of a package and their MD5, by which dpkg knows whether the user has changed them."""
    contents = {member.name: package.content(member) for member in package.members}
    found: dict[str, str] = {}
    for line in package.text("conffiles").splitlines():
        path = line.strip()
        content = contents.get(path.lstrip("/"))
        if content is not None and not path.startswith("remove-on-upgrade"):
            found[path] = hashlib.md5(content.read(), usedforsecurity=False).hexdigest()
    del image
    return found


def _write_triggers(image: Image, packages: Sequence[PackageContent]) -> None:
    """Who wants to be told of changes to a path (`File`), and of what packages announce by name (a file for each name)."""
    paths: list[str] = []
    names: dict[str, list[str]] = {}
    for package, words in control_file_rows(packages, "triggers"):
        if len(words) != 2 or not words[0].startswith("interest"):  # noqa: PLR2004 - directive and trigger
            continue
        listener = package.name + ("/noawait" if words[0].endswith("noawait") else "")
        if words[1].startswith("/"):
            paths.append(f"{words[1]} {listener}\n")
        else:
            names.setdefault(words[1], []).append(f"{listener}\n")
    image.tree.write(f"{_PLACE}/triggers/File", "".join(paths))
    for name, listeners in names.items():
        image.tree.write(f"{_PLACE}/triggers/{name}", "".join(listeners))
