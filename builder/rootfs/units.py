"""Which links enable a unit of systemd: its [Install] section, as `systemctl enable` and Debian's helper read it."""

import posixpath
import re

from builder.core.errors import BuilderError
from builder.rootfs.tree import Tree

_SYSTEM = ("etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_USER = ("etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user")
_INSTANCE = re.compile(r"(?P<name>[^@]+)@(?P<instance>[^.]*)(?P<suffix>\.[a-z]+)")
_DIRECTORIES = {"wantedby": "wants", "requiredby": "requires", "upheldby": "upholds"}


def install_links(tree: Tree, unit: str, *, system: bool = True) -> list[tuple[str, str]]:
    """The links that enable `unit` (and the units that its Also= names): path of each, and what it leads to.

    Instances (`getty@tty1.service`) are of the template's file. `BuilderError` where there is no such unit.
    """
    links: dict[str, str] = {}
    waiting, seen = [unit], {unit}
    while waiting:
        name = waiting.pop(0)
        settings = read_install(tree, name, system=system)
        links |= _links(tree, name, settings, system=system)
        also = [one for one in settings.get("also", []) if one not in seen]
        seen.update(also)
        waiting += also
    return list(links.items())


def find_unit(tree: Tree, unit: str, *, system: bool = True) -> str:
    """The path of the file that describes `unit`, for an instance that of its template; `BuilderError` where there is none."""
    for directory in _SYSTEM if system else _USER:
        for name in dict.fromkeys((unit, _template(unit))):
            if tree.exists(f"{directory}/{name}"):
                return f"{directory}/{name}"
    raise BuilderError(f"the root file system has no unit {unit}")


def read_install(tree: Tree, unit: str, *, system: bool = True) -> dict[str, list[str]]:
    """The settings of a unit's [Install] section by their names in lower case; an empty value drops those before it."""
    found: dict[str, list[str]] = {}
    section = ""
    text = tree.text(find_unit(tree, unit, system=system)).replace("\\\n", " ")
    for line in (one.strip() for one in text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[Install]" and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            words = [_filled(word, unit) for word in value.split()]
            name = key.strip().lower()
            found[name] = [*found.get(name, []), *words] if words else []
    return found


def _links(tree: Tree, unit: str, settings: dict[str, list[str]], *, system: bool) -> dict[str, str]:
    place = _SYSTEM[0] if system else _USER[0]
    target = _target(tree, find_unit(tree, unit, system=system))
    instance = _INSTANCE.fullmatch(unit)
    name = unit
    if instance and not instance["instance"]:
        if not settings.get("defaultinstance"):
            return {}  # a template can only be enabled by the name of an instance
        name = f"{instance['name']}@{settings['defaultinstance'][0]}{instance['suffix']}"
    links = {f"{place}/{alias}": target for alias in settings.get("alias", [])}
    for key, suffix in _DIRECTORIES.items():
        links |= {f"{place}/{wanting}.{suffix}/{name}": target for wanting in settings.get(key, [])}
    return links


def _target(tree: Tree, path: str) -> str:
    """What links to the unit at `path` say: Debian 12 still writes /lib, which leads to the same file."""
    link = posixpath.join("/", path)
    if path.startswith("usr/lib/") and "VERSION_CODENAME=bookworm" in tree.text("etc/os-release"):
        return link.removeprefix("/usr")
    return link


def _template(unit: str) -> str:
    return re.sub(r"@[^.]*(\.[a-z]+)$", r"@\1", unit)


def _filled(word: str, unit: str) -> str:
    """`word` with the specifiers that stand in [Install] sections (systemd.unit(5)) filled in."""
    match = _INSTANCE.fullmatch(unit)
    instance = match["instance"] if match else ""
    prefix = match["name"] if match else unit.rpartition(".")[0]
    values = {"%i": instance, "%I": instance, "%p": prefix, "%P": prefix, "%n": unit, "%N": unit.rpartition(".")[0]}
    return re.sub(r"%[a-zA-Z]", lambda one: values.get(one[0], one[0]), word)
